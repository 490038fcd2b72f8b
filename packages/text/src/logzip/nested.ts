/**
 * Texts that are lines of a log themselves: the `log` of a container's JSON, the message of a journal. They are put one
 * below the other and coded like a log, with templates and columns of their own, where that takes fewer bytes.
 */
import { brotliCompressSync, canCompressBrotli } from '@pith/core/brotli'
import { type ColumnPlan, type DictPlan, type NestedLog, planColumns, type RawPlan } from './columns.ts'
import { unescapeQuotes } from './escape.ts'
import { MAX_DEPTH } from './nested-decode.ts'
import { MAX_ROWS, type ParsedChunk, parseChunk } from './parse.ts'
import { PlainSink } from './plain.ts'
import { writeColumns } from './streams.ts'
import { emptyTemplates, KnownTemplates } from './templates.ts'
import type { Workspace } from './workspace.ts'

/** Texts that are shorter, on average, are words rather than lines. */
const MIN_MEAN_BYTES = 20
/** Fewer bytes of texts don't pay for tables of their own. */
const MIN_BYTES = 2048
/** ... and so many parts of the log that holds them are not worth the time. */
const MIN_SHARE = 32
/** Bytes that are coded both ways, of larger columns in so many pieces from all over the column. */
const TRIAL_BYTES = 32768
const TRIAL_PIECES = 4
/** Brotli's quality in a trial. */
const TRIAL_QUALITY = 5

const NO_PRIOR = { texts: (): readonly Uint8Array[] => [] }

/** What the logs within one chunk may still take together. */
interface Budget {
  rows: number
}

/** Texts in the workspace: `count` starts and ends, `stride` bytes apart. */
interface TextList {
  starts: number
  ends: number
  stride: number
  count: number
}

/** Looks at each plan of a chunk's columns and says whether its texts are better coded as a log. */
export function findNested(workspace: Workspace, chunk: ParsedChunk): (plan: ColumnPlan) => NestedLog | undefined {
  let rows = MAX_ROWS
  for (const column of chunk.columns) rows -= column.rows
  return finderAt(workspace, chunk.rawBytes, { rows }, 1)
}

function finderAt(
  workspace: Workspace,
  outerBytes: number,
  budget: Budget,
  depth: number,
): (plan: ColumnPlan) => NestedLog | undefined {
  return (plan) => {
    if (depth > MAX_DEPTH || plan.id === 0) return undefined
    const list = textsOf(plan)
    if (list === undefined || list.count < 8) return undefined
    const bytes = textBytes(workspace, list)
    if (bytes < MIN_BYTES || bytes < list.count * MIN_MEAN_BYTES || bytes * MIN_SHARE < outerBytes) return undefined
    return nest(workspace, list, bytes, budget, depth)
  }
}

function textsOf(plan: ColumnPlan): TextList | undefined {
  if (plan.kind === 'raw') return ofRaw(plan)
  return plan.kind === 'dict' ? ofDict(plan) : undefined
}

function ofRaw({ restStart, restEnd, restRows }: RawPlan): TextList {
  return { starts: restStart, ends: restEnd, stride: 4, count: restRows }
}

function ofDict({ texts, known, distinct }: DictPlan): TextList {
  const at = texts + known * 8
  return { starts: at, ends: at + 4, stride: 8, count: distinct - known }
}

function nest(
  workspace: Workspace,
  list: TextList,
  bytes: number,
  budget: Budget,
  depth: number,
): NestedLog | undefined {
  const { memory } = workspace
  const mark = memory.mark()
  if (bytes > TRIAL_BYTES) {
    const trial = parseTexts(workspace, sampleOf(workspace, list), { ...budget }, MAX_DEPTH)
    const worth = trial !== undefined && isWorthIt(workspace, trial)
    memory.release(mark)
    if (!worth) return undefined
    const nested = parseTexts(workspace, list, budget, depth)
    if (nested === undefined) memory.release(mark)
    return nested
  }
  const before = budget.rows
  const nested = parseTexts(workspace, list, budget, depth)
  if (nested !== undefined && isWorthIt(workspace, nested)) return nested
  budget.rows = before
  memory.release(mark)
  return undefined
}

/** Rows of a column in pieces from all over it. */
function sampleOf(workspace: Workspace, list: TextList): TextList {
  const { starts, ends, stride, count } = list
  const picked: number[] = []
  for (let piece = 0; piece < TRIAL_PIECES; piece++) {
    let left = TRIAL_BYTES / TRIAL_PIECES
    const first = Math.max(Math.floor((count * piece) / TRIAL_PIECES), (picked.at(-1) ?? -1) + 1)
    for (let i = first; i < count && left > 0; i++) {
      picked.push(i)
      left -= lengthOf(workspace, list, i) + 1
    }
  }
  const at = workspace.scratchWords(picked.length * 2)
  for (const [k, i] of picked.entries()) {
    workspace.putWord(at, 2 * k, workspace.word(starts + i * stride, 0))
    workspace.putWord(at, 2 * k + 1, workspace.word(ends + i * stride, 0))
  }
  return { starts: at, ends: at + 4, stride: 8, count: picked.length }
}

function lengthOf(workspace: Workspace, { starts, ends, stride }: TextList, i: number): number {
  return workspace.word(ends + i * stride, 0) - workspace.word(starts + i * stride, 0)
}

function textBytes(workspace: Workspace, list: TextList): number {
  if (list.stride === 4) return workspace.kernels.textBytes(list.starts, list.ends, list.count)
  const words = workspace.memory.i32
  const pairs = list.starts >> 2
  let bytes = list.count
  for (let i = 0; i < list.count; i++) bytes += (words[pairs + 2 * i + 1] as number) - (words[pairs + 2 * i] as number)
  return bytes
}

/** Put texts one below the other; returns the place behind the last. Bytes behind it are readable. */
function joinTexts(workspace: Workspace, list: TextList): { source: number; end: number } {
  const { memory, kernels } = workspace
  const room = textBytes(workspace, list)
  const source = memory.reserve(room + 64)
  if (list.stride === 4) return { source, end: kernels.joinRows(list.starts, list.ends, list.count, source) }
  const { u8 } = memory
  let end = source
  for (let i = 0; i < list.count; i++) {
    const start = workspace.word(list.starts + i * list.stride, 0)
    const stop = workspace.word(list.ends + i * list.stride, 0)
    u8.copyWithin(end, start, stop)
    end += stop - start
    u8[end++] = 10
  }
  return { source, end }
}

/** Parse texts as a log and plan its columns; undefined where they are none that can be told apart again. */
function parseTexts(workspace: Workspace, list: TextList, budget: Budget, depth: number): NestedLog | undefined {
  const { memory } = workspace
  const { source, end } = joinTexts(workspace, list)
  const plain = memory.u8.subarray(source, end)
  // A carriage return at the end of a text would belong to no column.
  for (let at = plain.indexOf(13); at >= 0; at = plain.indexOf(13, at + 1)) if (plain[at + 1] === 10) return undefined
  const short = unescapeQuotes(plain)
  const rawBytes = short < 0 ? plain.length : short
  memory.u8.fill(0, source + rawBytes, source + rawBytes + 64)
  const loaded = { source, rawBytes, newlines: list.count }
  const parsed = parseChunk(workspace, loaded, new KnownTemplates(emptyTemplates()))
  let rows = 0
  for (const column of parsed.columns) rows += column.rows
  // Lines that share nothing are texts.
  if (rows > budget.rows || (parsed.templateCounts[0] as number) * 2 > parsed.lines) return undefined
  budget.rows -= rows
  const plans = planColumns(workspace, parsed, NO_PRIOR, finderAt(workspace, rawBytes, budget, depth + 1))
  return { parsed, plans, isEscaped: short >= 0 }
}

/** Whether a log takes fewer bytes than the same texts as they are. */
function isWorthIt(workspace: Workspace, { parsed, plans }: NestedLog): boolean {
  const sink = new PlainSink(workspace, { groupBytes: Number.POSITIVE_INFINITY })
  sink.ids(
    { column: 0, rows: parsed.lines, left: [], lines: 0 },
    parsed.lineTemplate,
    parsed.templates.templates.length,
  )
  const { meta, tables } = writeColumns(workspace, parsed, plans, 1, sink)
  const { symbols, texts } = sink.inOrder()
  const plain = workspace.memory.u8.subarray(parsed.source, parsed.source + parsed.rawBytes)
  return codedBytes([meta, tables, symbols, texts]) * 20 < codedBytes([plain]) * 19
}

function codedBytes(parts: readonly Uint8Array[]): number {
  let total = 0
  for (const { length } of parts) total += length
  if (!canCompressBrotli()) return total
  const joined = new Uint8Array(total)
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return brotliCompressSync(joined, { quality: TRIAL_QUALITY, lgwin: 18 }).length
}
