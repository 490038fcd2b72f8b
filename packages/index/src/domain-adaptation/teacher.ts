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
  const first = new Int32Array(corpus.names.length).fill(-1)
  return {
    id: `pith:lexical-1:${lsa.id}`,
    async score(query, rows, own = {}) {
      throwIfAborted(own.signal)
      const terms = queryTerms(corpus, query)
      const parts = SHARES.map(() => new Float64Array(rows.length))
      const [exact, late, near] = parts as [Float64Array, Float64Array, Float64Array]
      for (const [i, row] of rows.entries()) {
        const from = corpus.starts[row] as number
        const to = corpus.starts[row + 1] as number
        for (let at = to - 1; at >= from; at--) first[corpus.terms[at] as number] = at
        for (const term of terms) {
          const weight = corpus.weights[term] as number
          if (first[term] !== -1) {
            let count = 0
            for (let at = first[term] as number; at < to; at++) if (corpus.terms[at] === term) count++
            exact[i] += weight * bm25Saturation(count, to - from, corpus.averageLength)
            late[i] += weight
          } else {
            const { others, alike } = likeness(term)
            const found = others.findIndex((other) => first[other] !== -1)
            if (found >= 0) late[i] += weight * (alike[found] as number)
          }
        }
        near[i] = nearness(corpus, terms, from, to)
        for (let at = from; at < to; at++) first[corpus.terms[at] as number] = -1
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
function nearness({ terms: all, positions }: TermCorpus, terms: Uint32Array, from: number, to: number): number {
  const places: { at: number; term: number }[] = []
  for (let at = from; at < to; at++) {
    if (terms.includes(all[at] as number)) places.push({ at: positions[at] as number, term: all[at] as number })
  }
  const matched = new Set(places.map(({ term }) => term)).size
  if (matched < 2) return 0
  const counts = new Map<number, number>()
  let least = Number.POSITIVE_INFINITY
  let left = 0
  for (const { at, term } of places) {
    counts.set(term, (counts.get(term) ?? 0) + 1)
    while (counts.size === matched) {
      const first = places[left++] as { at: number; term: number }
      least = Math.min(least, at - first.at)
      const rest = (counts.get(first.term) as number) - 1
      if (rest === 0) counts.delete(first.term)
      else counts.set(first.term, rest)
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
