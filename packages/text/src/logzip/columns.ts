/**
 * Step F of the pipeline: how each column of a chunk is coded. The choice is made by rough costs on the first rows; what
 * comes out are ids, residuals and texts that any entropy coder can take.
 */

import { REST } from './groups.ts'
import type { ParsedChunk } from './parse.ts'
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
}

/** All rows are the same text. */
export interface ConstPlan extends PlanBase {
  kind: 'const'
}

/** Ids of a dictionary: `known` texts of the prior, then new ones. With a reference, id 0 means "as the left column". */
export interface DictPlan extends PlanBase {
  kind: 'dict'
  /** Place in the list of left columns, from 1; 0 is none. */
  reference: number
  /** i32 a row. */
  ids: number
  known: number
  /** All texts, prior ones first: (start, end) pairs. */
  texts: number
  distinct: number
  /** One more than the largest id. */
  idLimit: number
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
  /** Largest absolute value. */
  reach: number
  /** Least value. */
  least: number
  /** Rough cost of the first rows in bits. */
  cost: number
  /** Rows spelled otherwise; their texts are coded apart. */
  exceptions: Int32Array
}

type NumberParts = Omit<NumberPlan, 'mode' | 'other' | 'base' | 'largest' | 'reach' | 'least' | 'cost'>

/** Texts as they are. With a reference, `flags` says which rows are as the left column. */
export interface RawPlan extends PlanBase {
  kind: 'raw'
  reference: number
  flags: number
  restRows: number
  restStart: number
  restEnd: number
}

export type ColumnPlan = ConstPlan | DictPlan | NumberPlan | RawPlan

/** Rows that choices look at. */
const SAMPLE = 1024
/** Left columns that a column may refer to. */
export const MAX_LEFT = 16

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

/** Decide how each column is coded and compute its ids and residuals. */
export function planColumns(workspace: Workspace, chunk: ParsedChunk, prior: PriorColumns): ColumnPlan[] {
  const planner = new Planner(workspace, chunk, prior)
  return chunk.columns.map((column) => planner.plan(column))
}

class Planner {
  readonly #w: Workspace
  readonly #chunk: ParsedChunk
  readonly #prior: PriorColumns
  readonly #left: number[][]
  readonly #layouts: string[]
  readonly #done: Map<number, ColumnPlan> = new Map()

  constructor(workspace: Workspace, chunk: ParsedChunk, prior: PriorColumns) {
    this.#w = workspace
    this.#chunk = chunk
    this.#prior = prior
    this.#left = leftColumns(chunk.templates, chunk.templateCounts)
    this.#layouts = columnLayouts(chunk.templates, chunk.templateCounts)
  }

  plan(column: { id: number; first: number; rows: number }): ColumnPlan {
    const plan = this.#choose(column)
    this.#done.set(column.id, plan)
    return plan
  }

  #choose(base: PlanBase): ColumnPlan {
    const { kernels, memory } = this.#w
    const { rows } = base
    const starts = this.#chunk.rowStart + base.first * 4
    const ends = this.#chunk.rowEnd + base.first * 4
    const mark = memory.mark()
    const out = this.#w.scratchWords(3)
    kernels.measureRows(starts, ends, rows, out)
    const shortest = this.#w.word(out, 0)
    const longest = this.#w.word(out, 1)
    const equal = this.#w.word(out, 2) === 1
    memory.release(mark)
    const layout = this.#layouts[base.id] as string
    if (base.id === 0) return this.#raw(base, starts, ends, 0)
    const known = this.#prior.texts(base.id)
    if (equal && (known.length === 0 || rows === 1)) return { ...base, kind: 'const' }
    if (layout !== '' && layout !== REST) {
      const plan = this.#time(base, starts, ends, layout)
      if (plan !== undefined) return plan
    }
    const total = this.#totalBytes(starts, ends, Math.min(rows, SAMPLE))
    if (layout === '' && longest <= 20) {
      const plan = this.#number(base, starts, ends, shortest, longest)
      if (plan !== undefined) return plan
    }
    return this.#text(base, starts, ends, known, total / Math.min(rows, SAMPLE))
  }

  #totalBytes(starts: number, ends: number, n: number): number {
    let total = 0
    for (let i = 0; i < n; i++) total += this.#w.word(ends, i) - this.#w.word(starts, i)
    return total
  }

  /** Rows of the left column in the same lines for the first `n` rows, or 0 where it lacks one. */
  #match(base: PlanBase, other: ColumnPlan, n: number = base.rows): number {
    const { memory, kernels } = this.#w
    const mark = memory.mark()
    const match = this.#w.scratchWords(n)
    const lines = this.#chunk.rowLine
    if (kernels.matchRows(lines + base.first * 4, n, lines + other.first * 4, other.rows, match) === 1) {
      return match
    }
    memory.release(mark)
    return 0
  }

  #lefts(base: PlanBase): ColumnPlan[] {
    return (this.#left[base.id] ?? []).map((id) => this.#done.get(id) as ColumnPlan)
  }

  #time(base: PlanBase, starts: number, ends: number, layout: string): NumberPlan | undefined {
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
      const exceptions = memory.i32.slice(list >> 2, (list >> 2) + bad)
      memory.release(mark)
      const pad = spelling === layout ? 0 : 48
      return this.#residuals({ ...base, kind: 'time', layout: spelling, width: 0, pad, values, residuals, exceptions })
    }
    memory.release(mark)
    return undefined
  }

  #number(base: PlanBase, starts: number, ends: number, shortest: number, longest: number): NumberPlan | undefined {
    const { memory, kernels } = this.#w
    const { rows } = base
    let width = 0
    let pad = 0
    if (shortest === longest) {
      // All of one length: padded, if a row of the sample starts with a zero or a space.
      for (let i = 0; i < Math.min(rows, SAMPLE) && pad === 0; i++) {
        const c = memory.u8[this.#w.word(starts, i)] as number
        if (c === 32 || (c === 48 && longest > 1)) pad = c
      }
      if (pad !== 0) width = longest
    }
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
    const exceptions = memory.i32.slice(list >> 2, (list >> 2) + bad)
    memory.release(mark)
    const plan = this.#residuals({ ...base, kind: 'number', layout: '', width, pad, values, residuals, exceptions })
    if (this.#dictionaryIsCheaper(plan, starts, ends)) {
      memory.release(before)
      return undefined
    }
    return plan
  }

  /** Whether ids of a dictionary cost less than the residuals, on the first rows. */
  #dictionaryIsCheaper(plan: NumberPlan, starts: number, ends: number): boolean {
    const { memory, kernels } = this.#w
    const n = Math.min(plan.rows, SAMPLE)
    const mark = memory.mark()
    const ids = this.#w.scratchWords(n)
    const texts = this.#w.scratchWords(n * 2)
    const size = 2 ** (33 - Math.clz32(n))
    const table = this.#w.words(size * 2)
    const distinct = kernels.internRows(this.#w.args(starts, ends, n, ids, texts, 0, n + 1, table, size - 1))
    const counts = new Int32Array(distinct)
    for (let i = 0; i < n; i++) counts[this.#w.word(ids, i)] = (counts[this.#w.word(ids, i)] as number) + 1
    let bits = 20 * distinct
    // Order-0 entropy with logarithms rounded to halves, from integers only.
    for (const c of counts) bits += c * log2Half(n, c)
    memory.release(mark)
    return bits < plan.cost
  }

  /** What the first row is predicted from: the least value, the first, or the first less that of the left column. */
  #base(plan: NumberPlan, mode: number, others: number, match: number, scale: number): number {
    if (mode === 0) return plan.least
    const first = this.#w.double(plan.values, 0)
    return mode === 1 ? first : first - this.#w.double(others, this.#w.word(match, 0)) * scale
  }

  #residuals(partial: NumberParts): NumberPlan {
    const { kernels } = this.#w
    const { values, rows } = partial
    const least = kernels.minValue(values, rows)
    const most = kernels.maxValue(values, rows)
    const reach = Math.max(most, -least)
    const plan: NumberPlan = { ...partial, mode: 0, other: 0, base: 0, largest: 0, least, reach, cost: 0 }
    const n = Math.min(rows, SAMPLE)
    plan.cost = kernels.residualCost(0, values, n, least, 0, 0, 1)
    const delta = kernels.residualCost(1, values, n, this.#base(plan, 1, 0, 0, 1), 0, 0, 1)
    // A time is never better as it is.
    if (plan.kind === 'time' || delta * 20 < plan.cost * 19) {
      plan.cost = delta
      plan.mode = 1
    }
    const lefts = this.#lefts(plan)
    if (rows > 1) this.#relate(plan, lefts, n)
    this.#predict(plan, plan.other === 0 ? undefined : (lefts[plan.other - 1] as NumberPlan))
    if (plan.largest <= Number.MAX_SAFE_INTEGER) return plan
    // Far apart values whose differences, doubled for their sign, leave 53 bits: as they are, above the least.
    plan.mode = 0
    plan.other = 0
    this.#predict(plan, undefined)
    return plan
  }

  /** Look for a left column that predicts better. */
  #relate(plan: NumberPlan, lefts: readonly ColumnPlan[], n: number): void {
    const { kernels, memory } = this.#w
    for (const [i, other] of lefts.entries()) {
      if (other.kind !== 'number' && other.kind !== 'time') continue
      const scale = scaleOf(plan, other)
      // The difference must be an integer that a double holds.
      if (scale === 0 || plan.reach + other.reach * scale > Number.MAX_SAFE_INTEGER) continue
      const mark = memory.mark()
      const match = this.#match(plan, other, n)
      const base = this.#base(plan, 2, other.values, match, scale)
      for (let mode = 2; mode <= 3; mode++) {
        const cost = kernels.residualCost(mode, plan.values, n, base, other.values, match, scale)
        if (cost * 20 >= plan.cost * 19) continue
        plan.cost = cost
        plan.mode = mode
        plan.other = i + 1
      }
      memory.release(mark)
    }
  }

  /** Compute the residuals of the chosen mode. */
  #predict(plan: NumberPlan, other: NumberPlan | undefined): void {
    const { kernels, memory } = this.#w
    const mark = memory.mark()
    const match = other === undefined ? 0 : this.#match(plan, other)
    const scale = other === undefined ? 1 : scaleOf(plan, other)
    const others = other?.values ?? 0
    plan.base = this.#base(plan, plan.mode, others, match, scale)
    kernels.toResiduals(plan.mode, plan.values, plan.rows, plan.base, others, match, scale, plan.residuals)
    plan.largest = kernels.maxValue(plan.residuals, plan.rows)
    memory.release(mark)
  }

  /** The left column that at least 30 % of the rows are equal to, as its place from 1, and the rows there. */
  #reference(base: PlanBase, starts: number, ends: number): { place: number; match: number } {
    const { kernels, memory } = this.#w
    const looked = Math.min(base.rows, SAMPLE)
    let best = Math.floor(looked * 0.3)
    let place = 0
    const { rowStart, rowEnd } = this.#chunk
    for (const [i, other] of this.#lefts(base).entries()) {
      if (other.kind === 'const' || other.kind === 'time') continue
      const mark = memory.mark()
      const match = this.#match(base, other, looked)
      const at = other.first * 4
      const equal = match === 0 ? 0 : kernels.countEqual(starts, ends, looked, rowStart + at, rowEnd + at, match)
      memory.release(mark)
      if (equal > best) {
        best = equal
        place = i + 1
      }
    }
    return place === 0
      ? { place, match: 0 }
      : { place, match: this.#match(base, this.#lefts(base)[place - 1] as ColumnPlan) }
  }

  #text(base: PlanBase, starts: number, ends: number, known: readonly Uint8Array[], meanLength: number): ColumnPlan {
    const { kernels, memory } = this.#w
    const { place, match } = this.#reference(base, starts, ends)
    let rows = base.rows
    let restStarts = starts
    let restEnds = ends
    let flags = 0
    if (place > 0) {
      const other = this.#lefts(base)[place - 1] as ColumnPlan
      const at = other.first * 4
      flags = memory.alloc(base.rows)
      restStarts = this.#w.scratchWords(base.rows)
      restEnds = this.#w.scratchWords(base.rows)
      const { rowStart, rowEnd } = this.#chunk
      rows = kernels.splitEqual(
        this.#w.args(starts, ends, base.rows, rowStart + at, rowEnd + at, match, flags, restStarts, restEnds),
      )
    }
    const share = meanLength > 6 ? 0.75 : 0.3
    // Few rows, or nearly all different: as they are. A dictionary of the prior is always used.
    const most = known.length + Math.max(1, Math.floor(rows * (rows < 8 ? 1 : share)))
    const mark = memory.mark()
    const ids = this.#w.scratchWords(base.rows)
    const texts = this.#w.scratchWords((most + 1) * 2)
    for (const [i, text] of known.entries()) {
      const at = memory.put(text)
      memory.i32[(texts >> 2) + 2 * i] = at
      memory.i32[(texts >> 2) + 2 * i + 1] = at + text.length
    }
    const size = 2 ** (33 - Math.clz32(Math.max(most, 2)))
    const tableMark = memory.mark()
    const table = this.#w.words(size * 2)
    const distinct = kernels.internRows(
      this.#w.args(restStarts, restEnds, rows, ids, texts, known.length, most, table, size - 1),
    )
    memory.release(tableMark)
    if (distinct < 0) {
      memory.release(mark)
      return { ...base, kind: 'raw', reference: place, flags, restRows: rows, restStart: restStarts, restEnd: restEnds }
    }
    let idLimit = distinct
    if (place > 0) {
      idLimit = distinct + 1
      const view = memory.i32
      // From the back, so that the ids of the rest can be spread in place.
      for (let i = base.rows - 1, rest = rows - 1; i >= 0; i--) {
        view[(ids >> 2) + i] = memory.u8[flags + i] === 1 ? 0 : (view[(ids >> 2) + rest--] as number) + 1
      }
    }
    return { ...base, kind: 'dict', reference: place, ids, known: known.length, texts, distinct, idLimit }
  }

  #raw(base: PlanBase, starts: number, ends: number, reference: number): RawPlan {
    return { ...base, kind: 'raw', reference, flags: 0, restRows: base.rows, restStart: starts, restEnd: ends }
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

/** log2(a / b) in steps of a half, from integers. */
function log2Half(a: number, b: number): number {
  const square = Math.floor((a * a) / (b * b))
  return square < 2147483648 ? (31 - Math.clz32(square)) / 2 : 31 - Math.clz32(Math.floor(a / b))
}
