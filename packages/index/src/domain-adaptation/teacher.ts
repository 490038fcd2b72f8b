/** A teacher that needs no model: what a document shares with a query, exactly, nearly, and close together. */
import { type Run, throwIfAborted } from '@pith/core'
import { bm25Saturation } from '@pith/core/lexical'
import type { LsaEncoder } from '../dense/index.ts'
import { queryTerms, type TermCorpus } from './corpus.ts'

/** Says how well documents answer a query. Scores of one query are compared, those of different queries are not. */
export interface Teacher {
  readonly id: string
  /** f64[rows] */
  score(query: string, rows: Uint32Array, run?: Run): Promise<Float64Array>
}

/** Shares of BM25, of late interaction, and of nearness. */
const SHARES = [0.5, 0.3, 0.2] as const

/** Terms that stand for a term where a document does not have it, and how like it they must be. */
const NEIGHBOURS = 32
const LEAST_LIKENESS = 0.3

/**
 * The built-in teacher: BM25, late interaction of the vectors of terms (for each term of a query the most similar one of the
 * document), and how small a window holds the terms that match; each brought to mean 0 and deviation 1 among the rows.
 *
 * @param lsa  the encoder whose vectors of terms are compared
 */
export async function builtinTeacher(corpus: TermCorpus, lsa: LsaEncoder, run: Run = {}): Promise<Teacher> {
  const likeness = await termLikeness(corpus, lsa, run)
  // Terms of the document that is looked at; all 0 between two of them.
  const counts = new Uint32Array(corpus.names.length)
  return {
    id: `pith:lexical-1:${lsa.id}`,
    async score(query, rows, own = {}) {
      throwIfAborted(own.signal)
      const terms = queryTerms(corpus, query)
      const parts = SHARES.map(() => new Float64Array(rows.length))
      const [exact, late, near] = parts as [Float64Array, Float64Array, Float64Array]
      const neighbours = Array.from(terms, (term) => likeness(term))
      for (const [i, row] of rows.entries()) {
        const from = corpus.starts[row] as number
        const to = corpus.starts[row + 1] as number
        for (let at = from; at < to; at++) counts[corpus.terms[at] as number]++
        for (const [t, term] of terms.entries()) {
          const weight = corpus.weights[term] as number
          const count = counts[term] as number
          if (count > 0) {
            exact[i] += weight * bm25Saturation(count, to - from, corpus.averageLength)
            late[i] += weight
          } else late[i] += weight * nearest(neighbours[t] as Alike, counts)
        }
        near[i] = nearness(corpus, terms, counts, from, to)
        for (let at = from; at < to; at++) counts[corpus.terms[at] as number] = 0
      }
      const scores = new Float64Array(rows.length)
      for (const [p, part] of parts.entries()) addStandardised(scores, part, SHARES[p] as number)
      return scores
    },
  }
}

interface Alike {
  /** The most similar first. */
  readonly others: Uint32Array
  readonly alike: Float32Array
}

/** How like a term the most similar term of a document is; 0 where none is near. */
function nearest({ others, alike }: Alike, counts: Uint32Array): number {
  for (let k = 0; k < others.length; k++) if ((counts[others[k] as number] as number) > 0) return alike[k] as number
  return 0
}

/** Looks up the terms that are most like a term; found when first asked for. */
async function termLikeness(corpus: TermCorpus, lsa: LsaEncoder, run: Run): Promise<(term: number) => Alike> {
  const { dim } = lsa
  const known: number[] = []
  const rows: number[] = []
  for (const [term, name] of corpus.names.entries()) {
    const row = lsa.rowOf(name)
    if (row === undefined) continue
    known.push(term)
    rows.push(row)
  }
  const steps = await lsa.parts.vectors(rows, run)
  const vectors = new Float32Array(steps.length)
  for (let v = 0; v < rows.length; v++) {
    let square = 0
    for (let j = v * dim; j < (v + 1) * dim; j++) square += (steps[j] as number) ** 2
    const factor = square > 0 ? 1 / Math.sqrt(square) : 0
    for (let j = v * dim; j < (v + 1) * dim; j++) vectors[j] = factor * (steps[j] as number)
  }
  const placeOf = new Map(known.map((term, place) => [term, place]))
  const found = new Map<number, Alike>()
  return (term) => {
    let own = found.get(term)
    if (own === undefined) {
      own = mostAlike(vectors, dim, known, placeOf.get(term))
      found.set(term, own)
    }
    return own
  }
}

function mostAlike(vectors: Float32Array, dim: number, known: readonly number[], place: number | undefined): Alike {
  const near: { term: number; alike: number }[] = []
  if (place !== undefined) {
    const own = vectors.subarray(place * dim, (place + 1) * dim)
    for (let v = 0; v < known.length; v++) {
      let alike = 0
      for (let j = 0, at = v * dim; j < dim; j++, at++) alike += (own[j] as number) * (vectors[at] as number)
      if (alike >= LEAST_LIKENESS && v !== place) near.push({ term: known[v] as number, alike })
    }
  }
  const kept = near.sort((a, b) => b.alike - a.alike || a.term - b.term).slice(0, NEIGHBOURS)
  return {
    others: Uint32Array.from(kept, ({ term }) => term),
    alike: Float32Array.from(kept, ({ alike }) => alike),
  }
}

/** How near to each other the terms of a query stand that a document has: the matched share over the length of the least window. */
function nearness(
  { terms: all, positions }: TermCorpus,
  terms: Uint32Array,
  counts: Uint32Array,
  from: number,
  to: number,
): number {
  let matched = 0
  for (const term of terms) if ((counts[term] as number) > 0) matched++
  if (matched < 2) return 0
  const held = new Map<number, number>()
  const places: number[] = []
  let least = Number.POSITIVE_INFINITY
  let left = 0
  for (let at = from; at < to; at++) {
    const term = all[at] as number
    if (!terms.includes(term)) continue
    places.push(at)
    held.set(term, (held.get(term) ?? 0) + 1)
    while (held.size === matched) {
      const first = places[left++] as number
      least = Math.min(least, (positions[at] as number) - (positions[first] as number))
      const rest = (held.get(all[first] as number) as number) - 1
      if (rest === 0) held.delete(all[first] as number)
      else held.set(all[first] as number, rest)
    }
  }
  return ((matched - 1) / least) * (matched / terms.length)
}

function addStandardised(scores: Float64Array, part: Float64Array, share: number): void {
  const { length } = part
  let mean = 0
  for (const value of part) mean += value / length
  let square = 0
  for (const value of part) square += (value - mean) ** 2 / length
  if (square > 0)
    for (let i = 0; i < length; i++) scores[i] += (share * ((part[i] as number) - mean)) / Math.sqrt(square)
}
