/** Weights as small integers in blocks, in the layout of onnxruntime's MatMulNBits. */
import { PithError } from '@pith/core'

/** How the matrices of a model are held: single precision, or integers of 8, 4 or 2 bits. */
export type Quant = 'f32' | 'q8' | 'q4' | 'q2'

/** Bits of each kind of integers. */
export const QUANT_BITS: Readonly<Record<Exclude<Quant, 'f32'>, 2 | 4 | 8>> = { q8: 8, q4: 4, q2: 2 }

/** Elements of a row that share a scale. */
export const QUANT_BLOCK = 32

/** Scales that are tried for a block, as parts of the one that reaches its extreme. */
const TRIED = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7]

/** A matrix [rows, columns] of small integers: value = (code - 2^(bits - 1)) * scale. */
export interface QuantisedMatrix {
  readonly rows: number
  readonly columns: number
  readonly bits: 2 | 4 | 8
  /** u8[rows, blocks, block * bits / 8], the lowest bits first. */
  readonly codes: Uint8Array
  /** f32[rows, blocks]. */
  readonly scales: Float32Array
}

/**
 * Round a matrix to integers of `bits` bits, with the scale of each block of a row that loses least.
 *
 * @param matrix f32[rows, columns]
 * @throws PithError `PITH_SHAPE` another number of elements
 */
export function quantiseMatrix(matrix: Float32Array, rows: number, columns: number, bits: 2 | 4 | 8): QuantisedMatrix {
  if (matrix.length !== rows * columns) {
    throw new PithError('PITH_SHAPE', `${matrix.length} elements are not ${rows} rows of ${columns}`)
  }
  const blocks = Math.ceil(columns / QUANT_BLOCK)
  const blockBytes = (QUANT_BLOCK * bits) / 8
  const codes = new Uint8Array(rows * blocks * blockBytes)
  const scales = new Float32Array(rows * blocks)
  const own = new Float32Array(QUANT_BLOCK)
  const half = 2 ** (bits - 1)
  for (let row = 0; row < rows; row++) {
    for (let block = 0; block < blocks; block++) {
      const start = block * QUANT_BLOCK
      const length = Math.min(QUANT_BLOCK, columns - start)
      own.fill(0)
      own.set(matrix.subarray(row * columns + start, row * columns + start + length))
      const scale = bestScale(own, half)
      scales[row * blocks + block] = scale
      const at = (row * blocks + block) * blockBytes
      for (let i = 0; i < QUANT_BLOCK; i++) {
        const code = codeOf(own[i] as number, scale, half)
        const bit = i * bits
        codes[at + (bit >> 3)] = (codes[at + (bit >> 3)] as number) | (code << (bit & 7))
      }
    }
  }
  return { rows, columns, bits, codes, scales }
}

/** The matrix that the integers stand for: f32[rows, columns]. */
export function dequantiseMatrix({ rows, columns, bits, codes, scales }: QuantisedMatrix): Float32Array {
  const blocks = Math.ceil(columns / QUANT_BLOCK)
  const blockBytes = (QUANT_BLOCK * bits) / 8
  const half = 2 ** (bits - 1)
  const mask = 2 ** bits - 1
  const out = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const block = Math.floor(column / QUANT_BLOCK)
      const bit = (column % QUANT_BLOCK) * bits
      const byte = codes[(row * blocks + block) * blockBytes + (bit >> 3)] as number
      out[row * columns + column] = (((byte >> (bit & 7)) & mask) - half) * (scales[row * blocks + block] as number)
    }
  }
  return out
}

function codeOf(value: number, scale: number, half: number): number {
  if (scale === 0) return half
  return Math.min(2 * half - 1, Math.max(0, Math.round(value / scale) + half))
}

/** The scale with the least sum of squared errors. The integer -half reaches further than any other, so the extreme gets it. */
function bestScale(values: Float32Array, half: number): number {
  let extreme = 0
  for (const value of values) if (Math.abs(value) > Math.abs(extreme)) extreme = value
  if (extreme === 0) return 0
  let best = 0
  let least = Number.POSITIVE_INFINITY
  for (const part of TRIED) {
    const scale = Math.fround((-extreme / half) * part)
    let loss = 0
    for (const value of values) {
      const error = (codeOf(value, scale, half) - half) * scale - value
      loss += error * error
    }
    if (loss < least) {
      least = loss
      best = scale
    }
  }
  return best
}
