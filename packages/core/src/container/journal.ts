import type { ErrorPlace } from '../errors.ts'
import { isPithError, PithError } from '../errors.ts'
import type { EntryState, Row } from './catalog.ts'
import { addSection, countRow, newEntry } from './catalog.ts'
import type { ChunkHeader } from './layout.ts'
import { checkType, chunkIsIntact, FRAME_BYTES, getU32, HEADER_BYTES, parseHeader, TYPES, typeName } from './layout.ts'
import type { BlockPrefix } from './records.ts'
import { corrupt, parseAt, readBlockPrefix, readHead } from './records.ts'

/** What the chunks behind the last index root say. */
export interface Journal {
  entries: Map<number, EntryState>
  rows: Row[]
}

/** A chunk with its place. */
export interface PlacedChunk {
  header: ChunkHeader
  offset: number
  payload: Uint8Array
  crc: number
  intact: boolean
}

/** Cut the chunk at `at` out of `bytes`; undefined where there is none or it goes beyond the end. */
export function chunkAt(bytes: Uint8Array, at: number, base: number): PlacedChunk | undefined {
  const header = parseHeader(bytes, at)
  if (header === undefined || header.length > bytes.length - at - FRAME_BYTES) return undefined
  const end = at + FRAME_BYTES + header.length
  return {
    header,
    offset: base + at,
    payload: bytes.subarray(at + HEADER_BYTES, end - 4),
    crc: getU32(bytes, end - 4),
    intact: chunkIsIntact(bytes.subarray(at, end)),
  }
}

/**
 * Apply the chunks that stand between an index root and a tail.
 *
 * @param bytes  exactly these chunks
 * @param base   where they start in the file
 * @param load   finds an entry that the index knows and the journal does not yet
 * @throws PithError `PITH_CHECKSUM`, `PITH_CORRUPT` with the place. A damaged block only fails later, when it is read.
 */
export async function applyJournal(
  journal: Journal,
  bytes: Uint8Array,
  base: number,
  load: (id: number) => Promise<EntryState | undefined>,
): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const chunk = chunkAt(bytes, at, base)
    if (chunk === undefined) throw checksum('the chunk', base + at)
    await applyChunk(journal, chunk, load)
    at += FRAME_BYTES + chunk.header.length
  }
}

async function applyChunk(
  journal: Journal,
  chunk: PlacedChunk,
  load: (id: number) => Promise<EntryState | undefined>,
): Promise<void> {
  const { header, offset, payload, crc, intact } = chunk
  const { type } = header
  checkType(type, offset)
  if (type === TYPES.head) {
    if (!intact) throw checksum('the head of an entry', offset)
    const entry = headEntry(chunk)
    if (journal.entries.has(entry.id)) throw corrupt(`entry ${entry.id} starts twice`, offset)
    journal.entries.set(entry.id, entry)
    return
  }
  if (type === TYPES.undo) throw corrupt('blocks are taken back without a new index', offset)
  if (type !== TYPES.block && type !== TYPES.profile && type !== TYPES.summary && type !== TYPES.done) return
  const entry = journal.entries.get(header.entry) ?? (await load(header.entry))
  if (entry === undefined) throw corrupt(`a chunk belongs to entry ${header.entry}, which has no head`, offset)
  journal.entries.set(entry.id, entry)
  const ref = { offset, length: header.length, crc }
  if (type === TYPES.summary) entry.summary = ref
  else if (type === TYPES.block)
    journal.rows.push(intact ? addIntactBlock(entry, chunk) : addDamagedBlock(entry, chunk))
  else if (!intact) throw checksum(`the chunk ${typeName(type)}`, offset)
  else if (type === TYPES.profile) addProfile(entry, payload, ref)
  else entry.rawBytes = readDone(payload, offset)
}

/** The entry that a HEAD chunk starts. */
export function headEntry(chunk: PlacedChunk): EntryState {
  const { header, payload, offset } = chunk
  if (header.entry === 0) throw corrupt('an entry has the number 0', offset)
  const head = parseAt(payload, offset + HEADER_BYTES, (input) => {
    const fields = readHead(input)
    input.finish()
    return fields
  })
  return newEntry(header.entry, head)
}

export function addProfile(entry: EntryState, payload: Uint8Array, ref: EntryState['profiles'][number]): void {
  const version = parseAt(payload, ref.offset + HEADER_BYTES, (input) => input.varint())
  if (version !== entry.profiles.length + 1) {
    throw corrupt(`profile ${version} of entry ${entry.id} follows ${entry.profiles.length}`, ref.offset)
  }
  entry.profiles.push(ref)
}

/** Decoded bytes of a finished entry. */
export function readDone(payload: Uint8Array, offset: number): number {
  return parseAt(payload, offset + HEADER_BYTES, (input) => {
    const rawBytes = input.varint()
    input.finish()
    return rawBytes
  })
}

/**
 * Take a block into its entry although it does not match its CRC: its header is right, so the blocks behind it keep their
 * numbers, and reading it reports the damage.
 */
export function addDamagedBlock(entry: EntryState, chunk: PlacedChunk): Row {
  const { section } = chunk.header
  const isFirst = section === entry.sections.length + 1
  try {
    // The damage may lie behind the fields.
    const row = addIntactBlock(entry, chunk)
    if (isFirst) entry.sections[section - 1].isDoubtful = true
    return row
  } catch (error) {
    if (!isPithError(error)) throw error
    if (section === entry.sections.length + 1) addSection(entry, `section ${section}`)
    const state = entry.sections[section - 1]
    if (state === undefined) throw checksum('a block', chunk.offset)
    if (isFirst) state.isDoubtful = true
    const fields = { block: state.counts[0] ?? 0, rawBytes: 0, variant: 0, profile: 0, aligned: false }
    return addBlock(entry, chunk, fields, Math.min(3, chunk.payload.length))
  }
}

/** Take a block whose CRC was checked into its entry. @throws PithError `PITH_CORRUPT` */
export function addIntactBlock(entry: EntryState, chunk: PlacedChunk): Row {
  return parseAt(chunk.payload, chunk.offset + HEADER_BYTES, (input) => {
    const block = readBlockPrefix(input)
    return addBlock(entry, chunk, block, input.offset)
  })
}

/**
 * Take a block into its entry.
 *
 * @throws PithError `PITH_CORRUPT` where it does not follow the blocks before it
 */
function addBlock(entry: EntryState, chunk: PlacedChunk, block: BlockPrefix, prefixBytes: number): Row {
  const { header, offset, crc } = chunk
  const known = entry.sections.length
  const fail = (why: string): never => {
    throw corrupt(`block ${block.block} of section ${header.section} in entry ${entry.id} ${why}`, 0)
  }
  if (header.section === known + 1 && block.name !== undefined) addSection(entry, block.name)
  else if (header.section < 1 || header.section > known) fail('belongs to no section')
  const section = entry.sections[header.section - 1]
  if (block.name !== undefined && section.isDoubtful) {
    section.name = block.name
    section.isDoubtful = false
  }
  if (block.name !== undefined && block.name !== section.name) fail('names another section')
  if (block.block !== (section.counts[block.variant] ?? 0)) fail('is out of order')
  if (block.profile > entry.profiles.length) fail('needs a profile that does not stand before it')
  const row: Row = {
    entry: entry.id,
    section: header.section,
    variant: block.variant,
    block: block.block,
    offset,
    prefix: prefixBytes,
    storedBytes: header.length - prefixBytes,
    rawBytes: block.rawBytes,
    keyFirst: block.keys === undefined ? -1 : block.keys[0],
    keyCount: block.keys === undefined ? 0 : block.keys[1] - block.keys[0],
    profile: block.profile,
    aligned: block.aligned,
    crc,
  }
  countRow(entry, row)
  if (!Number.isSafeInteger(entry.rawBytes)) fail('makes the entry too long')
  return row
}

export function checksum(what: string, offset: number, place: ErrorPlace = {}): PithError {
  return new PithError('PITH_CHECKSUM', `${what} at ${offset} does not match its CRC`, {
    hint: 'Get another copy of the file, or run pith repair on this one.',
    at: { ...place, offset },
  })
}
