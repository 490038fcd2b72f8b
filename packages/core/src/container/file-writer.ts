import { PithError } from '../errors.ts'
import type { FileSink, RandomAccess } from '../io.ts'
import { resolveLimits } from '../limits.ts'
import type { Limits } from '../run.ts'
import { compareText } from '../text-order.ts'
import type { EntryState, Row } from './catalog.ts'
import { copyEntry } from './catalog.ts'
import { Fetcher } from './fetch.ts'
import type { IndexBuilder, PageLoader } from './index-builder.ts'
import { IndexBuilder as Builder } from './index-builder.ts'
import { HEADER_BYTES, TAIL_BYTES, TYPES } from './layout.ts'
import type { Committed, LocatedSolo } from './locate.ts'
import { locate, readEntryPage, readRowPage, tailAt } from './locate.ts'
import { pageMayHold } from './pages.ts'
import { encodeUndo } from './records.ts'
import type { DeadRegion } from './tail-rewrite.ts'
import { copyBehind, moveDown } from './tail-rewrite.ts'
import type { ContainerEntryWriter, ContainerOptions, ContainerWriter, EntryMark, WriterState } from './writer.ts'
import { ChunkWriter, freshState } from './writer.ts'

/** A writer on a file that can be changed in place. */
export interface FileContainerWriter extends ContainerWriter {
  /** Go on with an entry that stands in the file. @throws PithError `PITH_ARG` there is none */
  continueEntry(idOrPath: number | string): Promise<ContainerEntryWriter>
}

/** Random access to what stands in a file that is being written. */
export function accessOfFile(sink: FileSink): RandomAccess {
  return {
    get size() {
      return sink.size
    },
    read: (offset, length) => sink.readAt(offset, length),
  }
}

export class FileWriter extends ChunkWriter implements FileContainerWriter {
  readonly #file: FileSink
  #dead: DeadRegion | undefined
  #pathsBefore: Promise<Set<string>> | undefined
  /** Bytes that were committed when the file was opened; 0 for a new file. */
  readonly #opened: number

  constructor(file: FileSink, state: WriterState, options: ContainerOptions) {
    super(file, state, options)
    this.#file = file
    this.#opened = state.totals.bytes
  }

  continueEntry(idOrPath: number | string): Promise<ContainerEntryWriter> {
    return this.enqueue(async () => {
      if (this.current !== undefined) throw new PithError('PITH_ARG', 'the entry before is not finished')
      await this.release()
      const entry = await this.#find(idOrPath)
      if (entry === undefined) {
        throw new PithError('PITH_ARG', `the file has no entry ${JSON.stringify(idOrPath).slice(0, 80)}`)
      }
      this.state.index.entries.set(entry.id, entry)
      this.current = entry
      return this.writerOf(entry)
    })
  }

  async #find(idOrPath: number | string): Promise<EntryState | undefined> {
    const { index } = this.state
    const fits = (entry: EntryState): boolean =>
      typeof idOrPath === 'number' ? entry.id === idOrPath : entry.head.path === idOrPath
    for (const entry of index.entries.values()) if (fits(entry)) return entry
    for (let i = index.entryPages.length - 1; i >= 0; i--) {
      const page = index.entryPages[i]
      const mayHold =
        typeof idOrPath === 'number'
          ? idOrPath >= page.firstId && idOrPath <= page.lastId
          : compareText(page.firstPath, idOrPath) <= 0 && compareText(idOrPath, page.lastPath) <= 0
      if (!mayHold) continue
      await this.out.drain()
      const entry = (await index.loadEntries(page)).find(fits)
      if (entry !== undefined) return copyEntry(entry)
    }
    return undefined
  }

  protected override async hasPath(path: string): Promise<boolean> {
    this.#pathsBefore ??= this.#opened === 0 ? Promise.resolve(new Set()) : this.#readPaths()
    return (await this.#pathsBefore).has(path)
  }

  /** Paths of the entries that stood in the file when it was opened, read once when the first entry is added. */
  async #readPaths(): Promise<Set<string>> {
    const { index } = this.state
    const paths = new Set<string>()
    const note = ({ head }: EntryState): void => {
      if (head.path !== undefined) paths.add(head.path)
    }
    for (const entry of index.entries.values()) note(entry)
    for (const page of index.entryPages) for (const entry of await index.loadEntries(page)) note(entry)
    return paths
  }

  protected override async supersede(entry: EntryState, mark: EntryMark): Promise<void> {
    const keep = keptCounts(entry, mark)
    // Two at once would need two regions; the first is made to hold before the second starts.
    if (this.#dead !== undefined) await this.doCommit()
    await this.release()
    await this.out.drain()
    const { state } = this
    const start = await this.#firstDropped(entry, keep, mark.profiles)
    if (start === undefined) return
    if (entry.summary !== undefined && entry.summary.offset >= start && !this.summaries.has(entry.id)) {
      this.summaries.set(entry.id, await this.#payload(entry.summary.offset, entry.summary.length))
    }
    await state.index.recall(start)
    this.#drop(entry, keep, mark.profiles)
    state.tail = await this.#tailBefore(start)
    const end = this.out.position
    const sections = entry.sections.map((section) => section.counts)
    const undo = encodeUndo({ profiles: mark.profiles, sections })
    await this.out.chunk(TYPES.undo, entry.id, 0, undo)
    this.#dead = { start, end, after: this.out.position, entry: entry.id, undo }
  }

  /** Where the first chunk stands that goes; undefined where none does. */
  async #firstDropped(entry: EntryState, keep: readonly number[][], profiles: number): Promise<number | undefined> {
    const { index } = this.state
    let start = entry.profiles[profiles]?.offset ?? Number.MAX_SAFE_INTEGER
    let missing = 0
    for (const [i, section] of entry.sections.entries()) {
      for (const [variant, count] of section.counts.entries()) missing += count - (keep[i][variant] ?? 0)
    }
    const visit = (rows: readonly Row[]): void => {
      for (const row of rows) {
        if (!isDropped(row, entry.id, keep)) continue
        missing--
        start = Math.min(start, row.offset)
      }
    }
    visit(index.rows)
    for (let i = index.rowPages.length - 1; i >= 0 && missing > 0; i--) {
      if (pageMayHold(index.rowPages[i], entry.id, 0)) visit(await index.loadRows(index.rowPages[i]))
    }
    return start === Number.MAX_SAFE_INTEGER ? undefined : start
  }

  #drop(entry: EntryState, keep: readonly number[][], profiles: number): void {
    const { index, totals } = this.state
    const kept: Row[] = []
    for (const row of index.rows) {
      if (!isDropped(row, entry.id, keep)) {
        kept.push(row)
        continue
      }
      entry.sections[row.section - 1].storedBytes -= row.storedBytes
      totals.blocks--
      if (row.variant === 0) {
        entry.rawBytes -= row.rawBytes
        totals.rawBytes -= row.rawBytes
      }
    }
    index.rows = kept
    for (const [i, section] of entry.sections.entries()) section.counts = [...keep[i]]
    entry.profiles.length = profiles
  }

  async #payload(offset: number, length: number): Promise<Uint8Array> {
    return (await this.#file.readAt(offset + HEADER_BYTES, length)).slice()
  }

  /** The last tail that stands before `position`, 0 without one. */
  async #tailBefore(position: number): Promise<number> {
    let at = this.state.tail
    while (at >= position && at > 0) {
      const tail = tailAt(await this.#file.readAt(at, TAIL_BYTES), 0, at)
      if (tail === undefined) return 0
      at = tail.previous
    }
    return at
  }

  protected override async settle(): Promise<void> {
    const dead = this.#dead
    if (dead === undefined) return super.settle()
    await this.release()
    await this.writeTail(true)
    this.#dead = undefined
    if ((await moveDown(this.#file, this.state, dead, this.current)) === 'short') await this.#makeFit(dead)
    this.out.position = this.state.totals.bytes
  }

  /** Close a dead region that is smaller than what replaces it. */
  async #makeFit(dead: DeadRegion): Promise<void> {
    const { state } = this
    const larger = await copyBehind(this.#file, state, this.out, dead)
    if (larger === undefined) return
    state.tail = await this.#tailBefore(dead.start)
    state.totals.commit--
    await this.writeTail(true)
    await moveDown(this.#file, state, larger, this.current)
  }

  protected override async giveUp(reason: unknown): Promise<void> {
    const { bytes } = this.state.totals
    // If the cut fails as well, a reader still finds the last commit.
    if (this.#file.size > bytes) await this.#file.truncate(bytes).catch(() => {})
    if (bytes === 0) await this.#file.abort(reason)
    else await this.#file.close()
  }
}

/** Blocks that stay, by section number and variant. @throws PithError `PITH_ARG` more than there are */
function keptCounts(entry: EntryState, mark: EntryMark): number[][] {
  if (mark.profiles > entry.profiles.length) throw badMark(entry)
  for (const name of Object.keys(mark.blocks)) {
    if (!entry.sections.some((section) => section.name === name)) throw badMark(entry)
  }
  return entry.sections.map(({ name, counts }) => {
    const kept = Object.hasOwn(mark.blocks, name) ? mark.blocks[name] : []
    return counts.map((count, variant) => {
      const stays = kept[variant] ?? 0
      if (!(Number.isInteger(stays) && stays >= 0 && stays <= count)) throw badMark(entry)
      return stays
    })
  })
}

function badMark(entry: EntryState): PithError {
  return new PithError('PITH_ARG', `the mark does not lie behind the blocks of entry ${entry.id}`)
}

function isDropped(row: Row, entry: number, keep: readonly number[][]): boolean {
  return row.entry === entry && row.block >= (keep[row.section - 1]?.[row.variant] ?? 0)
}

function loaderOf(file: FileSink): PageLoader {
  const fetcher = (): Fetcher => new Fetcher(accessOfFile(file))
  return {
    rows: (page) => readRowPage(fetcher(), page, file.size),
    entries: (page) => readEntryPage(fetcher(), page, file.size),
  }
}

/** A writer on an empty file. */
export function createInFile(file: FileSink, options: ContainerOptions): FileContainerWriter {
  if (file.size > 0) {
    throw new PithError('PITH_ARG', `the file to write must be empty, it has ${file.size} bytes`, {
      hint: 'Use openForAppend to go on with a file.',
    })
  }
  return new FileWriter(file, freshState(loaderOf(file)), options)
}

/** Options of `openForAppend`: limits hold for the index that is read. */
export interface AppendOptions extends ContainerOptions {
  limits?: Partial<Limits>
}

/**
 * Open a container to add entries, or blocks to an entry. What stands behind the last commit is cut off.
 *
 * @throws PithError `PITH_CHECKSUM`, `PITH_CORRUPT` the last commit is damaged · `PITH_TRUNCATED` there is none
 */
export async function openForAppend(file: FileSink, options: AppendOptions = {}): Promise<FileContainerWriter> {
  const limits = resolveLimits(options.limits)
  const located = await locate(new Fetcher(accessOfFile(file)), limits, options.signal)
  if (located.damage !== undefined) throw located.damage
  if (file.size > located.end) {
    await file.truncate(located.end)
    await file.flush()
  }
  const index = new Builder(loaderOf(file), located.form === 'chunks' ? located.root : undefined)
  if (located.form === 'solo') return appendToSolo(file, index, located, options)
  return new FileWriter(file, stateOf(located, index), options)
}

function stateOf(located: Committed, index: IndexBuilder): WriterState {
  const { tail, journal, root, indexEnd, end } = located
  for (const [id, entry] of journal.entries) index.entries.set(id, entry)
  index.rows.push(...journal.rows)
  let lastId = 0
  for (const page of root.entryPages) lastId = Math.max(lastId, page.lastId)
  for (const id of index.entries.keys()) lastId = Math.max(lastId, id)
  const { entries, blocks, rawBytes, commit, rootOffset, rootLength } = tail
  return {
    position: end,
    index,
    totals: { entries, blocks, rawBytes, bytes: end, commit },
    lastId,
    tail: tail.self,
    indexEnd,
    rootOffset,
    rootLength,
  }
}

/** The solo form has no place for more: its content is written again as chunks behind it, and holds from the next commit on. */
async function appendToSolo(
  file: FileSink,
  index: IndexBuilder,
  located: LocatedSolo,
  options: AppendOptions,
): Promise<FileContainerWriter> {
  const { solo, bytes } = located
  const state = { ...freshState(), index, position: located.end, indexEnd: located.end }
  state.totals = { entries: 0, blocks: 0, rawBytes: 0, bytes: located.end, commit: 1 }
  index.needsRoot = true
  const writer = new FileWriter(file, state, options)
  const { head } = solo.entry
  const entry = await writer.entry({ ...head, version: head.codecVersion })
  const cut = (place: { offset: number; length: number }): Uint8Array =>
    bytes.subarray(place.offset, place.offset + place.length)
  for (const ref of solo.entry.profiles) await entry.profile(cut(ref))
  if (solo.entry.summary !== undefined) await entry.summary(cut(solo.entry.summary))
  for (const row of solo.rows) {
    await entry.block(solo.entry.sections[row.section - 1].name, cut({ offset: row.offset, length: row.storedBytes }), {
      rawBytes: row.rawBytes,
      variant: row.variant,
      profile: row.profile,
      ...(row.keyFirst < 0 ? {} : { keys: [row.keyFirst, row.keyFirst + row.keyCount] as const }),
    })
  }
  await entry.finish(solo.entry.rawBytes)
  return writer
}
