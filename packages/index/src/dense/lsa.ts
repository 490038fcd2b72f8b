/** An encoder that is learned from the documents themselves: latent semantic analysis. */
import { fingerprint, meterProgress, PithError, portableLog, Random, type Run, throwIfAborted } from '@pith/core'
import { type Analyzer, makeAnalyzer } from '@pith/core/lexical'
import type { DenseMatrix, Encoder, SparseMatrix } from '../types.ts'
import { lsaBytes } from './lsa-parts.ts'
import { singularRows } from './singular-rows.ts'

/** Options of {@link trainLsa}. */
export interface LsaOptions extends Run {
  /** Numbers of a vector, 1..4096; fewer where the documents have a lower rank. Default 256. */
  dim?: number
  /** Terms that are kept at most, those of most documents first. Default 65,536. */
  vocabulary?: number
  /** Documents that are learned from at most, drawn by the seed. Default 50,000. */
  sample?: number
  /** Default Porter2 stems without accents; stop words are left out. */
  analyzer?: Analyzer
}

/** What an {@link LsaEncoder} computes with. */
export interface LsaParts {
  readonly analyzer: Analyzer
  readonly dim: number
  /** Ascending by code units. */
  readonly terms: readonly string[]
  /** f32[terms]: weight of a term times the step of its vector. */
  readonly factors: Float32Array
  /** i8[terms.length, dim] of the rows that are asked for, behind each other. */
  vectors(rows: readonly number[], run?: Run): Promise<Int8Array>
}

/** Steps of a vector in each direction. */
const STEPS = 127
const MAX_DIM = 4096
const TEXTS_AT_ONCE = 256

/** Texts to vectors of length 1 by latent semantic analysis; a text without known terms becomes 0. */
export class LsaEncoder implements Encoder {
  readonly id: string
  readonly parts: LsaParts
  readonly #rowOf: ReadonlyMap<string, number>

  /** @param id  as {@link trainLsa} gave it */
  constructor(id: string, parts: LsaParts) {
    this.id = id
    this.parts = parts
    this.#rowOf = new Map(parts.terms.map((term, row) => [term, row]))
  }

  get dim(): number {
    return this.parts.dim
  }

  /** Row of a term; undefined for those that are not known. */
  rowOf(term: string): number | undefined {
    return this.#rowOf.get(term)
  }

  /** @throws the abort reason */
  async encode(texts: readonly string[], kind: 'query' | 'document', run: Run = {}): Promise<DenseMatrix> {
    const { dim } = this
    const data = new Float32Array(texts.length * dim)
    const meter = meterProgress(run, { stage: 'vectors', unit: 'rows', total: texts.length })
    for (let start = 0; start < texts.length; start += TEXTS_AT_ONCE) {
      throwIfAborted(run.signal)
      const counts = texts.slice(start, start + TEXTS_AT_ONCE).map((text) => this.#count(text, kind))
      const rows = [...new Set(counts.flatMap((own) => [...own.keys()]))]
      const vectors = await this.parts.vectors(rows, run)
      const placeOf = new Map(rows.map((row, place) => [row, place]))
      for (const [i, own] of counts.entries()) {
        const sum = new Float64Array(dim)
        for (const [row, count] of own) {
          const weight = portableLog(1 + count) * (this.parts.factors[row] as number)
          const at = (placeOf.get(row) as number) * dim
          for (let j = 0; j < dim; j++) sum[j] += weight * (vectors[at + j] as number)
        }
        setUnit(sum, data, (start + i) * dim)
      }
      meter.update(start + counts.length)
    }
    meter.finish()
    return { n: texts.length, dim, data }
  }

  /** Counts of the terms of a text by row, in the order of the rows, so that sums do not depend on the order of words. */
  #count(text: string, kind: 'query' | 'document'): ReadonlyMap<number, number> {
    const counts = new Map<number, number>()
    for (const { text: term, stop } of this.parts.analyzer.analyze(text, kind)) {
      const row = stop ? undefined : this.#rowOf.get(term)
      if (row !== undefined) counts.set(row, (counts.get(row) ?? 0) + 1)
    }
    return new Map([...counts].sort(([a], [b]) => a - b))
  }
}

/**
 * Learn an encoder from documents: the leading singular vectors of log(1 + count) idf, one row per document.
 * Method: Deerwester et al., "Indexing by latent semantic analysis", JASIS 41 (1990). A vector is the sum of the vectors of its
 * terms, brought to length 1; those of terms are held in 8 bits. The same documents in the same order, options and seed give
 * the same bytes.
 *
 * @throws PithError `PITH_ARG` an option out of range; the abort reason
 */
export async function trainLsa(
  texts: Iterable<string> | AsyncIterable<string>,
  options: LsaOptions = {},
): Promise<LsaEncoder> {
  const { dim = 256, vocabulary = 65536, sample = 50_000, analyzer = makeAnalyzer() } = options
  checkRange('dim', dim, MAX_DIM)
  checkRange('vocabulary', vocabulary, 2 ** 24)
  checkRange('sample', sample, 2 ** 24)
  const counted = await countTerms(texts, sample, analyzer, options)
  const { terms, matrix, idf } = weigh(counted, vocabulary)
  const { k, rows } = await singularRows(matrix, dim, options)
  const parts = quantised(analyzer, terms, idf, rows, k)
  return new LsaEncoder(
    `lsa:${fingerprint(lsaBytes(parts, await parts.vectors([...terms.keys()]))).slice(0, 32)}`,
    parts,
  )
}

interface Counted {
  /** Term and count in turn. */
  readonly documents: Uint32Array[]
  readonly names: string[]
}

/** Count the terms of a sample of documents (Vitter's algorithm R). */
async function countTerms(
  texts: Iterable<string> | AsyncIterable<string>,
  sample: number,
  analyzer: Analyzer,
  run: Run,
): Promise<Counted> {
  const random = new Random(run.seed ?? 0).split(1)
  const meter = meterProgress(run, { stage: 'terms', unit: 'rows' })
  const documents: Uint32Array[] = []
  const idOf = new Map<string, number>()
  let seen = 0
  for await (const text of texts) {
    throwIfAborted(run.signal)
    const place = seen < sample ? seen : random.integer(seen + 1)
    meter.update(++seen)
    if (place >= sample) continue
    const counts = new Map<number, number>()
    for (const { text: term, stop } of analyzer.analyze(text)) {
      if (stop) continue
      let id = idOf.get(term)
      if (id === undefined) idOf.set(term, (id = idOf.size))
      counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    documents[place] = Uint32Array.from([...counts].flat())
  }
  meter.finish()
  return { documents, names: [...idOf.keys()] }
}

interface Weighed {
  readonly terms: readonly string[]
  readonly matrix: SparseMatrix
  readonly idf: Float64Array
}

/** The terms that are kept, and the matrix of their weights. */
function weigh({ documents, names }: Counted, vocabulary: number): Weighed {
  const frequency = new Uint32Array(names.length)
  for (const counts of documents) for (let at = 0; at < counts.length; at += 2) frequency[counts[at] as number]++
  const byCode = (a: number, b: number): number => ((names[a] as string) < (names[b] as string) ? -1 : 1)
  const kept = [...names.keys()]
    .filter((id) => (frequency[id] as number) > 0)
    .sort((a, b) => (frequency[b] as number) - (frequency[a] as number) || byCode(a, b))
    .slice(0, vocabulary)
    .sort(byCode)
  const rowOf = new Int32Array(names.length).fill(-1)
  for (const [row, id] of kept.entries()) rowOf[id] = row
  // One more document than there are, so that a lone document has weights.
  const idf = Float64Array.from(kept, (id) => portableLog((documents.length + 1) / (frequency[id] as number)))
  const indptr = new Uint32Array(documents.length + 1)
  for (const [i, counts] of documents.entries()) {
    let own = 0
    for (let at = 0; at < counts.length; at += 2) if ((rowOf[counts[at] as number] as number) >= 0) own++
    indptr[i + 1] = (indptr[i] as number) + own
  }
  const indices = new Uint32Array(indptr.at(-1) as number)
  const values = new Float32Array(indices.length)
  for (const [i, counts] of documents.entries()) {
    const row: [number, number][] = []
    for (let at = 0; at < counts.length; at += 2) {
      const term = rowOf[counts[at] as number] as number
      if (term >= 0) row.push([term, counts[at + 1] as number])
    }
    row.sort(([a], [b]) => a - b)
    for (const [p, [term, count]] of row.entries()) {
      indices[(indptr[i] as number) + p] = term
      values[(indptr[i] as number) + p] = portableLog(1 + count) * (idf[term] as number)
    }
  }
  return { terms: kept.map((id) => names[id] as string), matrix: { dim: kept.length, indptr, indices, values }, idf }
}

/** Vectors of terms in 8 bits, each with a step of its own. */
function quantised(
  analyzer: Analyzer,
  terms: readonly string[],
  idf: Float64Array,
  rows: Float64Array,
  k: number,
): LsaParts {
  const dim = Math.max(1, k)
  const factors = new Float32Array(terms.length)
  const data = new Int8Array(terms.length * dim)
  for (let term = 0; term < terms.length; term++) {
    let most = 0
    for (let j = 0; j < k; j++) most = Math.max(most, Math.abs(rows[j * terms.length + term] as number))
    factors[term] = ((idf[term] as number) * most) / STEPS
    if (most === 0) continue
    for (let j = 0; j < k; j++)
      data[term * dim + j] = Math.round(((rows[j * terms.length + term] as number) * STEPS) / most)
  }
  const vectors = async (wanted: readonly number[]): Promise<Int8Array> => {
    const out = new Int8Array(wanted.length * dim)
    for (const [place, row] of wanted.entries()) out.set(data.subarray(row * dim, (row + 1) * dim), place * dim)
    return out
  }
  return { analyzer, dim, terms, factors, vectors }
}

function setUnit(sum: Float64Array, to: Float32Array, at: number): void {
  let square = 0
  for (const value of sum) square += value * value
  const factor = square > 0 ? 1 / Math.sqrt(square) : 0
  for (let j = 0; j < sum.length; j++) to[at + j] = factor * (sum[j] as number)
}

function checkRange(name: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return
  throw new PithError('PITH_ARG', `${name} must be 1..${most}, got ${value}`)
}
