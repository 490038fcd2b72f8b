/** One chunk of raw bytes to its coded blocks. */
import { ByteWriter } from '@pith/core'
import { type ColumnPlan, planColumns } from './columns.ts'
import { giveBack } from './give-back.ts'
import { MaxSink } from './max.ts'
import { findNested } from './nested.ts'
import { METHOD, packAdaptive, packBytes, QUALITY } from './pack.ts'
import { FOLDED_PAIR_BYTES, foldPairs, pairsOf } from './pair-set.ts'
import { loadChunk, type ParsedChunk, parseChunk } from './parse.ts'
import { type PlainLayout, PlainSink, type SortedStreams } from './plain.ts'
import { Prior } from './prior.ts'
import { type ColumnSink, idWidth, type SymbolContext, writeColumns, writeEols } from './streams.ts'
import { GRAM_BYTES } from './summary.ts'
import { type TimeRange, timeRange } from './time-range.ts'
import type { Workspace } from './workspace.ts'

/** Effort: `fast` and `default` differ in brotli's quality, `max` mixes contexts. */
export type Level = 'fast' | 'default' | 'max'

/** Bytes of a text whose runs are marked at a time. */
const GRAM_PIECE = 65536

/** Brotli's quality for filters: they are nearly random. */
const GRAM_QUALITY = 5

/** A chunk has to be so many times as large as its set of pairs, so that it is kept, and as one that knows cases. */
const PAIRS_SHARE = 160
const FINE_PAIRS_SHARE = 200

/** Chunks whose streams hold fewer bytes than this are one block. */
const WHOLE_BYTES = 65536

/** Sections of a log: one block of `chunk` for each chunk, the others as many as it needs. */
export type LogSection = 'chunk' | 'ids' | 'columns' | 'texts'

/** Form of a block of section `chunk`: in streams, in one block, in streams by kind and class. */
export const FORM: { readonly split: 0; readonly whole: 1; readonly sorted: 2 } = { split: 0, whole: 1, sorted: 2 }

/** The same for `max`, in coded bytes. */
const WHOLE_MIXED_BYTES = 16384

/** A coded chunk: its blocks, that of section `chunk` first. */
export interface EncodedChunk {
  rawBytes: number
  lines: number
  /** Whether its last line goes on in the next chunk (or is the end of a log without a last newline). */
  open: boolean
  times: TimeRange | undefined
  /** Packed set of the runs of three token bytes in its tables and texts. */
  grams: Uint8Array
  /** Packed set of the pairs in them, where it takes no more than a small share of the chunk. */
  pairs: Uint8Array | undefined
  blocks: { section: LogSection; payload: Uint8Array }[]
}

/** How chunks of one log are coded. */
export interface ChunkOptions {
  level: Level
  /** Whether nobody needs the piece afterwards: its memory goes once it is read, not when garbage is next collected. */
  spent?: boolean
  /** How streams are put together, for tests; chunks whose streams hold fewer than `wholeBytes` are one block. */
  layout?: Partial<PlainLayout> & { wholeBytes?: number }
}

/**
 * Code one piece of a log, which becomes more than one chunk where it has more lines than a chunk may have.
 *
 * @param prior of the log
 */
export function encodePiece(
  workspace: Workspace,
  bytes: Uint8Array,
  prior: Prior,
  options: ChunkOptions,
): EncodedChunk[] {
  const chunks: EncodedChunk[] = []
  const { length } = bytes
  let at = 0
  do {
    const { chunk } = encodeChunk(workspace, bytes.subarray(at), prior, options)
    chunks.push(chunk)
    at += chunk.rawBytes
  } while (at < length)
  return chunks
}

/**
 * Code the first piece of a log that others will follow, and learn the prior from it.
 */
export function encodeFirst(
  workspace: Workspace,
  bytes: Uint8Array,
  options: ChunkOptions,
): { chunks: EncodedChunk[]; prior: Prior } {
  const { length } = bytes
  const { chunk, prior } = encodeChunk(workspace, bytes, undefined, options)
  const chunks = [chunk]
  if (chunk.rawBytes < length) {
    chunks.push(...encodePiece(workspace, bytes.subarray(chunk.rawBytes), prior, options))
  }
  return { chunks, prior }
}

/** Code the first chunk of a piece; without a prior it is learned here. */
function encodeChunk(
  workspace: Workspace,
  bytes: Uint8Array,
  prior: Prior | undefined,
  options: ChunkOptions,
): { chunk: EncodedChunk; prior: Prior } {
  workspace.reset()
  let known = prior ?? Prior.empty()
  const loaded = loadChunk(workspace, bytes)
  if (options.spent === true && loaded.rawBytes === bytes.length) giveBack(bytes.buffer)
  const parsed = parseChunk(workspace, loaded, known.templates)
  // Level `max` has contexts of its own for long texts.
  const nest = options.level === 'max' ? undefined : findNested(workspace, parsed)
  const plans = planColumns(workspace, parsed, known, nest)
  if (prior === undefined) known = Prior.learn(workspace, parsed, plans)

  const head = new ByteWriter(256)
  head.varint(parsed.rawBytes)
  head.varint(parsed.lines)
  head.u32(workspace.kernels.hash32(parsed.source, parsed.rawBytes) >>> 0)
  writeEols(workspace, parsed, head)
  const { level } = options
  const priorTemplates = known.templates.set.templates.length
  const coded =
    level === 'max'
      ? codeMixed(workspace, parsed, plans, priorTemplates, head)
      : codePlain(workspace, parsed, plans, { priorTemplates, head, quality: QUALITY[level], layout: options.layout })
  return {
    chunk: {
      rawBytes: parsed.rawBytes,
      lines: parsed.lines,
      open: workspace.memory.u8[parsed.eols + parsed.lines - 1] === 2,
      times: timeRange(workspace, parsed, plans),
      ...coded,
    },
    prior: known,
  }
}

type Coded = Pick<EncodedChunk, 'grams' | 'pairs' | 'blocks'>

/** Levels `fast` and `default`: bytes for a general coder. */
function codePlain(
  workspace: Workspace,
  parsed: ParsedChunk,
  plans: readonly ColumnPlan[],
  {
    priorTemplates,
    head,
    quality,
    layout = {},
  }: { priorTemplates: number; head: ByteWriter; quality: number; layout: ChunkOptions['layout'] | undefined },
): Coded {
  const sink = new PlainSink(workspace, layout)
  const { meta, tables } = writeColumns(workspace, parsed, plans, priorTemplates, sink)
  const ids = templateIds(workspace, parsed.lineTemplate, parsed.lines, parsed.templates.templates.length)
  if (head.length + meta.length + tables.length + ids.length + sink.bytes < (layout.wholeBytes ?? WHOLE_BYTES)) {
    return codeWhole(workspace, sink, { head, meta, tables, ids }, quality)
  }
  const sorted = sink.sorted(tables)
  for (const own of sorted.groups) head.varint(own.length)
  putParts(head, [meta, sorted.tables])
  putParts(head, [usedTemplates(parsed)])
  writeClasses(head, sorted)
  const filtered = [sorted.tables, ...sorted.texts]
  const grams = packBytes(gramsOf(workspace, filtered), GRAM_QUALITY)
  // In the order in which a search asks for them, so that what it reads together stands together.
  const blocks: EncodedChunk['blocks'] = [
    { section: 'chunk', payload: packBytes(head.view(), quality, FORM.sorted) },
    { section: 'ids', payload: packBytes(ids, quality) },
  ]
  for (const texts of sorted.texts) blocks.push({ section: 'texts', payload: packBytes(texts, quality) })
  for (const group of sorted.groups.flat()) blocks.push({ section: 'columns', payload: packBytes(group, quality) })
  const pairs = packPairs(filtered, blocks)
  // Some may be views of the tables.
  for (const buffer of new Set(sorted.texts.map((own) => own.buffer))) if (buffer !== tables.buffer) giveBack(buffer)
  return { grams, pairs, blocks }
}

/** Parts with their lengths before them. */
function putParts(out: ByteWriter, parts: readonly Uint8Array[]): void {
  for (const part of parts) {
    out.varint(part.length)
    out.bytes(part)
  }
}

/** A bit for each template: whether it has lines. */
function usedTemplates({ templateCounts }: ParsedChunk): Uint8Array {
  const used = new Uint8Array((templateCounts.length + 7) >> 3)
  for (let id = 0; id < templateCounts.length; id++) {
    if ((templateCounts[id] as number) > 0) used[id >> 3] = (used[id >> 3] as number) | (1 << (id & 7))
  }
  return used
}

/** Which classes of texts have streams of their own, and the class of each dictionary and column of texts, four to a byte. */
function writeClasses(head: ByteWriter, { mask, classes }: SortedStreams): void {
  head.u8(mask)
  for (let i = 0; i < classes.length; i += 4) {
    let byte = 0
    for (let k = 0; k < 4; k++) byte |= (classes[i + k] ?? 0) << (2 * k)
    head.u8(byte)
  }
}

/** All streams of a small chunk in one block. */
function codeWhole(
  workspace: Workspace,
  sink: PlainSink,
  parts: { head: ByteWriter; meta: Uint8Array; tables: Uint8Array; ids: Uint8Array },
  quality: number,
): Coded {
  const { head, meta, tables, ids } = parts
  const { symbols, texts } = sink.inOrder()
  const groups = symbols.length > 0 ? [symbols] : []
  head.varint(groups.length)
  putParts(head, [meta, tables])
  head.bytes(ids)
  putParts(head, groups)
  head.bytes(texts)
  const grams = packBytes(gramsOf(workspace, [tables, texts]), GRAM_QUALITY)
  const blocks: EncodedChunk['blocks'] = [{ section: 'chunk', payload: packBytes(head.view(), quality, FORM.whole) }]
  return { grams, pairs: packPairs([tables, texts], blocks), blocks }
}

/** Level `max`: context mixing of the symbols themselves; docs/format-max.md. */
function codeMixed(
  workspace: Workspace,
  parsed: ParsedChunk,
  plans: readonly ColumnPlan[],
  priorTemplates: number,
  head: ByteWriter,
): Coded {
  const count = parsed.templates.templates.length
  const rows = parsed.columns.reduce((sum, column) => sum + column.rows, 0)
  const sink = new MaxSink(workspace, { ids: parsed.lineTemplate, lines: parsed.lines, count }, rows)
  const watch = new TextWatch(sink, workspace)
  const { meta, tables } = writeColumns(workspace, parsed, plans, priorTemplates, watch)
  const parts = sink.finish(meta, tables)
  const grams = packAdaptive(gramsOf(workspace, [tables, ...watch.joined]))
  const total = parts.tables.length + parts.ids.length + parts.columns.length + parts.texts.length
  const first = new ByteWriter(total + head.length + 16)
  const whole = total < WHOLE_MIXED_BYTES
  first.u8(METHOD.mixed | ((whole ? FORM.whole : FORM.split) << 4))
  first.bytes(head.view())
  if (whole) {
    for (const part of [parts.tables, parts.ids, parts.columns]) {
      first.varint(part.length)
      first.bytes(part)
    }
    first.bytes(parts.texts)
    const blocks: EncodedChunk['blocks'] = [{ section: 'chunk', payload: first.view() }]
    return { grams, pairs: packPairs([tables, ...watch.joined], blocks, packAdaptive), blocks }
  }
  first.bytes(parts.tables)
  const blocks: EncodedChunk['blocks'] = [{ section: 'chunk', payload: first.view() }]
  blocks.push({ section: 'ids', payload: parts.ids })
  if (parts.texts.length > 0) blocks.push({ section: 'texts', payload: parts.texts })
  blocks.push({ section: 'columns', payload: parts.columns })
  return { grams, pairs: packPairs([tables, ...watch.joined], blocks, packAdaptive), blocks }
}

/** Hands everything on and keeps the texts, for the filter. */
class TextWatch implements ColumnSink {
  readonly keepsReach: boolean = false
  readonly joined: Uint8Array[] = []
  readonly #sink: ColumnSink
  readonly #workspace: Workspace

  constructor(sink: ColumnSink, workspace: Workspace) {
    this.#sink = sink
    this.#workspace = workspace
  }

  ids(...args: Parameters<ColumnSink['ids']>): void {
    this.#sink.ids(...args)
  }

  residuals(...args: Parameters<ColumnSink['residuals']>): void {
    this.#sink.residuals(...args)
  }

  flags(...args: Parameters<ColumnSink['flags']>): void {
    this.#sink.flags(...args)
  }

  texts(context: SymbolContext, starts: number, ends: number, count: number): void {
    const { memory, kernels } = this.#workspace
    const mark = memory.mark()
    const bytes = kernels.textBytes(starts, ends, count)
    const at = memory.reserve(bytes + 16)
    kernels.joinRows(starts, ends, count, at)
    this.joined.push(memory.take(at, bytes))
    memory.release(mark)
    this.#sink.texts(context, starts, ends, count)
  }
}

/** The finest set of pairs that takes no more than its share of a chunk. */
function packPairs(
  texts: readonly Uint8Array[],
  blocks: EncodedChunk['blocks'],
  pack: (bytes: Uint8Array) => Uint8Array = (bytes) => packBytes(bytes, GRAM_QUALITY),
): Uint8Array | undefined {
  const stored = blocks.reduce((sum, { payload }) => sum + payload.length, 0)
  if (stored < FOLDED_PAIR_BYTES * PAIRS_SHARE) return undefined
  const pairs = pairsOf(texts)
  const [fine, coarse] = [pack(pairs), pack(foldPairs(pairs))]
  if (fine.length * FINE_PAIRS_SHARE <= stored) return fine
  return coarse.length * PAIRS_SHARE <= stored ? coarse : undefined
}

/** Which runs of three token bytes stand in texts: the filter that a search asks first. */
function gramsOf(workspace: Workspace, texts: readonly Uint8Array[]): Uint8Array {
  const { memory, kernels } = workspace
  const mark = memory.mark()
  const bits = memory.alloc(GRAM_BYTES)
  const symbols = memory.reserve(256)
  kernels.fillSymbols(symbols)
  const piece = memory.reserve(GRAM_PIECE + 2)
  for (const text of texts) {
    // Each piece starts with the last two bytes of the one before, whose runs go on in it.
    for (let at = 0; at < text.length; at += GRAM_PIECE) {
      const bytes = text.subarray(Math.max(0, at - 2), at + GRAM_PIECE)
      memory.u8.set(bytes, piece)
      kernels.markGrams(piece, bytes.length, bits, symbols)
    }
  }
  const grams = memory.take(bits, GRAM_BYTES)
  memory.release(mark)
  return grams
}

/** Template of each line, as planes of bytes. */
function templateIds(workspace: Workspace, lineTemplate: number, lines: number, templates: number): Uint8Array {
  const { memory, kernels } = workspace
  const width = idWidth(templates)
  const mark = memory.mark()
  const at = memory.alloc(lines * width)
  kernels.putPlanes(lineTemplate, lines, width, at)
  const ids = memory.take(at, lines * width)
  memory.release(mark)
  return ids
}
