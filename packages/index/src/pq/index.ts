export { BinaryIndex, packSigns, type SignCodes } from './binary.ts'
export { card as pqCard } from './card.ts'
export { decodePq, encodePq, partCodes, turnRows } from './encode.ts'
export { FlatIndex, type FlatOptions, type FlatShape, type FlatType, flatIndex } from './flat.ts'
export {
  openPq,
  openPqCodes,
  openRabitq,
  openSigns,
  openVectors,
  writePq,
  writePqCodes,
  writeRabitq,
  writeSigns,
  writeVectors,
} from './format.ts'
export { Int8Index, type Int8Options, type Int8Rows, type Int8Shape, int8Index, roundRows } from './int8.ts'
export { codeBias, codeBytes, PqIndex, type PqIndexOptions } from './pq-index.ts'
export {
  encodeRabitq,
  makeRabitq,
  type Rabitq,
  type RabitqCodes,
  RabitqIndex,
  type RabitqIndexOptions,
  type RabitqOptions,
} from './rabitq.ts'
export { trainPq, withScoring } from './train.ts'
export type {
  CodeSearcher,
  CodeSearchOptions,
  DenseSearcher,
  DenseSearchOptions,
  Metric,
  Pq,
  PqBits,
  PqCodes,
  PqOptions,
  RowScorer,
  SearcherOptions,
} from './types.ts'
