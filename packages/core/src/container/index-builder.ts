import { PithError } from '../errors.ts'
import { compareText } from '../text-order.ts'
import type { EntryState, Row } from './catalog.ts'
import { compareRows, copyEntry } from './catalog.ts'
import type { ChunkOutput } from './chunk-output.ts'
import { FRAME_BYTES, TYPES } from './layout.ts'
import type { EntryPage, Root, RowPage } from './pages.ts'
import { encodeEntryPage, encodeRoot, encodeRowPage } from './pages.ts'

/** Rows that may stand in the root itself. */
const ROOT_ROWS = 32
/** Entries that may stand in the root itself. */
const ROOT_ENTRIES = 16
const PAGE_ROWS = 512
const PAGE_ENTRIES = 256
/** A page of rows holds at least this share of all rows, so that the root stays small. */
const ROOT_PAGES = 256

/** Reads pages back that were written before. */
export interface PageLoader {
  rows(page: RowPage): Promise<Row[]>
  entries(page: EntryPage): Promise<EntryState[]>
}

/**
 * The index while a file is written. New rows and entries gather in memory; pages hold older ones. Small pages are merged
 * with what follows them, so that each row is written a number of times that grows with the logarithm only.
 */
export class IndexBuilder {
  rowPages: RowPage[] = []
  /** Rows that no page holds. */
  rows: Row[] = []
  entryPages: EntryPage[] = []
  /** Entries that no page holds in their present state. */
  entries: Map<number, EntryState> = new Map()
  /** Whether pages were written that no root names yet. */
  needsRoot = false
  readonly #loader: PageLoader | undefined
  /** Contents of small pages, which are likely to be merged soon. */
  readonly #kept: WeakMap<RowPage, Row[]> = new WeakMap()
  readonly #keptEntries: WeakMap<EntryPage, EntryState[]> = new WeakMap()

  /** @param loader  reads pages back; without it those that may be needed again stay in memory */
  constructor(loader: PageLoader | undefined, root?: Root) {
    this.#loader = loader
    if (root === undefined) return
    this.rowPages = [...root.rowPages]
    this.entryPages = [...root.entryPages]
    this.rows = [...root.rows]
    for (const entry of root.entries) this.entries.set(entry.id, entry)
  }

  /** A copy whose rows and entries can be changed without changing these. */
  copy(): IndexBuilder {
    const copy = new IndexBuilder(this.#loader)
    copy.rowPages = [...this.rowPages]
    copy.entryPages = [...this.entryPages]
    copy.rows = this.rows.map((row) => ({ ...row }))
    for (const [id, entry] of this.entries) copy.entries.set(id, copyEntry(entry))
    copy.needsRoot = this.needsRoot
    return copy
  }

  /** A full page that was written to a pipe can't be read back, also when pages become larger later. */
  #canLoad(page: RowPage): boolean {
    return this.#loader !== undefined || this.#kept.has(page)
  }

  async loadRows(page: RowPage): Promise<Row[]> {
    const rows = this.#kept.get(page) ?? (await this.#loader?.rows(page))
    if (rows === undefined) throw new PithError('PITH_INTERNAL', 'a page of the index is needed again')
    return rows
  }

  async loadEntries(page: EntryPage): Promise<EntryState[]> {
    const entries = this.#keptEntries.get(page) ?? (await this.#loader?.entries(page))
    if (entries === undefined) throw new PithError('PITH_INTERNAL', 'a page of the index is needed again')
    return entries
  }

  /**
   * Write the root, and before it pages for what the root has no room for.
   *
   * @param current  the entry that may still change; it stays in memory
   */
  async writeRoot(out: ChunkOutput, current?: EntryState): Promise<{ offset: number; length: number }> {
    if (this.rows.length > ROOT_ROWS) await this.spillRows(out)
    if (this.entries.size > ROOT_ENTRIES) await this.spillEntries(out, current)
    const root: Root = {
      entryPages: this.entryPages,
      entries: sortedEntries(this.entries),
      rowPages: this.rowPages,
      rows: this.rows.sort(compareRows),
    }
    const payload = encodeRoot(root)
    const { offset } = await out.chunk(TYPES.index, 0, 0, payload)
    this.needsRoot = false
    return { offset, length: payload.length + FRAME_BYTES }
  }

  /** Write all rows that are held into pages. */
  async spillRows(out: ChunkOutput): Promise<void> {
    const total = this.rowPages.reduce((sum, page) => sum + page.count, this.rows.length)
    const capacity = pageRows(total)
    let rows = this.rows
    // Rows that fill a page are not held up by what stands before them.
    while (rows.length < capacity) {
      const page = this.rowPages.at(-1)
      if (page === undefined || page.count >= capacity || page.count > rows.length || !this.#canLoad(page)) break
      rows = (await this.loadRows(page)).concat(rows)
      this.rowPages.pop()
    }
    rows.sort(compareRows)
    for (let at = 0; at < rows.length; at += capacity) {
      const part = rows.slice(at, at + capacity)
      const payload = encodeRowPage(part)
      const { offset } = await out.chunk(TYPES.index, 0, 0, payload)
      const first = part[0]
      const last = part[part.length - 1]
      const page: RowPage = {
        offset,
        length: payload.length + FRAME_BYTES,
        count: part.length,
        first: { entry: first.entry, section: first.section },
        last: { entry: last.entry, section: last.section },
      }
      if (part.length < capacity) this.#kept.set(page, part)
      this.rowPages.push(page)
    }
    this.rows = []
    this.needsRoot = true
  }

  /** Write all entries that are held, but not `current`, into pages. */
  async spillEntries(out: ChunkOutput, current?: EntryState): Promise<void> {
    let entries = sortedEntries(this.entries).filter((entry) => entry !== current)
    if (entries.length === 0) return
    for (const entry of entries) this.entries.delete(entry.id)
    while (entries.length < PAGE_ENTRIES) {
      const page = this.entryPages.at(-1)
      if (page === undefined || page.count >= PAGE_ENTRIES || page.count > entries.length) break
      const merged = new Map((await this.loadEntries(page)).map((entry) => [entry.id, entry]))
      for (const entry of entries) merged.set(entry.id, entry)
      entries = sortedEntries(merged)
      this.entryPages.pop()
    }
    for (let at = 0; at < entries.length; at += PAGE_ENTRIES) {
      const part = entries.slice(at, at + PAGE_ENTRIES)
      const payload = encodeEntryPage(part)
      const { offset } = await out.chunk(TYPES.index, 0, 0, payload)
      const page = { offset, length: payload.length + FRAME_BYTES, count: part.length, ...idsAndPaths(part) }
      if (part.length < PAGE_ENTRIES) this.#keptEntries.set(page, part)
      this.entryPages.push(page)
    }
    this.needsRoot = true
  }

  /** Take back into memory what stands in pages at or behind `position`, which is about to be given up. */
  async recall(position: number): Promise<void> {
    const keptRows: RowPage[] = []
    for (const page of this.rowPages) {
      if (page.offset < position) keptRows.push(page)
      else this.rows.push(...(await this.loadRows(page)))
    }
    this.rowPages = keptRows
    const keptEntries: EntryPage[] = []
    const recalled = new Map<number, EntryState>()
    for (const page of this.entryPages) {
      if (page.offset < position) keptEntries.push(page)
      else for (const entry of await this.loadEntries(page)) recalled.set(entry.id, entry)
    }
    this.entryPages = keptEntries
    for (const [id, entry] of recalled) if (!this.entries.has(id)) this.entries.set(id, entry)
    this.needsRoot = true
  }
}

/** Rows in a page, for a number of rows in all. */
function pageRows(total: number): number {
  let rows = PAGE_ROWS
  while (rows * ROOT_PAGES < total) rows *= 2
  return rows
}

function sortedEntries(entries: ReadonlyMap<number, EntryState>): EntryState[] {
  return [...entries.values()].sort((a, b) => a.id - b.id)
}

function idsAndPaths(entries: readonly EntryState[]): Pick<EntryPage, 'firstId' | 'lastId' | 'firstPath' | 'lastPath'> {
  let firstPath = ''
  let lastPath = ''
  for (const { head } of entries) {
    if (head.path === undefined) continue
    if (firstPath === '' || compareText(head.path, firstPath) < 0) firstPath = head.path
    if (compareText(head.path, lastPath) > 0) lastPath = head.path
  }
  return { firstId: entries[0].id, lastId: entries[entries.length - 1].id, firstPath, lastPath }
}
