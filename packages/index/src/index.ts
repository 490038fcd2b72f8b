export { allBut, bothKeep, eitherKeeps, filterOf, filterRows, isKept, keptRows } from './row-filter.ts'
export type { SectionContent, SectionOptions, SectionReader, SectionWriter } from './sections.ts'
export { TopK } from './top-k.ts'
export type {
  DenseMatrix,
  Encoder,
  FieldValue,
  Hits,
  IndexDocument,
  IndexQuery,
  Qrels,
  Rankings,
  RowFilter,
  SparseEncoder,
  SparseMatrix,
  SparseVector,
} from './types.ts'
