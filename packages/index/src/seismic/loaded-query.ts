/** A query as an index sees it. */
import { PithError } from '@pith/core'
import { placeOf, sortVector } from '../sparse/matrix.ts'
import type { SparseVector } from '../types.ts'

/** Dimensions up to which components are found in a table. */
const TABLE_DIM = 2 ** 20
/** Lists up to which the largest components are picked one by one. */
const FEW = 64

/** Components of one query that an index has, ascending. Arrays are used again for the next one. */
export class LoadedQuery {
  places: Uint32Array = new Uint32Array(256)
  weights: Float32Array = new Float32Array(256)
  /** Positions in {@link places}; those of the largest weights come first. */
  order: Uint32Array = new Uint32Array(256)
  terms = 0
  /** Components that no row has. */
  ignored = 0
  readonly #components: Uint32Array
  readonly #table: Int32Array | undefined

  constructor(components: Uint32Array, dim: number) {
    this.#components = components
    if (dim > TABLE_DIM) return
    this.#table = new Int32Array(dim).fill(-1)
    for (let i = 0; i < components.length; i++) this.#table[components[i] as number] = i
  }

  /** @throws PithError `PITH_SHAPE` `PITH_NONFINITE` `PITH_ARG` it is no sparse vector with values above 0 */
  load(query: SparseVector): void {
    const { indices, values } = query
    const n = indices.length
    if (values.length !== n) throw new PithError('PITH_SHAPE', `a vector has ${n} indices and ${values.length} values`)
    if (n > this.places.length) this.#grow(2 * n)
    const [places, weights] = [this.places, this.weights]
    let terms = 0
    let last = -1
    for (let i = 0; i < n; i++) {
      const index = indices[i] as number
      const weight = Math.fround(values[i] as number)
      const isValid = index > last && index === index >>> 0 && weight > 0 && weight < Number.POSITIVE_INFINITY
      // In any order, with components twice, or wrong: the slow way sorts, adds and says what is wrong.
      if (!isValid) {
        this.load(sortVector(query))
        return
      }
      last = index
      const place = this.#table === undefined ? placeOf(this.#components, index) : (this.#table[index] ?? -1)
      if (place < 0) continue
      places[terms] = place
      weights[terms++] = weight
    }
    this.terms = terms
    this.ignored = n - terms
  }

  /** Bring the components with the greatest weights to the front of {@link order}; returns how many of `cut` there are. */
  rank(cut: number): number {
    const { order, weights, terms } = this
    const most = Math.min(cut, terms)
    for (let i = 0; i < terms; i++) order[i] = i
    if (most > FEW) {
      order.subarray(0, terms).sort((a, b) => (weights[b] as number) - (weights[a] as number) || a - b)
      return most
    }
    for (let i = 0; i < most; i++) {
      let best = i
      for (let j = i + 1; j < terms; j++) {
        const [a, b] = [order[j] as number, order[best] as number]
        const more = (weights[a] as number) - (weights[b] as number)
        if (more > 0 || (more === 0 && a < b)) best = j
      }
      const held = order[i] as number
      order[i] = order[best] as number
      order[best] = held
    }
    return most
  }

  #grow(size: number): void {
    this.places = new Uint32Array(size)
    this.weights = new Float32Array(size)
    this.order = new Uint32Array(size)
  }
}
