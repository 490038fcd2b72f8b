/** The trained query side of an index: a linear map of the vectors of queries. */
import { PithError } from '@pith/core'
import { AdamW } from '../adamw.ts'
import type { DenseMatrix } from '../types.ts'
import type { QueryTower } from './tower.ts'

/** Queries become u = W e + b; the vectors of documents stay as they are. */
export interface QueryAdapter {
  readonly dim: number
  /** f32[dim, dim] */
  readonly weight: Float32Array
  /** f32[dim] */
  readonly bias: Float32Array
}

/** The adapter that changes nothing. */
export function identityAdapter(dim: number): QueryAdapter {
  const weight = new Float32Array(dim * dim)
  for (let i = 0; i < dim; i++) weight[i * dim + i] = 1
  return { dim, weight, bias: new Float32Array(dim) }
}

/** Vectors of queries as the index takes them. @throws PithError `PITH_SHAPE` another number of numbers */
export function adaptQueries({ dim, weight, bias }: QueryAdapter, queries: DenseMatrix): DenseMatrix {
  if (queries.dim !== dim) throw new PithError('PITH_SHAPE', `queries have ${queries.dim} numbers, the adapter ${dim}`)
  const data = new Float32Array(queries.n * dim)
  for (let q = 0; q < queries.n; q++) {
    const from = q * dim
    for (let i = 0; i < dim; i++) {
      let sum = bias[i] as number
      for (let j = 0, at = i * dim; j < dim; j++, at++)
        sum += (weight[at] as number) * (queries.data[from + j] as number)
      data[from + i] = sum
    }
  }
  return { n: queries.n, dim, data }
}

/** Trains an adapter over the vectors of given queries. */
export class AdapterTower implements QueryTower {
  readonly dim: number
  readonly #queries: DenseMatrix
  readonly #decay: number
  readonly #home: QueryAdapter
  #adapter: QueryAdapter
  #kept: QueryAdapter
  readonly #weightGradient: Float64Array
  readonly #biasGradient: Float64Array
  readonly #weightSteps: AdamW
  readonly #biasSteps: AdamW

  /** @param decay  pull towards the identity, as AdamW's weight decay is one towards 0 */
  constructor(queries: DenseMatrix, decay: number) {
    const { dim } = queries
    this.dim = dim
    this.#queries = queries
    this.#decay = decay
    this.#home = identityAdapter(dim)
    this.#adapter = identityAdapter(dim)
    this.#kept = this.#home
    this.#weightGradient = new Float64Array(dim * dim)
    this.#biasGradient = new Float64Array(dim)
    this.#weightSteps = new AdamW(dim * dim)
    this.#biasSteps = new AdamW(dim)
  }

  /** The one that was kept last; the identity before. */
  get adapter(): QueryAdapter {
    return this.#kept
  }

  async embed(which: Uint32Array): Promise<Float32Array> {
    return adaptQueries(this.#adapter, this.#pick(which)).data
  }

  async step(which: Uint32Array, gradients: Float64Array, rate: number): Promise<void> {
    const { dim } = this
    const { data } = this.#pick(which)
    for (let q = 0; q < which.length; q++) {
      for (let i = 0; i < dim; i++) {
        const own = gradients[q * dim + i] as number
        if (own === 0) continue
        this.#biasGradient[i] += own
        for (let j = 0, at = i * dim, from = q * dim; j < dim; j++, at++, from++) {
          this.#weightGradient[at] += own * (data[from] as number)
        }
      }
    }
    const { weight, bias } = this.#adapter
    this.#weightSteps.step(weight, this.#weightGradient, rate, this.#decay, this.#home.weight)
    // A bias is as large as a vector, a weight is one.
    this.#biasSteps.step(bias, this.#biasGradient, rate / Math.sqrt(dim), this.#decay)
  }

  keep(): void {
    const { dim, weight, bias } = this.#adapter
    this.#kept = { dim, weight: weight.slice(), bias: bias.slice() }
  }

  #pick(which: Uint32Array): DenseMatrix {
    const { dim, data } = this.#queries
    const rows = new Float32Array(which.length * dim)
    for (const [i, row] of which.entries()) rows.set(data.subarray(row * dim, (row + 1) * dim), i * dim)
    return { n: which.length, dim, data: rows }
  }
}
