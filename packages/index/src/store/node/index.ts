export { type OpenFolderOptions, openIndexFolder } from './open.ts'
export { createIndex, type Durability, type IndexWriter, openWriter, type WriterOptions } from './writer.ts'
