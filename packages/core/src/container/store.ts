import { ByteReader } from '../bytes.ts'
import { crc32c } from '../crc32c.ts'
import { checkLimit } from '../limits.ts'
import type { Limits } from '../run.ts'
import { compareText } from '../text-order.ts'
import type { ChunkRef, EntryState, Row } from './catalog.ts'
import { compareRows, copyEntry } from './catalog.ts'
import type { Fetcher } from './fetch.ts'
import { checksum, chunkAt } from './journal.ts'
import { FRAME_BYTES, TYPES } from './layout.ts'
import type { Committed, LocatedSolo } from './locate.ts'
import { findEntry, readEntryPage, readRowPage } from './locate.ts'
import type { RowPage } from './pages.ts'
import { pageMayHold } from './pages.ts'
import { corrupt, readBlockPrefix } from './records.ts'

/** Pages of rows that are kept decoded. */
const KEPT_PAGES = 64

/** How chunks that are no blocks are called. */
const WHAT: Readonly<Record<number, string>> = { [TYPES.profile]: 'the profile', [TYPES.summary]: 'the summary' }

/** What both forms of a file answer. */
export interface Store {
  /** All entries by ascending id. */
  entries(signal?: AbortSignal): AsyncGenerator<EntryState, void, undefined>
  entry(idOrPath: number | string, signal?: AbortSignal): Promise<EntryState | undefined>
  /** Rows of a section, by variant and block; of all sections where it is 0. */
  rows(entry: EntryState, section: number, signal?: AbortSignal): Promise<Row[]>
  block(entry: EntryState, row: Row, signal?: AbortSignal): Promise<Uint8Array>
  /** `unchecked`: also where it does not match its checksum. */
  profile(entry: EntryState, version: number, signal?: AbortSignal, unchecked?: boolean): Promise<Uint8Array>
  summary(entry: EntryState, signal?: AbortSignal): Promise<Uint8Array | undefined>
}

/** The solo form: everything is in memory. */
export function soloStore(located: LocatedSolo): Store {
  const { solo, bytes } = located
  const cut = (place: { offset: number; length: number }): Uint8Array =>
    bytes.subarray(place.offset, place.offset + place.length)
  const whole = (): void => {
    // Profile and summary have no CRC of their own.
    if (solo.damage !== undefined && !solo.isRestIntact) throw solo.damage
  }
  return {
    async *entries() {
      yield solo.entry
    },
    async entry(idOrPath) {
      return idOrPath === 1 || idOrPath === solo.entry.head.path ? solo.entry : undefined
    },
    async rows(_entry, section) {
      return solo.rows.filter((row) => section === 0 || row.section === section).sort(compareRows)
    },
    async block(entry, row) {
      const payload = cut({ offset: row.offset, length: row.storedBytes })
      if (solo.hasBlockCrcs && crc32c(payload) !== row.crc) throw blockDamage(entry, row)
      return payload
    },
    async profile(entry, version, _signal, unchecked) {
      if (unchecked !== true) whole()
      return cut(entry.profiles[version - 1])
    },
    async summary(entry) {
      if (entry.summary === undefined) return undefined
      whole()
      return cut(entry.summary)
    },
  }
}

/** The chunked form: pages of the index and blocks are read when they are asked for. */
export function chunkStore(file: Fetcher, committed: Committed, limits: Limits): Store {
  const { root, journal, end } = committed
  const pages = new Map<RowPage, Promise<Row[]>>()

  const rowsOfPage = (page: RowPage, signal?: AbortSignal): Promise<Row[]> => {
    let rows = pages.get(page)
    pages.delete(page)
    rows ??= readRowPage(file, page, end, signal)
    pages.set(page, rows)
    rows.catch(() => pages.delete(page))
    for (const oldest of pages.keys()) {
      if (pages.size <= KEPT_PAGES) break
      pages.delete(oldest)
    }
    return rows
  }

  async function* entries(signal?: AbortSignal): AsyncGenerator<EntryState, void, undefined> {
    // Pages of one run are in order and don't overlap; only what was changed later stands in a page of its own.
    const seen = new Map(journal.entries)
    const ages = new Map<number, number>()
    const byFirst = [...root.entryPages].sort((a, b) => a.firstId - b.firstId)
    let at = 0
    for (let i = 0; i < byFirst.length; i++) {
      const next = byFirst[i + 1]?.firstId ?? Number.MAX_SAFE_INTEGER
      const page = byFirst[i]
      const age = root.entryPages.indexOf(page)
      for (const entry of await readEntryPage(file, page, end, signal)) {
        const newer = seen.get(entry.id)
        const isOlder = newer !== undefined && (journal.entries.has(entry.id) || (ages.get(entry.id) ?? -1) > age)
        if (!isOlder) {
          seen.set(entry.id, entry)
          ages.set(entry.id, age)
        }
      }
      for (const id of [...seen.keys()].filter((key) => key < next && key > at).sort((a, b) => a - b)) {
        const entry = seen.get(id)
        if (entry !== undefined) yield entry
        at = id
        seen.delete(id)
        ages.delete(id)
      }
    }
    for (const id of [...seen.keys()].sort((a, b) => a - b)) {
      const entry = seen.get(id)
      if (entry !== undefined) yield entry
    }
  }
  async function entry(idOrPath: number | string, signal?: AbortSignal): Promise<EntryState | undefined> {
    if (typeof idOrPath === 'number') {
      return journal.entries.get(idOrPath) ?? findEntry(file, root, idOrPath, end, signal)
    }
    for (const candidate of journal.entries.values()) if (candidate.head.path === idOrPath) return candidate
    for (let i = root.entryPages.length - 1; i >= 0; i--) {
      const page = root.entryPages[i]
      if (compareText(page.firstPath, idOrPath) > 0 || compareText(idOrPath, page.lastPath) > 0) continue
      const found = (await readEntryPage(file, page, end, signal)).find(({ head }) => head.path === idOrPath)
      if (found !== undefined) return copyEntry(found)
    }
    return undefined
  }

  async function rows(of: EntryState, section: number, signal?: AbortSignal): Promise<Row[]> {
    const wanted = (row: Row): boolean => row.entry === of.id && (section === 0 || row.section === section)
    const parts = root.rowPages
      .filter((page) => pageMayHold(page, of.id, section))
      .map((page) => rowsOfPage(page, signal))
    const found = (await Promise.all(parts)).flat().concat(root.rows, journal.rows).filter(wanted).sort(compareRows)
    checkRows(of, section, found)
    return found
  }

  async function chunk(
    type: number,
    of: EntryState,
    ref: ChunkRef,
    section: number,
    signal?: AbortSignal,
    unchecked = false,
  ): Promise<Uint8Array> {
    checkLimit(limits, 'memoryBytes', ref.length, 'a block')
    const place = { entry: nameOf(of), ...(section > 0 ? { section: of.sections[section - 1].name } : {}) }
    const bytes = await file.read(ref.offset, ref.length + FRAME_BYTES, signal)
    const found = chunkAt(bytes, 0, ref.offset)
    const isRight = found?.intact === true && found.crc === ref.crc
    if (found === undefined || !(isRight || unchecked)) throw checksum(WHAT[type] ?? 'the block', ref.offset, place)
    const { header } = found
    if (header.type !== type || header.entry !== of.id || header.section !== section || header.length !== ref.length) {
      throw corrupt(`another chunk stands at ${ref.offset}`, ref.offset)
    }
    return found.payload
  }

  return {
    entries,
    entry,
    rows,
    async block(of, row, signal) {
      const ref = { offset: row.offset, length: row.prefix + row.storedBytes, crc: row.crc }
      const payload = await chunk(TYPES.block, of, ref, row.section, signal)
      const input = new ByteReader(payload)
      const prefix = readBlockPrefix(input)
      if (input.offset !== row.prefix || prefix.block !== row.block || prefix.variant !== row.variant) {
        throw corrupt(`another block stands at ${row.offset}`, row.offset)
      }
      return payload.subarray(row.prefix)
    },
    async profile(of, version, signal, unchecked) {
      const payload = await chunk(TYPES.profile, of, of.profiles[version - 1], 0, signal, unchecked)
      const input = new ByteReader(payload)
      if (input.varint() !== version)
        throw corrupt('another version of the profile stands here', of.profiles[version - 1].offset)
      return payload.subarray(input.offset)
    },
    async summary(of, signal) {
      return of.summary === undefined ? undefined : chunk(TYPES.summary, of, of.summary, 0, signal)
    },
  }
}

/** The rows of an entry must be the blocks that it counts, without a gap. */
function checkRows(entry: EntryState, section: number, rows: readonly Row[]): void {
  let at = 0
  for (const [i, { counts }] of entry.sections.entries()) {
    if (section !== 0 && section !== i + 1) continue
    for (const [variant, count] of counts.entries()) {
      for (let block = 0; block < count; block++) {
        const row = rows[at++]
        if (row?.section !== i + 1 || row.variant !== variant || row.block !== block) {
          throw corrupt(`the index lacks block ${block} of section ${i + 1} in entry ${entry.id}`, row?.offset ?? 0)
        }
      }
    }
  }
  if (at !== rows.length) throw corrupt(`the index has ${rows.length} blocks of entry ${entry.id}, expected ${at}`, 0)
}

/** Name of an entry for messages. */
export function nameOf(entry: EntryState): string {
  return entry.head.path ?? String(entry.id)
}

export function blockDamage(entry: EntryState, row: Row): Error {
  return checksum(`block ${row.block}`, row.offset, {
    entry: nameOf(entry),
    section: entry.sections[row.section - 1].name,
  })
}
