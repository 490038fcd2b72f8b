export { gatherRows } from './gather.ts'
export { fillSymbols, markGrams } from './grams.ts'
export { maxEngineBytes, maxEngineInit, maxFinish, maxOverrun, maxReadFrom, maxWriteTo } from './max-engine.ts'
export { maxIds, maxNumbers, maxReferences, maxTemplates } from './max-symbols.ts'
export { maxTextAt, maxTextBytes, maxTextInit, maxTextLines } from './max-text.ts'
export {
  dictionaryCost,
  matchRows,
  measureColumns,
  measureValues,
  referToColumn,
  relateColumns,
  spreadIds,
} from './relate.ts'
export { hash32, measureLines, renderLines } from './render.ts'
export { buildMasks, countNewlines, offsetOfLine, scanLines, signatureKeys, splitLines } from './scan.ts'
export { formatTimes, parseTimes } from './time.ts'
export {
  assignLines,
  fillWords,
  formatNumbers,
  fromResiduals,
  getBytes,
  getPlanes,
  getVarints,
  internRows,
  joinRows,
  lookupRows,
  maxValue,
  mergeEqual,
  minValue,
  parseNumbers,
  putBytes,
  putPlanes,
  putVarints,
  splitEqual,
  splitTexts,
  textBytes,
  toResiduals,
} from './values.ts'
