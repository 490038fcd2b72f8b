/** Losses of a few queries over codes, and their gradients by the layer. */
import { marginLoss } from '../margin-loss.ts'
import { portableExp, portableTanh } from '../portable-exp.ts'
import type { DenseMatrix } from '../types.ts'
import { Products, transposed } from './products.ts'

/** Rows that a query is compared with; the first answers it. */
export interface Candidates {
  readonly rows: Uint32Array
  /** What a teacher gives them, of deviation 1. */
  readonly labels?: Float64Array
}

/** Codes of the answer must be nearer by so much. */
const HINGE_MARGIN = 2

/** Deviations of scores within queries, to which the margins of a teacher are brought. */
export interface Spread {
  readonly ranks: number
  readonly codes: number
}

/** Computes gradients; holds the vectors and the memory for them. */
export class BprStep {
  /** f64[dim, bits] and f64[bits]: {@link gradients} adds to them. */
  readonly weightGradient: Float64Array
  readonly biasGradient: Float64Array
  readonly #documents: DenseMatrix
  readonly #queries: DenseMatrix
  readonly #bits: number
  readonly #products = new Products()

  constructor(documents: DenseMatrix, queries: DenseMatrix, bits: number) {
    this.#documents = documents
    this.#queries = queries
    this.#bits = bits
    this.weightGradient = new Float64Array(documents.dim * bits)
    this.biasGradient = new Float64Array(bits)
  }

  /** Scores of rows, as they will be ranked: the query against signs; or, of codes, the signs of the query against them. */
  scores(
    weight: Float32Array,
    bias: Float32Array,
    query: number,
    rows: Uint32Array,
    by: keyof Spread = 'ranks',
  ): Float32Array {
    const { dim } = this.#documents
    const bits = this.#bits
    const own = this.#products.multiply(pick(this.#queries, [query]), 1, dim, weight, bits)
    const hashed = this.#products.multiply(pick(this.#documents, rows), rows.length, dim, weight, bits)
    return Float32Array.from(rows, (_, i) => {
      let sum = 0
      for (let j = 0; j < bits; j++) {
        const value = by === 'ranks' ? (own[j] as number) : (own[j] as number) >= 0 ? 1 : -1
        sum += (hashed[i * bits + j] as number) + (bias[j] as number) >= 0 ? value : -value
      }
      return sum
    })
  }

  /**
   * Add the gradients of the mean loss of some queries; returns the sum of their losses.
   *
   * @param spread  of the scores that labels go with; none where the first row of each query is to stand out
   */
  gradients(
    weight: Float32Array,
    bias: Float32Array,
    which: Uint32Array,
    candidates: readonly Candidates[],
    steepness: number,
    spread?: Spread,
  ): number {
    const { dim } = this.#documents
    const bits = this.#bits
    const rows = [...new Set(candidates.flatMap((own) => [...own.rows]))]
    const placeOf = new Map(rows.map((row, place) => [row, place]))
    const [q, n] = [which.length, rows.length]
    const queryRows = pick(this.#queries, which)
    const documentRows = pick(this.#documents, rows)
    const asked = this.#products.multiply(queryRows, q, dim, weight, bits)
    const hashed = this.#products.multiply(documentRows, n, dim, weight, bits)
    for (let i = 0, at = 0; i < n; i++) for (let j = 0; j < bits; j++, at++) hashed[at] += bias[j] as number
    const soft = (values: Float32Array): Float32Array => values.map((value) => portableTanh(steepness * value))
    const [askedSigns, signs] = [soft(asked), soft(hashed)]
    const turned = transposed(signs, n, bits)
    const ranks = this.#products.multiply(asked, q, bits, turned, n)
    const codes = this.#products.multiply(askedSigns, q, bits, turned, n)
    // Derivatives by the scores of all pairs; most are 0.
    const [byRank, byCode] = [new Float32Array(q * n), new Float32Array(q * n)]
    const rankScale = 1 / (spread?.ranks ?? Math.sqrt(bits))
    const codeScale = 1 / (spread?.codes ?? 1)
    let sum = 0
    for (const [i, own] of candidates.entries()) {
      const places = Array.from(own.rows, (row) => i * n + (placeOf.get(row) as number))
      const add = (
        scores: Float32Array,
        by: Float32Array,
        scale: number,
        loss: (scores: Float64Array, slopes: Float64Array) => number,
      ): void => {
        const slopes = new Float64Array(places.length)
        sum += loss(
          Float64Array.from(places, (place) => scale * (scores[place] as number)),
          slopes,
        )
        for (const [p, place] of places.entries()) by[place] += (scale * (slopes[p] as number)) / q
      }
      const { labels } = own
      const margins = (scores: Float64Array, slopes: Float64Array): number =>
        marginLoss(scores, labels as Float64Array, slopes)
      add(ranks, byRank, rankScale, labels === undefined ? crossEntropy : margins)
      add(codes, byCode, codeScale, labels === undefined ? hinge : margins)
    }
    const flat = (values: Float32Array, signs: Float32Array): Float32Array =>
      values.map((value, i) => value * steepness * (1 - (signs[i] as number) ** 2))
    const multiply = (a: Float32Array, m: number, inner: number, b: Float32Array): Float32Array =>
      this.#products.multiply(a, m, inner, b, bits)
    const plus = (a: Float32Array, b: Float32Array): Float32Array => a.map((value, i) => value + (b[i] as number))
    const backQueries = plus(multiply(byRank, q, n, signs), flat(multiply(byCode, q, n, signs), askedSigns))
    const backRows = flat(
      plus(multiply(transposed(byRank, q, n), n, q, asked), multiply(transposed(byCode, q, n), n, q, askedSigns)),
      signs,
    )
    const fromQueries = multiply(transposed(queryRows, q, dim), dim, q, backQueries)
    const fromRows = multiply(transposed(documentRows, n, dim), dim, n, backRows)
    for (let i = 0; i < fromRows.length; i++) {
      this.weightGradient[i] += (fromQueries[i] as number) + (fromRows[i] as number)
    }
    for (let i = 0, at = 0; i < n; i++)
      for (let j = 0; j < bits; j++, at++) this.biasGradient[j] += backRows[at] as number
    return sum
  }
}

/** -log of the share of the first among the exponentials. */
export function crossEntropy(scores: Float64Array, gradient: Float64Array): number {
  let most = Number.NEGATIVE_INFINITY
  for (const score of scores) most = Math.max(most, score)
  let sum = 0
  for (let i = 0; i < scores.length; i++) {
    gradient[i] = portableExp((scores[i] as number) - most)
    sum += gradient[i] as number
  }
  for (let i = 0; i < scores.length; i++) gradient[i] = (gradient[i] as number) / sum
  const share = gradient[0] as number
  gradient[0] = share - 1
  return -Math.log(Math.max(Number.MIN_VALUE, share))
}

/** How far codes of others are from standing {@link HINGE_MARGIN} behind that of the first; the mean over them. */
export function hinge(scores: Float64Array, gradient: Float64Array): number {
  gradient.fill(0)
  const count = scores.length - 1
  let loss = 0
  for (let i = 1; i < scores.length; i++) {
    const short = HINGE_MARGIN - ((scores[0] as number) - (scores[i] as number))
    if (short <= 0) continue
    loss += short / count
    gradient[i] += 1 / count
    gradient[0] -= 1 / count
  }
  return loss
}

/** The rows of a matrix that are asked for. */
function pick({ dim, data }: DenseMatrix, rows: ArrayLike<number>): Float32Array {
  const out = new Float32Array(rows.length * dim)
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    out.set(data.subarray(row * dim, (row + 1) * dim), i * dim)
  }
  return out
}
