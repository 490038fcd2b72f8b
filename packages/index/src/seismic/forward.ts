/** Rows as heads of one line each and tails, in codes of 8 bits under one scale. */
import type { SparseMatrix } from '../types.ts'
import { HEAD_BYTES, MIDDLE, NARROW_HEAD, WIDE_HEAD } from './kernels/record.ts'

/** Rows of an index; {@link file://./kernels/record.ts} has the layout. */
export interface Forward {
  readonly rows: number
  /** A value is its code, 1..255, times this. */
  readonly step: number
  /** Whether components have 32 bits. */
  readonly isWide: boolean
  readonly heads: Uint8Array
  /** In whole lines; starts with an empty one. */
  readonly tails: Uint8Array
}

const LINE = 64

/** Step of codes for values: the greatest becomes 255. */
function stepFor(values: Float32Array): number {
  let most = 0
  for (let i = 0; i < values.length; i++) if ((values[i] as number) > most) most = values[i] as number
  return most === 0 ? 1 : Math.fround(most / 255) || most
}

/** Code of a value. */
function codeOf(value: number, step: number): number {
  return Math.min(255, Math.max(1, Math.round(value / step)))
}

/** Components of a head. */
export function headSize(isWide: boolean): number {
  return isWide ? WIDE_HEAD : NARROW_HEAD
}

/** Bytes of a tail of n components: whole lines, so that what stands first in it takes two. */
function tailBytes(n: number, isWide: boolean): number {
  return LINE * Math.ceil((2 + (isWide ? 5 : 3) * n) / LINE)
}

/** Rows of a matrix. @param isShared  whether workers are to read them where they are */
export function makeForward(matrix: SparseMatrix, isShared: boolean): Forward {
  const { dim, indptr, indices, values } = matrix
  const isWide = dim > 65536
  const rows = indptr.length - 1
  const step = stepFor(values)
  const head = headSize(isWide)
  let end = LINE
  for (let row = 0; row < rows; row++) {
    const n = (indptr[row + 1] as number) - (indptr[row] as number)
    if (n > head) end += tailBytes(n - head, isWide)
  }
  const heads = bytesOf(HEAD_BYTES * rows, isShared)
  const tails = bytesOf(end, isShared)
  const ranked = new RankedRow()
  let at = LINE
  for (let row = 0; row < rows; row++) {
    const [from, to] = [indptr[row] as number, indptr[row + 1] as number]
    const n = to - from
    ranked.take(indices, values, from, to, step)
    const own = HEAD_BYTES * row
    writeRun(heads, own, own + (isWide ? 48 : 40), ranked, 0, Math.min(n, head), isWide)
    if (n <= head) continue
    writeNumber(heads, own + 60, at / 2, 4)
    writeNumber(tails, at, n - head, 2)
    const width = isWide ? 4 : 2
    const middle = Math.min(n - head, MIDDLE)
    writeRun(tails, at + 2, at + 2 + width * middle, ranked, head, head + middle, isWide)
    const rest = at + 2 + (width + 1) * middle
    writeRun(tails, rest, rest + width * (n - head - middle), ranked, head + middle, n, isWide)
    at += tailBytes(n - head, isWide)
  }
  return { rows, step, isWide, heads, tails }
}

function bytesOf(length: number, isShared: boolean): Uint8Array {
  return new Uint8Array(isShared ? new SharedArrayBuffer(length) : new ArrayBuffer(length))
}

/** Components and codes `from` to `to` of a row. */
function writeRun(
  out: Uint8Array,
  components: number,
  codes: number,
  row: RankedRow,
  from: number,
  to: number,
  isWide: boolean,
): void {
  const width = isWide ? 4 : 2
  for (let i = from; i < to; i++) {
    writeNumber(out, components + width * (i - from), row.components[i] as number, width)
    out[codes + i - from] = row.codes[i] as number
  }
}

/** A little-endian number of `width` bytes. */
export function writeNumber(out: Uint8Array, at: number, value: number, width: number): void {
  for (let i = 0; i < width; i++) out[at + i] = value >>> (8 * i)
}

/** Components of a row by falling code, then rising component. */
class RankedRow {
  readonly components = new Uint32Array(65536)
  readonly codes = new Uint8Array(65536)
  readonly #own = new Uint8Array(65536)
  readonly #starts = new Uint32Array(257)

  take(indices: Uint16Array | Uint32Array, values: Float32Array, from: number, to: number, step: number): void {
    const starts = this.#starts.fill(0)
    for (let at = from; at < to; at++) {
      const code = codeOf(values[at] as number, step)
      this.#own[at - from] = code
      starts[256 - code]++
    }
    for (let i = 1; i <= 256; i++) starts[i] += starts[i - 1] as number
    for (let at = from; at < to; at++) {
      const code = this.#own[at - from] as number
      const place = starts[255 - code]++
      this.components[place] = indices[at] as number
      this.codes[place] = code
    }
  }
}

/** Reads rows, by falling code. */
export class RowReader {
  readonly components: Uint32Array = new Uint32Array(65536 + NARROW_HEAD)
  readonly codes: Uint8Array = new Uint8Array(65536 + NARROW_HEAD)
  readonly #forward: Forward
  readonly #heads: DataView
  readonly #tails: DataView

  constructor(forward: Forward) {
    this.#forward = forward
    const { heads, tails } = forward
    this.#heads = new DataView(heads.buffer, heads.byteOffset, heads.byteLength)
    this.#tails = new DataView(tails.buffer, tails.byteOffset, tails.byteLength)
  }

  /** Take the largest components of a row, at most `most`, into {@link components} and {@link codes}; returns how many. */
  load(row: number, most = 65535): number {
    const { isWide, heads } = this.#forward
    const head = HEAD_BYTES * row
    const size = headSize(isWide)
    const codes = head + (isWide ? 48 : 40)
    const inHead = Math.min(size, most)
    let n = 0
    for (; n < inHead; n++) {
      const code = heads[codes + n] as number
      if (code === 0) return n
      this.codes[n] = code
      this.components[n] = isWide
        ? this.#heads.getUint32(head + 4 * n, true)
        : this.#heads.getUint16(head + 2 * n, true)
    }
    const tail = 2 * this.#heads.getUint32(head + 60, true)
    const length = this.#tails.getUint16(tail, true)
    const middle = Math.min(length, MIDDLE)
    n = this.#loadRun(tail + 2, middle, n, most)
    return this.#loadRun(tail + 2 + (isWide ? 5 : 3) * middle, length - middle, n, most)
  }

  /** Take a run of `length` components of a tail to place n on. */
  #loadRun(at: number, length: number, n: number, most: number): number {
    const { isWide, tails } = this.#forward
    const count = Math.min(length, most - n)
    const codes = at + (isWide ? 4 : 2) * length
    for (let i = 0; i < count; i++) {
      this.components[n + i] = isWide
        ? this.#tails.getUint32(at + 4 * i, true)
        : this.#tails.getUint16(at + 2 * i, true)
      this.codes[n + i] = tails[codes + i] as number
    }
    return n + count
  }
}
