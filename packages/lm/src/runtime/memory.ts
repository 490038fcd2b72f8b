/** Keys and values in the layout that the network reads without a copy. */
import { PithError } from '@pith/core'
import { Tensor } from '@pith/engine'
import type { KvShape } from '../kv-cache.ts'

/** Capacities are whole blocks of so many tokens. */
const BLOCK = 128

/** Numbers of a line of the processor's cache: so many rows are turned at once. */
const LINE = 16

/** What is added to the scores of places without a token. */
export const HIDDEN = -1e30

/** The past of a session: keys by channel f32[kvHeads, headDim, capacity], values by token f32[kvHeads, capacity, headDim]. */
export class KvMemory {
  readonly shape: KvShape
  #keys: Tensor[] = []
  #values: Tensor[] = []
  #bias: Tensor = Tensor.zeros([1, 1, 1])
  #capacity = 0
  #length = 0

  /** @param capacity tokens that there is space for at first; it grows as it must */
  constructor(shape: KvShape, capacity: number = BLOCK) {
    this.shape = shape
    this.reserve(Math.max(1, capacity))
  }

  /** Tokens. */
  get length(): number {
    return this.#length
  }

  /** Tokens that there is space for. */
  get capacity(): number {
    return this.#capacity
  }

  get bytes(): number {
    const { layers, kvHeads, headDim } = this.shape
    return 8 * layers * kvHeads * headDim * this.#capacity
  }

  keys(layer: number): Tensor {
    return this.#keys[layer] as Tensor
  }

  values(layer: number): Tensor {
    return this.#values[layer] as Tensor
  }

  /** f32[1, 1, capacity]: 0 where there is a token. */
  get bias(): Tensor {
    return this.#bias
  }

  /** Make space for `tokens` in all. */
  reserve(tokens: number): void {
    if (tokens <= this.#capacity) return
    const wanted = this.#capacity === 0 ? tokens : Math.max(tokens, Math.ceil(this.#capacity * 1.5))
    const capacity = Math.ceil(wanted / BLOCK) * BLOCK
    const { layers, kvHeads, headDim } = this.shape
    const old = this.#capacity
    for (let layer = 0; layer < layers; layer++) {
      const keys = new Float32Array(kvHeads * headDim * capacity)
      const values = new Float32Array(kvHeads * capacity * headDim)
      if (old > 0) {
        const [oldKeys, oldValues] = [this.#keys[layer] as Tensor, this.#values[layer] as Tensor]
        moveRows(oldKeys.data as Float32Array, keys, kvHeads * headDim, old, capacity, this.#length)
        moveRows(
          oldValues.data as Float32Array,
          values,
          kvHeads,
          old * headDim,
          capacity * headDim,
          this.#length * headDim,
        )
      }
      this.#keys[layer] = new Tensor(keys, [kvHeads, headDim, capacity])
      this.#values[layer] = new Tensor(values, [kvHeads, capacity, headDim])
    }
    const bias = new Float32Array(capacity).fill(HIDDEN)
    bias.fill(0, 0, this.#length)
    this.#bias = new Tensor(bias, [1, 1, capacity])
    this.#capacity = capacity
  }

  /**
   * Take in the keys and values of `count` new tokens.
   *
   * @param keys f32[kvHeads, count, headDim] of each layer
   * @param values the same
   */
  append(keys: readonly Float32Array[], values: readonly Float32Array[], count: number): void {
    const start = this.#length
    this.reserve(start + count)
    const { kvHeads, headDim } = this.shape
    const capacity = this.#capacity
    for (const [layer, own] of this.#keys.entries()) {
      const toKeys = own.data as Float32Array
      const toValues = (this.#values[layer] as Tensor).data as Float32Array
      const fromKeys = keys[layer] as Float32Array
      const fromValues = values[layer] as Float32Array
      for (let head = 0; head < kvHeads; head++) {
        const from = head * count * headDim
        toValues.set(fromValues.subarray(from, from + count * headDim), (head * capacity + start) * headDim)
        for (let channel = 0; channel < headDim; channel++) {
          const to = (head * headDim + channel) * capacity + start
          for (let t = 0; t < count; t++) toKeys[to + t] = fromKeys[from + t * headDim + channel] as number
        }
      }
    }
    this.#show(start + count)
  }

  /**
   * Take in the keys and values of new tokens as caches hold them.
   *
   * @param keys f32[count, kvHeads * headDim] of each layer
   * @param values the same
   */
  appendRows(keys: readonly Float32Array[], values: readonly Float32Array[], count: number): void {
    const start = this.#length
    this.reserve(start + count)
    const { kvHeads, headDim } = this.shape
    const width = kvHeads * headDim
    const capacity = this.#capacity
    for (const [layer, own] of this.#keys.entries()) {
      const toKeys = own.data as Float32Array
      const toValues = (this.#values[layer] as Tensor).data as Float32Array
      const fromKeys = keys[layer] as Float32Array
      const fromValues = values[layer] as Float32Array
      for (let first = 0; first < width; first += LINE) {
        const end = Math.min(width, first + LINE)
        for (let t = 0; t < count; t++) {
          for (let c = first; c < end; c++) toKeys[c * capacity + start + t] = fromKeys[t * width + c] as number
        }
      }
      for (let t = 0; t < count; t++) {
        for (let head = 0; head < kvHeads; head++) {
          const from = t * width + head * headDim
          toValues.set(fromValues.subarray(from, from + headDim), (head * capacity + start + t) * headDim)
        }
      }
    }
    this.#show(start + count)
  }

  /** Keep the first tokens only. @throws PithError `PITH_ARG` more than there are */
  truncate(tokens: number): void {
    if (!(Number.isInteger(tokens) && tokens >= 0 && tokens <= this.#length)) {
      throw new PithError('PITH_ARG', `there are ${this.#length} tokens, not ${tokens}`)
    }
    this.#show(tokens)
  }

  /** A copy that goes its own way. */
  clone(): KvMemory {
    const copy = new KvMemory(this.shape, this.#capacity)
    for (let layer = 0; layer < this.shape.layers; layer++) {
      ;(copy.keys(layer).data as Float32Array).set(this.keys(layer).data as Float32Array)
      ;(copy.values(layer).data as Float32Array).set(this.values(layer).data as Float32Array)
    }
    copy.#show(this.#length)
    return copy
  }

  /** Keys and values of a layer by token: f32[to - from, kvHeads * headDim] each. */
  rows(layer: number, from: number, to: number): { keys: Float32Array; values: Float32Array } {
    const { kvHeads, headDim } = this.shape
    const width = kvHeads * headDim
    const ownKeys = this.keys(layer).data as Float32Array
    const ownValues = this.values(layer).data as Float32Array
    const keys = new Float32Array((to - from) * width)
    const values = new Float32Array((to - from) * width)
    for (let head = 0; head < kvHeads; head++) {
      for (let t = from; t < to; t++) {
        const out = (t - from) * width + head * headDim
        const at = (head * this.#capacity + t) * headDim
        values.set(ownValues.subarray(at, at + headDim), out)
        for (let channel = 0; channel < headDim; channel++) {
          keys[out + channel] = ownKeys[(head * headDim + channel) * this.#capacity + t] as number
        }
      }
    }
    return { keys, values }
  }

  #show(length: number): void {
    const bias = this.#bias.data as Float32Array
    bias.fill(0, 0, length)
    bias.fill(HIDDEN, length)
    this.#length = length
  }
}

/** Copy the first `length` elements of each row to rows of another length. */
function moveRows(
  from: Float32Array,
  to: Float32Array,
  rows: number,
  oldStride: number,
  newStride: number,
  length: number,
): void {
  for (let row = 0; row < rows; row++) {
    to.set(from.subarray(row * oldStride, row * oldStride + length), row * newStride)
  }
}
