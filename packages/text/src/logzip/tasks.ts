/** What workers do for logzip: code and decode chunks. Each worker keeps one workspace and the prior it met last. */
import { concatBytes } from '@pith/core'
import { loadBrotli } from '@pith/core/brotli'
import type { Task, TaskContext } from '@pith/core/workers'
import { candidateLines } from './candidates.ts'
import { ChunkView } from './chunk-decode.ts'
import { type ChunkOptions, type EncodedChunk, encodeFirst, encodePiece } from './chunk-encode.ts'
import type { BlockLoader } from './chunk-streams.ts'
import { lineTimes, timeRangeOf } from './chunk-times.ts'
import { type ChunkFacts, readFacts } from './facts.ts'
import {
  type GrepHits,
  type GrepQuery,
  matcherOf,
  noHits,
  searchBytes,
  searchChunk,
  searchLines,
  searchTemplates,
  templatesToSearch,
} from './grep.ts'
import { METHOD, methodOf, packStored } from './pack.ts'
import { Prior } from './prior.ts'
import type { Matcher } from './search/matcher.ts'
import { ownBytes } from './share.ts'
import { type PackedSignatures, packSignatures, unpackSignatures } from './signature-pack.ts'
import { type ColumnBatch, readSlot, readSlots, type SlotInfo, type SlotName } from './slots.ts'
import type { ChunkSummary } from './summary.ts'
import { weighChunk } from './weigh.ts'
import { Workspace } from './workspace.ts'

/** The serialised prior of a log with a number that tells logs apart; undefined where the log has none. */
export interface PriorBytes {
  key: number
  bytes: Uint8Array
  /** Signatures of the first chunk; only the coder has them. */
  signatures?: PackedSignatures
}

export interface EncodeCall extends ChunkOptions {
  bytes: Uint8Array
  prior: PriorBytes | undefined
}

/** What the first piece of a log gives. */
export interface FirstResult {
  chunks: EncodedChunk[]
  prior: Uint8Array
  signatures: PackedSignatures
}

export interface DecodeCall {
  /** Blocks of one chunk by section. */
  blocks: { section: string; payload: Uint8Array }[]
  prior: PriorBytes | undefined
}

let workspace: Workspace | undefined
let kept: { key: number; prior: Prior } | undefined

function work(): Workspace {
  workspace ??= new Workspace()
  return workspace
}

/** The prior of a call, parsed once for all chunks of a log. */
export function priorOf(bytes: PriorBytes | undefined): Prior {
  if (bytes === undefined) return Prior.empty()
  if (kept?.key !== bytes.key)
    kept = {
      key: bytes.key,
      prior: Prior.parse(ownBytes(bytes.bytes), bytes.signatures && unpackSignatures(bytes.signatures)),
    }
  return kept.prior
}

/** A chunk from the blocks of a call. */
export function viewOf(target: Workspace, blocks: DecodeCall['blocks'], prior: Prior): ChunkView {
  target.reset()
  return new ChunkView(target, (section, index) => blocks[placeOf(blocks, section, index)]?.payload, prior)
}

/** A chunk that decodes. */
export interface CheckedChunk extends Omit<ChunkSummary, 'grams' | 'pairs'> {
  rawBytes: number
}

export interface SearchCall extends Omit<DecodeCall, 'blocks'> {
  /** Blocks of one chunk by section; those that are not at hand have no payload. */
  blocks: { section: string; payload: Uint8Array | undefined }[]
  query: GrepQuery
}

/** What a search of one chunk found. */
export interface SearchResult {
  hits: GrepHits
  /** Blocks that were decoded for it, by their places in the call. */
  used: readonly number[]
  /** Blocks that are not at hand and without which it can't go on; there are no hits then. */
  missing: readonly number[]
}

export const logTasks: {
  encode(call: EncodeCall, context: TaskContext): EncodedChunk[]
  encodeFirst(call: EncodeCall, context: TaskContext): FirstResult
  /** Code for nothing, so that the code of this worker is compiled when it is needed. */
  warm(call: { bytes: Uint8Array }): void
  decode(call: DecodeCall, context: TaskContext): Uint8Array
  /** What the summary says of a chunk; fails where the chunk does not decode. */
  check(call: DecodeCall): CheckedChunk
  facts(call: DecodeCall & { stored?: boolean }): ChunkFacts
  /** Milliseconds since 1970 of each line that says its time, else NaN. */
  times(call: DecodeCall, context: TaskContext): Float64Array
  /** Slots of the templates of a chunk. */
  slots(call: DecodeCall): SlotInfo[]
  /** Values of a slot by line of the chunk; undefined where no line has the template. */
  slot(call: DecodeCall & SlotName, context: TaskContext): ColumnBatch | undefined
  /** Search a chunk, with as few of its blocks as the search needs. */
  search(call: SearchCall, context: TaskContext): SearchResult
  /** Search bytes that stand one behind the other. */
  grepBytes(call: { parts: Uint8Array[]; query: GrepQuery }, context: TaskContext): GrepHits
} = {
  encode(call, context) {
    return moved(encodePiece(work(), call.bytes, priorOf(call.prior), call), context)
  },
  encodeFirst(call, context) {
    const { chunks, prior } = encodeFirst(work(), call.bytes, call)
    return {
      chunks: moved(chunks, context),
      prior: prior.serialize().slice(),
      signatures: packSignatures(prior.templates.signatures),
    }
  },
  warm({ bytes }) {
    encodeFirst(work(), bytes, { level: 'fast' })
  },
  decode(call, context) {
    const bytes = viewOf(work(), call.blocks, priorOf(call.prior)).render()
    context.transfer([bytes.buffer])
    return bytes
  },
  check(call) {
    const view = viewOf(work(), call.blocks, priorOf(call.prior))
    const bytes = view.render()
    const open = bytes.length > 0 && bytes.at(-1) !== 10
    return { rawBytes: bytes.length, lines: view.lines, open, times: timeRangeOf(view) }
  },
  facts(call) {
    const prior = priorOf(call.prior)
    const facts = readFacts(viewOf(work(), call.blocks, prior))
    if (call.stored !== true) return facts
    const stored = new Map<string, number>()
    for (const { section, payload } of call.blocks) stored.set(section, (stored.get(section) ?? 0) + payload.length)
    // Symbols that were read for the times are read once more.
    const view = viewOf(work(), call.blocks, prior)
    return { ...facts, stored: weighChunk(view, work(), stored, prior.templates.set.templates.length) }
  },
  times(call, context) {
    const times = lineTimes(viewOf(work(), call.blocks, priorOf(call.prior)))
    context.transfer([times.buffer as ArrayBuffer])
    return times
  },
  slots(call) {
    const prior = priorOf(call.prior)
    return readSlots(viewOf(work(), call.blocks, prior), work(), prior)
  },
  slot(call, context) {
    const batch = readSlot(viewOf(work(), call.blocks, priorOf(call.prior)), work(), call)
    if (batch !== undefined) {
      const { lines, numbers, times, texts } = batch
      const arrays = [lines, numbers, times, texts?.bytes, texts?.offsets]
      context.transfer(arrays.flatMap((array) => (array === undefined ? [] : [array.buffer as ArrayBuffer])))
    }
    return batch
  },
  search({ blocks, prior, query }, context) {
    const found = searchBlocks(blocks, prior, matcherOf(query))
    return { ...found, hits: movedHits(found.hits, context) }
  },
  grepBytes({ parts, query }, context) {
    return movedHits(searchBytes(concatBytes(parts), matcherOf(query)), context)
  },
}

/** A block that a search needs and that is not at hand. */
class MissingBlock extends Error {
  readonly place: number

  constructor(place: number) {
    super('a block is not at hand')
    this.place = place
  }
}

function searchBlocks(blocks: SearchCall['blocks'], bytes: PriorBytes | undefined, matcher: Matcher): SearchResult {
  const head = blocks.find(({ section }) => section === 'chunk')?.payload
  if (head !== undefined && methodOf(head) === METHOD.mixed) return searchMixed(blocks, bytes, matcher)
  const used = new Map<number, Uint8Array>()
  const load: BlockLoader = (section, index) => {
    const place = placeOf(blocks, section, index)
    if (place < 0) return undefined
    const payload = used.get(place) ?? blocks[place]?.payload
    if (payload === undefined) throw new MissingBlock(place)
    // What its head has asked for is asked for again where there may be hits.
    if (!used.has(place)) used.set(place, section === 'columns' ? payload : packStored(payload, work().memory.maxBytes))
    return used.get(place)
  }
  try {
    const prior = priorOf(bytes)
    return { hits: searchLoaded(load, prior, matcher), used: [...used.keys()], missing: [] }
  } catch (error) {
    if (!(error instanceof MissingBlock)) throw error
    return { hits: noHits(), used: [], missing: [error.place] }
  }
}

function searchLoaded(load: BlockLoader, prior: Prior, matcher: Matcher): GrepHits {
  if (matcher.inverted || mostly?.matcher === matcher) {
    const view = openView(load, prior)
    if (matcher.inverted || (isWide(view) && mostly !== undefined && mostly.left-- > 0)) {
      return searchBytes(view.render(), matcher)
    }
    mostly = undefined
    return searchChunk(view, prior, matcher)
  }
  const head = openView(load, prior, { isHead: true })
  const templates = templatesToSearch(head, prior, matcher)
  if (templates.length === 0) return noHits()
  const view = head.isHead ? openView(load, prior, { head }) : head
  const candidates = candidateLines(view, templates, matcher)
  if (candidates !== undefined) return searchLines(view, candidates, matcher)
  if (isWide(view)) mostly = { matcher, left: UNASKED }
  return searchBytes(view.render(), matcher)
}

/** A search that read a whole chunk of very many columns does so with the next ones, without asking what they can hold. */
let mostly: { matcher: Matcher; left: number } | undefined
const UNASKED = 7

/** Chunks of so many bytes, with so few of them to a column, take longer to be thought about than to be written and searched. */
const WIDE_BYTES = 2 ** 22
const WIDE_COLUMN_BYTES = 4096

function isWide({ rawBytes, specs }: ChunkView): boolean {
  return rawBytes >= WIDE_BYTES && specs.length * WIDE_COLUMN_BYTES > rawBytes
}

/** Level max: tables and ids are decoded first, then all columns or none. */
function searchMixed(blocks: SearchCall['blocks'], bytes: PriorBytes | undefined, matcher: Matcher): SearchResult {
  const prior = priorOf(bytes)
  const places = [...blocks.keys()]
  const missing = places.filter((place) => blocks[place]?.payload === undefined)
  if (matcher.inverted && missing.length > 0) return { hits: noHits(), used: [], missing }
  const view = openView((section, index) => blocks[placeOf(blocks, section, index)]?.payload, prior)
  if (matcher.inverted) return { hits: searchChunk(view, prior, matcher), used: places, missing: [] }
  const templates = templatesToSearch(view, prior, matcher)
  if (templates.length > 0 && missing.length > 0) return { hits: noHits(), used: [], missing }
  const first = places.filter((place) => ['chunk', 'ids'].includes(blocks[place]?.section ?? ''))
  if (templates.length === 0) return { hits: noHits(), used: first, missing: [] }
  return { hits: searchTemplates(view, templates, matcher), used: places, missing: [] }
}

function openView(load: BlockLoader, prior: Prior, how?: ConstructorParameters<typeof ChunkView>[5]): ChunkView {
  const target = work()
  target.reset()
  return new ChunkView(target, load, prior, undefined, 0, how)
}

/** Place of a block among those of a chunk, -1 where there is none. */
function placeOf(blocks: SearchCall['blocks'], section: string, index: number): number {
  let left = index
  return blocks.findIndex((block) => block.section === section && left-- === 0)
}

/** The tasks, once what they call is there. Each call says how much memory its chunk may take. */
export async function loadTasks(): Promise<typeof logTasks> {
  await loadBrotli()
  return bounded
}

const bounded = Object.fromEntries(
  Object.entries(logTasks).map(([name, task]) => [
    name,
    (call: { memoryBytes?: number }, context: TaskContext) => {
      work().limit(call.memoryBytes)
      return (task as Task)(call, context)
    },
  ]),
) as unknown as typeof logTasks

function movedHits(hits: GrepHits, context: TaskContext): GrepHits {
  context.transfer([
    hits.bytes.buffer as ArrayBuffer,
    hits.lines.buffer as ArrayBuffer,
    hits.offsets.buffer as ArrayBuffer,
  ])
  return hits
}

function moved(chunks: EncodedChunk[], context: TaskContext): EncodedChunk[] {
  for (const chunk of chunks) {
    for (const block of chunk.blocks) {
      block.payload = block.payload.slice()
      context.transfer([block.payload.buffer as ArrayBuffer])
    }
  }
  return chunks
}
