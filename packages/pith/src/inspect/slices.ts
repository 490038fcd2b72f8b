import type { LogAnatomy, Part } from './anatomy.ts'
import type { EntryParts, FileParts } from './model.ts'

/** What bytes of a file are for, from what the log says to what holds it together. */
export type SliceKind = Part | 'shared' | 'data' | 'filter' | 'container'

/** What each kind of slice is called, and what that means. */
export const SLICES: Readonly<Record<SliceKind, readonly [name: string, meaning: string]>> = {
  template: ['Templates', 'the text that lines have in common'],
  shared: ['Shared by chunks', 'templates and dictionaries learned from the first chunk, which all others use'],
  order: ['Order of templates', 'which template each line has'],
  time: ['Times', 'timestamps, as differences'],
  number: ['Numbers', 'numbers, as they are or as differences'],
  choice: ['References', 'which dictionary text a slot has'],
  dictionary: ['Dictionaries', 'texts that slots have again and again'],
  text: ['Raw texts', 'texts of slots and lines that fit nothing else'],
  layout: ['Layout', 'line ends and kinds of columns'],
  data: ['Data', 'entries that are no logs, or are not drawn by themselves'],
  filter: ['Search filters', 'what a search asks before it reads a chunk, and the times of chunks'],
  container: ['Container', 'frames, checksums, names and index'],
}

/** Bytes of a file by what they are for. */
export type Slices = ReadonlyMap<SliceKind, number>

/** Bytes of an entry by what they are for. */
export function slicesOfEntry(entry: EntryParts, log: LogAnatomy | undefined): Slices {
  const slices = new Map<SliceKind, number>(log?.bytes ?? [['data', entry.storedBytes]])
  slices.set('shared', entry.profileBytes)
  slices.set('filter', entry.summaryBytes)
  return present(slices)
}

/** Bytes of a whole file by what they are for; they add up to its size. */
export function slicesOfFile(parts: FileParts, logs: ReadonlyMap<EntryParts, LogAnatomy>): Slices {
  const slices = new Map<SliceKind, number>()
  let known = 0
  for (const entry of parts.entries) {
    for (const [kind, bytes] of slicesOfEntry(entry, logs.get(entry))) {
      slices.set(kind, (slices.get(kind) ?? 0) + bytes)
      known += bytes
    }
  }
  slices.set('container', parts.bytes - known)
  return present(slices)
}

/** In the order of {@link SLICES}, without those that have no bytes. */
function present(slices: ReadonlyMap<SliceKind, number>): Slices {
  const kinds = Object.keys(SLICES) as SliceKind[]
  return new Map(kinds.flatMap((kind) => (slices.get(kind) ? [[kind, slices.get(kind)!] as const] : [])))
}
