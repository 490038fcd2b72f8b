/** Products of matrices of singles on the kernels of codes: the same bits on every machine. */
import { floatsAt, makeKernels, type PqKernels, putFloats, roundUp } from '../pq/memory.ts'

/** Multiplies; holds the memory that it multiplies in. */
export class Products {
  readonly #kernels: PqKernels = makeKernels()

  /** a b, f32[rows, cols], of a f32[rows, inner] and b f32[inner, cols]. */
  multiply(a: Float32Array, rows: number, inner: number, b: Float32Array, cols: number): Float32Array {
    const { memory, exports } = this.#kernels
    const wide = roundUp(cols, 8)
    const mark = memory.mark()
    const left = putFloats(this.#kernels, a)
    const right = putFloats(this.#kernels, wide === cols ? b : stretched(b, inner, cols, wide))
    const panels = memory.reserve(4 * inner * wide)
    const out = memory.reserve(4 * rows * wide)
    exports.packPanels(right, inner, wide, panels)
    exports.product(left, rows, inner, panels, wide, out)
    const found = floatsAt(this.#kernels, out, rows * wide)
    const data = new Float32Array(rows * cols)
    for (let i = 0; i < rows; i++) data.set(found.subarray(i * wide, i * wide + cols), i * cols)
    memory.release(mark)
    return data
  }
}

/** The transpose of f32[rows, cols]. */
export function transposed(a: Float32Array, rows: number, cols: number): Float32Array {
  const out = new Float32Array(a.length)
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) out[j * rows + i] = a[i * cols + j] as number
  return out
}

function stretched(b: Float32Array, rows: number, cols: number, wide: number): Float32Array {
  const out = new Float32Array(rows * wide)
  for (let i = 0; i < rows; i++) out.set(b.subarray(i * cols, (i + 1) * cols), i * wide)
  return out
}
