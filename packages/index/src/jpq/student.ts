/** Scores of rows by their frozen codes, and what they pass back to the query and to the centroids. */
import { PithError } from '@pith/core'
import { AdamW } from '../adamw.ts'
import { codeBias, type Pq, type PqCodes, partCodes, withScoring } from '../pq/index.ts'

/** The trained side of the documents: centroids that codes score as. */
export class Student {
  readonly pq: Pq
  /** u8[n, m] */
  readonly codes: Uint8Array
  /** f32[m, 2^bits, padded / m] */
  readonly scoring: Float32Array
  /** f64 of the same shape. */
  readonly gradients: Float64Array
  readonly #steps: AdamW
  readonly #width: number
  /** f32[n]: what rows add to their products. */
  readonly #bias: Float32Array | undefined

  /** @throws PithError `PITH_UNSUPPORTED` distances, which are not linear in the query */
  constructor(pq: Pq, codes: PqCodes) {
    if (pq.metric === 'l2') {
      throw new PithError('PITH_UNSUPPORTED', 'ranking by distances is not trained', {
        hint: 'Build the codes for inner products or cosines.',
      })
    }
    this.pq = pq
    this.codes = partCodes(pq, codes)
    this.scoring = pq.scoring.slice()
    this.gradients = new Float64Array(this.scoring.length)
    this.#width = pq.padded / pq.m
    this.#bias = rowBias(pq, this.codes)
    this.#steps = new AdamW(this.scoring.length, this.#width)
  }

  /** The query as the parts see it: f64[padded]; cosines take it at length 1. @param query f32[dim] at `from` */
  turn(query: Float32Array, from: number): Float64Array {
    const { dim, padded, rotation } = this.pq
    const turned = new Float64Array(padded)
    const length = this.#lengthOf(query, from)
    for (let i = 0; i < dim; i++) {
      const value = (query[from + i] as number) / length
      if (rotation === undefined) turned[i] = value
      else for (let j = 0, at = i * padded; j < padded; j++, at++) turned[j] += value * (rotation[at] as number)
    }
    return turned
  }

  /** f64[rows] */
  scores(turned: Float64Array, rows: ArrayLike<number>): Float64Array {
    const { m } = this.pq
    const width = this.#width
    const levels = 1 << this.pq.bits
    const scores = new Float64Array(rows.length)
    for (let i = 0; i < rows.length; i++) {
      const at = (rows[i] as number) * m
      let sum = this.#bias === undefined ? 0 : (this.#bias[rows[i] as number] as number)
      for (let p = 0; p < m; p++) {
        const cell = (p * levels + (this.codes[at + p] as number)) * width
        for (let j = 0; j < width; j++) sum += (turned[p * width + j] as number) * (this.scoring[cell + j] as number)
      }
      scores[i] = sum
    }
    return scores
  }

  /**
   * Add to the gradients of the centroids, and of the query.
   *
   * @param query   f32[dim] at `from`, and `turned` what {@link turn} made of it
   * @param slopes  f64[rows]: derivatives by the scores
   * @param out     f64[dim] at `from`, receives the gradient by the query
   */
  backward(
    query: Float32Array,
    from: number,
    turned: Float64Array,
    rows: ArrayLike<number>,
    slopes: ArrayLike<number>,
    out: Float64Array,
  ): void {
    const { dim, padded, rotation, m, bits } = this.pq
    const width = this.#width
    const inner = new Float64Array(padded)
    for (let i = 0; i < rows.length; i++) {
      const slope = slopes[i] as number
      if (slope === 0) continue
      const at = (rows[i] as number) * m
      for (let p = 0; p < m; p++) {
        const cell = ((p << bits) + (this.codes[at + p] as number)) * width
        for (let j = 0; j < width; j++) {
          this.gradients[cell + j] += slope * (turned[p * width + j] as number)
          inner[p * width + j] += slope * (this.scoring[cell + j] as number)
        }
      }
    }
    const length = this.#lengthOf(query, from)
    const own = new Float64Array(dim)
    let along = 0
    for (let i = 0; i < dim; i++) {
      let sum = rotation === undefined ? (inner[i] as number) : 0
      if (rotation !== undefined) {
        for (let j = 0, at = i * padded; j < padded; j++, at++) sum += (rotation[at] as number) * (inner[j] as number)
      }
      own[i] = sum
      along += (sum * (query[from + i] as number)) / length
    }
    // A cosine does not grow along the query itself.
    const share = this.pq.metric === 'cos' ? along / length : 0
    for (let i = 0; i < dim; i++) out[from + i] += ((own[i] as number) - share * (query[from + i] as number)) / length
  }

  /** Move the cells that have a gradient. */
  step(rate: number): void {
    this.#steps.step(this.scoring, this.gradients, rate)
  }

  /** What a query is divided by. */
  #lengthOf(query: Float32Array, from: number): number {
    if (this.pq.metric !== 'cos') return 1
    let square = 0
    for (let i = from; i < from + this.pq.dim; i++) square += (query[i] as number) ** 2
    return square > 0 ? Math.sqrt(square) : 1
  }

  /** The quantiser with the centroids as they are now; what codes are chosen by stays as it was. */
  snapshot(): Pq {
    return withScoring(this.pq, this.scoring.slice())
  }
}

function rowBias(pq: Pq, codes: Uint8Array): Float32Array | undefined {
  const bias = codeBias(pq)
  if (bias === undefined) return undefined
  const { m, bits } = pq
  const rows = new Float32Array(codes.length / m)
  for (let row = 0, at = 0; row < rows.length; row++) {
    let sum = 0
    for (let p = 0; p < m; p++, at++) sum += bias[(p << bits) + (codes[at] as number)] as number
    rows[row] = sum
  }
  return rows
}
