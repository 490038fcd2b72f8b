/** A past in the memory of a kernel, for heads whose width is a multiple of 64, in groups of 64. */
import { f16FromF32 } from '@pith/core'
import { instantiateKernels, type KernelMemory, type Kernels, type KernelTarget } from '@pith/core/wasm'
import type { KvShape } from '@pith/lm'
import type { Block } from './block.ts'
import { Extras, singles } from './extras.ts'
import { takeCode } from './groups.ts'
import * as twin from './kernels/index.ts'
import { WASM_BASE64 } from './kernels.wasm.ts'
import type { KvBlock, Past } from './past.ts'

/** Codes of a line of a tile. */
export const TILE = 64

/** What places without a token score. */
const HIDDEN = -1e30

const MAX_BYTES = 2 ** 31 - 65536

/** Bits that tiles can be of. */
export const TILE_BITS: readonly number[] = [2, 3, 4]

interface Step {
  readonly start: number
  readonly tokens: number
  /** The level of the memory before it. */
  readonly mark: number
  /** By layer. */
  readonly extras: readonly { readonly keys: Extras; readonly values: Extras }[]
}

/** Where things stand in the memory. */
interface Places {
  readonly q: number
  readonly out: number
  readonly sum: number
  readonly scratch: number
  readonly scores: number
  /** By layer: f32[kvHeads, headDim, buffer]. */
  readonly keys: number
  /** By layer: f32[kvHeads, buffer, headDim]. */
  readonly values: number
  /** Tiles of the first 64 tokens; those of all layers stand together. */
  readonly tiles: number
}

/** Tiles, and arrays of the newest tokens. */
export class TilePast implements Past {
  readonly #shape: KvShape
  readonly #bits: number
  readonly #buffer: number
  readonly #ctx: number
  readonly #target: KernelTarget | 'auto'
  readonly #kernels: Kernels<typeof twin>
  readonly #memory: KernelMemory
  readonly #at: Places
  readonly #base: number
  #steps: Step[] = []
  #floats: Float32Array
  #halves: Uint16Array

  /**
   * @param buffer tokens that there is space for outside of blocks, a multiple of 64
   * @param ctx most tokens there will be
   */
  constructor(shape: KvShape, bits: number, buffer: number, ctx: number, target: KernelTarget | 'auto' = 'auto') {
    this.#shape = shape
    this.#bits = bits
    this.#buffer = buffer
    this.#ctx = ctx
    this.#target = target
    this.#kernels = instantiateKernels({ wasm: WASM_BASE64, twin }, { target, maxBytes: MAX_BYTES })
    const { memory } = this.#kernels
    this.#memory = memory
    const { layers, kvHeads, headDim } = shape
    const rows = 4 * layers * kvHeads * headDim * buffer
    this.#at = {
      q: memory.alloc(4 * headDim),
      out: memory.alloc(4 * headDim),
      sum: memory.alloc(16),
      scratch: memory.alloc(4 * Math.max(TILE, headDim)),
      scores: memory.alloc(4 * (Math.ceil(ctx / TILE) * TILE + buffer)),
      keys: memory.alloc(rows),
      values: memory.alloc(rows),
      tiles: memory.alloc(0, TILE),
    }
    this.#base = memory.used
    this.#floats = new Float32Array(memory.buffer)
    this.#halves = new Uint16Array(memory.buffer)
  }

  get compressed(): number {
    const last = this.#steps.at(-1)
    return last === undefined ? 0 : last.start + last.tokens
  }

  get bytes(): number {
    const { layers, kvHeads, headDim } = this.#shape
    let bytes = 8 * layers * kvHeads * headDim * this.#buffer + this.#memory.used - this.#base
    for (const { extras } of this.#steps) for (const { keys, values } of extras) bytes += keys.bytes + values.bytes
    return bytes
  }

  put(layer: number, place: number, keys: Float32Array, values: Float32Array): void {
    const { kvHeads, headDim } = this.#shape
    const buffer = this.#buffer
    const start = layer * kvHeads * headDim * buffer
    const [toKeys, toValues] = [this.#at.keys / 4 + start, this.#at.values / 4 + start]
    for (let head = 0; head < kvHeads; head++) {
      const own = values.subarray(head * headDim, (head + 1) * headDim)
      this.#floats.set(own, toValues + (head * buffer + place) * headDim)
    }
    for (let c = 0; c < keys.length; c++) this.#floats[toKeys + c * buffer + place] = keys[c] as number
  }

  newest(layer: number, count: number): { keys: Float32Array; values: Float32Array } {
    const { kvHeads, headDim } = this.#shape
    const buffer = this.#buffer
    const width = kvHeads * headDim
    const [fromKeys, fromValues] = [this.#at.keys, this.#at.values].map((at) => at / 4 + layer * width * buffer)
    const keys = new Float32Array(count * width)
    const values = new Float32Array(count * width)
    for (let t = 0; t < count; t++) {
      for (let c = 0; c < width; c++) {
        const value = (Math.floor(c / headDim) * buffer + t) * headDim + (c % headDim)
        keys[t * width + c] = this.#floats[(fromKeys as number) + c * buffer + t] as number
        values[t * width + c] = this.#floats[(fromValues as number) + value] as number
      }
    }
    return { keys, values }
  }

  add(layers: readonly KvBlock[]): void {
    const start = this.compressed
    const tokens = layers[0]?.keys.tokens ?? 0
    const mark = this.#memory.mark()
    this.#memory.reserve((tokens / TILE) * this.#stepBytes)
    this.#look()
    for (const [layer, { keys, values }] of layers.entries()) {
      this.#write(layer, 0, start, keys)
      this.#write(layer, 1, start, values)
    }
    const extras = layers.map(({ keys, values }) => ({ keys: new Extras(keys), values: new Extras(values) }))
    this.#steps.push({ start, tokens, mark, extras })
  }

  attend(layer: number, head: number, q: Float32Array, newest: number, out: Float32Array, at: number): void {
    const { kvHeads, headDim } = this.#shape
    const { exports } = this.#kernels
    const places = this.#at
    const buffer = this.#buffer
    const floats = this.#floats
    const compressed = this.compressed
    const count = compressed / TILE
    const width = Math.ceil(newest / 4) * 4
    const stride = this.#stepBytes
    const rows = (layer * kvHeads + head) * headDim * buffer * 4
    const scores = places.scores / 4
    floats.set(q, places.q / 4)
    floats.fill(0, scores, scores + compressed + width)
    const keyTiles = places.tiles + this.#headOf(layer, 0, head)
    exports.addTiles(places.q, 0, keyTiles, stride, count, headDim, this.#bits, places.scores, 4 * TILE, places.scratch)
    for (const { start, extras } of this.#steps) {
      extras[layer]?.keys.addScores(head, q, floats, scores + start, (t, c) =>
        this.#rounded(layer, 0, head, start + t, c),
      )
    }
    exports.addRows(places.q, places.keys + rows, headDim, buffer, width, places.scores + 4 * compressed)
    floats.fill(HIDDEN, scores + compressed + newest, scores + compressed + width)
    exports.softmax(places.scores, compressed + width, places.sum)
    floats.fill(0, places.out / 4, places.out / 4 + headDim)
    const valueTiles = places.tiles + this.#headOf(layer, 1, head)
    for (let part = 0; part < headDim / TILE; part++) {
      const tile = valueTiles + part * this.#tileBytes(TILE)
      const to = places.out + 4 * TILE * part
      exports.addTiles(places.scores, 4 * TILE, tile, stride, count, TILE, this.#bits, to, 0, places.scratch)
    }
    for (const { start, extras } of this.#steps) {
      extras[layer]?.values.addMix(head, floats, scores + start, floats, places.out / 4, (t, c) =>
        this.#rounded(layer, 1, head, start + t, c),
      )
    }
    exports.addRows(places.scores + 4 * compressed, places.values + rows, newest, headDim, headDim, places.out)
    const factor = 1 / (floats[places.sum / 4] as number)
    for (let c = 0; c < headDim; c++) out[at + c] = factor * (floats[places.out / 4 + c] as number)
  }

  drop(tokens: number): void {
    while (this.compressed > tokens) this.#memory.release((this.#steps.pop() as Step).mark)
  }

  endsAt(tokens: number): boolean {
    return tokens === 0 || this.#steps.some((step) => step.start + step.tokens === tokens)
  }

  clone(): TilePast {
    const copy = new TilePast(this.#shape, this.#bits, this.#buffer, this.#ctx, this.#target)
    copy.#memory.reserve(this.#memory.used - copy.#memory.used, 1)
    copy.#memory.u8.set(this.#memory.u8.subarray(0, this.#memory.used))
    copy.#look()
    copy.#steps = [...this.#steps]
    return copy
  }

  /** Views of the memory as it is now. */
  #look(): void {
    if (this.#floats.buffer === this.#memory.buffer) return
    this.#floats = new Float32Array(this.#memory.buffer)
    this.#halves = new Uint16Array(this.#memory.buffer)
  }

  #tileBytes(lines: number): number {
    return lines * (4 + (TILE / 8) * this.#bits)
  }

  /** Bytes of 64 tokens. */
  get #stepBytes(): number {
    const { layers, kvHeads, headDim } = this.#shape
    return 2 * layers * kvHeads * this.#tileBytes(headDim)
  }

  #headOf(layer: number, kind: 0 | 1, head: number): number {
    const { kvHeads, headDim } = this.#shape
    return ((2 * layer + kind) * kvHeads + head) * this.#tileBytes(headDim)
  }

  #write(layer: number, kind: 0 | 1, start: number, { tokens, heads, headDim, rounded }: Block): void {
    const scales = f16FromF32(rounded.scales)
    const zeros = f16FromF32(rounded.zeros)
    const width = heads * headDim
    const [lines, parts] = kind === 0 ? [headDim, 1] : [TILE, headDim / TILE]
    for (let step = 0; step < tokens / TILE; step++) {
      for (let head = 0; head < heads; head++) {
        for (let part = 0; part < parts; part++) {
          const tile =
            this.#at.tiles +
            (start / TILE + step) * this.#stepBytes +
            this.#headOf(layer, kind, head) +
            part * this.#tileBytes(TILE)
          for (let line = 0; line < lines; line++) {
            const token = step * TILE + (kind === 0 ? 0 : line)
            const channel = head * headDim + (kind === 0 ? line : part * TILE)
            const group = kind === 0 ? step * width + channel : token * (width / TILE) + channel / TILE
            this.#halves[tile / 2 + line] = scales[group] as number
            this.#halves[tile / 2 + lines + line] = zeros[group] as number
            this.#writeLine(tile, lines, line, rounded.codes, token * width + channel, kind === 0 ? width : 1)
          }
        }
      }
    }
  }

  /** The 64 codes of a line, `stride` places apart in `codes`. */
  #writeLine(tile: number, lines: number, line: number, codes: Uint8Array, place: number, stride: number): void {
    const bits = this.#bits
    const words = this.#memory.i32
    const low = tile / 4 + lines
    const high = low + 4 * lines
    for (let k = 0; k < 4; k++) {
      let [first, upper] = [0, 0]
      for (let s = 0; s < 16; s++) {
        const code = takeCode(codes, place + (4 * s + k) * stride, bits)
        first |= (code & 3) << (2 * s)
        upper |= (code >> 2) << (bits === 3 ? s : 2 * s)
      }
      words[low + 4 * line + k] = first
      if (bits === 4) words[high + 4 * line + k] = upper
      if (bits !== 3) continue
      const pair = high + 4 * (line >> 1) + k
      words[pair] = (line & 1) === 0 ? upper : (words[pair] as number) | (upper << 16)
    }
  }

  #rounded(layer: number, kind: 0 | 1, head: number, token: number, channel: number): number {
    const step = Math.floor(token / TILE)
    const first = this.#at.tiles + step * this.#stepBytes + this.#headOf(layer, kind, head)
    const tile = kind === 0 ? first : first + Math.floor(channel / TILE) * this.#tileBytes(TILE)
    const lines = kind === 0 ? this.#shape.headDim : TILE
    const [line, place] = kind === 0 ? [channel, token % TILE] : [token % TILE, channel % TILE]
    const words = this.#memory.i32
    const [k, s] = [place & 3, place >> 2]
    const low = tile / 4 + lines
    const high = low + 4 * lines
    let code = ((words[low + 4 * line + k] as number) >>> (2 * s)) & 3
    if (this.#bits === 3) code |= (((words[high + 4 * (line >> 1) + k] as number) >>> (s + 16 * (line & 1))) & 1) << 2
    if (this.#bits === 4) code |= (((words[high + 4 * line + k] as number) >>> (2 * s)) & 3) << 2
    const scale = singles()[this.#halves[tile / 2 + line] as number] as number
    const zero = singles()[this.#halves[tile / 2 + lines + line] as number] as number
    return zero + scale * code
  }
}
