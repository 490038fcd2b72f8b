/** The nearest centroid of each part of rows. */
import { floatsAt, halfNorms, type PqKernels, putFloats, turnParts } from './memory.ts'
import { Turner, type Turning } from './turn.ts'
import type { Pq } from './types.ts'

/** What coding needs of a quantiser. */
export type Coding = Turning & Pick<Pq, 'm' | 'bits' | 'encoding'>

/** Rows that are coded at once. */
const CHUNK = 1024

/** Codes rows by a quantiser in the memory of kernels. */
export class Coder {
  readonly #kernels: PqKernels
  readonly #coding: Coding
  readonly #turner: Turner
  readonly #table: number
  readonly #halves: number

  constructor(kernels: PqKernels, coding: Coding) {
    const { m, bits, padded, encoding } = coding
    this.#kernels = kernels
    this.#coding = coding
    this.#turner = new Turner(kernels, coding)
    this.#table = putFloats(kernels, turnParts(encoding, m, 1 << bits, padded / m))
    this.#halves = putFloats(kernels, halfNorms(encoding, m << bits, padded / m))
  }

  /**
   * @param data f32[rows, dim]
   * @param turned takes the turned rows f32[count, stride] and codes u8[count, m] of each chunk, views that hold for the call only
   * @returns u8[rows, m]
   */
  code(
    data: Float32Array,
    turned?: (rows: Float32Array, codes: Uint8Array, stride: number) => void,
  ): Uint8Array<ArrayBuffer> {
    const { dim, m, bits, padded } = this.#coding
    const { memory, exports } = this.#kernels
    const rows = data.length / dim
    const out = new Uint8Array(rows * m)
    const width = padded / m
    const { stride } = this.#turner
    for (let first = 0; first < rows; first += CHUNK) {
      const count = Math.min(CHUNK, rows - first)
      const mark = memory.mark()
      const at = this.#turner.turn(data.subarray(first * dim, (first + count) * dim), count, true)
      const codes = memory.reserve(count * m)
      for (let s = 0; s < m; s++) {
        const table = this.#table + 4 * s * width * (1 << bits)
        const halves = this.#halves + 4 * s * (1 << bits)
        exports.nearest(at + 4 * s * width, count, 4 * stride, width, table, 1 << bits, halves, codes + s, m)
      }
      out.set(memory.u8.subarray(codes, codes + count * m), first * m)
      turned?.(floatsAt(this.#kernels, at, count * stride), out.subarray(first * m, (first + count) * m), stride)
      memory.release(mark)
    }
    return out
  }
}

/** Bring codes of a byte each into 4 bits, even parts in the lower halves. */
export function packNibbles(codes: Uint8Array, m: number): Uint8Array<ArrayBuffer> {
  const rowBytes = (m + 1) >> 1
  const rows = codes.length / m
  const out = new Uint8Array(rows * rowBytes)
  for (let row = 0; row < rows; row++) {
    for (let s = 0; s < m; s++) out[row * rowBytes + (s >> 1)] |= (codes[row * m + s] as number) << (4 * (s & 1))
  }
  return out
}

/** Codes of a byte each, of codes of 4 bits. */
export function unpackNibbles(packed: Uint8Array, m: number): Uint8Array<ArrayBuffer> {
  const rowBytes = (m + 1) >> 1
  const rows = packed.length / rowBytes
  const out = new Uint8Array(rows * m)
  for (let row = 0; row < rows; row++) {
    for (let s = 0; s < m; s++) out[row * m + s] = ((packed[row * rowBytes + (s >> 1)] as number) >> (4 * (s & 1))) & 15
  }
  return out
}
