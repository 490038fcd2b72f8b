export type { OpenFolderOptions } from './open.ts'
export { exportIndex, openIndex } from './open-path.ts'
export { createIndex, type Durability, type IndexWriter, openWriter, type WriterOptions } from './writer.ts'
