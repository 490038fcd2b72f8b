export { BinaryIndex, packSigns, type SignCodes } from './binary.ts'
export { decodePq, encodePq, partCodes, turnRows } from './encode.ts'
export { FlatIndex, type FlatOptions, type FlatRows, type FlatType, flatIndex } from './flat.ts'
export { Int8Index, type Int8Options, type Int8Rows, int8Index, int8Rows } from './int8.ts'
export { codeBytes, PqIndex, type PqIndexOptions } from './pq-index.ts'
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
