/** Search in codes of a product quantiser: asymmetric distances (ADC), the query as it is, the rows by their codes. */
import { PithError } from '@pith/core'
import type { Hits } from '../types.ts'
import { floatsAt, makeKernels, type PqKernels, roundUp, turnParts } from './memory.ts'
import { Nibbles } from './nibbles.ts'
import { bestOf, checkCount, Scanner, type ScoreRows } from './scan.ts'
import { Turner } from './turn.ts'
import type { CodeSearcher, CodeSearchOptions, Pq, PqCodes, RowScorer, SearcherOptions } from './types.ts'
import { checkQuery, ownQuery } from './vectors.ts'

/** Options of {@link PqIndex}. */
export interface PqIndexOptions extends SearcherOptions {
  /** The vectors behind the codes, by which the best rows are ranked anew. */
  vectors?: RowScorer | undefined
}

/** Codes of rows, ready to be searched. */
export class PqIndex implements CodeSearcher, RowScorer {
  readonly n: number
  readonly dim: number
  #pq: Pq
  readonly #vectors: RowScorer | undefined
  readonly #kernels: PqKernels
  readonly #turner: Turner
  /** Codes of 8 bits. */
  readonly #codes: number
  readonly #scanner: Scanner | undefined
  /** Codes of 4 bits. */
  readonly #nibbles: Nibbles | undefined
  readonly #bias: Float32Array | undefined
  readonly #table: number
  readonly #lut: number

  /**
   * @throws PithError `PITH_SHAPE` codes of other rows than the quantiser's or the vectors' · `PITH_LIMIT` more than 2 GiB
   */
  constructor(pq: Pq, codes: PqCodes, options: PqIndexOptions = {}) {
    const { vectors } = options
    const { n, rowBytes, data } = codes
    if (rowBytes !== codeBytes(pq) || data.length !== n * rowBytes) {
      throw new PithError('PITH_SHAPE', `${data.length} bytes of codes for ${n} rows of ${codeBytes(pq)}`)
    }
    if (vectors !== undefined && (vectors.n !== n || vectors.dim !== pq.dim)) {
      throw new PithError('PITH_SHAPE', `${vectors.n} vectors of ${vectors.dim} for ${n} codes of ${pq.dim}`)
    }
    this.n = n
    this.dim = pq.dim
    this.#pq = pq
    this.#vectors = vectors
    const kernels = makeKernels(options.target)
    const { memory } = kernels
    this.#kernels = kernels
    this.#turner = new Turner(kernels, pq)
    this.#bias = codeBias(pq)
    this.#table = memory.alloc(4 * pq.scoring.length)
    if (pq.bits === 8) {
      this.#codes = memory.put(data)
      this.#lut = memory.alloc(4 * 256 * pq.m)
      this.#scanner = new Scanner(kernels, n)
    } else {
      this.#nibbles = new Nibbles(kernels, data, n, rowBytes)
      this.#codes = 0
      this.#lut = this.#nibbles.lut
    }
    this.use(pq)
  }

  get pq(): Pq {
    return this.#pq
  }

  /** Score by the centroids `scoring` of `pq` from now on; all else of it must be as it was. */
  use(pq: Pq): void {
    const { m, bits, scoring, padded } = pq
    if (scoring.length !== this.#pq.scoring.length) {
      throw new PithError('PITH_SHAPE', `${scoring.length} numbers of centroids, not ${this.#pq.scoring.length}`)
    }
    this.#pq = pq
    floatsAt(this.#kernels, this.#table, scoring.length).set(turnParts(scoring, m, 1 << bits, padded / m))
  }

  /** The codes, as {@link encodePq} gave them. */
  codes(from = 0, to: number = this.n): PqCodes {
    const rowBytes = codeBytes(this.#pq)
    const data =
      this.#nibbles === undefined
        ? this.#kernels.memory.take(this.#codes + from * rowBytes, (to - from) * rowBytes)
        : this.#nibbles.codes(from, to)
    return { n: to - from, rowBytes, data }
  }

  search(query: Float32Array, k: number, options: CodeSearchOptions = {}): Hits {
    const { filter } = options
    checkCount(k)
    const vectors = this.#vectors
    const candidates = options.rerank ?? (vectors === undefined ? 0 : Math.max(100, 10 * k))
    this.#prepare(query)
    if (candidates <= 0) return this.#top(k, filter)
    if (vectors === undefined) {
      throw new PithError('PITH_ARG', 'rerank needs vectors, the index has codes only', {
        hint: 'Leave rerank out, or build the index with vectors.',
      })
    }
    const { ids } = this.#top(Math.min(Math.max(k, Math.ceil(candidates)), Math.max(1, this.n)), filter)
    return bestOf(ids, vectors.scoreRows(query, ids), k)
  }

  scoreRows(query: Float32Array, rows: Uint32Array): Float32Array {
    this.#prepare(query)
    return this.#scanner === undefined ? (this.#nibbles as Nibbles).at(rows) : this.#scanner.at(rows, this.#score)
  }

  readonly #score: ScoreRows = (list, first, count, out) =>
    this.#kernels.exports.sums8(this.#lut, this.#codes, this.#pq.m, list, first, count, out)

  #top(k: number, filter: CodeSearchOptions['filter']): Hits {
    return this.#scanner === undefined
      ? (this.#nibbles as Nibbles).top(k, filter)
      : this.#scanner.top(k, filter, this.#score)
  }

  /** Put what each code of each part scores into the memory; the part of the mean in it goes to the first part. */
  #prepare(query: Float32Array): void {
    const { dim, metric, m, bits, padded, mean } = this.#pq
    checkQuery(query, dim)
    const own = ownQuery(query, metric === 'cos')
    const { memory, exports } = this.#kernels
    const mark = memory.mark()
    const isDistance = metric === 'l2'
    const turned = this.#turner.turn(own, 1, isDistance)
    exports.tables(turned, this.#table, m, padded / m, 1 << bits, isDistance ? 1 : 0, this.#lut)
    memory.release(mark)
    if (isDistance) return
    const lut = floatsAt(this.#kernels, this.#lut, m << bits)
    const bias = this.#bias
    if (bias !== undefined) for (let i = 0; i < lut.length; i++) lut[i] = (lut[i] as number) + (bias[i] as number)
    let constant = 0
    for (let j = 0; j < dim; j++) constant += (own[j] as number) * (mean[j] as number)
    for (let c = 0; c < 1 << bits; c++) lut[c] = (lut[c] as number) + constant
  }
}

/**
 * What each code of each part adds to the score beside its product with the query, f32[m, 2^bits]; undefined where that is nothing.
 * With the cosine a row scores 1 - |q - x|^2 / 2, where x is what its code stands for: as x is shorter than 1 by what the code
 * lost, more of the ranking is kept than by products alone. Training leaves this as it is.
 */
export function codeBias(pq: Pq): Float32Array | undefined {
  if (pq.metric !== 'cos') return undefined
  const { dim, padded, m, bits, mean, encoding } = pq
  const kernels = makeKernels()
  const at = new Turner(kernels, pq).turn(mean, 1, false)
  const turned = floatsAt(kernels, at, padded)
  const width = padded / m
  let constant = 1
  for (let j = 0; j < dim; j++) constant -= (mean[j] as number) ** 2
  return Float32Array.from({ length: m << bits }, (_, i) => {
    let sum = i >> bits === 0 ? constant / 2 : 0
    for (let j = 0; j < width; j++) {
      const value = encoding[i * width + j] as number
      sum -= value * (value / 2 + (turned[(i >> bits) * width + j] as number))
    }
    return sum
  })
}

/** Bytes of the code of a row. */
export function codeBytes(pq: Pick<Pq, 'm' | 'bits'>): number {
  return roundUp(pq.m * pq.bits, 8) / 8
}
