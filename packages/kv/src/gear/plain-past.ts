/** A past in plain TypeScript, for any width of heads, groups and number of bits. */
import { f16FromF32, f32FromF16 } from '@pith/core'
import type { KvShape } from '@pith/lm'
import type { Block } from './block.ts'
import { Extras } from './extras.ts'
import { takeCode } from './groups.ts'
import type { KvBlock, Past } from './past.ts'

interface PlainBlock {
  readonly bits: number
  readonly group: number
  readonly codes: Uint8Array
  /** In half precision. */
  readonly scales: Uint16Array
  readonly zeros: Uint16Array
  readonly extras: Extras
}

interface PlainLayer {
  readonly keys: PlainBlock
  readonly values: PlainBlock
}

interface Step {
  readonly start: number
  readonly tokens: number
  readonly layers: readonly PlainLayer[]
}

/** Blocks as they were made, and arrays of the newest tokens. */
export class PlainPast implements Past {
  readonly #shape: KvShape
  readonly #buffer: number
  readonly #width: number
  #steps: Step[] = []
  #keys: Float32Array[]
  #values: Float32Array[]
  #scores: Float32Array = new Float32Array(0)

  /** @param buffer tokens that there is space for outside of blocks */
  constructor(shape: KvShape, buffer: number) {
    this.#shape = shape
    this.#buffer = buffer
    this.#width = shape.kvHeads * shape.headDim
    const empty = (): Float32Array[] =>
      Array.from({ length: shape.layers }, () => new Float32Array(buffer * this.#width))
    this.#keys = empty()
    this.#values = empty()
  }

  get compressed(): number {
    const last = this.#steps.at(-1)
    return last === undefined ? 0 : last.start + last.tokens
  }

  get bytes(): number {
    let bytes = 8 * this.#shape.layers * this.#buffer * this.#width
    for (const { layers } of this.#steps) {
      for (const { keys, values } of layers) {
        for (const { codes, scales, zeros, extras } of [keys, values]) {
          bytes += codes.byteLength + scales.byteLength + zeros.byteLength + extras.bytes
        }
      }
    }
    return bytes
  }

  put(layer: number, place: number, keys: Float32Array, values: Float32Array): void {
    this.#keys[layer]?.set(keys, place * this.#width)
    this.#values[layer]?.set(values, place * this.#width)
  }

  newest(layer: number, count: number): { keys: Float32Array; values: Float32Array } {
    const rows = (own: Float32Array[]): Float32Array => (own[layer] as Float32Array).slice(0, count * this.#width)
    return { keys: rows(this.#keys), values: rows(this.#values) }
  }

  add(layers: readonly KvBlock[]): void {
    const start = this.compressed
    const tokens = layers[0]?.keys.tokens ?? 0
    this.#steps.push({
      start,
      tokens,
      layers: layers.map(({ keys, values }) => ({ keys: held(keys), values: held(values) })),
    })
  }

  attend(layer: number, head: number, q: Float32Array, newest: number, out: Float32Array, at: number): void {
    const { headDim } = this.#shape
    const compressed = this.compressed
    const n = compressed + newest
    if (this.#scores.length < n) this.#scores = new Float32Array(Math.ceil(n * 1.5))
    const scores = this.#scores
    scores.fill(0, 0, compressed)
    for (const { start, tokens, layers } of this.#steps) {
      this.#addScores((layers[layer] as PlainLayer).keys, tokens, head, q, scores, start)
    }
    const keys = this.#keys[layer] as Float32Array
    const values = this.#values[layer] as Float32Array
    for (let t = 0; t < newest; t++) {
      let sum = 0
      const from = t * this.#width + head * headDim
      for (let c = 0; c < headDim; c++) sum += (q[c] as number) * (keys[from + c] as number)
      scores[compressed + t] = sum
    }
    const total = powers(scores, n)
    out.fill(0, at, at + headDim)
    for (const { start, tokens, layers } of this.#steps) {
      this.#addMix((layers[layer] as PlainLayer).values, tokens, head, scores, start, out, at)
    }
    for (let t = 0; t < newest; t++) {
      const p = scores[compressed + t] as number
      const from = t * this.#width + head * headDim
      for (let c = 0; c < headDim; c++) out[at + c] = (out[at + c] as number) + p * (values[from + c] as number)
    }
    for (let c = 0; c < headDim; c++) out[at + c] = (out[at + c] as number) / total
  }

  drop(tokens: number): void {
    this.#steps = this.#steps.filter(({ start }) => start < tokens)
  }

  endsAt(tokens: number): boolean {
    return tokens === 0 || this.#steps.some((step) => step.start + step.tokens === tokens)
  }

  clone(): PlainPast {
    const copy = new PlainPast(this.#shape, this.#buffer)
    copy.#steps = [...this.#steps]
    copy.#keys = this.#keys.map((rows) => rows.slice())
    copy.#values = this.#values.map((rows) => rows.slice())
    return copy
  }

  #addScores(block: PlainBlock, tokens: number, head: number, q: Float32Array, scores: Float32Array, at: number): void {
    const { headDim } = this.#shape
    const width = this.#width
    const { bits, group, codes, extras } = block
    const scales = f32FromF16(block.scales)
    const zeros = f32FromF16(block.zeros)
    const weights = new Float32Array(headDim)
    for (let from = 0; from < tokens; from += group) {
      const first = (from / group) * width + head * headDim
      let base = 0
      for (let c = 0; c < headDim; c++) {
        weights[c] = (q[c] as number) * (scales[first + c] as number)
        base += (q[c] as number) * (zeros[first + c] as number)
      }
      const end = Math.min(tokens, from + group)
      for (let t = from; t < end; t++) {
        let sum = base
        const place = t * width + head * headDim
        for (let c = 0; c < headDim; c++) sum += (weights[c] as number) * takeCode(codes, place + c, bits)
        scores[at + t] = (scores[at + t] as number) + sum
      }
    }
    extras.addScores(head, q, scores, at, (t, c) => {
      const index = Math.floor(t / group) * width + head * headDim + c
      return (
        (zeros[index] as number) + (scales[index] as number) * takeCode(codes, t * width + head * headDim + c, bits)
      )
    })
  }

  #addMix(
    block: PlainBlock,
    tokens: number,
    head: number,
    p: Float32Array,
    at: number,
    out: Float32Array,
    to: number,
  ): void {
    const { headDim } = this.#shape
    const width = this.#width
    const { bits, group, codes, extras } = block
    const scales = f32FromF16(block.scales)
    const zeros = f32FromF16(block.zeros)
    const isWhole = group >= width
    const run = isWhole ? width : Math.min(group, headDim)
    const perHead = isWhole ? 0 : Math.ceil(headDim / run)
    const perToken = isWhole ? 1 : perHead * this.#shape.kvHeads
    for (let t = 0; t < tokens; t++) {
      const own = p[at + t] as number
      const place = t * width + head * headDim
      for (let c = 0; c < headDim; ) {
        const index = t * perToken + head * perHead + (isWhole ? 0 : c / run)
        const weight = own * (scales[index] as number)
        const base = own * (zeros[index] as number)
        const end = Math.min(headDim, c + run)
        for (; c < end; c++) {
          out[to + c] = (out[to + c] as number) + base + weight * takeCode(codes, place + c, bits)
        }
      }
    }
    extras.addMix(head, p, at, out, to, (t, c) => {
      const index = t * perToken + head * perHead + (isWhole ? 0 : Math.floor(c / run))
      return (
        (zeros[index] as number) + (scales[index] as number) * takeCode(codes, t * width + head * headDim + c, bits)
      )
    })
  }
}

function held(block: Block): PlainBlock {
  const { bits, group, codes, scales, zeros } = block.rounded
  return { bits, group, codes, scales: f16FromF32(scales), zeros: f16FromF32(zeros), extras: new Extras(block) }
}

/** Replace scores by e^(score - largest). @returns their sum */
function powers(scores: Float32Array, n: number): number {
  let most = Number.NEGATIVE_INFINITY
  for (let t = 0; t < n; t++) most = Math.max(most, scores[t] as number)
  let sum = 0
  for (let t = 0; t < n; t++) {
    scores[t] = Math.exp((scores[t] as number) - most)
    sum += scores[t] as number
  }
  return sum
}
