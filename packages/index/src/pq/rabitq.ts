/** Codes of a bit a number from which inner products are estimated without bias: RaBitQ, Gao and Long, SIGMOD 2024 (arXiv 2405.12497). */
import { PithError, Random } from '@pith/core'
import type { DenseMatrix, Hits } from '../types.ts'
import { putSignTables } from './binary.ts'
import { floatsAt, makeKernels, type PqKernels, roundUp } from './memory.ts'
import { Nibbles } from './nibbles.ts'
import { drawOrthogonal } from './polar.ts'
import { bestOf, checkCount } from './scan.ts'
import { Turner } from './turn.ts'
import type { CodeSearcher, CodeSearchOptions, Metric, Pq, RowScorer, SearcherOptions } from './types.ts'
import { checkMatrix, checkQuery, normalizeRows, ownQuery } from './vectors.ts'

const MAX_DIM = 65528
/** Rows that are turned at once. */
const CHUNK = 1024
const BLOCK = 16

/** What rows are turned by before their signs are taken: less the mean, padded by zeros, by a drawn rotation. */
export type Rabitq = Pick<Pq, 'dim' | 'padded' | 'metric' | 'mean'> & { readonly rotation: Float32Array }

/** Signs of turned rows, and what they are scaled by. */
export interface RabitqCodes {
  readonly n: number
  /** u8[n, padded / 8] */
  readonly data: Uint8Array
  /** f32[n]: the squared length of the centred row over the sum of the sizes of its turned numbers; 0 for a row at the mean. */
  readonly scales: Float32Array
  /** f32[n], what of the score needs no estimate: minus the squared length of the centred row, or its product with the mean. */
  readonly shifts: Float32Array
}

/** Options of {@link makeRabitq}. */
export interface RabitqOptions {
  /** Default `ip`. */
  metric?: Metric
  /** Seed of the rotation. Default 0. */
  seed?: number
}

/** Options of {@link RabitqIndex}. */
export interface RabitqIndexOptions extends SearcherOptions {
  /** The vectors behind the codes, by which the best rows are ranked anew. */
  vectors?: RowScorer | undefined
}

/** The mean of rows and a rotation; nothing else is learned. @throws PithError `PITH_ARG` no rows · `PITH_SHAPE` · `PITH_NONFINITE` */
export function makeRabitq(x: DenseMatrix, options: RabitqOptions = {}): Rabitq {
  checkMatrix(x, 'makeRabitq')
  const { n, dim, data } = x
  const { metric = 'ip', seed = 0 } = options
  if (n === 0) throw new PithError('PITH_ARG', 'makeRabitq: there are no rows')
  if (dim > MAX_DIM) throw new PithError('PITH_ARG', `rows must have 1..${MAX_DIM} numbers, not ${dim}`)
  const padded = roundUp(dim, 8)
  const sums = new Float64Array(dim)
  for (let from = 0; from < data.length; from += dim) {
    const row = data.slice(from, from + dim)
    if (metric === 'cos') normalizeRows(row, dim)
    for (let j = 0; j < dim; j++) sums[j] = (sums[j] as number) + (row[j] as number)
  }
  const rotation = drawOrthogonal(makeKernels(), padded, new Random(seed)).data
  return { dim, padded, metric, mean: Float32Array.from(sums, (sum) => sum / n), rotation }
}

/** Codes of rows; the same row gives the same code, alone or among others. @throws PithError `PITH_SHAPE` · `PITH_NONFINITE` */
export function encodeRabitq(code: Rabitq, x: DenseMatrix): RabitqCodes {
  checkMatrix(x, 'encodeRabitq')
  const { dim, padded, metric } = code
  if (x.dim !== dim) throw new PithError('PITH_SHAPE', `encodeRabitq: rows of ${x.dim} numbers, expected ${dim}`)
  const kernels = makeKernels()
  const turner = new Turner(kernels, code)
  const bytes = padded / 8
  const data = new Uint8Array(x.n * bytes)
  const scales = new Float32Array(x.n)
  const shifts = new Float32Array(x.n)
  for (let first = 0; first < x.n; first += CHUNK) {
    const rows = x.data.slice(first * dim, Math.min(x.n, first + CHUNK) * dim)
    if (metric === 'cos') normalizeRows(rows, dim)
    const count = rows.length / dim
    const mark = kernels.memory.mark()
    const turned = floatsAt(kernels, turner.turn(rows, count, true), count * padded)
    for (let i = 0; i < count; i++) {
      let square = 0
      let size = 0
      for (let j = 0; j < padded; j++) {
        const value = turned[i * padded + j] as number
        square += value * value
        size += Math.abs(value)
        if (value >= 0) data[(first + i) * bytes + (j >> 3)] |= 1 << (j & 7)
      }
      scales[first + i] = size === 0 ? 0 : square / size
      shifts[first + i] = metric === 'l2' ? -square : withMean(code, rows.subarray(i * dim, (i + 1) * dim))
    }
    kernels.memory.release(mark)
  }
  return { n: x.n, data, scales, shifts }
}

/** The product of a centred row with the mean. */
function withMean({ mean }: Rabitq, row: Float32Array): number {
  let sum = 0
  for (const [j, own] of mean.entries()) sum += ((row[j] as number) - own) * own
  return sum
}

/** Codes ready to be searched. */
export class RabitqIndex implements CodeSearcher, RowScorer {
  readonly n: number
  readonly dim: number
  readonly code: Rabitq
  readonly #vectors: RowScorer | undefined
  readonly #kernels: PqKernels
  readonly #turner: Turner
  readonly #nibbles: Nibbles
  readonly #scales: number
  readonly #shifts: number

  /** @throws PithError `PITH_SHAPE` codes of other rows · `PITH_LIMIT` more than 2 GiB */
  constructor(code: Rabitq, codes: RabitqCodes, options: RabitqIndexOptions = {}) {
    const { n, data, scales, shifts } = codes
    const { vectors } = options
    if (data.length !== (n * code.padded) / 8 || scales.length !== n || shifts.length !== n) {
      throw new PithError('PITH_SHAPE', `${data.length} bytes and ${scales.length} scales for ${n} rows`)
    }
    if (vectors !== undefined && (vectors.n !== n || vectors.dim !== code.dim)) {
      throw new PithError('PITH_SHAPE', `${vectors.n} vectors of ${vectors.dim} for ${n} codes of ${code.dim}`)
    }
    this.n = n
    this.dim = code.dim
    this.code = code
    this.#vectors = vectors
    const kernels = makeKernels(options.target)
    this.#kernels = kernels
    this.#turner = new Turner(kernels, code)
    const places = roundUp(n, BLOCK)
    this.#scales = kernels.memory.alloc(4 * places)
    this.#shifts = kernels.memory.alloc(4 * places)
    this.#nibbles = new Nibbles(kernels, data, n, code.padded / 8)
    floatsAt(kernels, this.#scales, n).set(scales)
    floatsAt(kernels, this.#shifts, n).set(shifts)
  }

  /** The codes, as {@link encodeRabitq} gave them. */
  codes(): RabitqCodes {
    const { n } = this
    const scales = floatsAt(this.#kernels, this.#scales, n).slice()
    return { n, data: this.#nibbles.codes(0, n), scales, shifts: floatsAt(this.#kernels, this.#shifts, n).slice() }
  }

  search(query: Float32Array, k: number, options: CodeSearchOptions = {}): Hits {
    const { filter } = options
    checkCount(k)
    const vectors = this.#vectors
    const candidates = options.rerank ?? (vectors === undefined ? 0 : Math.max(100, 10 * k))
    const constant = this.#prepare(query)
    const most = candidates <= 0 ? k : Math.min(Math.max(k, Math.ceil(candidates)), Math.max(1, this.n))
    const { ids, scores } = this.#nibbles.topScaled(most, filter, this.#scales, this.#shifts)
    if (candidates <= 0) {
      return bestOf(
        ids,
        scores.map((score) => score + constant),
        k,
      )
    }
    if (vectors === undefined) {
      throw new PithError('PITH_ARG', 'rerank needs vectors, the index has codes only', {
        hint: 'Leave rerank out, or build the index with vectors.',
      })
    }
    return bestOf(ids, vectors.scoreRows(query, ids), k)
  }

  scoreRows(query: Float32Array, rows: Uint32Array): Float32Array {
    const constant = this.#prepare(query)
    return this.#nibbles.atScaled(rows, this.#scales, this.#shifts).map((score) => score + constant)
  }

  /** Put what signs score into the memory. @returns what all scores lack */
  #prepare(query: Float32Array): number {
    const { dim, padded, metric, mean } = this.code
    checkQuery(query, dim)
    const own = ownQuery(query, metric === 'cos')
    const mark = this.#kernels.memory.mark()
    // The mean is taken from the query too: the less is left of it, the less an estimate is off.
    const at = this.#turner.turn(own, 1, true)
    const factor = metric === 'l2' ? 2 : 1
    const turned = floatsAt(this.#kernels, at, padded).slice()
    this.#kernels.memory.release(mark)
    const asked = turned.map((value) => factor * value)
    putSignTables(asked, floatsAt(this.#kernels, this.#nibbles.lut, 4 * padded))
    let constant = 0
    if (metric === 'l2') for (const value of turned) constant -= value * value
    else for (let j = 0; j < dim; j++) constant += (own[j] as number) * (mean[j] as number)
    return constant
  }
}
