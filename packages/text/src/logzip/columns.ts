/**
 * Step F of the pipeline: how each column of a chunk is coded. The choice is made by rough costs on the first rows; what
 * comes out are ids, residuals and texts that any entropy coder can take.
 */

import { REST } from './groups.ts'
import { keyDictionary, MAX_LEFT } from './keyed.ts'
import type { ColumnRows, ParsedChunk } from './parse.ts'
import type { Template, TemplateSet } from './templates.ts'
import { compileLayout, padDays, ticksPerSecond } from './timestamps.ts'
import type { Workspace } from './workspace.ts'

/** Texts that a column's dictionary holds before the chunk: address of (start, end) pairs is made by the caller. */
export interface PriorColumns {
  /** Texts of a column's dictionary in the prior, in the order of their ids. */
  texts(column: number): readonly Uint8Array[]
}

interface PlanBase {
  id: number
  rows: number
  first: number
  /** Columns that it may refer to, the nearest first. */
  left: readonly number[]
}

/** All rows are the same text. */
export interface ConstPlan extends PlanBase {
  kind: 'const'
}

/** Ids of a dictionary: `known` texts of the prior, then new ones. With a reference, id 0 means "as the left column". */
export interface DictPlan extends PlanBase {
  kind: 'dict'
  /** Place in the list of left columns, from 1; 0 is none; {@link MAX_LEFT} more where it is the key of the rows. */
  reference: number
  /** i32 a row. */
  ids: number
  /** Ids of the texts of the rows, where `ids` are others because of a key. */
  textIds?: number
  known: number
  /** All texts, prior ones first: (start, end) pairs. */
  texts: number
  distinct: number
  /** One more than the largest id. */
  idLimit: number
  /** Its new texts as a log. */
  nested?: NestedLog | undefined
}

/** Residuals of numbers or times. */
export interface NumberPlan extends PlanBase {
  kind: 'number' | 'time'
  /** 0 constant, 1 row before, 2 left column, 3 both. */
  mode: number
  /** Place in the list of left columns, from 1; 0 is none. */
  other: number
  width: number
  pad: number
  layout: string
  base: number
  /** f64 a row. */
  values: number
  residuals: number
  largest: number
  /** Least value. */
  least: number
  /** Rough cost of the first rows in bits. */
  cost: number
  /** Rows spelled otherwise; their texts are coded apart. */
  exceptions: Int32Array
}

/** What is known of a column of numbers before its prediction is chosen. */
type NumberParts = Pick<NumberPlan, 'kind' | 'layout' | 'width' | 'pad' | 'values' | 'residuals' | 'exceptions'>

/** Texts as they are. With a reference, `flags` says which rows are as the left column. */
export interface RawPlan extends PlanBase {
  kind: 'raw'
  reference: number
  flags: number
  restRows: number
  restStart: number
  restEnd: number
  /** Those texts as a log. */
  nested?: NestedLog | undefined
}

/** Texts of a column as the lines of a log. */
export interface NestedLog {
  parsed: ParsedChunk
  plans: readonly ColumnPlan[]
  /** Whether backslashes were taken out of the texts. */
  isEscaped: boolean
}

export type ColumnPlan = ConstPlan | DictPlan | NumberPlan | RawPlan

/** Rows that choices look at. */
const SAMPLE = 1024

/**
 * Columns that stand left of a column in every template that has it and have smaller numbers, the nearest first. Both
 * coder and decoder derive this from the templates that the chunk uses, in ascending order.
 */
export function leftColumns(set: TemplateSet, counts: Int32Array, asked?: Uint8Array): number[][] {
  const left: number[][] = new Array(set.columns)
  // A column is left of the slot at hand if it bears the number of the template.
  const met = new Int32Array(set.columns).fill(-1)
  for (let id = 0; id < set.templates.length; id++) {
    if (counts[id] === 0) continue
    const columns = (set.templates[id] as Template).columns
    for (let k = 0; k < columns.length; k++) {
      const column = columns[k] as number
      if (asked !== undefined && asked[column] === 0) {
        met[column] = id
        continue
      }
      const before = left[column]
      if (before === undefined) {
        const own: number[] = []
        for (let j = k - 1; j >= 0 && own.length < MAX_LEFT; j--) {
          // Keys of JSON come in any order: only a column that is coded before may be referred to.
          if ((columns[j] as number) < column) own.push(columns[j] as number)
        }
        left[column] = own
      } else {
        for (let i = 0; i < before.length; i++) {
          if (met[before[i] as number] === id) continue
          left[column] = before.filter((c) => met[c] === id)
          break
        }
      }
      met[column] = id
    }
  }
  return left
}

/** Time layout of each column that the chunk uses, '' where it has none. */
export function columnLayouts(set: TemplateSet, counts: Int32Array): string[] {
  const layouts: string[] = new Array(set.columns).fill('')
  layouts[0] = REST
  for (let id = 0; id < set.templates.length; id++) {
    if (counts[id] === 0) continue
    const { columns, layouts: own } = set.templates[id] as Template
    for (let k = 0; k < columns.length; k++) if (own[k] !== '') layouts[columns[k] as number] = own[k] as string
  }
  return layouts
}

/**
 * Decide how each column is coded and compute its ids and residuals.
 *
 * @param nest says whether the texts of a column are coded as a log; without it, columns have no keys either
 */
export function planColumns(
  workspace: Workspace,
  chunk: ParsedChunk,
  prior: PriorColumns,
  nest?: (plan: ColumnPlan) => NestedLog | undefined,
): ColumnPlan[] {
  const planner = new Planner(workspace, chunk, prior)
  return chunk.columns.map((column, i) => {
    const plan = planner.plan(column, i)
    if (nest === undefined) return plan
    if (plan.kind === 'dict' && plan.reference === 0) keyDictionary(workspace, chunk, plan, planner.leftOf(plan))
    if (plan.kind === 'dict' || plan.kind === 'raw') plan.nested = nest(plan)
    return plan
  })
}

/** Bytes of the record that kernels have of a column; its fields are in kernels/relate.ts. */
const RECORD_BYTES = 40
/** Kinds in a record. */
const RECORD_KIND = { const: 0, dict: 1, raw: 1, number: 2, time: 3 } as const

/** Words that `measureColumns` writes of a column, and where each stands. */
const MEASURE_WORDS = 5
const MEASURE = { shortest: 0, longest: 1, equal: 2, bytes: 3, pad: 4 } as const

const NO_EXCEPTIONS = new Int32Array(0)
const NONE: readonly number[] = []

class Planner {
  readonly #w: Workspace
  readonly #chunk: ParsedChunk
  readonly #prior: PriorColumns
  readonly #left: number[][]
  readonly #layouts: string[]
  readonly #done: (ColumnPlan | undefined)[]
  /** Address of the record of each column that has been planned. */
  readonly #records: Int32Array
  #nextRecord: number
  /** Addresses of the records of the left columns of the column at hand. */
  readonly #lefts: number
  /** What `measureColumns` found of each column. */
  readonly #measures: number
  /** What kernels measure of the column at hand. */
  readonly #out: number

  constructor(workspace: Workspace, chunk: ParsedChunk, prior: PriorColumns) {
    this.#w = workspace
    this.#chunk = chunk
    this.#prior = prior
    this.#measures = this.#measureColumns()
    this.#left = leftColumns(chunk.templates, chunk.templateCounts, this.#varying())
    this.#layouts = columnLayouts(chunk.templates, chunk.templateCounts)
    this.#done = new Array(chunk.templates.columns).fill(undefined)
    this.#records = new Int32Array(chunk.templates.columns)
    this.#nextRecord = workspace.memory.reserve(chunk.columns.length * RECORD_BYTES)
    this.#lefts = workspace.scratchWords(MAX_LEFT)
    this.#out = workspace.scratchWords(8)
  }

  /** Plans of the left columns of a column. */
  leftOf({ left }: ColumnPlan): (ColumnPlan | undefined)[] {
    return left.map((column) => this.#done[column])
  }

  #measureColumns(): number {
    const { columns, rowStart, rowEnd } = this.#chunk
    const ranges = this.#w.scratchWords(columns.length * 2)
    for (let i = 0; i < columns.length; i++) {
      const { first, rows } = columns[i] as ColumnRows
      this.#w.putWord(ranges, 2 * i, first)
      this.#w.putWord(ranges, 2 * i + 1, rows)
    }
    const out = this.#w.scratchWords(columns.length * MEASURE_WORDS)
    this.#w.kernels.measureColumns(ranges, columns.length, rowStart, rowEnd, SAMPLE, out)
    return out
  }

  /** Columns with more than one text; the others have no use for those left of them. */
  #varying(): Uint8Array {
    const varying = new Uint8Array(this.#chunk.templates.columns)
    const { columns } = this.#chunk
    for (let i = 0; i < columns.length; i++) {
      const { id } = columns[i] as ColumnRows
      if (this.#measure(i, MEASURE.equal) === 0 || this.#prior.texts(id).length > 0) varying[id] = 1
    }
    return varying
  }

  #measure(index: number, which: number): number {
    return this.#w.word(this.#measures, index * MEASURE_WORDS + which)
  }

  /** @param index of the column among those of the chunk */
  plan({ id, first, rows }: ColumnRows, index: number): ColumnPlan {
    const left = this.#left[id] ?? NONE
    for (let i = 0; i < left.length; i++) {
      this.#w.putWord(this.#lefts, i, this.#records[left[i] as number] as number)
    }
    const record = this.#nextRecord
    this.#nextRecord += RECORD_BYTES
    this.#records[id] = record
    const { rowLine, rowStart, rowEnd } = this.#chunk
    const at = first * 4
    this.#w.putWord(record, 0, rowLine + at)
    this.#w.putWord(record, 1, rows)
    this.#w.putWord(record, 2, rowStart + at)
    this.#w.putWord(record, 3, rowEnd + at)
    const plan = this.#choose({ id, first, rows, left }, record, index)
    this.#w.putWord(record, 5, RECORD_KIND[plan.kind])
    this.#done[id] = plan
    return plan
  }

  #choose(base: PlanBase, record: number, index: number): ColumnPlan {
    const { id, first, rows, left } = base
    const starts = this.#chunk.rowStart + first * 4
    const ends = this.#chunk.rowEnd + first * 4
    if (id === 0) return rawPlan(base, starts, ends)
    const longest = this.#measure(index, MEASURE.longest)
    const known = this.#prior.texts(id)
    if (this.#measure(index, MEASURE.equal) === 1 && (known.length === 0 || rows === 1)) {
      return { id, first, rows, left, kind: 'const' }
    }
    const layout = this.#layouts[id] as string
    const bytes = this.#measure(index, MEASURE.bytes)
    if (layout === '' && longest <= 20) {
      // All of one length: padded, if a row of the sample starts with a zero or a space.
      const pad = this.#measure(index, MEASURE.shortest) === longest ? this.#measure(index, MEASURE.pad) : 0
      const plan = this.#number(base, record, starts, ends, pad === 0 ? 0 : longest, pad)
      if (plan !== undefined) return plan
    } else if (layout !== '' && layout !== REST) {
      const plan = this.#time(base, record, starts, ends, layout)
      if (plan !== undefined) return plan
    }
    return this.#text(base, record, starts, ends, known, bytes / Math.min(rows, SAMPLE))
  }

  /** For each row the row of the left column in the same line. */
  #match(base: PlanBase, other: ColumnPlan): number {
    const match = this.#w.scratchWords(base.rows)
    const lines = this.#chunk.rowLine
    this.#w.kernels.matchRows(lines + base.first * 4, base.rows, lines + other.first * 4, other.rows, match)
    return match
  }

  #leftOf({ left }: PlanBase, place: number): ColumnPlan {
    return this.#done[left[place - 1] as number] as ColumnPlan
  }

  #time(base: PlanBase, record: number, starts: number, ends: number, layout: string): NumberPlan | undefined {
    const { kernels, memory } = this.#w
    const values = this.#w.scratchDoubles(base.rows)
    const residuals = this.#w.scratchDoubles(base.rows)
    const mark = memory.mark()
    const most = (base.rows >> 4) + 1
    const list = this.#w.scratchWords(most)
    for (const spelling of new Set([layout, padDays(layout)])) {
      const program = memory.put(compileLayout(spelling) as Uint8Array)
      const bad = kernels.parseTimes(program, starts, ends, base.rows, values, list, most)
      if (bad < 0) continue
      const exceptions = this.#exceptions(list, bad)
      memory.release(mark)
      const pad = spelling === layout ? 0 : 48
      const parts = { kind: 'time', layout: spelling, width: 0, pad, values, residuals, exceptions } as const
      return this.#residuals(base, record, parts)
    }
    memory.release(mark)
    return undefined
  }

  #number(
    base: PlanBase,
    record: number,
    starts: number,
    ends: number,
    width: number,
    pad: number,
  ): NumberPlan | undefined {
    const { memory, kernels } = this.#w
    const { rows } = base
    const before = memory.mark()
    const values = this.#w.scratchDoubles(rows)
    const residuals = this.#w.scratchDoubles(rows)
    const mark = memory.mark()
    const most = rows >> 4
    const list = this.#w.scratchWords(most + 1)
    const bad = kernels.parseNumbers(this.#w.args(starts, ends, rows, width, pad, values, list, most))
    if (bad < 0) {
      memory.release(before)
      return undefined
    }
    const exceptions = this.#exceptions(list, bad)
    memory.release(mark)
    const parts = { kind: 'number', layout: '', width, pad, values, residuals, exceptions } as const
    const plan = this.#residuals(base, record, parts)
    if (this.#dictionaryIsCheaper(plan, starts, ends)) {
      memory.release(before)
      return undefined
    }
    return plan
  }

  #exceptions(list: number, count: number): Int32Array {
    return count === 0 ? NO_EXCEPTIONS : this.#w.memory.i32.slice(list >> 2, (list >> 2) + count)
  }

  /** Whether ids of a dictionary cost less than the residuals, on the first rows. */
  #dictionaryIsCheaper({ rows, cost }: NumberPlan, starts: number, ends: number): boolean {
    const { memory, kernels } = this.#w
    const n = Math.min(rows, SAMPLE)
    // Each text costs 20 bits.
    const most = Math.min(n, Math.floor(cost / 20)) + 1
    const mark = memory.mark()
    const ids = this.#w.scratchWords(n)
    const texts = this.#w.scratchWords(n * 2)
    const size = 2 ** (33 - Math.clz32(n))
    const table = this.#w.words(size * 2)
    const distinct = kernels.internRows(this.#w.args(starts, ends, n, ids, texts, 0, most, table, size - 1))
    const cheaper = distinct >= 0 && kernels.dictionaryCost(ids, n, distinct, this.#w.words(distinct)) < 2 * cost
    memory.release(mark)
    return cheaper
  }

  /** Choose the prediction of a numeric column and compute its residuals. */
  #residuals(base: PlanBase, record: number, parts: NumberParts): NumberPlan {
    const { id, first, rows, left } = base
    const { kind, layout, width, pad, values, residuals, exceptions } = parts
    const n = Math.min(rows, SAMPLE)
    const out = this.#out
    this.#w.kernels.measureValues(values, rows, n, out)
    const least = this.#w.double(out, 0)
    const reach = Math.max(this.#w.double(out, 1), -least)
    let cost = this.#w.word(out, 4)
    let mode = 0
    let other = 0
    const delta = this.#w.word(out, 5)
    // A time is never better as it is.
    if (kind === 'time' || delta * 20 < cost * 19) {
      cost = delta
      mode = 1
    }
    this.#w.putWord(record, 4, values)
    this.#w.putWord(record, 5, RECORD_KIND[kind])
    this.#w.putDouble(record, 3, kind === 'time' ? ticksPerSecond(layout) : 1)
    this.#w.putDouble(record, 4, reach)
    if (rows > 1 && left.length > 0) {
      const args = this.#w.args(record, n, this.#lefts, left.length, cost)
      this.#w.kernels.relateColumns(args)
      other = this.#w.arg(5)
      if (other > 0) {
        cost = this.#w.arg(4)
        mode = this.#w.arg(6)
      }
    }
    const plan: NumberPlan = {
      id,
      first,
      rows,
      left,
      kind,
      mode,
      other,
      width,
      pad,
      layout,
      base: 0,
      values,
      residuals,
      largest: 0,
      least,
      cost,
      exceptions,
    }
    this.#predict(plan)
    if (plan.largest <= Number.MAX_SAFE_INTEGER) return plan
    // Far apart values whose differences, doubled for their sign, leave 53 bits: as they are, above the least.
    plan.mode = 0
    plan.other = 0
    this.#predict(plan)
    return plan
  }

  /** Compute the residuals of the chosen mode. */
  #predict(plan: NumberPlan): void {
    const { kernels, memory } = this.#w
    const { mode, values, rows } = plan
    const mark = memory.mark()
    let match = 0
    let others = 0
    let scale = 1
    plan.base = mode === 0 ? plan.least : this.#w.double(values, 0)
    if (plan.other > 0) {
      const other = this.#leftOf(plan, plan.other) as NumberPlan
      match = this.#match(plan, other)
      others = other.values
      scale = scaleOf(plan, other)
      plan.base -= this.#w.double(others, this.#w.word(match, 0)) * scale
    }
    kernels.toResiduals(mode, values, rows, plan.base, others, match, scale, plan.residuals)
    plan.largest = kernels.maxValue(plan.residuals, rows)
    memory.release(mark)
  }

  /** Place, from 1, of the left column that at least 30 % of the rows are equal to; 0 where there is none. */
  #reference({ rows, left }: PlanBase, record: number): number {
    if (left.length === 0) return 0
    const looked = Math.min(rows, SAMPLE)
    const least = Math.floor(looked * 0.3)
    return this.#w.kernels.referToColumn(this.#w.args(record, looked, this.#lefts, left.length, least))
  }

  #text(
    base: PlanBase,
    record: number,
    starts: number,
    ends: number,
    known: readonly Uint8Array[],
    meanLength: number,
  ): ColumnPlan {
    const { kernels, memory } = this.#w
    const { id, first, left } = base
    const reference = this.#reference(base, record)
    let rows = base.rows
    let restStart = starts
    let restEnd = ends
    let flags = 0
    if (reference > 0) {
      const other = this.#leftOf(base, reference)
      const match = this.#match(base, other)
      const at = other.first * 4
      flags = memory.reserve(rows)
      restStart = this.#w.scratchWords(rows)
      restEnd = this.#w.scratchWords(rows)
      const { rowStart, rowEnd } = this.#chunk
      rows = kernels.splitEqual(
        this.#w.args(starts, ends, rows, rowStart + at, rowEnd + at, match, flags, restStart, restEnd),
      )
    }
    const share = meanLength > 6 ? 0.75 : 0.3
    // Few rows, or nearly all different: as they are. A dictionary of the prior is always used.
    const most = known.length + Math.max(1, Math.floor(rows * (rows < 8 ? 1 : share)))
    const mark = memory.mark()
    const ids = this.#w.scratchWords(base.rows)
    const texts = this.#w.scratchWords((most + 1) * 2)
    for (let i = 0; i < known.length; i++) {
      const text = known[i] as Uint8Array
      const at = memory.put(text)
      this.#w.putWord(texts, 2 * i, at)
      this.#w.putWord(texts, 2 * i + 1, at + text.length)
    }
    const size = 2 ** (33 - Math.clz32(Math.max(most, 2)))
    const tableMark = memory.mark()
    const table = this.#w.words(size * 2)
    const distinct = kernels.internRows(
      this.#w.args(restStart, restEnd, rows, ids, texts, known.length, most, table, size - 1),
    )
    memory.release(tableMark)
    if (distinct < 0) {
      memory.release(mark)
      return { id, first, rows: base.rows, left, kind: 'raw', reference, flags, restRows: rows, restStart, restEnd }
    }
    if (reference > 0) kernels.spreadIds(ids, flags, base.rows, rows)
    const idLimit = reference > 0 ? distinct + 1 : distinct
    const own = known.length
    return { id, first, rows: base.rows, left, kind: 'dict', reference, ids, known: own, texts, distinct, idLimit }
  }
}

function rawPlan({ id, first, rows, left }: PlanBase, starts: number, ends: number): RawPlan {
  return {
    id,
    first,
    rows,
    left,
    kind: 'raw',
    reference: 0,
    flags: 0,
    restRows: rows,
    restStart: starts,
    restEnd: ends,
  }
}

/** Factor that brings a left column to the unit of a numeric column, 0 where there is none. */
export function scaleOf(plan: { kind: string; layout: string }, other: { kind: string; layout: string }): number {
  if (plan.kind === 'number') return other.kind === 'number' ? 1 : 0
  const own = ticksPerSecond(plan.layout)
  return own / (other.kind === 'time' ? ticksPerSecond(other.layout) : 1) >= 1
    ? own / (other.kind === 'time' ? ticksPerSecond(other.layout) : 1)
    : 0
}
