/** What a worker does of training and coding; each result depends on the payload alone. */
import { type ClusterOptions, clusterPart } from './cluster.ts'
import { Coder, type Coding, packNibbles } from './coder.ts'
import { makeKernels, type PqKernels, putFloats, roundUp } from './memory.ts'

/** A part of rows to be clustered. */
export interface ClusterPayload extends ClusterOptions {
  /** f32[n, width] */
  readonly x: Float32Array
  readonly width: number
}

/** Rows to be coded. */
export interface CodePayload {
  readonly coding: Coding
  /** f32[rows, dim] */
  readonly data: Float32Array
}

/** Codes of rows, and for each centroid the sum of its rows. */
export interface Assigned {
  /** u8[rows, m] */
  readonly codes: Uint8Array
  /** f64[m, count, width] */
  readonly sums: Float64Array
  /** u32[m, count] */
  readonly counts: Uint32Array
}

/** Rows and their codes. */
export interface CrossPayload extends CodePayload {
  readonly codes: Uint8Array
}

let kernels: PqKernels | undefined

/** Kernels with nothing in their memory. */
function freshKernels(): PqKernels {
  kernels ??= makeKernels()
  kernels.memory.reset()
  return kernels
}

/** The tasks of a pool. */
export const pqTasks = {
  /** Centroids f32[count, width]. */
  cluster(payload: ClusterPayload): Float32Array {
    return clusterPart(freshKernels(), payload.x, payload.width, payload)
  },

  /** Codes of rows, packed. */
  encode({ coding, data }: CodePayload): Uint8Array {
    const codes = new Coder(freshKernels(), coding).code(data)
    return coding.bits === 4 ? packNibbles(codes, coding.m) : codes
  },

  assign({ coding, data }: CodePayload): Assigned {
    const { m, bits, padded } = coding
    const width = padded / m
    const sums = new Float64Array((m << bits) * width)
    const counts = new Uint32Array(m << bits)
    const codes = new Coder(freshKernels(), coding).code(data, (rows, own, stride) => {
      for (let i = 0; i < rows.length / stride; i++) {
        for (let s = 0; s < m; s++) {
          const c = (s << bits) + (own[i * m + s] as number)
          counts[c] = (counts[c] as number) + 1
          for (let j = 0, from = i * stride + s * width, to = c * width; j < width; j++) {
            sums[to + j] = (sums[to + j] as number) + (rows[from + j] as number)
          }
        }
      }
    })
    return { codes, sums, counts }
  },

  /** f32[padded, cols]: x^T times what the codes of x stand for, cols the next multiple of 8 from `padded`. */
  cross({ coding, data, codes }: CrossPayload): Float32Array {
    const { dim, padded, m, bits, encoding } = coding
    const own = freshKernels()
    const { exports, memory } = own
    const rows = data.length / dim
    const cols = roundUp(padded, 8)
    const width = padded / m
    const across = new Float32Array(padded * rows)
    for (let i = 0; i < rows; i++) for (let j = 0; j < dim; j++) across[j * rows + i] = data[i * dim + j] as number
    const decoded = new Float32Array(rows * cols)
    for (let i = 0; i < rows; i++) {
      for (let s = 0; s < m; s++) {
        const from = ((s << bits) + (codes[i * m + s] as number)) * width
        decoded.set(encoding.subarray(from, from + width), i * cols + s * width)
      }
    }
    const a = putFloats(own, across)
    const b = putFloats(own, decoded)
    const panels = memory.reserve(4 * decoded.length)
    exports.packPanels(b, rows, cols, panels)
    const out = memory.reserve(4 * padded * cols)
    exports.product(a, padded, rows, panels, cols, out)
    return new Float32Array(memory.take(out, 4 * padded * cols).buffer)
  },
}
