import { PithError } from '../errors.ts'
import { MAX_SECTIONS } from './layout.ts'
import type { EntryHead } from './records.ts'

/** A chunk that an entry points to. */
export interface ChunkRef {
  offset: number
  /** Bytes of its payload. */
  length: number
  crc: number
}

export interface SectionState {
  name: string
  /** Number of blocks of each variant. */
  counts: number[]
  /** Payload bytes of all its blocks. */
  storedBytes: number
  /** Whether the name comes from a damaged block; the next block that names the section is right. */
  isDoubtful?: boolean
}

/** What is known of one entry: the part of the index that is held for it. */
export interface EntryState {
  id: number
  head: EntryHead
  /** Section number n stands at n - 1. */
  sections: SectionState[]
  /** Profile version n stands at n - 1. */
  profiles: ChunkRef[]
  summary: ChunkRef | undefined
  /** Decoded bytes: what `finish` declared, else the sum over the blocks of variant 0. */
  rawBytes: number
}

/** One row of the index of blocks. `keyFirst` is -1 where the block has no keys. */
export interface Row {
  entry: number
  section: number
  variant: number
  block: number
  /** Where the chunk starts. */
  offset: number
  /** Bytes between the chunk's header and the codec's payload. */
  prefix: number
  storedBytes: number
  rawBytes: number
  keyFirst: number
  keyCount: number
  profile: number
  /** Whether the payload was to start at a multiple of 64. */
  aligned: boolean
  /** CRC of the chunk. */
  crc: number
}

export function newEntry(id: number, head: EntryHead): EntryState {
  return { id, head, sections: [], profiles: [], summary: undefined, rawBytes: 0 }
}

/** Order of rows in the index. */
export function compareRows(a: Row, b: Row): number {
  return a.entry - b.entry || a.section - b.section || a.variant - b.variant || a.block - b.block
}

/** Number of a section by its name, 0 where the entry has none of that name. */
export function sectionNumber(entry: EntryState, name: string): number {
  // Codecs have few sections and use the last ones most; an entry with many keeps the search short from the end.
  for (let i = entry.sections.length - 1; i >= 0; i--) if (entry.sections[i].name === name) return i + 1
  return 0
}

/** Add a section. @throws PithError `PITH_ARG` above 65,535 sections */
export function addSection(entry: EntryState, name: string): number {
  if (entry.sections.length >= MAX_SECTIONS) {
    throw new PithError('PITH_ARG', `an entry may have ${MAX_SECTIONS} sections`)
  }
  entry.sections.push({ name, counts: [], storedBytes: 0 })
  return entry.sections.length
}

/** Count a new block of its section. */
export function countRow(entry: EntryState, row: Row): void {
  const section = entry.sections[row.section - 1]
  while (section.counts.length <= row.variant) section.counts.push(0)
  section.counts[row.variant]++
  section.storedBytes += row.storedBytes
  if (row.variant === 0) entry.rawBytes += row.rawBytes
}

/** Number of blocks of all variants. */
export function blockCount(entry: EntryState): number {
  let blocks = 0
  for (const section of entry.sections) for (const count of section.counts) blocks += count
  return blocks
}

/** A copy that shares nothing which may change. */
export function copyEntry(entry: EntryState): EntryState {
  return {
    ...entry,
    sections: entry.sections.map((section) => ({ ...section, counts: [...section.counts] })),
    profiles: [...entry.profiles],
  }
}
