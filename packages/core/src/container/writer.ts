import { ByteWriter } from '../bytes.ts'
import type { BlockOptions, EntryWriter } from '../codec.ts'
import { PithError } from '../errors.ts'
import type { Sink } from '../io.ts'
import type { ChunkRef, EntryState, Row } from './catalog.ts'
import { addSection, countRow, newEntry, sectionNumber } from './catalog.ts'
import { ChunkOutput } from './chunk-output.ts'
import type { PageLoader } from './index-builder.ts'
import { IndexBuilder } from './index-builder.ts'
import { JOURNAL_BYTES, makePrelude, PRELUDE_BYTES, SOLO_PAYLOAD_BYTES, TAIL_BYTES, TYPES } from './layout.ts'
import { checkLink, checkPath } from './paths.ts'
import type { EntryHead, EntryKind, Tail } from './records.ts'
import { checkBlockOptions, checkCount, checkName, encodeTail, writeBlockPrefix, writeHead } from './records.ts'
import { encodeSolo } from './solo.ts'

/** Rows and entries that are held in memory at most. */
const HELD_ROWS = 65536
const HELD_ENTRIES = 1024

/** What an entry says of itself; none of it can be changed later. */
export interface EntryOptions {
  /** Codec id; default `stored`. */
  codec?: string
  /** Version of the codec's layout; default 1. */
  version?: number
  /** Default `file`. */
  kind?: EntryKind
  /** Safe relative path with `/` between its parts; an archive needs one for every entry. */
  path?: string
  /** Permission bits, 0..0o7777. */
  mode?: number
  /** Milliseconds since 1970, an integer. */
  mtime?: number
  /** At most 64 KiB of the application's own. */
  meta?: Uint8Array
  /** SHA-256 in hex of a profile that is kept elsewhere. */
  externalProfile?: string
  /** Target of a symbolic link. */
  link?: string
}

/** Sums over a container at a commit. */
export interface Totals {
  entries: number
  blocks: number
  rawBytes: number
  /** Bytes of the file up to the end of its last tail. */
  bytes: number
  /** Number of the last commit, from 1. */
  commit: number
}

/** A place among the blocks of an entry to which the writer can go back. */
export interface EntryMark {
  /** Blocks of each section that stay, by variant. */
  readonly blocks: Readonly<Record<string, readonly number[]>>
  /** Profile versions that stay. */
  readonly profiles: number
}

/** An entry being written. */
export interface ContainerEntryWriter extends EntryWriter {
  readonly id: number
  /** The place after what was written so far. */
  mark(): EntryMark
  /**
   * Give up all blocks and profiles behind `mark`, so that others may follow in their place. The next `commit` or
   * `finish` makes it hold; until then a crash leaves the old blocks. The old bytes are given back to the file system
   * where nothing else stands behind them.
   *
   * @throws PithError `PITH_UNSUPPORTED` the sink is not a file · `PITH_ARG` another entry was written since
   */
  supersede(mark: EntryMark): Promise<void>
  /** End the entry. `rawBytes` is its decoded length, by default the sum over its blocks of variant 0. */
  finish(rawBytes?: number): Promise<void>
}

/** Writes a container, one entry at a time. */
export interface ContainerWriter {
  /** Start an entry; the one before must be finished. */
  entry(options?: EntryOptions): Promise<ContainerEntryWriter>
  /** Make everything so far durable. @throws PithError `PITH_UNSUPPORTED` the sink cannot flush */
  commit(): Promise<void>
  /** End the file and close the sink. */
  finish(): Promise<Totals>
  /** Give up: what was not committed is lost, a file that was made new is removed. */
  abort(reason?: unknown): Promise<void>
  readonly totals: Totals
}

/** Options of a writer. */
export interface ContainerOptions {
  signal?: AbortSignal
  /** Fold a small file with one entry into the solo form; default true. */
  solo?: boolean
}

/** What a writer goes on from. */
export interface WriterState {
  position: number
  index: IndexBuilder
  totals: Totals
  lastId: number
  /** Where the last tail stands, 0 without one. */
  tail: number
  indexEnd: number
  rootOffset: number
  rootLength: number
}

type HeldOp = { profile: Uint8Array } | { row: Row; payload: Uint8Array }

/** State of a fresh file. */
export function freshState(loader?: PageLoader): WriterState {
  return {
    position: 0,
    index: new IndexBuilder(loader),
    totals: { entries: 0, blocks: 0, rawBytes: 0, bytes: 0, commit: 0 },
    lastId: 0,
    tail: 0,
    indexEnd: PRELUDE_BYTES,
    rootOffset: 0,
    rootLength: 0,
  }
}

/** Writes entries, blocks and index to a sink; what needs a file is added by its subclass. */
export class ChunkWriter implements ContainerWriter {
  protected readonly sink: Sink
  protected readonly state: WriterState
  protected readonly out: ChunkOutput
  protected current: EntryState | undefined
  readonly #signal: AbortSignal | undefined
  #held: HeldOp[] | undefined
  #heldBytes = 0
  #paths: Set<string> = new Set()
  /** Summaries that are not in the file yet. */
  protected readonly summaries: Map<number, Uint8Array> = new Map()
  #queue: Promise<unknown> = Promise.resolve()
  #failure: { reason: unknown } | undefined
  #closed = false

  constructor(sink: Sink, state: WriterState, options: ContainerOptions) {
    this.sink = sink
    this.state = state
    this.#signal = options.signal
    this.out = new ChunkOutput(sink, state.position)
    if (state.position === 0 && options.solo !== false) this.#held = []
  }

  get totals(): Totals {
    return { ...this.state.totals }
  }

  /** Run one step after the other; after a failure, none. */
  protected enqueue<T>(step: () => Promise<T>): Promise<T> {
    const run = this.#queue.then(async () => {
      if (this.#failure !== undefined) throw this.#failure.reason
      if (this.#closed) throw new PithError('PITH_ARG', 'the container is finished')
      this.#signal?.throwIfAborted()
      try {
        return await step()
      } catch (reason) {
        // A refused argument changes nothing; anything else may have left half a chunk behind.
        if (!(reason instanceof PithError && (reason.code === 'PITH_ARG' || reason.code === 'PITH_UNSUPPORTED'))) {
          this.#failure = { reason }
        }
        throw reason
      }
    })
    this.#queue = run.catch(() => {})
    return run
  }

  entry(options: EntryOptions = {}): Promise<ContainerEntryWriter> {
    return this.enqueue(async () => {
      if (this.current !== undefined) throw new PithError('PITH_ARG', 'the entry before is not finished')
      const head = makeHead(options)
      if (head.path !== undefined) {
        if (this.#paths.has(head.path) || (await this.hasPath(head.path))) {
          throw new PithError(
            'PITH_ARG',
            `the path ${JSON.stringify(head.path.slice(0, 80))} stands in the archive already`,
          )
        }
        this.#paths.add(head.path)
      }
      if (this.#held === undefined || this.state.lastId > 0) await this.release()
      const entry = newEntry(this.state.lastId + 1, head)
      await this.makeRoom()
      this.state.lastId++
      this.state.totals.entries++
      this.current = entry
      this.state.index.entries.set(entry.id, entry)
      if (this.#held === undefined) await this.#writeHead(entry)
      return this.writerOf(entry)
    })
  }

  /** Whether an entry that this writer did not write has the path. */
  protected async hasPath(_path: string): Promise<boolean> {
    return false
  }

  /** The face of one entry. */
  protected writerOf(entry: EntryState): ContainerEntryWriter {
    const guard = <T>(step: () => Promise<T>): Promise<T> =>
      this.enqueue(() => {
        if (this.current !== entry) throw new PithError('PITH_ARG', `entry ${entry.id} is finished`)
        return step()
      })
    return {
      id: entry.id,
      profile: (payload) => guard(() => this.#profile(entry, payload)),
      block: (section, payload, options) => guard(() => this.#block(entry, section, payload, options)),
      summary: (payload) =>
        guard(async () => {
          this.summaries.set(entry.id, payload.slice())
        }),
      commit: () => guard(() => this.doCommit()),
      mark: () => markOf(entry),
      supersede: (mark) => guard(() => this.supersede(entry, mark)),
      finish: (rawBytes) => guard(() => this.#finishEntry(entry, rawBytes)),
    }
  }

  async #profile(entry: EntryState, payload: Uint8Array): Promise<number> {
    if (await this.#hold(payload.length)) {
      this.#held?.push({ profile: payload.slice() })
      entry.profiles.push({ offset: 0, length: 0, crc: 0 })
    } else entry.profiles.push(await this.#writeProfile(entry, payload, entry.profiles.length + 1))
    return entry.profiles.length
  }

  async #block(entry: EntryState, section: string, payload: Uint8Array, options: BlockOptions): Promise<void> {
    checkBlockOptions(section, options, entry.profiles.length)
    checkCount(entry.rawBytes + options.rawBytes, Number.MAX_SAFE_INTEGER, 'the sum of rawBytes')
    const number = sectionNumber(entry, section) || addSection(entry, section)
    const { keys, variant = 0, profile = 0, rawBytes } = options
    const row: Row = {
      entry: entry.id,
      section: number,
      variant,
      block: entry.sections[number - 1].counts[variant] ?? 0,
      offset: 0,
      prefix: 0,
      storedBytes: payload.length,
      rawBytes,
      keyFirst: keys === undefined ? -1 : keys[0],
      keyCount: keys === undefined ? 0 : keys[1] - keys[0],
      profile,
      aligned: options.align === true,
      crc: 0,
    }
    const mayHold = await this.#hold(payload.length, options.align)
    if (!mayHold) await this.makeRoom()
    countRow(entry, row)
    this.state.totals.blocks++
    if (variant === 0) this.state.totals.rawBytes += rawBytes
    if (mayHold) this.#held?.push({ row, payload: payload.slice() })
    else await this.#writeBlock(entry, row, payload)
  }

  /** Whether to hold back what comes next; if not, everything held is in the file afterwards. */
  async #hold(bytes: number, align = false): Promise<boolean> {
    if (this.#held === undefined) return false
    this.#heldBytes += bytes
    if (this.#heldBytes <= SOLO_PAYLOAD_BYTES && !align) return true
    await this.release()
    return false
  }

  /** Give up the solo form: write what was held back as chunks. */
  protected async release(): Promise<void> {
    if (this.out.position === 0) await this.out.raw(makePrelude())
    const held = this.#held
    this.#held = undefined
    const [entry] = this.state.index.entries.values()
    if (held === undefined || entry === undefined) return
    await this.#writeHead(entry)
    let version = 0
    let sum = 0
    for (const op of held) {
      if ('profile' in op) {
        entry.profiles[version] = await this.#writeProfile(entry, op.profile, version + 1)
        version++
      } else {
        await this.#writeBlock(entry, op.row, op.payload)
        if (op.row.variant === 0) sum += op.row.rawBytes
      }
    }
    if (sum !== entry.rawBytes) await this.writeDone(entry)
  }

  async #writeHead(entry: EntryState): Promise<void> {
    const out = new ByteWriter()
    writeHead(out, entry.head)
    await this.out.chunk(TYPES.head, entry.id, 0, out.view())
  }

  async #writeProfile(entry: EntryState, payload: Uint8Array, version: number): Promise<ChunkRef> {
    const prefix = new ByteWriter(16)
    prefix.varint(version)
    return this.out.chunk(TYPES.profile, entry.id, 0, payload, prefix.view())
  }

  async #writeBlock(entry: EntryState, row: Row, payload: Uint8Array): Promise<void> {
    const prefix = new ByteWriter(32)
    // The name comes again from time to time, so that a damaged block does not make its section nameless.
    const named = row.block < 2 || row.block % 32 === 0
    writeBlockPrefix(prefix, {
      block: row.block,
      rawBytes: row.rawBytes,
      variant: row.variant,
      profile: row.profile,
      aligned: row.aligned,
      ...(named ? { name: entry.sections[row.section - 1].name } : {}),
      ...(row.keyFirst < 0 ? {} : { keys: [row.keyFirst, row.keyFirst + row.keyCount] as const }),
    })
    const ref = await this.out.chunk(TYPES.block, entry.id, row.section, payload, prefix.view(), row.aligned)
    row.offset = ref.offset
    row.prefix = prefix.length
    row.crc = ref.crc
    this.state.index.rows.push(row)
  }

  async #finishEntry(entry: EntryState, rawBytes = entry.rawBytes): Promise<void> {
    checkCount(rawBytes, Number.MAX_SAFE_INTEGER, 'rawBytes')
    if (rawBytes !== entry.rawBytes) {
      this.state.totals.rawBytes += rawBytes - entry.rawBytes
      entry.rawBytes = rawBytes
      if (this.#held === undefined) await this.writeDone(entry)
    }
    this.current = undefined
  }

  protected async writeDone(entry: EntryState): Promise<void> {
    const out = new ByteWriter()
    out.varint(entry.rawBytes)
    await this.out.chunk(TYPES.done, entry.id, 0, out.view())
  }

  /** Keep the memory for rows and finished entries bounded. */
  protected async makeRoom(): Promise<void> {
    const { index } = this.state
    if (this.#held !== undefined) return
    if (index.rows.length >= HELD_ROWS) await index.spillRows(this.out)
    if (index.entries.size < HELD_ENTRIES) return
    await this.#writeSummaries()
    await index.spillEntries(this.out, this.current)
  }

  async #writeSummaries(): Promise<void> {
    for (const [id, payload] of this.summaries) {
      const entry = this.state.index.entries.get(id)
      if (entry !== undefined) entry.summary = await this.out.chunk(TYPES.summary, id, 0, payload)
    }
    this.summaries.clear()
  }

  commit(): Promise<void> {
    return this.enqueue(() => this.doCommit())
  }

  protected async doCommit(): Promise<void> {
    if (this.sink.flush === undefined) {
      throw new PithError('PITH_UNSUPPORTED', 'this sink cannot make its bytes durable before its end', {
        hint: 'Write to a file to commit while writing.',
      })
    }
    await this.settle()
  }

  /** Write what is held back and a tail, if anything changed since the last. */
  protected async settle(): Promise<void> {
    await this.release()
    const { tail, totals } = this.state
    if (tail > 0 && this.out.position === totals.bytes && this.summaries.size === 0) return
    await this.writeTail(false)
  }

  /** Summaries, index where it is due, tail. Everything is durable before the tail is written. */
  protected async writeTail(withRoot: boolean): Promise<void> {
    const { state, out } = this
    await this.#writeSummaries()
    if (withRoot || state.index.needsRoot || out.position - state.indexEnd > JOURNAL_BYTES) {
      const root = await state.index.writeRoot(out, this.current)
      state.rootOffset = root.offset
      state.rootLength = root.length
      state.indexEnd = root.offset + root.length
    }
    await out.drain()
    await this.sink.flush?.()
    const self = out.position
    await out.chunk(TYPES.tail, 0, 0, encodeTail(tailOf(state, state.totals.commit + 1, self)))
    await out.drain()
    await this.sink.flush?.()
    state.totals.commit++
    state.tail = self
    state.totals.bytes = self + TAIL_BYTES
  }

  protected async supersede(_entry: EntryState, _mark: EntryMark): Promise<void> {
    throw new PithError('PITH_UNSUPPORTED', 'blocks can only be replaced in a file', {
      hint: 'Write to a file that can be changed in place.',
    })
  }

  finish(): Promise<Totals> {
    return this.enqueue(async () => {
      if (this.current !== undefined) throw new PithError('PITH_ARG', 'the last entry is not finished')
      await this.finishBytes()
      this.#closed = true
      await this.sink.close()
      return this.totals
    })
  }

  protected async finishBytes(): Promise<void> {
    if (!(await this.#finishSolo())) await this.settle()
  }

  async #finishSolo(): Promise<boolean> {
    const [entry] = this.state.index.entries.values()
    if (this.#held === undefined || entry === undefined) return false
    const profiles: Uint8Array[] = []
    const blocks: { row: Row; payload: Uint8Array }[] = []
    for (const op of this.#held) {
      if ('profile' in op) profiles.push(op.profile)
      else blocks.push({ row: op.row, payload: op.payload })
    }
    const bytes = encodeSolo({ entry, profiles, summary: this.summaries.get(entry.id), blocks })
    if (bytes === undefined) return false
    await this.sink.write(bytes)
    this.state.totals.bytes = bytes.length
    this.state.totals.commit = 1
    return true
  }

  async abort(reason?: unknown): Promise<void> {
    await this.#queue
    if (this.#closed) return
    this.#closed = true
    await this.giveUp(reason)
  }

  protected async giveUp(reason: unknown): Promise<void> {
    await this.sink.abort(reason)
  }
}

function makeHead(options: EntryOptions): EntryHead {
  const { codec = 'stored', version = 1, kind = 'file', path, mode, mtime, meta, externalProfile, link } = options
  checkName(codec, 'codec')
  checkCount(version, 0xffff, 'version')
  const head: EntryHead = { kind, codec, codecVersion: version }
  if (path !== undefined) head.path = checkPath(path)
  if (mode !== undefined) {
    checkCount(mode, 0o7777, 'mode')
    head.mode = mode
  }
  if (mtime !== undefined) {
    checkCount(Math.abs(mtime), 2 ** 52 - 1, 'mtime')
    head.mtime = mtime
  }
  if (meta !== undefined) head.meta = meta.slice()
  if (externalProfile !== undefined) head.externalProfile = externalProfile.toLowerCase()
  if (kind === 'link') head.link = checkLink(path ?? '', link ?? '')
  else if (link !== undefined) throw new PithError('PITH_ARG', 'only an entry of kind link has a target')
  // Written once here, so that a bad field is refused before the entry counts.
  writeHead(new ByteWriter(), head)
  return head
}

/** The tail that a state asks for at the place `self`. */
export function tailOf(state: WriterState, commit: number, self: number): Tail {
  const { entries, blocks, rawBytes } = state.totals
  const { tail: previous, rootOffset, rootLength } = state
  return { commit, self, previous, rootOffset, rootLength, entries, blocks, rawBytes }
}

export function markOf(entry: EntryState): EntryMark {
  const blocks: Record<string, readonly number[]> = {}
  for (const section of entry.sections) blocks[section.name] = [...section.counts]
  return { blocks, profiles: entry.profiles.length }
}
