import { isPithError, PithError } from '../errors.ts'
import { checkLimit } from '../limits.ts'
import type { Limits } from '../run.ts'
import type { EntryState, Row } from './catalog.ts'
import { copyEntry } from './catalog.ts'
import type { Fetcher } from './fetch.ts'
import type { Journal } from './journal.ts'
import { applyJournal, checksum, chunkAt } from './journal.ts'
import {
  checkPrelude,
  FRAME_BYTES,
  HEADER_BYTES,
  JOURNAL_LIMIT,
  OPEN_BYTES,
  PRELUDE_BYTES,
  SOLO_BYTES,
  SYNC_BYTES,
  TAIL_BYTES,
  TYPES,
} from './layout.ts'
import type { EntryPage, Root, RowPage } from './pages.ts'
import { decodeEntryPage, decodeRoot, decodeRowPage } from './pages.ts'
import type { Tail } from './records.ts'
import { corrupt, decodeTail, parseAt } from './records.ts'
import type { Solo } from './solo.ts'
import { decodeSolo } from './solo.ts'

/** Commits that a reader goes back over where the newest ones are damaged. */
const MAX_STEPS_BACK = 16

/** The state of a file of chunks at its last usable commit. */
export interface Committed {
  form: 'chunks'
  tail: Tail
  /** End of the tail: what stands behind it is not committed. */
  end: number
  /** End of the index root, where the journal starts. */
  indexEnd: number
  root: Root
  /** Entries of the root and of the journal, and rows of the journal. */
  journal: Journal
  /** Why a newer commit could not be used. */
  damage: PithError | undefined
}

export interface LocatedSolo {
  form: 'solo'
  solo: Solo
  bytes: Uint8Array
  end: number
  damage: PithError | undefined
}

/**
 * Find the last commit of a file: one read of 64 KiB at the end where it is whole, and looking back from there where it
 * was cut or something uncommitted stands behind it.
 *
 * @throws PithError `PITH_CORRUPT` no pith file · `PITH_TRUNCATED` no commit in it · `PITH_VERSION`, `PITH_CHECKSUM`, `PITH_LIMIT`
 */
export async function locate(file: Fetcher, limits: Limits, signal?: AbortSignal): Promise<Committed | LocatedSolo> {
  const size = file.size
  const windowStart = Math.max(0, size - OPEN_BYTES)
  const window = await file.read(windowStart, size - windowStart, signal)
  file.keep(windowStart, window)
  if (windowStart === 0) checkPrelude(window)
  const found = await findTail(file, window, windowStart, signal)
  if (found !== undefined) return openCommit(file, found, limits, signal)
  const front = await file.read(0, Math.min(size, SOLO_BYTES), signal)
  if (checkPrelude(front) === 'solo') {
    const solo = decodeSolo(front)
    return { form: 'solo', solo, bytes: front, end: solo.end, damage: solo.damage }
  }
  throw new PithError('PITH_TRUNCATED', 'the file holds no complete commit', {
    hint: 'Run pith repair to save the blocks that are whole.',
    at: { offset: size },
  })
}

/** Look for the last tail, from the end to the front, each byte once. */
async function findTail(
  file: Fetcher,
  window: Uint8Array,
  windowStart: number,
  signal?: AbortSignal,
): Promise<Tail | undefined> {
  let bytes = window
  let start = windowStart
  for (;;) {
    for (let at = bytes.length - TAIL_BYTES; at >= 0; at--) {
      if (bytes[at] !== SYNC_BYTES[0]) continue
      const tail = tailAt(bytes, at, start)
      if (tail !== undefined) return tail
    }
    if (start === 0) return undefined
    // The windows overlap by one byte less than a tail, so that none is cut in two.
    const end = Math.min(start + TAIL_BYTES - 1, file.size)
    start = Math.max(0, end - 16 * OPEN_BYTES)
    bytes = await file.read(start, end - start, signal)
  }
}

/** The intact tail at `at`, if there is one that stands where it says. @throws PithError `PITH_VERSION` */
export function tailAt(bytes: Uint8Array, at: number, base: number): Tail | undefined {
  const chunk = chunkAt(bytes, at, base)
  if (chunk === undefined || chunk.header.type !== TYPES.tail || !chunk.intact) return undefined
  if (chunk.payload.length !== TAIL_BYTES - FRAME_BYTES) return undefined
  try {
    const tail = parseAt(chunk.payload, base + at, decodeTail)
    return tail.self === base + at && tail.previous < tail.self ? tail : undefined
  } catch (error) {
    if (isPithError(error, 'PITH_VERSION')) throw error
    return undefined
  }
}

async function openCommit(file: Fetcher, newest: Tail, limits: Limits, signal?: AbortSignal): Promise<Committed> {
  let tail = newest
  let damage: PithError | undefined
  for (let steps = 0; ; steps++) {
    try {
      return { ...(await loadCommit(file, tail, limits, signal)), damage }
    } catch (error) {
      if (!(isPithError(error, 'PITH_CHECKSUM') || isPithError(error, 'PITH_CORRUPT'))) throw error
      damage ??= error
      if (tail.previous === 0 || steps >= MAX_STEPS_BACK) throw damage
      const bytes = await file.read(tail.previous, TAIL_BYTES, signal).catch(() => undefined)
      const before = bytes === undefined ? undefined : tailAt(bytes, 0, tail.previous)
      if (before === undefined) throw damage
      tail = before
    }
  }
}

async function loadCommit(file: Fetcher, tail: Tail, limits: Limits, signal?: AbortSignal): Promise<Committed> {
  const at = tail.self
  // Each block and entry takes at least a frame somewhere, so a count beyond that is made up.
  if (tail.blocks > at / FRAME_BYTES || tail.entries > at / FRAME_BYTES) throw corrupt('the tail declares too much', at)
  checkLimit(limits, 'sections', tail.blocks, 'the number of blocks')
  checkLimit(limits, 'sections', tail.entries, 'the number of entries')
  const root = await loadRoot(file, tail, limits, signal)
  const indexEnd = tail.rootOffset === 0 ? PRELUDE_BYTES : tail.rootOffset + tail.rootLength
  if (at - indexEnd > JOURNAL_LIMIT) throw corrupt(`the index ends at ${indexEnd}, too far before its tail`, at)
  const journal: Journal = { entries: new Map(root.entries.map((entry) => [entry.id, copyEntry(entry)])), rows: [] }
  const bytes = await file.read(indexEnd, at - indexEnd, signal)
  await applyJournal(journal, bytes, indexEnd, (id) => findEntry(file, root, id, at, signal))
  const blocks = root.rowPages.reduce((sum, page) => sum + page.count, root.rows.length + journal.rows.length)
  if (blocks !== tail.blocks) throw corrupt(`the index has ${blocks} blocks, the tail says ${tail.blocks}`, at)
  return { form: 'chunks', tail, end: at + TAIL_BYTES, indexEnd, root, journal, damage: undefined }
}

async function loadRoot(file: Fetcher, tail: Tail, limits: Limits, signal?: AbortSignal): Promise<Root> {
  const { rootOffset, rootLength, self } = tail
  if (rootOffset === 0) return { entryPages: [], entries: [], rowPages: [], rows: [] }
  if (rootOffset < PRELUDE_BYTES || rootLength < FRAME_BYTES || rootOffset + rootLength > self) {
    throw corrupt('the tail points outside the file', self)
  }
  checkLimit(limits, 'memoryBytes', rootLength, 'the root of the index')
  const payload = await readIndexChunk(file, rootOffset, rootLength, signal)
  return parseAt(payload, rootOffset + HEADER_BYTES, (input) => decodeRoot(input, { end: rootOffset }))
}

/** Read and check an INDX chunk; gives its payload. @throws PithError `PITH_CHECKSUM` */
async function readIndexChunk(
  file: Fetcher,
  offset: number,
  length: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const bytes = await file.read(offset, length, signal)
  const chunk = chunkAt(bytes, 0, offset)
  if (chunk === undefined || !chunk.intact || chunk.payload.length !== length - FRAME_BYTES) {
    throw checksum('a page of the index', offset)
  }
  if (chunk.header.type !== TYPES.index) throw corrupt('a page of the index is needed', offset)
  return chunk.payload
}

export async function readRowPage(file: Fetcher, page: RowPage, end: number, signal?: AbortSignal): Promise<Row[]> {
  const payload = await readIndexChunk(file, page.offset, page.length, signal)
  return parseAt(payload, page.offset + HEADER_BYTES, (input) => decodeRowPage(input, page, { end }))
}

export async function readEntryPage(
  file: Fetcher,
  page: EntryPage,
  end: number,
  signal?: AbortSignal,
): Promise<EntryState[]> {
  const payload = await readIndexChunk(file, page.offset, page.length, signal)
  return parseAt(payload, page.offset + HEADER_BYTES, (input) => decodeEntryPage(input, page, { end }))
}

/** Find an entry in the pages of a root, the newest page first. */
export async function findEntry(
  file: Fetcher,
  root: Root,
  id: number,
  end: number,
  signal?: AbortSignal,
): Promise<EntryState | undefined> {
  for (let i = root.entryPages.length - 1; i >= 0; i--) {
    const page = root.entryPages[i]
    if (id < page.firstId || id > page.lastId) continue
    const entry = (await readEntryPage(file, page, end, signal)).find((candidate) => candidate.id === id)
    if (entry !== undefined) return copyEntry(entry)
  }
  return undefined
}
