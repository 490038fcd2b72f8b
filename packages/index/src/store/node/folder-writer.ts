import { join } from 'node:path'
import { compareText, PithError, type Run, throwIfAborted } from '@pith/core'
import { createContainer } from '@pith/core/container'
import {
  type AppendLog,
  atomicFolder,
  type FileSystem,
  type FolderChange,
  type Lock,
  nodeFiles,
  withPath,
} from '@pith/core/node'
import type { BprLayer } from '../../bpr/index.ts'
import type { QueryAdapter } from '../../jpq/index.ts'
import type { IndexDocument } from '../../types.ts'
import { checkDocument, checkId } from '../document.ts'
import { type LiveSegment, mergeDocuments } from '../merge.ts'
import { adaptModels, hashModels, type Models, writeModels } from '../models.ts'
import { type IndexTools, planSegment } from '../parts.ts'
import { openSegment, type PlacedDocument, writeSegmentFile } from '../segment.ts'
import { checkTuning, type IndexSettings, LSA, type Tuning } from '../settings.ts'
import { type IndexState, planMerge, type SegmentRow } from '../state.ts'
import { buryRows, liveRows } from '../tombstones.ts'
import { trainModels } from '../train.ts'
import { commitState, type PinnedSegment, pinFolder, segmentName, writeTombstones } from './folder.ts'
import { type Change, encodeChanges, startWal, walName } from './wal.ts'
import type { IndexWriter, WriterOptions } from './writer-types.ts'

const GROUP_MS = 50
const GROUP_BYTES = 2 ** 20

/** Changes the index of a folder, as long as it holds the lock. */
export class FolderWriter implements IndexWriter {
  readonly path: string
  readonly warnings: readonly string[]
  readonly #files: FileSystem
  readonly #options: Required<Omit<WriterOptions, 'files' | 'encoder' | 'sparseEncoder'>>
  readonly #lock: Lock
  #state: IndexState
  #tools: IndexTools
  #log: AppendLog
  /** Documents that no segment has, by id, and their bytes. */
  readonly #fresh = new Map<string, { readonly document: IndexDocument; readonly bytes: number }>()
  #freshBytes = 0
  /** Ids that were added or deleted since the segments were written: what these hold of them is gone. */
  readonly #changed = new Set<string>()
  #unsynced = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #syncFailure: { error: unknown } | undefined
  #queue: Promise<unknown> = Promise.resolve()
  #failure: { error: unknown } | undefined
  #closed = false

  constructor(
    path: string,
    options: WriterOptions,
    state: IndexState,
    tools: IndexTools,
    log: AppendLog,
    lock: Lock,
    warnings: readonly string[],
  ) {
    this.path = path
    this.warnings = warnings
    this.#files = options.files ?? nodeFiles
    this.#options = {
      durability: options.durability ?? 'group',
      flushDocuments: options.flushDocuments ?? 20_000,
      flushBytes: options.flushBytes ?? 2 ** 26,
      mergeFactor: options.mergeFactor ?? 8,
      autoMerge: options.autoMerge ?? true,
    }
    this.#state = state
    this.#tools = tools
    this.#log = log
    this.#lock = lock
  }

  /** Take what a log holds that no segment does. */
  replay(changes: readonly Change[]): void {
    for (const change of changes) this.#apply(change)
  }

  add(documents: IndexDocument | readonly IndexDocument[], run?: Run): Promise<void> {
    const list = 'text' in documents ? [documents] : documents
    return this.#change(() => {
      for (const document of list) {
        checkDocument(document)
        checkVectors(document, this.#state.settings)
      }
      return list.map((document) => ({ kind: 'add', document }))
    }, run)
  }

  update(documents: IndexDocument | readonly IndexDocument[], run?: Run): Promise<void> {
    return this.add(documents, run)
  }

  delete(ids: string | readonly string[], run?: Run): Promise<void> {
    const list = typeof ids === 'string' ? [ids] : ids
    return this.#change(() => {
      for (const id of list) checkId(id)
      return list.map((id) => ({ kind: 'delete', id }))
    }, run)
  }

  flush(run?: Run): Promise<void> {
    return this.#inTurn(async () => {
      await this.#flush(run)
      await this.#sync()
    })
  }

  merge(run?: Run): Promise<void> {
    return this.#inTurn(async () => {
      await this.#flush(run)
      const { segments } = this.#state
      if (segments.length > 1 || segments.some(({ deleted }) => deleted > 0)) {
        await this.#mergeSegments([...segments.keys()], run)
      }
    })
  }

  train(run?: Run): Promise<void> {
    return this.#inTurn(async () => {
      await this.#flush(run)
      const places = [...this.#state.segments.keys()]
      await this.#mergeSegments(places, run, (inputs) => trainModels(inputs, this.#tools, run))
    })
  }

  adapt(learned: { scoring?: Float32Array; adapter?: QueryAdapter }, run?: Run): Promise<void> {
    return this.#inTurn(async () => {
      throwIfAborted(run?.signal)
      const models = await adaptModels(this.#tools.models, learned)
      const old = this.#state
      await this.#commit(async (change) => ({
        ...old,
        next: old.next + 1,
        models: await writeModelsFile(change, old, models),
      }))
      this.#tools = { ...this.#tools, models }
    })
  }

  hash(layer: BprLayer, run?: Run): Promise<void> {
    return this.#inTurn(async () => {
      await this.#flush(run)
      const { settings, models, encoder } = this.#tools
      if (settings.dense === undefined) throw new PithError('PITH_CAPABILITY', 'the index has no vectors')
      const hashed = hashModels(models, layer, models.pq?.dim ?? encoder?.dim ?? settings.dense.dim)
      await this.#mergeSegments([...this.#state.segments.keys()], run, async () => hashed)
    })
  }

  tune(tuning: Tuning): Promise<void> {
    return this.#inTurn(async () => {
      const settings = { ...this.#state.settings, tuning: checkTuning(tuning) }
      await this.#commit(async () => ({ ...this.#state, settings }))
      this.#tools = { ...this.#tools, settings }
    })
  }

  close(run?: Run): Promise<void> {
    if (this.#closed) return this.#queue.then(() => {})
    const closing = this.#inTurn(async () => {
      if (this.#failure === undefined) await this.#flush(run)
    }, true)
    this.#closed = true
    return closing.finally(async () => {
      clearTimeout(this.#timer)
      await this.#log.close().catch(() => {})
      await this.#lock.release()
    })
  }

  /** One call after the other. Where a commit failed halfway, none. */
  #inTurn<T>(work: () => Promise<T>, whileBroken = false): Promise<T> {
    if (this.#closed) return Promise.reject(new PithError('PITH_ARG', 'the index is closed'))
    const turn = this.#queue.then(() => {
      if (this.#failure !== undefined && !whileBroken) throw this.#failure.error
      return work()
    })
    this.#queue = turn.catch(() => {})
    return turn
  }

  #change(make: () => Change[], run?: Run): Promise<void> {
    let changes: Change[]
    try {
      throwIfAborted(run?.signal)
      changes = make()
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#inTurn(async () => {
      throwIfAborted(run?.signal)
      for (const batch of this.#batches(changes)) {
        await this.#write(batch)
        if (this.#fresh.size >= this.#options.flushDocuments || this.#freshBytes >= this.#options.flushBytes) {
          await this.#flush(run)
        }
      }
    })
  }

  /** A long list is cut where memory would be full. */
  *#batches(changes: readonly Change[]): Generator<readonly Change[]> {
    const step = Math.max(1, Math.min(1000, this.#options.flushDocuments))
    for (let at = 0; at < changes.length; at += step) yield changes.slice(at, at + step)
  }

  async #write(changes: readonly Change[]): Promise<void> {
    if (this.#options.durability !== 'none') {
      if (this.#syncFailure !== undefined) throw this.#syncFailure.error
      for (const record of encodeChanges(changes)) {
        await this.#log.append(record)
        this.#unsynced += record.length
      }
      if (this.#options.durability === 'each' || this.#unsynced >= GROUP_BYTES) await this.#sync()
      else this.#syncSoon()
    }
    for (const change of changes) this.#apply(change)
  }

  #apply(change: Change): void {
    const id = change.kind === 'add' ? change.document.id : change.id
    this.#freshBytes -= this.#fresh.get(id)?.bytes ?? 0
    this.#fresh.delete(id)
    this.#changed.add(id)
    if (change.kind === 'delete') return
    const bytes = bytesOf(change.document)
    this.#fresh.set(id, { document: change.document, bytes })
    this.#freshBytes += bytes
  }

  async #sync(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#unsynced === 0) return
    this.#unsynced = 0
    await this.#log.flush()
  }

  #syncSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#sync().catch((error: unknown) => {
        this.#syncFailure = { error }
      })
    }, GROUP_MS).unref()
  }

  /** Make a segment of what is in memory, mark what it replaces, and start a new log. */
  async #flush(run?: Run): Promise<void> {
    if (this.#changed.size === 0) return
    const documents = [...this.#fresh.values()]
    documents.sort((a, b) => compareText(a.document.id, b.document.id))
    const gone = [...this.#changed].sort(compareText)
    const old = this.#state
    await this.#commit(async (change) => {
      const segments = await this.#bury(change, old.segments, gone, run)
      let { next } = old
      if (documents.length > 0) {
        const name = segmentName(next++)
        const rows = await this.#writeSegment(change, name, documents, [], this.#tools, run)
        segments.push({ name, rows, deleted: 0 })
      }
      return { ...old, segments, next, wal: old.wal + 1 }
    })
    this.#fresh.clear()
    this.#changed.clear()
    this.#freshBytes = 0
    await this.#nextLog(old.wal)
    for (;;) {
      const { mergeFactor: factor, flushDocuments: unit, autoMerge } = this.#options
      const plan = autoMerge ? planMerge(this.#state.segments, { factor, unit }) : undefined
      if (plan === undefined) return
      await this.#mergeSegments(plan, run)
    }
  }

  async #writeSegment(
    change: FolderChange,
    name: string,
    documents: Iterable<PlacedDocument> | AsyncIterable<PlacedDocument>,
    sources: readonly LiveSegment[],
    tools: IndexTools,
    run?: Run,
  ): Promise<number> {
    // Vectors of another encoder are of no use.
    const models = tools.encoder === this.#tools.encoder ? this.#tools.models : undefined
    const own = sources.map(({ segment }) => ({ segment, models }))
    const plan = await planSegment(tools, own, run)
    return writeSegmentFile(await change.create(name), documents, plan, run)
  }

  /** Segments less the documents of the given ids, which ascend. */
  async #bury(
    change: FolderChange,
    segments: readonly SegmentRow[],
    ids: readonly string[],
    run?: Run,
  ): Promise<SegmentRow[]> {
    const left: SegmentRow[] = []
    const pinned = await pinFolder(this.path, this.#files, 'none')
    try {
      for (const [i, row] of segments.entries()) {
        const { file, dead, error } = pinned.segments[i]
        if (file === undefined) throw error
        const segment = await openSegment(file, run === undefined ? {} : { run })
        const { bits, added } = await buryRows(segment, dead, ids, run)
        const deleted = row.deleted + added
        if (deleted === row.deleted) left.push(row)
        else {
          if (row.tombstones !== undefined) change.remove(row.tombstones)
          if (deleted === row.rows) change.remove(row.name)
          else left.push(await writeTombstones(change, { ...row, deleted }, bits))
        }
      }
    } finally {
      await pinned.close()
    }
    return left
  }

  /**
   * Make one segment of several, without what is gone from them.
   *
   * @param learn  what the new segment is made by, from the segments; undefined leaves all as it is
   */
  async #mergeSegments(
    places: readonly number[],
    run?: Run,
    learn?: (inputs: readonly LiveSegment[]) => Promise<Models | undefined>,
  ): Promise<void> {
    const old = this.#state
    const pinned = await pinFolder(this.path, this.#files, 'none')
    try {
      const inputs = await Promise.all(places.map((place) => openLive(pinned.segments[place], run)))
      const models = await learn?.(inputs)
      if (learn !== undefined && models === undefined) return
      const tools = models === undefined ? this.#tools : withModels(this.#tools, models)
      await this.#commit(async (change) => {
        const name = segmentName(old.next)
        const rows = await this.#writeSegment(change, name, mergeDocuments(inputs, run), inputs, tools, run)
        for (const place of places) {
          const { name: input, tombstones } = old.segments[place]
          change.remove(input)
          if (tombstones !== undefined) change.remove(tombstones)
        }
        const merged = rows === 0 ? [] : [{ name, rows, deleted: 0 }]
        if (rows === 0) change.remove(name)
        const first = Math.min(...places)
        const segments = old.segments.flatMap((row, i) => (i === first ? merged : places.includes(i) ? [] : [row]))
        const next = { ...old, segments, next: old.next + 1 }
        return models === undefined ? next : { ...next, models: await writeModelsFile(change, old, models) }
      })
      this.#tools = tools
    } finally {
      await pinned.close()
    }
  }

  /** Change the folder as a whole. What fails before the commit leaves all as it was. */
  async #commit(fill: (change: FolderChange) => Promise<IndexState>): Promise<void> {
    const change = await atomicFolder(this.path, { mode: 'update', files: this.#files })
    let state: IndexState
    try {
      state = await fill(change)
    } catch (error) {
      await change.abort().catch(() => {})
      throw error
    }
    try {
      await commitState(change, state)
    } catch (error) {
      // Whether it stands is not known here; who opens the folder sees.
      this.#failure = {
        error: new PithError('PITH_IO', `a change of ${this.path} failed halfway`, {
          hint: 'Open the index again.',
          cause: error,
        }),
      }
      throw error
    }
    this.#state = state
  }

  async #nextLog(old: number): Promise<void> {
    try {
      clearTimeout(this.#timer)
      this.#timer = undefined
      this.#unsynced = 0
      await this.#log.close()
      this.#log = await startWal(this.path, this.#state.wal, this.#files)
      await withPath(this.path, () => this.#files.unlink(join(this.path, walName(old))))
    } catch (error) {
      this.#failure = { error }
      throw error
    }
  }
}

/** Vectors that come with a document must be those of the encoder. */
function checkVectors({ id, vector }: IndexDocument, { dense }: IndexSettings): void {
  if (vector === undefined || dense === undefined) return
  const name = JSON.stringify(id.slice(0, 80))
  if (dense.encoder === LSA) {
    throw new PithError('PITH_MODEL', `the document ${name} has a vector, the index makes its own`, {
      hint: 'Leave the vector out, or build the index with the name of its encoder.',
    })
  }
  if (vector.length !== dense.dim) {
    throw new PithError('PITH_SHAPE', `the document ${name} has ${vector.length} numbers, the index ${dense.dim}`)
  }
}

async function openLive({ file, dead, row, error }: PinnedSegment, run?: Run): Promise<LiveSegment> {
  if (file === undefined) throw error
  const segment = await openSegment(file, run === undefined ? {} : { run })
  return { segment, live: dead === undefined ? undefined : liveRows(dead, row.rows) }
}

function withModels(tools: IndexTools, models: Models): IndexTools {
  return { ...tools, models, encoder: models.encoder ?? tools.encoder }
}

/** Write what was learned in the place of what was before. @returns the name of the file */
async function writeModelsFile(change: FolderChange, state: IndexState, models: Models): Promise<string> {
  if (state.models !== undefined) change.remove(state.models)
  const name = `models-${String(state.next).padStart(6, '0')}.pith`
  const container = createContainer(await change.create(name))
  await writeModels(container, models)
  await container.finish()
  return name
}

/** What a document takes in memory, about. */
function bytesOf({ id, title, text, fields, vector, sparse }: IndexDocument): number {
  let bytes = 100 + 2 * (id.length + (title?.length ?? 0) + text.length) + 4 * (vector?.length ?? 0)
  for (const [name, value] of Object.entries(fields ?? {})) bytes += 16 + name.length + 2 * String(value).length
  for (const name of Object.keys(sparse ?? {})) bytes += 40 + name.length
  return bytes
}
