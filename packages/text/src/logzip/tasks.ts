/** What workers do for logzip: code and decode chunks. Each worker keeps one workspace and the prior it met last. */
import { concatBytes } from '@pith/core'
import { loadBrotli } from '@pith/core/brotli'
import type { Task, TaskContext } from '@pith/core/workers'
import type { CandidateTemplate } from './candidates.ts'
import { ChunkView } from './chunk-decode.ts'
import { type ChunkOptions, type EncodedChunk, encodeFirst, encodePiece } from './chunk-encode.ts'
import { MAX_STREAM_BYTES } from './chunk-streams.ts'
import { type ChunkFacts, readFacts } from './facts.ts'
import {
  filterOf,
  type GrepHits,
  type GrepQuery,
  matcherOf,
  noHits,
  searchBytes,
  searchChunk,
  searchTemplates,
  templatesToSearch,
} from './grep.ts'
import { METHOD, methodOf, packStored, unpackBytes } from './pack.ts'
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

/** The chunk that was looked at last: mostly its columns are what is asked for next. */
let looked: LookedAt | undefined
let workspace: Workspace | undefined
let kept: { key: number; prior: Prior } | undefined

function work(): Workspace {
  looked = undefined
  return kernelWork()
}

/** The workspace without forgetting what stands in it. */
function kernelWork(): Workspace {
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
  return new ChunkView(
    target,
    (section, index) => {
      let left = index
      for (const block of blocks) if (block.section === section && left-- === 0) return block.payload
      return undefined
    },
    prior,
  )
}

/** A chunk that decodes. */
export interface CheckedChunk extends Omit<ChunkSummary, 'grams'> {
  rawBytes: number
}

export interface GrepCall extends DecodeCall {
  query: GrepQuery
  /** Tells the chunk from all others that this realm has met. */
  key: string
}

/** What a search of one chunk found. */
export interface SearchResult {
  hits: GrepHits
  /** Sections whose blocks were decoded for it. */
  sections: readonly string[]
}

interface LookedAt {
  key: string
  matcher: Matcher
  blocks: DecodeCall['blocks']
  view: ChunkView
  templates: CandidateTemplate[]
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
  /** Search a chunk whose blocks are all at hand, deciding from the first of them whether the others are decoded. */
  search(call: DecodeCall & { query: GrepQuery }, context: TaskContext): SearchResult
  /** Whether a chunk may have a hit, from its tables and texts as bytes. */
  grepText(call: GrepCall): 'none' | 'maybe'
  /** Whether a chunk may have a hit, from its tables and template ids alone. */
  grepHead(call: GrepCall): 'none' | 'maybe'
  grep(call: GrepCall, context: TaskContext): GrepHits
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
    return { rawBytes: bytes.length, lines: view.lines, open, times: view.timeRange() }
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
    const times = viewOf(work(), call.blocks, priorOf(call.prior)).lineTimes()
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
    const { hits, sections } = searchBlocks(blocks, prior, query)
    return { hits: movedHits(hits, context), sections }
  },
  grepText({ blocks, prior, query }) {
    // The texts of level max are not to be had without decoding their chunk.
    if (blocks.some(isMixed)) return 'maybe'
    const streams = blocks.map(({ payload }) => unpackBytes(payload, streamRoom()))
    return filterOf(query).mayHit(streams, prior?.bytes) ? 'maybe' : 'none'
  },
  grepHead(call) {
    const matcher = matcherOf(call.query)
    if (matcher.inverted) return 'maybe'
    const prior = priorOf(call.prior)
    const { blocks, key } = call
    const view = viewOf(work(), blocks, prior)
    const templates = templatesToSearch(view, prior, matcher)
    // Streams that are mixed are all opened at once.
    if (!blocks.some(isMixed)) looked = { key, matcher, blocks, view, templates }
    return templates.length > 0 ? 'maybe' : 'none'
  },
  grep(call, context) {
    const known = looked
    if (known?.key === call.key && known.matcher === matcherOf(call.query)) {
      looked = undefined
      // The view asks for its columns now.
      known.blocks.push(...call.blocks.filter(({ section }) => section === 'columns'))
      return movedHits(searchTemplates(known.view, known.templates, known.matcher), context)
    }
    const prior = priorOf(call.prior)
    return movedHits(searchChunk(viewOf(work(), call.blocks, prior), prior, matcherOf(call.query)), context)
  },
  grepBytes({ parts, query }, context) {
    return movedHits(searchBytes(concatBytes(parts), matcherOf(query)), context)
  },
}

/** Most bytes that one stream may have here. */
function streamRoom(): number {
  return Math.min(MAX_STREAM_BYTES, kernelWork().memory.maxBytes)
}

function searchBlocks(coded: DecodeCall['blocks'], bytes: PriorBytes | undefined, query: GrepQuery): SearchResult {
  const matcher = matcherOf(query)
  let blocks = coded
  // The texts of level max are not to be had without decoding their chunk.
  if (!matcher.inverted && !coded.some(isMixed)) {
    blocks = coded.map(({ section, payload }) => ({
      section,
      payload: FIRST.includes(section) ? packStored(payload, streamRoom()) : payload,
    }))
    const streams = blocks.filter(({ section }) => FIRST.includes(section)).map(({ payload }) => payload)
    const texts = streams.map((payload) => unpackBytes(payload, streamRoom()))
    if (!filterOf(query).mayHit(texts, bytes?.bytes)) return { hits: noHits(), sections: FIRST }
  }
  const prior = priorOf(bytes)
  const view = viewOf(work(), blocks, prior)
  if (matcher.inverted || isWide(view)) return { hits: searchBytes(view.render(), matcher), sections: ALL }
  const templates = templatesToSearch(view, prior, matcher)
  if (templates.length === 0) return { hits: noHits(), sections: [...FIRST, 'ids'] }
  return { hits: searchTemplates(view, templates, matcher), sections: ALL }
}

/** Sections that a search asks first. */
const FIRST: readonly string[] = ['chunk', 'texts']
const ALL: readonly string[] = [...FIRST, 'ids', 'columns']

/** Chunks of so many bytes, with so few of them to a column, are sooner written and searched than thought about. */
const WIDE_BYTES = 2 ** 22
const WIDE_COLUMN_BYTES = 4096

function isWide({ rawBytes, specs }: ChunkView): boolean {
  return rawBytes >= WIDE_BYTES && specs.length * WIDE_COLUMN_BYTES > rawBytes
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
      kernelWork().limit(call.memoryBytes)
      return (task as Task)(call, context)
    },
  ]),
) as unknown as typeof logTasks

function isMixed({ payload, section }: DecodeCall['blocks'][number]): boolean {
  return section === 'chunk' && methodOf(payload) === METHOD.mixed
}

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
