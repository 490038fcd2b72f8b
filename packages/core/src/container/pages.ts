import { type ByteReader, ByteWriter } from '../bytes.ts'
import type { ChunkRef, EntryState, Row, SectionState } from './catalog.ts'
import { compareRows } from './catalog.ts'
import { FRAME_BYTES, HEADER_BYTES, PRELUDE_BYTES } from './layout.ts'
import {
  checkedCount,
  corrupt,
  readCounts,
  readHead,
  readName,
  readText,
  writeCounts,
  writeHead,
  writeName,
  writeText,
} from './records.ts'

/** First byte of the payload of INDX. */
const KIND_ROOT = 0
const KIND_ROWS = 1
const KIND_ENTRIES = 2

/** A page of rows, sorted by entry, section, variant, block. */
export interface RowPage {
  offset: number
  /** Bytes of the whole chunk. */
  length: number
  count: number
  first: RowKey
  last: RowKey
}

export interface RowKey {
  entry: number
  section: number
}

/** A page of entries, sorted by id. */
export interface EntryPage {
  offset: number
  length: number
  count: number
  firstId: number
  lastId: number
  /** Least and greatest path; both empty where no entry has a path. */
  firstPath: string
  lastPath: string
}

/** The root of the index. Later pages win over earlier ones, entries in the root over all pages. */
export interface Root {
  entryPages: EntryPage[]
  entries: EntryState[]
  rowPages: RowPage[]
  rows: Row[]
}

/** Bounds that a page is checked against. */
export interface PageBounds {
  /** End of the file, or of what the tail covers: nothing may point to or beyond it. */
  end: number
}

const NEXT = 1
const SAME_PROFILE = 2
const SAME_PREFIX = 4
const ADJACENT = 8
const KEYS_NONE = 0
const KEYS_FOLLOW = 16
const KEYS_GIVEN = 32
const KEYS_MASK = 48
const ALIGNED = 64

/** Least bytes of a row: flags, stored and raw size, CRC. */
const MIN_ROW_BYTES = 7

function firstRow(): Row {
  return {
    entry: 0,
    section: 0,
    variant: 0,
    block: 0,
    offset: 0,
    prefix: 0,
    storedBytes: 0,
    rawBytes: 0,
    keyFirst: 0,
    keyCount: 0,
    profile: 0,
    aligned: false,
    crc: 0,
  }
}

function rowEnd(row: Row): number {
  return row.offset + FRAME_BYTES + row.prefix + row.storedBytes
}

/** Write rows that are sorted; each is coded against the one before. */
export function writeRows(out: ByteWriter, rows: readonly Row[]): void {
  out.varint(rows.length)
  let before = firstRow()
  let keyEnd = 0
  let end = 0
  for (const row of rows) {
    const next =
      row.entry === before.entry &&
      row.section === before.section &&
      row.variant === before.variant &&
      row.block === before.block + 1
    let flags = next ? NEXT : 0
    if (row.profile === before.profile) flags |= SAME_PROFILE
    if (row.prefix === before.prefix) flags |= SAME_PREFIX
    if (row.offset === end) flags |= ADJACENT
    if (row.aligned) flags |= ALIGNED
    if (row.keyFirst >= 0) flags |= row.keyFirst === keyEnd ? KEYS_FOLLOW : KEYS_GIVEN
    out.u8(flags)
    if (!next) {
      out.varint(row.entry - before.entry)
      out.varint(row.section)
      out.varint(row.variant)
      out.varint(row.block)
    }
    if (row.profile !== before.profile) out.varint(row.profile)
    if (row.prefix !== before.prefix) out.varint(row.prefix)
    if (row.offset !== end) out.zigzag(row.offset - end)
    out.varint(row.storedBytes)
    out.varint(row.rawBytes)
    if (row.keyFirst >= 0) {
      if (row.keyFirst !== keyEnd) out.varint(row.keyFirst)
      out.varint(row.keyCount)
      keyEnd = row.keyFirst + row.keyCount
    }
    out.u32(row.crc)
    before = row
    end = rowEnd(row)
  }
}

/** Read what {@link writeRows} wrote, each row checked against `bounds` and the order. */
export function readRows(input: ByteReader, bounds: PageBounds): Row[] {
  const count = checkedCount(input, MIN_ROW_BYTES)
  const rows: Row[] = []
  let before = firstRow()
  let keyEnd = 0
  let end = 0
  for (let i = 0; i < count; i++) {
    const at = input.offset
    const flags = input.u8()
    const next = (flags & NEXT) !== 0
    const entry = next ? before.entry : before.entry + input.varint()
    const section = next ? before.section : input.varint()
    const variant = next ? before.variant : input.varint()
    const block = next ? before.block + 1 : input.varint()
    const profile = flags & SAME_PROFILE ? before.profile : input.varint()
    const prefix = flags & SAME_PREFIX ? before.prefix : input.varint()
    const offset = flags & ADJACENT ? end : end + input.zigzag()
    const storedBytes = input.varint()
    const rawBytes = input.varint()
    const keys = flags & KEYS_MASK
    const keyFirst = keys === KEYS_NONE ? -1 : keys === KEYS_FOLLOW ? keyEnd : input.varint()
    const keyCount = keys === KEYS_NONE ? 0 : input.varint()
    const crc = input.u32()
    const row = {
      entry,
      section,
      variant,
      block,
      offset,
      prefix,
      storedBytes,
      rawBytes,
      keyFirst,
      keyCount,
      profile,
      aligned: (flags & ALIGNED) !== 0,
      crc,
    }
    if (
      flags > 127 ||
      keys === KEYS_MASK ||
      section < 1 ||
      section > 0xffff ||
      variant > 255 ||
      entry < 1 ||
      entry > 0xffffffff ||
      prefix < 3 ||
      !inside(offset, FRAME_BYTES + prefix + storedBytes, bounds.end) ||
      !Number.isSafeInteger(keyFirst + keyCount) ||
      (i > 0 && compareRows(before, row) >= 0)
    ) {
      throw corrupt(`row ${i} of an index page is out of range or order`, at)
    }
    if (keyFirst >= 0) keyEnd = keyFirst + keyCount
    rows.push(row)
    before = row
    end = rowEnd(row)
  }
  return rows
}

function inside(offset: number, length: number, end: number): boolean {
  return offset >= PRELUDE_BYTES && Number.isSafeInteger(length) && offset + length <= end
}

function writeRef(out: ByteWriter, ref: ChunkRef): void {
  out.varint(ref.offset)
  out.varint(ref.length)
  out.u32(ref.crc)
}

function readRef(input: ByteReader, bounds: PageBounds): ChunkRef {
  const at = input.offset
  const ref = { offset: input.varint(), length: input.varint(), crc: input.u32() }
  if (!inside(ref.offset, FRAME_BYTES + ref.length, bounds.end)) throw corrupt('an index page points outside', at)
  return ref
}

export function writeEntries(out: ByteWriter, entries: readonly EntryState[]): void {
  out.varint(entries.length)
  let before = 0
  for (const entry of entries) {
    out.varint(entry.id - before)
    before = entry.id
    writeHead(out, entry.head)
    out.varint(entry.rawBytes)
    out.varint(entry.sections.length)
    for (const section of entry.sections) {
      writeName(out, section.name)
      writeCounts(out, section.counts)
      out.varint(section.storedBytes)
    }
    out.varint(entry.profiles.length)
    for (const ref of entry.profiles) writeRef(out, ref)
    out.u8(entry.summary === undefined ? 0 : 1)
    if (entry.summary !== undefined) writeRef(out, entry.summary)
  }
}

export function readEntries(input: ByteReader, bounds: PageBounds): EntryState[] {
  const count = checkedCount(input, 8)
  const entries: EntryState[] = []
  let id = 0
  for (let i = 0; i < count; i++) {
    const at = input.offset
    const step = input.varint()
    id += step
    if (step === 0 || id > 0xffffffff) throw corrupt(`entry ${i} of an index page is out of order`, at)
    const head = readHead(input)
    const rawBytes = input.varint()
    const sections: SectionState[] = []
    for (let n = checkedCount(input, 4); n > 0; n--) {
      const name = readName(input)
      sections.push({ name, counts: readCounts(input), storedBytes: input.varint() })
    }
    if (sections.length > 0xffff) throw corrupt(`entry ${id} has ${sections.length} sections`, at)
    const profiles: ChunkRef[] = []
    for (let n = checkedCount(input, 6); n > 0; n--) profiles.push(readRef(input, bounds))
    const flag = input.u8()
    if (flag > 1) throw corrupt(`entry ${id} has the summary flag ${flag}`, at)
    const summary = flag === 1 ? readRef(input, bounds) : undefined
    entries.push({ id, head, sections, profiles, summary, rawBytes })
  }
  return entries
}

export function encodeRowPage(rows: readonly Row[]): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(16 * rows.length + 16)
  out.u8(KIND_ROWS)
  writeRows(out, rows)
  return out.view()
}

export function decodeRowPage(input: ByteReader, page: RowPage, bounds: PageBounds): Row[] {
  if (input.u8() !== KIND_ROWS) throw corrupt('a page of rows is needed', 0)
  const rows = readRows(input, bounds)
  input.finish()
  if (rows.length !== page.count) throw corrupt(`a page has ${rows.length} rows, the root says ${page.count}`, 0)
  return rows
}

export function encodeEntryPage(entries: readonly EntryState[]): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(1024)
  out.u8(KIND_ENTRIES)
  writeEntries(out, entries)
  return out.view()
}

export function decodeEntryPage(input: ByteReader, page: EntryPage, bounds: PageBounds): EntryState[] {
  if (input.u8() !== KIND_ENTRIES) throw corrupt('a page of entries is needed', 0)
  const entries = readEntries(input, bounds)
  input.finish()
  if (entries.length !== page.count || entries[0]?.id !== page.firstId || entries.at(-1)?.id !== page.lastId) {
    throw corrupt('a page of entries is not the one that the root means', 0)
  }
  return entries
}

export function encodeRoot(root: Root): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(1024)
  out.u8(KIND_ROOT)
  out.varint(root.entryPages.length)
  for (const page of root.entryPages) {
    writePlace(out, page)
    out.varint(page.firstId)
    out.varint(page.lastId - page.firstId)
    writeText(out, page.firstPath, Number.MAX_SAFE_INTEGER, 'path')
    writeText(out, page.lastPath, Number.MAX_SAFE_INTEGER, 'path')
  }
  writeEntries(out, root.entries)
  out.varint(root.rowPages.length)
  for (const page of root.rowPages) {
    writePlace(out, page)
    out.varint(page.first.entry)
    out.varint(page.first.section)
    out.varint(page.last.entry - page.first.entry)
    out.varint(page.last.section)
  }
  writeRows(out, root.rows)
  return out.finish()
}

export function decodeRoot(input: ByteReader, bounds: PageBounds): Root {
  if (input.u8() !== KIND_ROOT) throw corrupt('the tail does not point to the root of an index', 0)
  const entryPages: EntryPage[] = []
  for (let n = checkedCount(input, 7); n > 0; n--) {
    const place = readPlace(input, bounds)
    const firstId = input.varint()
    const lastId = firstId + input.varint()
    const page = { ...place, firstId, lastId, firstPath: readText(input, 4096), lastPath: readText(input, 4096) }
    if (firstId < 1 || lastId > 0xffffffff || page.count > lastId - firstId + 1) {
      throw corrupt('a page of entries has ids out of range', input.offset)
    }
    entryPages.push(page)
  }
  const entries = readEntries(input, bounds)
  const rowPages: RowPage[] = []
  for (let n = checkedCount(input, 7); n > 0; n--) {
    const place = readPlace(input, bounds)
    const first = { entry: input.varint(), section: input.varint() }
    const last = { entry: first.entry + input.varint(), section: input.varint() }
    rowPages.push({ ...place, first, last })
  }
  const rows = readRows(input, bounds)
  input.finish()
  return { entryPages, entries, rowPages, rows }
}

function writePlace(out: ByteWriter, page: { offset: number; length: number; count: number }): void {
  out.varint(page.offset)
  out.varint(page.length)
  out.varint(page.count)
}

function readPlace(input: ByteReader, bounds: PageBounds): { offset: number; length: number; count: number } {
  const at = input.offset
  const place = { offset: input.varint(), length: input.varint(), count: input.varint() }
  if (
    place.length < HEADER_BYTES + 4 ||
    !inside(place.offset, place.length, bounds.end) ||
    place.count * 7 > place.length
  ) {
    throw corrupt('the index root points outside the file', at)
  }
  return place
}

/** Whether a page may hold rows of a section (or of any section where it is 0). */
export function pageMayHold(page: RowPage, entry: number, section: number): boolean {
  const { first, last } = page
  if (entry < first.entry || entry > last.entry) return false
  if (section === 0) return true
  return (entry > first.entry || section >= first.section) && (entry < last.entry || section <= last.section)
}
