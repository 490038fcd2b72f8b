/**
 * Rows of codes of 4 bits, in blocks of 16: the fast scan, whose sums of whole numbers tell which rows can be among the best, and
 * the exact scores of these.
 */
import { keptRows } from '../row-filter.ts'
import { TopK } from '../top-k.ts'
import type { Hits, RowFilter } from '../types.ts'
import { floatsAt, type PqKernels } from './memory.ts'
import { checkCount, Scanner, type ScoreRows } from './scan.ts'

/** Rows of a block. */
const BLOCK = 16
/** Blocks that are scanned between two looks at the limit. */
const CHUNK = 256
const FIRST_CHUNK = 8
const MOST = 65535
/** More than sums of singles are off by, as a share of what goes into them. */
const SINGLE = 1e-5
/** Two entries of a table make a byte at most. */
const MOST_LEVEL = 127
/** Times that a row of a list costs of one that is passed in a fast scan. */
const LIST_COST = 12

/** A scan of blocks: the kernels `fast4` and `hamming` from the blocks on. */
type ScanBlocks = (from: number, to: number, limit: number, filter: number, out: number) => number

/** Rows of `bytes` bytes in blocks, in the memory of kernels. */
export class Nibbles {
  readonly n: number
  readonly bytes: number
  /** Address of f32[2 bytes, 16], what each code of each part scores. */
  readonly lut: number
  readonly #kernels: PqKernels
  readonly #scanner: Scanner
  readonly #blocks: number
  readonly #levels: number
  readonly #found: number
  readonly #terms: number

  /** @param codes u8[n, bytes] */
  constructor(kernels: PqKernels, codes: Uint8Array, n: number, bytes: number) {
    const { memory } = kernels
    this.n = n
    this.bytes = bytes
    this.#kernels = kernels
    this.#blocks = memory.alloc(Math.ceil(n / BLOCK) * BLOCK * bytes)
    this.lut = memory.alloc(4 * 32 * bytes)
    this.#levels = memory.alloc(32 * bytes)
    this.#found = memory.alloc(8 * BLOCK * CHUNK)
    this.#terms = memory.alloc(12)
    this.#scanner = new Scanner(kernels, n)
    for (let row = 0; row < n; row++) {
      let at = this.#place(row)
      for (let b = row * bytes; b < (row + 1) * bytes; b++, at += BLOCK) memory.u8[at] = codes[b] as number
    }
  }

  /** u8[to - from, bytes] */
  codes(from: number, to: number): Uint8Array<ArrayBuffer> {
    const { u8 } = this.#kernels.memory
    const out = new Uint8Array((to - from) * this.bytes)
    let next = 0
    for (let row = from; row < to; row++) {
      let at = this.#place(row)
      for (let b = 0; b < this.bytes; b++, at += BLOCK) out[next++] = u8[at] as number
    }
    return out
  }

  /** The k rows that score best by `lut`; among them none is missed by the rounding of the fast scan. */
  top(k: number, filter: RowFilter | undefined): Hits {
    const count = Math.min(checkCount(k), Math.max(1, this.n))
    if (filter !== undefined && LIST_COST * filter.count < this.n) return this.#scanner.top(k, filter, this.#score, 2)
    this.#roundTables()
    const { fast4 } = this.#kernels.exports
    const parts = 2 * this.bytes
    // Each part is off by half a level at most, on both sides.
    const margin = parts + 1
    const rows = this.#scan(count, filter, margin, (from, to, limit, at, out) =>
      fast4(this.#levels, this.#blocks, this.bytes, from, to, this.n, Math.max(0, limit), at, out),
    )
    const best = new TopK(count)
    this.#scanner.each(rows, this.#score, (some, scores) => {
      for (const [i, row] of some.entries()) best.push(row, scores[i] as number)
    })
    return best.take()
  }

  /**
   * The k rows that score best by `lut` where the score s of each row becomes scale s + shift; none is missed by rounding.
   *
   * @param scales address of f32[16 ceil(n / 16)], not below 0
   * @param shifts address of as many
   */
  topScaled(k: number, filter: RowFilter | undefined, scales: number, shifts: number): Hits {
    const count = Math.min(checkCount(k), Math.max(1, this.n))
    const best = new TopK(count)
    const at = this.#scanner.putFilter(filter)
    const take = (rows: Uint32Array, scores: Float32Array): void => {
      this.#rescale(rows, scores, scales, shifts)
      for (const [i, row] of rows.entries()) best.push(row, scores[i] as number)
    }
    if (filter !== undefined && LIST_COST * filter.count < this.n) {
      this.#scanner.each(keptRows(filter), this.#score, take)
      return best.take()
    }
    const { step, base } = this.#roundTables()
    const terms = floatsAt(this.#kernels, this.#terms, 3)
    this.#blocksOf((from, to) => {
      terms.set([step, base, best.least])
      const { exports, memory } = this.#kernels
      const own: [number, number, number, number] = [this.#levels, this.#blocks, this.bytes, from]
      const found = exports.bounded4(...own, to, this.n, this.#terms, scales, shifts, at, this.#found)
      this.#scanner.each(new Uint32Array(memory.buffer, this.#found, found), this.#score, take)
    })
    return best.take()
  }

  /** Scores of rows by `lut`, scaled and shifted as {@link topScaled} does. */
  atScaled(rows: Uint32Array, scales: number, shifts: number): Float32Array {
    const scores = this.#scanner.at(rows, this.#score)
    this.#rescale(rows, scores, scales, shifts)
    return scores
  }

  /** Scores of rows by `lut`. */
  at(rows: Uint32Array): Float32Array {
    return this.#scanner.at(rows, this.#score)
  }

  /**
   * The k rows of which the fewest bits differ from the query's, ties by row.
   *
   * @param query address of u8[bytes]
   */
  nearest(k: number, filter: RowFilter | undefined, query: number): Hits {
    const count = Math.min(checkCount(k), Math.max(1, this.n))
    const { hamming } = this.#kernels.exports
    const best = new TopK(count)
    const at = this.#scanner.putFilter(filter)
    this.#blocksOf((from, to) => {
      const most = best.least === Number.NEGATIVE_INFINITY ? MOST : -best.least - 1
      if (most < 0) return
      const found = hamming(query, this.#blocks, this.bytes, from, to, this.n, most, at, this.#found)
      const pairs = new Int32Array(this.#kernels.memory.buffer, this.#found, 2 * found)
      for (let i = 0; i < pairs.length; i += 2) best.push(pairs[i] as number, -(pairs[i + 1] as number))
    })
    return best.take()
  }

  readonly #score: ScoreRows = (list, first, count, out) =>
    this.#kernels.exports.sums4(this.lut, this.#blocks, this.bytes, list, first, count, out)

  #rescale(rows: Uint32Array, scores: Float32Array, scales: number, shifts: number): void {
    const scale = floatsAt(this.#kernels, scales, this.n)
    const shift = floatsAt(this.#kernels, shifts, this.n)
    for (const [i, row] of rows.entries()) {
      const scaled = Math.fround((scores[i] as number) * (scale[row] as number))
      scores[i] = scaled + (shift[row] as number)
    }
  }

  #place(row: number): number {
    return this.#blocks + (row >> 4) * BLOCK * this.bytes + (row & 15)
  }

  #blocksOf(scan: (from: number, to: number) => void): void {
    const blocks = Math.ceil(this.n / BLOCK)
    for (let from = 0, size = FIRST_CHUNK; from < blocks; from += size, size = Math.min(2 * size, CHUNK)) {
      scan(from, Math.min(blocks, from + size))
    }
  }

  /** Rows whose sum is at most `margin` below the k-th best one, ascending. */
  #scan(k: number, filter: RowFilter | undefined, margin: number, scan: ScanBlocks): Uint32Array {
    const best = new TopK(k)
    const at = this.#scanner.putFilter(filter)
    let pairs = new Int32Array(4096)
    let size = 0
    this.#blocksOf((from, to) => {
      const limit = Math.max(0, best.least - margin)
      const found = scan(from, to, limit, at, this.#found)
      const fresh = new Int32Array(this.#kernels.memory.buffer, this.#found, 2 * found)
      if (size + fresh.length > pairs.length) {
        const larger = new Int32Array(2 * (size + fresh.length))
        larger.set(pairs)
        pairs = larger
      }
      pairs.set(fresh, size)
      size += fresh.length
      for (let i = 0; i < fresh.length; i += 2) best.push(fresh[i] as number, fresh[i + 1] as number)
    })
    const least = best.least - margin
    const rows = new Uint32Array(size >> 1)
    let kept = 0
    for (let i = 0; i < size; i += 2) if ((pairs[i + 1] as number) >= least) rows[kept++] = pairs[i] as number
    return rows.subarray(0, kept)
  }

  /**
   * The tables in whole numbers: each from 0 on, all by one factor, so that no entry leaves 7 bits and no sum 16. The score of a row
   * is at most its sum times `step`, plus `base`.
   */
  #roundTables(): { step: number; base: number } {
    const parts = 2 * this.bytes
    const lut = floatsAt(this.#kernels, this.lut, 16 * parts)
    const lows = new Float64Array(parts)
    let widest = 0
    let sum = 0
    let least = 0
    let size = 0
    for (let s = 0; s < parts; s++) {
      let low = Infinity
      let high = -Infinity
      for (let i = 16 * s; i < 16 * s + 16; i++) {
        low = Math.min(low, lut[i] as number)
        high = Math.max(high, lut[i] as number)
      }
      lows[s] = low
      widest = Math.max(widest, high - low)
      sum += high - low
      least += low
      size += Math.max(Math.abs(low), Math.abs(high))
    }
    const scale = widest > 0 ? Math.min(MOST_LEVEL / widest, (MOST - parts) / sum) : 0
    const levels = this.#kernels.memory.u8.subarray(this.#levels, this.#levels + 16 * parts)
    for (let i = 0; i < levels.length; i++) {
      levels[i] = Math.min(MOST_LEVEL, Math.floor(((lut[i] as number) - (lows[i >> 4] as number)) * scale + 0.5))
    }
    const step = scale > 0 ? 1 / scale : 0
    // Half a level for each part, and what sums of singles are off by.
    return { step, base: least + (parts / 2 + 1) * step + SINGLE * size }
  }
}
