/** A past in the memory of a kernel, for heads whose width is a multiple of 64, in groups of 64. */
import { f16FromF32 } from '@pith/core'
import { instantiateKernels, type KernelMemory, type Kernels, type KernelTarget } from '@pith/core/wasm'
import type { KvShape } from '@pith/lm'
import type { Block } from './block.ts'
import { Extras } from './extras.ts'
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
  /** Where its tiles begin: those of its first 64 tokens, then those of the next. */
  readonly tiles: number
  /** Factors, by layer. */
  readonly extras: readonly { readonly keys: Extras; readonly values: Extras }[]
  readonly outliers?: TileOutliers
}

/** Tiles that follow each other in the memory as their tokens do. */
interface Span {
  readonly start: number
  readonly tiles: number
  count: number
}

/** The outliers of the tiles of a step. */
interface TileOutliers {
  /** Address of u16[all, 2], as the kernel takes them. */
  readonly list: number
  /** u32[tiles + 1]: the first one of each tile. */
  readonly starts: Uint32Array
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
  #spans: Span[] = []
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
    }
    memory.alloc(0, TILE)
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
    for (const { extras, outliers } of this.#steps) {
      bytes += outliers?.starts.byteLength ?? 0
      for (const { keys, values } of extras) bytes += keys.bytes + values.bytes
    }
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
    try {
      const tiles = this.#memory.reserve((tokens / TILE) * this.#stepBytes)
      this.#look()
      for (const [layer, { keys, values }] of layers.entries()) {
        this.#write(tiles, layer, 0, keys)
        this.#write(tiles, layer, 1, values)
      }
      const outliers = this.#writeOutliers(layers, tokens)
      // Outliers are in the memory of the kernel.
      const factors = ({ sparse: _, ...block }: Block): Extras => new Extras(block)
      const extras = layers.map(({ keys, values }) => ({ keys: factors(keys), values: factors(values) }))
      this.#steps.push({ start, tokens, mark, tiles, extras, ...(outliers === undefined ? {} : { outliers }) })
      this.#join()
    } catch (cause) {
      this.#memory.release(mark)
      throw cause
    }
  }

  attend(layer: number, head: number, q: Float32Array, newest: number, out: Float32Array, at: number): void {
    const { kvHeads, headDim } = this.#shape
    const { exports } = this.#kernels
    const { q: query, out: mixed, sum, scratch, scores: scoresAt, keys, values } = this.#at
    const [bits, stride, buffer, floats] = [this.#bits, this.#stepBytes, this.#buffer, this.#floats]
    const compressed = this.compressed
    const width = Math.ceil(newest / 4) * 4
    const rows = 4 * (layer * kvHeads + head) * headDim * buffer
    const scores = scoresAt / 4
    floats.set(q, query / 4)
    floats.fill(0, scores, scores + compressed + width)
    const keyTiles = this.#headOf(layer, 0, head)
    for (const { start, tiles, count } of this.#spans) {
      exports.addTiles(
        query,
        0,
        tiles + keyTiles,
        stride,
        count,
        headDim,
        bits,
        scoresAt + 4 * start,
        4 * TILE,
        scratch,
      )
    }
    for (const step of this.#steps) {
      this.#eachOutliers(step, layer, 0, head, (tile, chunk, _part, list, count) => {
        exports.addOutliers(query, tile, headDim, bits, list, count, scoresAt + 4 * (step.start + chunk * TILE))
      })
      step.extras[layer]?.keys.addScores(head, q, floats, scores + step.start, NOTHING)
    }
    exports.addRows(query, keys + rows, headDim, buffer, width, scoresAt + 4 * compressed)
    floats.fill(HIDDEN, scores + compressed + newest, scores + compressed + width)
    exports.softmax(scoresAt, compressed + width, sum)
    floats.fill(0, mixed / 4, mixed / 4 + headDim)
    const valueTiles = this.#headOf(layer, 1, head)
    for (const { start, tiles, count } of this.#spans) {
      for (let part = 0; part < headDim / TILE; part++) {
        const tile = tiles + valueTiles + part * this.#tileBytes(TILE)
        const to = mixed + 4 * TILE * part
        exports.addTiles(scoresAt + 4 * start, 4 * TILE, tile, stride, count, TILE, bits, to, 0, scratch)
      }
    }
    for (const step of this.#steps) {
      this.#eachOutliers(step, layer, 1, head, (tile, chunk, part, list, count) => {
        const from = scoresAt + 4 * (step.start + chunk * TILE)
        exports.addOutliers(from, tile, TILE, bits, list, count, mixed + 4 * TILE * part)
      })
      step.extras[layer]?.values.addMix(head, floats, scores + step.start, floats, mixed / 4, NOTHING)
    }
    exports.addRows(scoresAt + 4 * compressed, values + rows, newest, headDim, headDim, mixed)
    const factor = 1 / (floats[sum / 4] as number)
    for (let c = 0; c < headDim; c++) out[at + c] = factor * (floats[mixed / 4 + c] as number)
  }

  drop(tokens: number): void {
    while (this.compressed > tokens) this.#memory.release((this.#steps.pop() as Step).mark)
    this.#join()
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
    copy.#join()
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

  /** Find the spans anew. */
  #join(): void {
    this.#spans = []
    for (const { start, tokens, tiles } of this.#steps) {
      const last = this.#spans.at(-1)
      const count = tokens / TILE
      if (last !== undefined && last.tiles + last.count * this.#stepBytes === tiles) last.count += count
      else this.#spans.push({ start, tiles, count })
    }
  }

  #write(tiles: number, layer: number, kind: 0 | 1, { tokens, heads, headDim, rounded }: Block): void {
    const scales = f16FromF32(rounded.scales)
    const zeros = f16FromF32(rounded.zeros)
    const width = heads * headDim
    const [lines, parts] = kind === 0 ? [headDim, 1] : [TILE, headDim / TILE]
    for (let step = 0; step < tokens / TILE; step++) {
      for (let head = 0; head < heads; head++) {
        for (let part = 0; part < parts; part++) {
          const tile = tiles + step * this.#stepBytes + this.#headOf(layer, kind, head) + part * this.#tileBytes(TILE)
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
      let [first, second] = [0, 0]
      for (let s = 0; s < 16; s++) {
        const code = takeCode(codes, place + (4 * s + k) * stride, bits)
        if (bits === 2) first |= code << (2 * s)
        else if (bits === 4 && s < 8) first |= code << (4 * s)
        else if (bits === 4) second |= code << (4 * (s - 8))
        else if (s < 10) first |= code << (3 * s)
        else if (s < 15) second |= code << (3 * (s - 10))
        else {
          first |= code << 30
          second |= (code & 4) << 13
        }
      }
      words[low + 4 * line + k] = first
      if (bits === 4) words[high + 4 * line + k] = second
      if (bits !== 3) continue
      const pair = high + 4 * (line >> 1) + k
      words[pair] = (line & 1) === 0 ? second : (words[pair] as number) | (second << 16)
    }
  }

  /** The number of the first tile of a head among those of 64 tokens of a step. */
  #tileOf(chunk: number, layer: number, kind: 0 | 1, head: number): number {
    const { layers, kvHeads, headDim } = this.#shape
    return ((2 * (chunk * layers + layer) + kind) * kvHeads + head) * (headDim / TILE)
  }

  #writeOutliers(blocks: readonly KvBlock[], tokens: number): TileOutliers | undefined {
    const { headDim } = this.#shape
    const width = this.#shape.kvHeads * headDim
    const starts = new Uint32Array(this.#tileOf(tokens / TILE, 0, 0, 0) + 1)
    /** Calls with the tile, the place in it and the value of each outlier. */
    const each = (visit: (tile: number, place: number, value: number) => void): void => {
      for (const [layer, { keys, values }] of blocks.entries()) {
        for (const [kind, { sparse }] of [keys, values].entries()) {
          if (sparse === undefined) continue
          for (const [i, place] of sparse.places.entries()) {
            const [token, head] = [Math.floor(place / width), Math.floor((place % width) / headDim)]
            const [row, channel] = [token % TILE, place % headDim]
            const first = this.#tileOf(Math.floor(token / TILE), layer, kind as 0 | 1, head)
            const value = sparse.values[i] as number
            if (kind === 0) visit(first, channel * TILE + row, value)
            else visit(first + Math.floor(channel / TILE), row * TILE + (channel % TILE), value)
          }
        }
      }
    }
    let count = 0
    each((tile) => {
      starts[tile + 1] = (starts[tile + 1] as number) + 1
      count++
    })
    if (count === 0) return undefined
    for (let tile = 1; tile < starts.length; tile++) {
      starts[tile] = (starts[tile] as number) + (starts[tile - 1] as number)
    }
    const list = this.#memory.reserve(4 * count)
    this.#look()
    const next = starts.slice()
    const numbers = new Float32Array(count)
    each((tile, place, value) => {
      const at = next[tile] as number
      next[tile] = at + 1
      this.#halves[list / 2 + 2 * at] = place
      numbers[at] = value
    })
    for (const [at, value] of f16FromF32(numbers).entries()) this.#halves[list / 2 + 2 * at + 1] = value
    return { list, starts }
  }

  /** Calls with each tile of a head that has outliers. */
  #eachOutliers(
    { tokens, tiles, outliers }: Step,
    layer: number,
    kind: 0 | 1,
    head: number,
    visit: (tile: number, chunk: number, part: number, list: number, count: number) => void,
  ): void {
    if (outliers === undefined) return
    const { starts, list } = outliers
    const parts = kind === 0 ? 1 : this.#shape.headDim / TILE
    for (let chunk = 0; chunk < tokens / TILE; chunk++) {
      const first = this.#tileOf(chunk, layer, kind, head)
      const tile = tiles + chunk * this.#stepBytes + this.#headOf(layer, kind, head)
      for (let part = 0; part < parts; part++) {
        const from = starts[first + part] as number
        const count = (starts[first + part + 1] as number) - from
        if (count > 0) visit(tile + part * this.#tileBytes(TILE), chunk, part, list + 4 * from, count)
      }
    }
  }
}

/** Outliers are not among the extras that are held here. */
const NOTHING = (): number => 0
