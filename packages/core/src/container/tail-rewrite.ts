import { PithError } from '../errors.ts'
import type { FileSink, Sink } from '../io.ts'
import { MemorySink } from '../sink.ts'
import type { EntryState } from './catalog.ts'
import { ChunkOutput } from './chunk-output.ts'
import type { IndexBuilder } from './index-builder.ts'
import type { ChunkHeader } from './layout.ts'
import { FRAME_BYTES, HEADER_BYTES, parseHeader, TAIL_BYTES, TYPES } from './layout.ts'
import { encodeTail } from './records.ts'
import type { WriterState } from './writer.ts'
import { tailOf } from './writer.ts'

const COPY_BYTES = 2 ** 20
const WALK_BYTES = 2 ** 16

/** A region of the file that nothing refers to once the next tail stands, and where what replaces it starts. */
export interface DeadRegion {
  start: number
  end: number
  /** Where the chunks start that replace it. */
  after: number
  entry: number
  /** The payload of the UNDO chunk that gave it up. */
  undo: Uint8Array
}

/** What became of a dead region: given back; too small for what replaces it; or something else stands in it. */
export type Moved = 'moved' | 'short' | 'fixed'

/** A dead region below this share of what replaces it is left: closing it would write the rest twice. */
const WORTH_SHARE = 16

interface Placed {
  header: ChunkHeader
  offset: number
}

/**
 * Give a dead region back: copy what replaces it down over it, write index and tail there, then cut the file.
 *
 * The tail at the end of the file refers to nothing in the region, so a crash at any step leaves a valid end: the old
 * tail until the file is cut, the new one from then on. Does nothing where the copy would not fit or where other
 * entries stand in the region.
 *
 * @returns `short` where {@link copyBehind} makes a region that is large enough
 */
export async function moveDown(
  file: FileSink,
  state: WriterState,
  dead: DeadRegion,
  current: EntryState | undefined,
): Promise<Moved> {
  const chunks = await movable(file, state, dead)
  if (chunks === undefined) return 'fixed'
  const moved = new Map<number, number>()
  let position = dead.start
  for (const chunk of chunks) {
    moved.set(chunk.offset, position)
    position += chunk.header.length + FRAME_BYTES
  }
  if (position > dead.end) return worthMore(dead, position)
  const index = state.index.copy()
  await replace(index, dead.after, moved)
  const held = new MemorySink()
  const out = new ChunkOutput(held, position)
  const root = await index.writeRoot(out, current === undefined ? undefined : index.entries.get(current.id))
  await out.drain()
  const self = out.position
  if (self + TAIL_BYTES > dead.end) return worthMore(dead, self + TAIL_BYTES)
  const next = {
    ...state,
    index,
    rootOffset: root.offset,
    rootLength: root.length,
    tail: await previousOf(file, state),
  }
  await copyChunks(file, chunks, dead.start)
  await file.writeAt(position, held.bytes())
  // No flush here: until the file is cut, the old tail behind all this is the last one.
  const end = new ChunkOutput(sinkAt(file, self), self)
  await end.chunk(TYPES.tail, 0, 0, encodeTail(tailOf(next, state.totals.commit, self)))
  await end.drain()
  await file.flush()
  await file.truncate(self + TAIL_BYTES)
  await file.flush()
  adopt(state, next, self)
  return 'moved'
}

/** Whether a region that is too small for what ends at `end` is worth two copies of that. */
function worthMore(dead: DeadRegion, end: number): Moved {
  return (dead.end - dead.start) * WORTH_SHARE >= end - dead.start ? 'short' : 'fixed'
}

/**
 * Write what replaces a dead region once more behind the last tail. After the next commit, which must have an index root,
 * the first copy is dead too, and the second one fits over both.
 */
export async function copyBehind(
  file: FileSink,
  state: WriterState,
  out: ChunkOutput,
  dead: DeadRegion,
): Promise<DeadRegion | undefined> {
  const chunks = await movable(file, state, dead)
  if (chunks === undefined) return undefined
  const end = out.position
  await out.chunk(TYPES.undo, dead.entry, 0, dead.undo)
  const after = out.position
  const moved = new Map<number, number>()
  for (const { offset, header } of chunks) {
    moved.set(offset, out.position)
    const length = header.length + FRAME_BYTES
    for (let at = 0; at < length; at += COPY_BYTES) {
      await out.raw(await readExactly(file, offset + at, Math.min(COPY_BYTES, length - at)))
    }
  }
  await out.drain()
  await replace(state.index, dead.after, moved)
  return { ...dead, end, after }
}

/** Let an index name the new places of chunks that stood at `from` or behind it. */
async function replace(index: IndexBuilder, from: number, moved: ReadonlyMap<number, number>): Promise<void> {
  await index.recall(from)
  for (const row of index.rows) row.offset = moved.get(row.offset) ?? row.offset
  for (const entry of index.entries.values()) {
    for (const [i, ref] of entry.profiles.entries()) {
      entry.profiles[i] = { ...ref, offset: moved.get(ref.offset) ?? ref.offset }
    }
    const { summary } = entry
    if (summary !== undefined) entry.summary = { ...summary, offset: moved.get(summary.offset) ?? summary.offset }
  }
}

/** Take over the new places; the entries stay the same objects, as the entry being written is one of them. */
function adopt(state: WriterState, next: WriterState, self: number): void {
  const { index } = state
  for (const [id, entry] of next.index.entries) {
    const known = index.entries.get(id)
    if (known === undefined) continue
    known.profiles = entry.profiles
    known.summary = entry.summary
    next.index.entries.set(id, known)
  }
  state.index = next.index
  state.rootOffset = next.rootOffset
  state.rootLength = next.rootLength
  state.indexEnd = next.rootOffset + next.rootLength
  state.tail = self
  state.totals.bytes = self + TAIL_BYTES
}

/** The tail before the one that was just written. */
async function previousOf(file: FileSink, state: WriterState): Promise<number> {
  const bytes = await file.readAt(state.tail + HEADER_BYTES, TAIL_BYTES - FRAME_BYTES)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return view.getUint32(16, true) + view.getUint32(20, true) * 0x100000000
}

/** The chunks that have to move, in order; undefined where the region can't be given back. */
async function movable(file: FileSink, state: WriterState, dead: DeadRegion): Promise<Placed[] | undefined> {
  const old = await walk(file, dead.start, dead.end)
  if (old === undefined || old.some(({ header }) => header.entry !== 0 && header.entry !== dead.entry)) return undefined
  const chunks = await walk(file, dead.after, state.tail)
  // Aligned blocks stand behind padding, which would not fit at another place.
  if (chunks?.some(({ header }) => header.type === TYPES.pad)) return undefined
  return chunks?.filter(({ header }) => header.type !== TYPES.index)
}

/** All chunks between two places, or undefined where they don't fill the range. */
async function walk(file: FileSink, start: number, end: number): Promise<Placed[] | undefined> {
  const chunks: Placed[] = []
  let window: Uint8Array = new Uint8Array(0)
  let windowStart = 0
  let at = start
  while (at < end) {
    if (at < windowStart || at + HEADER_BYTES > windowStart + window.length) {
      window = await file.readAt(at, WALK_BYTES)
      windowStart = at
    }
    const header = parseHeader(window, at - windowStart)
    if (header === undefined) return undefined
    chunks.push({ header, offset: at })
    at += header.length + FRAME_BYTES
  }
  return at === end ? chunks : undefined
}

async function copyChunks(file: FileSink, chunks: readonly Placed[], to: number): Promise<void> {
  let target = to
  for (let i = 0; i < chunks.length; ) {
    const start = chunks[i].offset
    let end = start
    while (i < chunks.length && chunks[i].offset === end) end += chunks[i++].header.length + FRAME_BYTES
    for (let at = start; at < end; at += COPY_BYTES) {
      const bytes = await readExactly(file, at, Math.min(COPY_BYTES, end - at))
      await file.writeAt(target, bytes)
      target += bytes.length
    }
  }
}

async function readExactly(file: FileSink, offset: number, length: number): Promise<Uint8Array> {
  const bytes = await file.readAt(offset, length)
  if (bytes.length === length) return bytes
  throw new PithError('PITH_IO', `the file got shorter at ${offset}`)
}

function sinkAt(file: FileSink, offset: number): Sink {
  let at = offset
  return {
    async write(bytes) {
      await file.writeAt(at, bytes)
      at += bytes.length
    },
    close: async () => {},
    abort: async () => {},
  }
}
