/** Which lines of a chunk may be selected, from its templates and from the rows of only those columns that the query asks about. */
import type { ChunkView } from './chunk-decode.ts'
import type { ColumnOracle } from './column-oracle.ts'
import { andOf, type Formula, leavesOf, NEVER, orOf, possible } from './search/formula.ts'
import type { Matcher } from './search/matcher.ts'
import { planTemplate, type SlotConstraint } from './search/tokens.ts'
import { KIND } from './streams.ts'
import type { ColumnSpec } from './tables.ts'

/** A template that may have selected lines, and what the values of those must meet. */
export interface CandidateTemplate {
  readonly id: number
  readonly needs: Formula<SlotConstraint>
}

/** Lines that may be selected, ascending. */
export interface CandidateLines {
  readonly lines: Int32Array
  /** Whether all of them are, without being looked at. */
  readonly areSure: boolean
}

/** Rows that are looked at, as a multiple of the rows of a chunk, before reading all lines is the better choice. */
const MAX_LOOKS = 3
/** Share of the lines of a chunk above which it is read whole. */
const MAX_SHARE = 0.3

/** Templates of a chunk with lines that may be selected by a search that is not inverted. */
export function candidateTemplates(view: ChunkView, oracle: ColumnOracle, matcher: Matcher): CandidateTemplate[] {
  const found: CandidateTemplate[] = []
  for (const [id, template] of view.templates.templates.entries()) {
    if (view.counts[id] === 0) continue
    const needs = askOracle(planTemplate(matcher.required, oracle.shape(template)), oracle)
    if (needs.op !== 'never') found.push({ id, needs })
  }
  return found
}

/** What is left of a formula without constraints that no value meets; those that cost less to ask about come first. */
function askOracle(needs: Formula<SlotConstraint>, oracle: ColumnOracle): Formula<SlotConstraint> {
  if (needs.op === 'leaf') return oracle.mayMeet(needs.leaf) ? needs : NEVER
  if (needs.op === 'or') return orOf(needs.of.map((part) => askOracle(part, oracle)))
  if (needs.op !== 'and') return needs
  const costOf = (part: Formula<SlotConstraint>): number =>
    Math.max(0, ...leavesOf(part).map((leaf) => oracle.costOf(leaf)))
  const costs = new Map(needs.of.map((part) => [part, costOf(part)]))
  const kept: Formula<SlotConstraint>[] = []
  for (const part of [...needs.of].sort((a, b) => (costs.get(a) as number) - (costs.get(b) as number))) {
    const own = askOracle(part, oracle)
    if (own.op === 'never') return NEVER
    kept.push(own)
  }
  return andOf(kept)
}

/** The lines that may be selected; undefined where the whole chunk is better read at once. */
export function candidateLines(
  view: ChunkView,
  templates: readonly CandidateTemplate[],
  matcher: Matcher,
): CandidateLines | undefined {
  const most = view.lines * MAX_SHARE
  let whole = 0
  for (const { id, needs } of templates) if (isOpen(needs)) whole += view.counts[id] as number
  if (whole > most) return undefined
  const leaves = new Leaves(view)
  if (!leaves.add(templates.filter(({ needs }) => !isOpen(needs)))) return undefined
  const isMarked = new Uint8Array(view.lines)
  const open = new Uint8Array(view.templates.templates.length)
  let areSure = matcher.exact
  for (const { id, needs } of templates) {
    if (!isSure(needs) || !areDistinct((view.templates.templates[id] as { columns: number[] }).columns)) areSure = false
    const lines = isOpen(needs) ? 'all' : linesOf(needs, id, leaves)
    if (lines === 'all') open[id] = 1
    else for (const line of lines) isMarked[line] = 1
  }
  const byLine = view.templatesOfLines()
  const lines: number[] = []
  for (let line = 0; line < byLine.length; line++) {
    if (isMarked[line] === 1 || open[byLine[line] as number] === 1) lines.push(line)
  }
  return lines.length > most ? undefined : { lines: Int32Array.from(lines), areSure }
}

/** Whether a formula may hold for every line of its template, whatever the values are. */
function isOpen(needs: Formula<SlotConstraint>): boolean {
  switch (needs.op) {
    case 'leaf':
      return needs.leaf.slot < 0
    case 'and':
      return needs.of.every(isOpen)
    case 'or':
      return needs.of.some(isOpen)
    default:
      return needs.op !== 'never'
  }
}

/** Whether the values of a line decide if it meets a formula. */
function isSure(needs: Formula<SlotConstraint>): boolean {
  if (needs.op === 'leaf') return needs.leaf.slot >= 0
  if (needs.op === 'and' || needs.op === 'or') return needs.of.every(isSure)
  return needs.op !== 'maybe'
}

function areDistinct(columns: readonly number[]): boolean {
  return new Set(columns).size === columns.length
}

function linesOf(needs: Formula<SlotConstraint>, template: number, leaves: Leaves): readonly number[] | 'all' {
  switch (needs.op) {
    case 'leaf':
      return needs.leaf.slot < 0 ? 'all' : leaves.lines(needs.leaf, template)
    case 'and': {
      let both: readonly number[] | 'all' = 'all'
      for (const part of needs.of) {
        const own = linesOf(part, template, leaves)
        if (own === 'all') continue
        if (both === 'all') both = own
        else {
          const known: ReadonlySet<number> = new Set(own)
          both = both.filter((line) => known.has(line))
        }
      }
      return both
    }
    case 'or': {
      const all: number[] = []
      for (const part of needs.of) {
        const own = linesOf(part, template, leaves)
        if (own === 'all') return 'all'
        for (const line of own) all.push(line)
      }
      return all
    }
    default:
      return needs.op === 'never' ? [] : 'all'
  }
}

const NO_LINES: readonly number[] = []

/** Lines that meet constraints, by template, each constraint looked up once. */
class Leaves {
  readonly #view: ChunkView
  readonly #found: Map<string, Map<number, number[]>> = new Map()

  constructor(view: ChunkView) {
    this.#view = view
  }

  /** Look up what the templates need; false where that would be too many rows. */
  add(templates: readonly CandidateTemplate[]): boolean {
    const view = this.#view
    let rows = 0
    let all = 0
    for (const spec of view.specs) all += spec.rows
    const constraints = this.#unknown(templates)
    for (const { spec } of constraints.values()) rows += spec.rows
    if (rows > all * MAX_LOOKS) return false
    // Columns whose streams are at hand anyway come first: they may leave nothing to ask the others about.
    let left = templates
    for (let step = 0; step <= LAST_STEP; step++) {
      left = left.filter(({ id, needs }) => this.#mayHold(needs, id))
      const wanted = [...this.#unknown(left)].filter(([, { spec }]) => stepOf(spec) === step)
      if (wanted.length === 0) continue
      view.materializeSome(new Set(wanted.map(([, { spec }]) => spec.id)))
      for (const [key, { constraint, spec }] of wanted) this.#found.set(key, this.#lookUp(constraint, spec))
    }
    return true
  }

  /** Constraints on columns that have not been looked up, by their keys. */
  #unknown(templates: readonly CandidateTemplate[]): Map<string, { constraint: SlotConstraint; spec: ColumnSpec }> {
    const wanted = new Map<string, { constraint: SlotConstraint; spec: ColumnSpec }>()
    for (const constraint of templates.flatMap(({ needs }) => leavesOf(needs))) {
      const spec = this.#view.columnFacts(constraint.slot)
      const key = keyOf(constraint)
      if (spec !== undefined && !this.#found.has(key)) wanted.set(key, { constraint, spec })
    }
    return wanted
  }

  /** Whether some line of a template may meet what it needs, by what has been looked up. */
  #mayHold(needs: Formula<SlotConstraint>, template: number): boolean {
    return possible(needs, (leaf) => {
      const found = leaf.slot < 0 ? undefined : this.#found.get(keyOf(leaf))
      return found === undefined || found.has(template)
    })
  }

  lines(constraint: SlotConstraint, template: number): readonly number[] {
    return this.#found.get(keyOf(constraint))?.get(template) ?? NO_LINES
  }

  #lookUp(constraint: SlotConstraint, spec: ColumnSpec): Map<number, number[]> {
    const view = this.#view
    const byTemplate = new Map<number, number[]>()
    const templates = view.templatesOfLines()
    const lines = view.linesOf(spec)
    const { bytes, starts, ends } = view.textsOfRows(spec)
    const meets = testOf(constraint)
    // Values of a dictionary are the same places over and over.
    const isDict = spec.kind === KIND.dict || spec.kind === KIND.logDict
    const known = new Map<number, boolean>()
    for (let row = 0; row < spec.rows; row++) {
      const start = starts[row] as number
      let answer = isDict ? known.get(start) : undefined
      if (answer === undefined) {
        answer = meets(bytes, start, ends[row] as number)
        if (isDict) known.set(start, answer)
      }
      if (!answer) continue
      const line = lines[row] as number
      const template = templates[line] as number
      const own = byTemplate.get(template)
      if (own === undefined) byTemplate.set(template, [line])
      else own.push(line)
    }
    return byTemplate
  }
}

/** When a column is looked at: texts, then ids, then numbers, then times. */
function stepOf({ kind, other }: ColumnSpec): number {
  if (kind === KIND.const || (kind === KIND.raw && other === 0)) return 0
  if (kind === KIND.number) return 2
  return kind === KIND.time ? LAST_STEP : 1
}

const LAST_STEP = 3

function keyOf({ slot, how, bytes, ignoreCase }: SlotConstraint): string {
  return `${slot}/${how}/${ignoreCase}/${bytes}`
}

/** The same as `meetsConstraint`, for one constraint and many values. */
function testOf({ how, bytes: wanted, ignoreCase }: SlotConstraint) {
  const fold = new Uint8Array(256)
  for (let byte = 0; byte < 256; byte++) fold[byte] = ignoreCase && byte >= 65 && byte <= 90 ? byte + 32 : byte
  const { length } = wanted
  const agrees = (bytes: Uint8Array, at: number): boolean => {
    let i = 0
    while (i < length && fold[bytes[at + i] as number] === wanted[i]) i++
    return i === length
  }
  if (how !== 'contains') {
    return (bytes: Uint8Array, start: number, end: number): boolean => {
      const room = end - start - length
      if (room < 0 || (how === 'is' && room > 0)) return false
      return agrees(bytes, how === 'endsWith' ? start + room : start)
    }
  }
  const first = wanted[0]
  return (bytes: Uint8Array, start: number, end: number): boolean => {
    const last = end - length
    for (let at = start; at <= last; at++) {
      if (fold[bytes[at] as number] === first && agrees(bytes, at)) return true
    }
    return length === 0
  }
}
