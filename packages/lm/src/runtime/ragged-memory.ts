/** Keys and values of which each head holds its own tokens, in blocks that the network reads without a copy. */
import { PithError } from '@pith/core'
import { Tensor } from '@pith/engine'
import type { HeadKv, KvShape } from '../kv-cache.ts'
import { ENDS } from './graph.ts'
import { checkGroups, type HeadGroups } from './head-groups.ts'
import { HIDDEN } from './memory.ts'

/** Capacities are multiples of it. */
const STEP = 8

/** By how much a block grows that is full. */
const GROWTH = 1.25

/** Heads of a layer that lie together. */
interface Block {
  readonly heads: readonly number[]
  capacity: number
  /** f32[heads, headDim, capacity]. */
  keys: Float32Array
  /** f32[heads, capacity, headDim]. */
  values: Float32Array
  /** f32[heads, 1, capacity]: 0 where there is a token. */
  bias: Float32Array
}

/** Where a head lies. */
interface Place {
  readonly block: Block
  readonly slot: number
  /** Positions of its tokens, in the order in which they lie. */
  readonly positions: number[]
}

/** The past of a session with tokens by head. Their order within a head does not matter: keys are turned already. */
export class RaggedMemory {
  readonly shape: KvShape
  readonly groups: HeadGroups
  readonly #blocks: Block[][]
  /** By layer and head. */
  readonly #places: Place[][]

  /** @throws PithError `PITH_ARG` a head that stands in no group or in several */
  constructor({ layers, kvHeads, headDim }: KvShape, groups: HeadGroups) {
    checkGroups(groups, { layers, kvHeads, headDim })
    this.shape = { layers, kvHeads, headDim }
    this.groups = groups
    this.#blocks = groups.map((own) => own.map((heads) => emptyBlock(heads, headDim)))
    this.#places = this.#blocks.map((blocks) => {
      const places: Place[] = []
      for (const block of blocks) {
        for (const [slot, head] of block.heads.entries()) places[head] = { block, slot, positions: [] }
      }
      return places
    })
  }

  /** Tokens of a head. */
  count(layer: number, head: number): number {
    return this.#place(layer, head).positions.length
  }

  /** Positions of the tokens of a head, in the order in which they lie. */
  positions(layer: number, head: number): readonly number[] {
    return this.#place(layer, head).positions
  }

  /** Tokens that there is space for in the block of a head. */
  capacity(layer: number, head: number): number {
    return this.#place(layer, head).block.capacity
  }

  /** Bytes of keys and values, spare space included. */
  get bytes(): number {
    return this.#blocks.flat().reduce((sum, { keys, values }) => sum + keys.byteLength + values.byteLength, 0)
  }

  /** Bytes of the keys and values of tokens, without spare space. */
  get heldBytes(): number {
    const tokens = this.#places.flat().reduce((sum, { positions }) => sum + positions.length, 0)
    return 8 * this.shape.headDim * tokens
  }

  /**
   * Make room for the tokens that heads of a layer are about to get: once, so that nothing is spare.
   *
   * @param counts tokens in all, by head
   */
  reserve(layer: number, counts: readonly number[]): void {
    for (const block of this.#blocks[layer] ?? []) {
      grow(block, Math.max(...block.heads.map((head) => counts[head] as number)), this.shape.headDim)
    }
  }

  /**
   * Take tokens of one head in.
   *
   * @param rows places in `keys` and `values`, f32[tokens, kvHeads * headDim]
   * @param positions of all tokens there
   */
  put(
    layer: number,
    head: number,
    rows: ArrayLike<number>,
    positions: Int32Array,
    keys: Float32Array,
    values: Float32Array,
  ): void {
    const { kvHeads, headDim } = this.shape
    const place = this.#place(layer, head)
    grow(place.block, place.positions.length + rows.length, headDim)
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as number
      this.#write(place, (row * kvHeads + head) * headDim, positions[row] as number, keys, values)
    }
  }

  /**
   * Take new tokens into all heads.
   *
   * @param keys f32[kvHeads, tokens, headDim] of each layer
   * @param values the same
   */
  append(keys: readonly Float32Array[], values: readonly Float32Array[], positions: Int32Array): void {
    const { kvHeads, headDim } = this.shape
    const n = positions.length
    for (const [layer, places] of this.#places.entries()) {
      this.reserve(
        layer,
        places.map((place) => place.positions.length + n),
      )
      for (let head = 0; head < kvHeads; head++) {
        for (let i = 0; i < n; i++) {
          const from = (head * n + i) * headDim
          const [k, v] = [keys[layer] as Float32Array, values[layer] as Float32Array]
          this.#write(places[head] as Place, from, positions[i] as number, k, v)
        }
      }
    }
  }

  /** Forget one token of a head; its last token takes the place. @throws PithError `PITH_ARG` there is none */
  drop(layer: number, head: number, at: number): void {
    const { block, slot, positions } = this.#place(layer, head)
    const last = positions.length - 1
    if (!(Number.isInteger(at) && at >= 0 && at <= last)) {
      throw new PithError('PITH_ARG', `there is no token ${at} among ${positions.length}`)
    }
    const { headDim } = this.shape
    const { capacity, keys, values, bias } = block
    for (let i = 0; i < headDim; i++) {
      const row = (slot * headDim + i) * capacity
      keys[row + at] = keys[row + last] as number
    }
    const from = (slot * capacity + last) * headDim
    values.copyWithin((slot * capacity + at) * headDim, from, from + headDim)
    bias[slot * capacity + last] = HIDDEN
    positions[at] = positions[last] as number
    positions.length = last
  }

  /** Forget all tokens from a position on. */
  truncate(tokens: number): void {
    for (const [layer, places] of this.#places.entries()) {
      for (const [head, { positions }] of places.entries()) {
        // The last token takes the place of one that goes, so places are looked at from the end.
        for (let at = positions.length - 1; at >= 0; at--) {
          if ((positions[at] as number) >= tokens) this.drop(layer, head, at)
        }
      }
    }
  }

  /** The tokens of a head, copied, by position. */
  head(layer: number, head: number): HeadKv {
    const { headDim } = this.shape
    const { block, slot, positions } = this.#place(layer, head)
    const order = [...positions.keys()].sort((a, b) => (positions[a] as number) - (positions[b] as number))
    const keys = new Float32Array(order.length * headDim)
    const values = new Float32Array(order.length * headDim)
    for (const [row, at] of order.entries()) {
      for (let i = 0; i < headDim; i++) {
        keys[row * headDim + i] = block.keys[(slot * headDim + i) * block.capacity + at] as number
      }
      const from = (slot * block.capacity + at) * headDim
      values.set(block.values.subarray(from, from + headDim), row * headDim)
    }
    return { positions: Int32Array.from(order, (at) => positions[at] as number), keys, values }
  }

  /** Take in tokens that {@link head} gave. */
  putHead(layer: number, head: number, { positions, keys, values }: HeadKv): void {
    const place = this.#place(layer, head)
    const { headDim } = this.shape
    grow(place.block, place.positions.length + positions.length, headDim)
    for (const [row, position] of positions.entries()) this.#write(place, row * headDim, position, keys, values)
  }

  /** Inputs of the network for layers `from` .. `to` - 1. */
  feeds(from: number, to: number): Record<string, Tensor> {
    const { headDim } = this.shape
    const feeds: Record<string, Tensor> = {}
    for (let layer = from; layer < to; layer++) {
      for (const [group, { heads, capacity, keys, values, bias }] of (this.#blocks[layer] ?? []).entries()) {
        feeds[ENDS.groupK(layer, group)] = new Tensor(keys, [heads.length, headDim, capacity])
        feeds[ENDS.groupV(layer, group)] = new Tensor(values, [heads.length, capacity, headDim])
        feeds[ENDS.groupBias(layer, group)] = new Tensor(bias, [heads.length, 1, capacity])
      }
    }
    return feeds
  }

  /** A copy that goes its own way. */
  clone(): RaggedMemory {
    const copy = new RaggedMemory(this.shape, this.groups)
    for (const [layer, blocks] of this.#blocks.entries()) {
      for (const [group, block] of blocks.entries()) {
        const own = (copy.#blocks[layer] as Block[])[group] as Block
        own.capacity = block.capacity
        own.keys = block.keys.slice()
        own.values = block.values.slice()
        own.bias = block.bias.slice()
      }
      for (const [head, { positions }] of (this.#places[layer] as Place[]).entries()) {
        copy.#place(layer, head).positions.push(...positions)
      }
    }
    return copy
  }

  #place(layer: number, head: number): Place {
    const place = this.#places[layer]?.[head]
    if (place === undefined) throw new PithError('PITH_ARG', `there is no head ${head} in layer ${layer}`)
    return place
  }

  /** Write one token behind those of a head that has room for it. */
  #write(place: Place, from: number, position: number, keys: Float32Array, values: Float32Array): void {
    const { headDim } = this.shape
    const { block, slot, positions } = place
    const at = positions.length
    for (let i = 0; i < headDim; i++) {
      block.keys[(slot * headDim + i) * block.capacity + at] = keys[from + i] as number
    }
    block.values.set(values.subarray(from, from + headDim), (slot * block.capacity + at) * headDim)
    block.bias[slot * block.capacity + at] = 0
    positions.push(position)
  }
}

function emptyBlock(heads: readonly number[], headDim: number): Block {
  return {
    heads,
    capacity: STEP,
    keys: new Float32Array(heads.length * headDim * STEP),
    values: new Float32Array(heads.length * headDim * STEP),
    bias: new Float32Array(heads.length * STEP).fill(HIDDEN),
  }
}

/** Make room for `tokens` in a block. */
function grow(block: Block, tokens: number, headDim: number): void {
  if (tokens <= block.capacity) return
  const isEmpty = block.bias.every((hidden) => hidden !== 0)
  const wanted = isEmpty ? tokens : Math.max(tokens, Math.ceil(block.capacity * GROWTH))
  const capacity = Math.ceil(wanted / STEP) * STEP
  const count = block.heads.length
  block.keys = widened(block.keys, count * headDim, block.capacity, capacity, 0)
  block.values = widened(block.values, count, block.capacity * headDim, capacity * headDim, 0)
  block.bias = widened(block.bias, count, block.capacity, capacity, HIDDEN)
  block.capacity = capacity
}

function widened(from: Float32Array, rows: number, width: number, wanted: number, filler: number): Float32Array {
  const out = new Float32Array(rows * wanted)
  if (filler !== 0) out.fill(filler)
  for (let row = 0; row < rows; row++) out.set(from.subarray(row * width, (row + 1) * width), row * wanted)
  return out
}
