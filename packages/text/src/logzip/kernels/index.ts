export { gatherRows } from './gather.ts'
export { hash32, measureLines, renderLines } from './render.ts'
export { buildMasks, countNewlines, offsetOfLine, scanLines, splitLines } from './scan.ts'
export { formatTimes, parseTimes } from './time.ts'
export {
  countEqual,
  formatNumbers,
  fromResiduals,
  getPlanes,
  getVarints,
  internRows,
  joinRows,
  lookupRows,
  matchRows,
  maxValue,
  measureRows,
  minValue,
  parseNumbers,
  putPlanes,
  putVarints,
  residualCost,
  splitEqual,
  splitTexts,
  toResiduals,
} from './values.ts'
