import type { BlockRow, EntryReader } from '../codec.ts'
import { PithError } from '../errors.ts'
import type { RandomAccess } from '../io.ts'
import type { LimitPreset } from '../limits.ts'
import { resolveLimits } from '../limits.ts'
import type { Limits, Run } from '../run.ts'
import { bytesAccess } from '../source.ts'
import type { EntryState, Row } from './catalog.ts'
import { sectionNumber } from './catalog.ts'
import type { ReadStats } from './fetch.ts'
import { Fetcher } from './fetch.ts'
import type { Committed, LocatedSolo } from './locate.ts'
import { locate } from './locate.ts'
import type { EntryKind } from './records.ts'
import type { Store } from './store.ts'
import { chunkStore, soloStore } from './store.ts'
import type { Totals } from './writer.ts'

/** An entry as the index knows it. */
export interface ContainerEntry extends EntryReader {
  readonly kind: EntryKind
  /** Permission bits. */
  readonly mode?: number
  /** Milliseconds since 1970. */
  readonly mtime?: number
  readonly meta?: Uint8Array
  /** Target of a symbolic link. */
  readonly link?: string
  /** SHA-256 in hex of a profile that is kept elsewhere. */
  readonly externalProfile?: string
  /** Newest version of the profile, 0 without one. */
  readonly profileVersion: number
  /** Bytes of all its blocks in the file, frames not counted. */
  readonly storedBytes: number
}

/** A container opened by random access, at its last commit. */
export interface Container {
  readonly form: 'solo' | 'chunks'
  readonly totals: Totals
  /** Number of the commit that is read, from 1. */
  readonly commit: number
  /** Bytes behind the commit that is read. */
  readonly uncommittedBytes: number
  /** Why a newer commit, or the whole of a small file, could not be used; undefined for a sound file. */
  readonly damage: PithError | undefined
  /** What was asked of the source so far. */
  readonly stats: ReadStats
  readonly limits: Limits
  /** All entries by ascending id, read page by page. */
  entries(run?: Run): AsyncGenerator<ContainerEntry, void, undefined>
  /** An entry by its number (from 1) or path; undefined where there is none. */
  entry(idOrPath: number | string, run?: Run): Promise<ContainerEntry | undefined>
  close(): Promise<void>
}

/** Options of `openContainer`: limits are those of `Run` or the name of a preset, by default `default`. */
export interface OpenOptions {
  limits?: Partial<Limits> | LimitPreset
  signal?: AbortSignal
}

/** An opened file with what `verify` and `repair` need beside the public face. */
export interface OpenedContainer extends Container {
  readonly located: Committed | LocatedSolo
  readonly store: Store
  readonly file: Fetcher
}

const PLACE: unique symbol = Symbol('row')

interface PlacedRow extends BlockRow {
  readonly [PLACE]: Row
}

/**
 * Open a container by random access: one read of at most 64 KiB at its end is enough to start with 100,000 blocks.
 *
 * A file that was cut, or that has uncommitted bytes at its end, opens at its last commit. Reads that are asked for in the
 * same turn and lie near each other become one. Payloads are views of what was read.
 *
 * @throws PithError `PITH_CORRUPT` no pith file · `PITH_TRUNCATED` without a commit · `PITH_CHECKSUM` · `PITH_VERSION` · `PITH_LIMIT`
 * @example
 * const container = await openContainer(bytes)
 * const entry = await container.entry(1)
 */
export async function openContainer(source: RandomAccess | Uint8Array, options: OpenOptions = {}): Promise<Container> {
  return openWhole(source, options)
}

export async function openWhole(
  source: RandomAccess | Uint8Array,
  options: OpenOptions = {},
): Promise<OpenedContainer> {
  const limits = resolveLimits(options.limits)
  const file = new Fetcher(source instanceof Uint8Array ? bytesAccess(source) : source)
  const located = await locate(file, limits, options.signal)
  const store = located.form === 'solo' ? soloStore(located) : chunkStore(file, located, limits)
  const totals = totalsOf(located)
  const remote = !(source instanceof Uint8Array) && source.remote === true
  const face = (entry: EntryState): ContainerEntry => makeEntry(entry, store, limits, remote)
  return {
    form: located.form,
    totals,
    commit: totals.commit,
    uncommittedBytes: file.size - located.end,
    damage: located.damage,
    get stats() {
      return file.stats
    },
    limits,
    located,
    store,
    file,
    async *entries(run) {
      for await (const entry of store.entries(run?.signal)) yield face(entry)
    },
    async entry(idOrPath, run) {
      const entry = await store.entry(idOrPath, run?.signal)
      return entry === undefined ? undefined : face(entry)
    },
    close: () => file.close(),
  }
}

function totalsOf(located: Committed | LocatedSolo): Totals {
  if (located.form === 'chunks') {
    const { entries, blocks, rawBytes, commit } = located.tail
    return { entries, blocks, rawBytes, bytes: located.end, commit }
  }
  const { entry, rows } = located.solo
  return { entries: 1, blocks: rows.length, rawBytes: entry.rawBytes, bytes: located.end, commit: 1 }
}

function makeEntry(entry: EntryState, store: Store, limits: Limits, remote: boolean): ContainerEntry {
  const { head } = entry
  const sections = new Map<string, Promise<readonly PlacedRow[]>>()

  const rowsOf = async (section: string): Promise<readonly PlacedRow[]> => {
    const number = sectionNumber(entry, section)
    if (number === 0) return []
    return (await store.rows(entry, number)).map((row) => publicRow(row, section)).sort(byBlock)
  }

  const blocks = (section: string): Promise<readonly PlacedRow[]> => {
    let rows = sections.get(section)
    if (rows === undefined) {
      rows = rowsOf(section)
      sections.set(section, rows)
      rows.catch(() => sections.delete(section))
    }
    return rows
  }

  const read = async (row: BlockRow, run?: Run): Promise<Uint8Array> => {
    if (PLACE in row) return store.block(entry, (row as PlacedRow)[PLACE], run?.signal)
    const known = (await blocks(row.section)).find((r) => r.block === row.block && r.variant === row.variant)
    if (known !== undefined) return store.block(entry, known[PLACE], run?.signal)
    throw new PithError('PITH_ARG', `section ${JSON.stringify(row.section)} has no block ${row.block}`)
  }

  return {
    id: entry.id,
    codec: head.codec,
    codecVersion: head.codecVersion,
    kind: head.kind,
    rawBytes: entry.rawBytes,
    storedBytes: entry.sections.reduce((sum, section) => sum + section.storedBytes, 0),
    profileVersion: entry.profiles.length,
    limits,
    remote,
    ...(head.path === undefined ? {} : { path: head.path }),
    ...(head.mode === undefined ? {} : { mode: head.mode }),
    ...(head.mtime === undefined ? {} : { mtime: head.mtime }),
    ...(head.meta === undefined ? {} : { meta: head.meta }),
    ...(head.link === undefined ? {} : { link: head.link }),
    ...(head.externalProfile === undefined ? {} : { externalProfile: head.externalProfile }),
    sections: async () => entry.sections.filter(({ counts }) => counts.some((n) => n > 0)).map(({ name }) => name),
    blocks,
    read,
    async profile(version = entry.profiles.length, run) {
      if (!(Number.isInteger(version) && version >= 0 && version <= entry.profiles.length)) {
        throw new PithError('PITH_ARG', `the entry has profile versions 1..${entry.profiles.length}, got ${version}`)
      }
      return version === 0 ? undefined : store.profile(entry, version, run?.signal, run?.unchecked)
    },
    summary: () => store.summary(entry),
  }
}

function publicRow(row: Row, section: string): PlacedRow {
  const { block, variant, storedBytes, rawBytes, profile, keyFirst, keyCount } = row
  const shared = { section, block, variant, storedBytes, rawBytes, profile, [PLACE]: row }
  return keyFirst < 0 ? shared : { ...shared, keys: [keyFirst, keyFirst + keyCount] }
}

function byBlock(a: BlockRow, b: BlockRow): number {
  return a.block - b.block || a.variant - b.variant
}
