export { createContainer } from './create.ts'
export type { ReadStats } from './fetch.ts'
export type { AppendOptions, FileContainerWriter } from './file-writer.ts'
export { accessOfFile, openForAppend } from './file-writer.ts'
export { checkLink, checkPath } from './paths.ts'
export type { Container, ContainerEntry, OpenOptions } from './reader.ts'
export { openContainer } from './reader.ts'
export type { EntryKind } from './records.ts'
export type {
  ContainerEntryWriter,
  ContainerOptions,
  ContainerWriter,
  EntryMark,
  EntryOptions,
  Totals,
} from './writer.ts'
