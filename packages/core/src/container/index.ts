export { createContainer } from './create.ts'
export { checkExternalProfile } from './external-profile.ts'
export type { ReadStats } from './fetch.ts'
export type { AppendOptions, FileContainerWriter } from './file-writer.ts'
export { accessOfFile, openForAppend } from './file-writer.ts'
export { checkLink, checkPath } from './paths.ts'
export type { Container, ContainerEntry, OpenOptions } from './reader.ts'
export { openContainer } from './reader.ts'
export type { EntryKind } from './records.ts'
export { repack } from './repack.ts'
export type { RepairOptions, RepairReport } from './repair.ts'
export { repair } from './repair.ts'
export type { LostPlace } from './repair-entry.ts'
export type { StreamEntry, StreamItem, StreamOptions } from './stream.ts'
export { readContainerStream } from './stream.ts'
export type { BadPlace, VerifyReport } from './verify.ts'
export { verify } from './verify.ts'
export type {
  ContainerEntryWriter,
  ContainerOptions,
  ContainerWriter,
  EntryMark,
  EntryOptions,
  Totals,
} from './writer.ts'
