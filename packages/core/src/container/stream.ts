import { ByteReader } from '../bytes.ts'
import type { BlockRow } from '../codec.ts'
import { crc32c } from '../crc32c.ts'
import { PithError } from '../errors.ts'
import { checkLimit, type LimitPreset, resolveLimits } from '../limits.ts'
import type { Limits } from '../run.ts'
import { toSource } from '../source.ts'
import { ByteQueue } from './byte-queue.ts'
import type { EntryState, Row } from './catalog.ts'
import type { PlacedChunk } from './journal.ts'
import { addDamagedBlock, addIntactBlock, addProfile, checksum, headEntry, readDone } from './journal.ts'
import {
  checkPrelude,
  checkType,
  FRAME_BYTES,
  getU32,
  HEADER_BYTES,
  PRELUDE_BYTES,
  parseHeader,
  SOLO_BYTES,
  TYPES,
} from './layout.ts'
import type { EntryHead } from './records.ts'
import { corrupt, decodeTail, parseAt } from './records.ts'
import { decodeSolo } from './solo.ts'

/** One thing that a stream brings, in the order of the file. Payloads may be kept. */
export type StreamItem =
  | { readonly type: 'profile'; readonly version: number; readonly payload: Uint8Array }
  | { readonly type: 'block'; readonly row: BlockRow; readonly payload: Uint8Array }
  | { readonly type: 'summary'; readonly payload: Uint8Array }

/** An entry as it comes from a pipe; its length is known only at the end. */
export interface StreamEntry extends Readonly<EntryHead> {
  readonly id: number
  /** Whether parts of this entry came before, and another entry in between. */
  readonly continued: boolean
  /** Profiles, blocks and summary up to the next entry. Taking the next entry skips what is left. */
  items(): AsyncGenerator<StreamItem, void, undefined>
}

/** Options of `readContainerStream`. */
export interface StreamOptions {
  limits?: Partial<Limits> | LimitPreset
  signal?: AbortSignal
  /** Called for a chunk that does not match its CRC, which is then left out; without it the stream fails. */
  onDamage?: (error: PithError) => void
}

type Event = { entry: EntryState; item: StreamItem | undefined }

/**
 * Read a container front to back, as it comes from a pipe: no seek, memory for one block.
 *
 * @throws PithError `PITH_TRUNCATED` at the end of a stream that does not end with a tail · `PITH_CHECKSUM` · `PITH_CORRUPT` ·
 * `PITH_LIMIT` · `PITH_UNSUPPORTED` a file whose blocks were taken back, which needs random access or `repack`
 */
export async function* readContainerStream(
  input: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Uint8Array,
  options: StreamOptions = {},
): AsyncGenerator<StreamEntry, void, undefined> {
  const queue = new ByteQueue(toSource(input).stream(), options.signal)
  const events = readEvents(queue, options)
  const seen = new Set<number>()
  try {
    let step = await events.next()
    while (step.done !== true) {
      const { entry } = step.value
      let open = true
      const items = async function* (): AsyncGenerator<StreamItem, void, undefined> {
        while (open && step.done !== true && step.value.entry === entry) {
          const { item } = step.value
          step = { done: false, value: { entry, item: undefined } }
          if (item !== undefined) yield item
          // Another entry may have been taken meanwhile; the next chunk is read only when it is asked for.
          if (open) step = await events.next()
        }
      }
      const continued = seen.has(entry.id)
      seen.add(entry.id)
      yield { ...entry.head, id: entry.id, continued, items }
      while (step.done !== true && step.value.entry === entry) step = await events.next()
      open = false
    }
  } finally {
    await events.return()
    await queue.close()
  }
}

async function* readEvents(queue: ByteQueue, options: StreamOptions): AsyncGenerator<Event, void, undefined> {
  const limits = resolveLimits(options.limits)
  const front = await queue.peek(PRELUDE_BYTES)
  if (checkPrelude(front) === 'chunks') queue.take(PRELUDE_BYTES)
  else {
    const bytes = await queue.peek(SOLO_BYTES)
    const solo = decodeSolo(bytes)
    if (solo.damage?.code === 'PITH_TRUNCATED') throw solo.damage
    const behind = await queue.peek(solo.end + HEADER_BYTES)
    const wasExtended = parseHeader(behind, solo.end) !== undefined
    if (!wasExtended) {
      if (solo.damage !== undefined) throw solo.damage
      yield* soloEvents(solo.entry, solo.rows, bytes)
      if (behind.length > solo.end) throw cut(solo.end)
      return
    }
    // Chunks behind the solo form hold its content again.
    queue.take(solo.end)
  }
  yield* chunkEvents(queue, limits, options.onDamage)
}

function* soloEvents(entry: EntryState, rows: readonly Row[], bytes: Uint8Array): Generator<Event> {
  const copy = (offset: number, length: number): Uint8Array => bytes.slice(offset, offset + length)
  yield { entry, item: undefined }
  for (const [i, ref] of entry.profiles.entries()) {
    yield { entry, item: { type: 'profile', version: i + 1, payload: copy(ref.offset, ref.length) } }
  }
  for (const row of rows) yield { entry, item: blockItem(entry, row, copy(row.offset, row.storedBytes)) }
  const { summary } = entry
  if (summary !== undefined) yield { entry, item: { type: 'summary', payload: copy(summary.offset, summary.length) } }
}

function blockItem(entry: EntryState, row: Row, payload: Uint8Array): StreamItem {
  const { block, variant, storedBytes, rawBytes, profile, keyFirst, keyCount } = row
  const shared = { section: entry.sections[row.section - 1].name, block, variant, storedBytes, rawBytes, profile }
  return { type: 'block', row: keyFirst < 0 ? shared : { ...shared, keys: [keyFirst, keyFirst + keyCount] }, payload }
}

async function* chunkEvents(
  queue: ByteQueue,
  limits: Limits,
  onDamage: StreamOptions['onDamage'],
): AsyncGenerator<Event, void, undefined> {
  const entries = new Map<number, EntryState>()
  let blocks = 0
  let committed = 0
  for (;;) {
    const offset = queue.offset
    const front = await queue.peek(HEADER_BYTES)
    if (front.length === 0 && offset === committed) return
    if (front.length < HEADER_BYTES) throw cut(offset)
    const header = parseHeader(front, 0)
    if (header === undefined) throw checksum('the header of the chunk', offset)
    checkType(header.type, offset)
    const { type } = header
    if (type === TYPES.undo) {
      throw new PithError('PITH_UNSUPPORTED', `the blocks before ${offset} were taken back later`, {
        hint: 'Read the file itself instead of a pipe, or run pith repack on it.',
        at: { offset },
      })
    }
    const isRead = type !== TYPES.index && type !== TYPES.pad && type !== TYPES.tail && isKnown(type)
    if (!isRead && type !== TYPES.tail) {
      if (!(await skipChunk(queue, header.length))) damaged(checksum('the chunk', offset), onDamage)
      continue
    }
    checkLimit(limits, 'memoryBytes', header.length, 'a block')
    const whole = await queue.peek(FRAME_BYTES + header.length)
    if (whole.length < FRAME_BYTES + header.length) throw cut(offset)
    const chunk = placeChunk(queue.take(whole.length), header, offset)
    if (!chunk.intact) {
      damaged(checksum('the chunk', offset), onDamage)
      const entry = entries.get(header.entry)
      if (type === TYPES.block && entry !== undefined) {
        addDamagedBlock(entry, chunk)
        blocks++
      }
      continue
    }
    if (type === TYPES.tail) {
      const tail = parseAt(chunk.payload, offset + HEADER_BYTES, decodeTail)
      if (tail.entries !== entries.size || tail.blocks !== blocks || tail.self !== offset) {
        throw corrupt(
          `the tail counts ${tail.entries} entries and ${tail.blocks} blocks, ${blocks} blocks came`,
          offset,
        )
      }
      committed = queue.offset
      continue
    }
    const event = applyEvent(entries, chunk)
    if (event.item?.type === 'block') {
      blocks++
      checkLimit(limits, 'sections', blocks, 'the number of blocks')
    }
    yield event
  }
}

function isKnown(type: number): boolean {
  return Object.values(TYPES).includes(type)
}

function placeChunk(bytes: Uint8Array, header: PlacedChunk['header'], offset: number): PlacedChunk {
  const end = bytes.length - 4
  const crc = getU32(bytes, end)
  return { header, offset, payload: bytes.subarray(HEADER_BYTES, end), crc, intact: crc32c(bytes, 0, 0, end) === crc }
}

function applyEvent(entries: Map<number, EntryState>, chunk: PlacedChunk): Event {
  const { header, offset, payload, crc } = chunk
  if (header.type === TYPES.head) {
    const entry = headEntry(chunk)
    if (entries.has(entry.id)) throw corrupt(`entry ${entry.id} starts twice`, offset)
    entries.set(entry.id, entry)
    return { entry, item: undefined }
  }
  const entry = entries.get(header.entry)
  if (entry === undefined) throw corrupt(`a chunk belongs to entry ${header.entry}, which has no head`, offset)
  const ref = { offset, length: header.length, crc }
  if (header.type === TYPES.profile) {
    addProfile(entry, payload, ref)
    const input = new ByteReader(payload)
    return { entry, item: { type: 'profile', version: input.varint(), payload: payload.subarray(input.offset) } }
  }
  if (header.type === TYPES.summary) return { entry, item: { type: 'summary', payload } }
  if (header.type === TYPES.done) {
    entry.rawBytes = readDone(payload, offset)
    return { entry, item: undefined }
  }
  const row = addIntactBlock(entry, chunk)
  return { entry, item: blockItem(entry, row, payload.subarray(row.prefix)) }
}

function damaged(error: PithError, onDamage: StreamOptions['onDamage']): void {
  if (onDamage === undefined) throw error
  onDamage(error)
}

/** Step over a chunk without holding it; tells whether it matches its CRC. */
async function skipChunk(queue: ByteQueue, length: number): Promise<boolean> {
  const start = queue.offset
  let crc = 0
  for await (const piece of queue.pieces(HEADER_BYTES + length)) crc = crc32c(piece, crc)
  const end = await queue.peek(4)
  if (queue.offset - start < HEADER_BYTES + length || end.length < 4) throw cut(start)
  return getU32(queue.take(4), 0) === crc
}

function cut(offset: number): PithError {
  return new PithError('PITH_TRUNCATED', `the stream ends without a tail, its last whole chunk at ${offset}`, {
    hint: 'Get the whole file, or run pith repair on what is there.',
    at: { offset },
  })
}
