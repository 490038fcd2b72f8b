import { bm25Saturation, inverseDocumentFrequency } from '@pith/core/lexical'
import { termsOf } from '../select/terms.ts'

/** A function, or what stands between functions, and where it is. */
export interface RankedUnit {
  readonly path: string
  /** Empty for what stands between functions. */
  readonly name: string
  readonly code: string
  /** Names of the classes around it. */
  readonly classes: readonly string[]
}

/** What a unit is made of for a question, and what each counts: constants were chosen on packages that no figure is told of. */
const FIELDS = { code: 1, name: 0.75, file: 0.75, classes: 1, signature: 0.5 }
type Field = keyof typeof FIELDS
/** Terms that begin like one of the question count this share where that one is missing: `config` and `configuration`. */
const PREFIX = { code: 0.7, name: 0.35 }
/** Shortest term that may stand for a longer one of the question, and shortest of the question that longer ones stand for. */
const SHORT = 3
const LONG = 4
/** How much of the best score in the same file, and in the same class, comes on top. */
const NEIGHBOUR = 0.1
/** What a match between functions counts of one in a function. */
const REST = 0.5

/**
 * How well functions and what stands between them fit a question: BM25 of the code, the name, the file, the classes around and the
 * signature, each by itself; words that begin alike; and a little of what the best of the same file and class have. Long code is
 * less likely to be what is asked for than its matches say.
 *
 * @returns for a question f64[units.length], 0 where nothing fits
 */
export function makeUnitRanker(units: readonly RankedUnit[]): (query: string) => Float64Array {
  const indexes = fieldsOf(units)
  const files = groupBy(units, ({ path }) => path)
  const classes = groupBy(units, ({ path, name, classes: around }) => [path, ...around, scopeOf(name)].join('\n'))
  const lengths = indexes.code.lengths.map((own) => Math.log1p(own))
  const longest = lengths.reduce((most, own) => Math.max(most, own), 0)
  return (query) => {
    const asked = [...new Set(termsOf(query))]
    const scores = new Float64Array(units.length)
    for (const [name, weight] of Object.entries(FIELDS) as [Field, number][]) {
      addField(scores, indexes[name], asked, weight, name === 'code' || name === 'name' ? PREFIX[name] : 0)
    }
    const raised = Float64Array.from(scores)
    addBest(raised, scores, files)
    addBest(raised, scores, classes)
    // What stands between functions is short and answers seldom.
    return raised.map((score, i) => {
      if (units[i]?.name === '') return REST * score
      return score > 0 ? score + longest - (lengths[i] as number) : 0
    })
  }
}

/** Terms of texts that repeat their words, as {@link termsOf} gives them. */
function makeTermReader(): (text: string) => string[] {
  const known = new Map<string, readonly string[]>()
  return (text) => {
    const terms: string[] = []
    for (const word of text.match(WORD) ?? []) {
      let own = known.get(word)
      if (own === undefined) {
        own = termsOf(word)
        known.set(word, own)
      }
      for (const term of own) terms.push(term)
    }
    return terms
  }
}

/** Nothing that a term is made of stands across the ends of these. */
const WORD = /[a-z0-9]+(?![\p{L}\p{N}\p{M}])|[\p{L}\p{N}\p{M}]+/gu

function fieldsOf(units: readonly RankedUnit[]): Record<Field, FieldIndex> {
  const read = makeTermReader()
  const texts: Record<Field, string[][]> = {
    code: units.map(({ code }) => read(code)),
    name: units.map(({ name }) => read(name.slice(scopeOf(name).length))),
    file: units.map(({ path }) => read(/[^/\\]*$/.exec(path)?.[0].replace(/\.[a-z]+$/i, '') ?? '')),
    classes: units.map(({ name, classes }) => read([...classes, scopeOf(name)].join(' '))),
    signature: units.map(({ code, name }) => (name === '' ? [] : read(signatureOf(code)))),
  }
  return Object.fromEntries(Object.entries(texts).map(([name, own]) => [name, indexOf(own)])) as Record<
    Field,
    FieldIndex
  >
}

/** How often each term stands in which texts. */
interface FieldIndex {
  readonly places: ReadonlyMap<string, ReadonlyMap<number, number>>
  readonly lengths: Float64Array
  readonly average: number
}

function indexOf(texts: readonly (readonly string[])[]): FieldIndex {
  const places = new Map<string, Map<number, number>>()
  for (const [i, terms] of texts.entries()) {
    for (const term of terms) {
      let own = places.get(term)
      if (own === undefined) {
        own = new Map()
        places.set(term, own)
      }
      own.set(i, (own.get(i) ?? 0) + 1)
    }
  }
  const lengths = Float64Array.from(texts, (terms) => terms.length)
  return { places, lengths, average: lengths.reduce((sum, own) => sum + own, 0) / texts.length }
}

/** What stands before the last part of a name: `Store::` or `exports.`. */
function scopeOf(name: string): string {
  return /^(.*[^\w$])[\w$]+$/s.exec(name)?.[1] ?? ''
}

/** The first line that is no comment and no decorator. */
function signatureOf(code: string): string {
  return /^(?!\s*(?:[@#*]|\/[/*]))[^\n]*\S[^\n]*/m.exec(code)?.[0] ?? ''
}

/** BM25 of one field, by the statistics of that field, on top of what is there. */
function addField(
  scores: Float64Array,
  { places, lengths, average }: FieldIndex,
  asked: readonly string[],
  weight: number,
  prefix: number,
): void {
  const add = (term: string, put: (i: number, score: number) => void): void => {
    const own = places.get(term)
    if (own === undefined) return
    const rarity = inverseDocumentFrequency(lengths.length, own.size)
    for (const [i, count] of own) put(i, rarity * bm25Saturation(count, lengths[i] as number, average, CONSTANTS))
  }
  for (const term of asked) {
    add(term, (i, score) => {
      scores[i] += weight * score
    })
    if (prefix === 0 || term.length < SHORT) continue
    const best = new Map<number, number>()
    for (const other of places.keys()) {
      if (!isAlike(other, term)) continue
      add(other, (i, score) => {
        if (score > (best.get(i) ?? 0)) best.set(i, score)
      })
    }
    const own = places.get(term)
    for (const [i, score] of best) if (own?.has(i) !== true) scores[i] += prefix * score
  }
}

const CONSTANTS = { k1: 1.2, b: 0.75 }

function isAlike(other: string, term: string): boolean {
  if (other.length < term.length) return other.length >= SHORT && term.startsWith(other)
  return term.length >= LONG && other.length > term.length && other.startsWith(term)
}

function groupBy(units: readonly RankedUnit[], key: (unit: RankedUnit) => string): Map<string, number[]> {
  const groups = new Map<string, number[]>()
  for (const [i, unit] of units.entries()) {
    const own = key(unit)
    const group = groups.get(own)
    if (group === undefined) groups.set(own, [i])
    else group.push(i)
  }
  return groups
}

/** A share of the best score of the others of its group for each. */
function addBest(raised: Float64Array, scores: Float64Array, groups: ReadonlyMap<string, readonly number[]>): void {
  for (const group of groups.values()) {
    let [first, second] = [0, 0]
    for (const i of group) {
      const score = scores[i] as number
      if (score > first) [first, second] = [score, first]
      else if (score > second) second = score
    }
    for (const i of group) raised[i] += NEIGHBOUR * (scores[i] === first ? second : first)
  }
}
