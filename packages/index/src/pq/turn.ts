/** Rows, less the mean, padded and turned, as a quantiser codes them. */
import { type PqKernels, putFloats, roundUp } from './memory.ts'
import type { Pq } from './types.ts'

/** What turning needs of a quantiser. */
export type Turning = Pick<Pq, 'dim' | 'padded' | 'mean' | 'rotation'>

/** The rotation of a quantiser in the memory of kernels. */
export class Turner {
  /** Numbers from a row to the next. */
  readonly stride: number
  readonly #kernels: PqKernels
  readonly #turning: Turning
  readonly #panels: number

  constructor(kernels: PqKernels, turning: Turning) {
    const { padded, rotation } = turning
    this.#kernels = kernels
    this.#turning = turning
    this.stride = rotation === undefined ? padded : roundUp(padded, 8)
    this.#panels = 0
    if (rotation === undefined) return
    this.#panels = kernels.memory.alloc(4 * padded * this.stride)
    const mark = kernels.memory.mark()
    const wide = new Float32Array(padded * this.stride)
    for (let i = 0; i < padded; i++) wide.set(rotation.subarray(i * padded, (i + 1) * padded), i * this.stride)
    const at = putFloats(kernels, wide)
    kernels.exports.packPanels(at, padded, this.stride, this.#panels)
    kernels.memory.release(mark)
  }

  /**
   * Turn rows.
   *
   * @param data f32[rows, dim]
   * @param centred whether the mean is taken away
   * @returns address of f32[rows, stride], in memory that is taken until the next release
   */
  turn(data: Float32Array, rows: number, centred: boolean): number {
    const { dim, padded, mean } = this.#turning
    const own = new Float32Array(rows * padded)
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < dim; j++) {
        own[i * padded + j] = (data[i * dim + j] as number) - (centred ? (mean[j] as number) : 0)
      }
    }
    const at = putFloats(this.#kernels, own)
    if (this.#panels === 0) return at
    const out = this.#kernels.memory.reserve(4 * rows * this.stride)
    this.#kernels.exports.product(at, rows, padded, this.#panels, this.stride, out)
    return out
  }
}
