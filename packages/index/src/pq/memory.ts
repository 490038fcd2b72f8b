/** The kernels of this folder, with memory of their own. */
import { instantiateKernels, type Kernels, type KernelTarget } from '@pith/core/wasm'
import * as twin from './kernels/index.ts'
import { WASM_BASE64 } from './kernels.wasm.ts'

/** Kernels and their memory. */
export type PqKernels = Kernels<typeof twin>

/** As much as 32 bits of addresses allow. */
const MAX_BYTES = 2 ** 31 - 65536

/** Kernels with memory of their own. */
export function makeKernels(target: KernelTarget | 'auto' = 'auto'): PqKernels {
  return instantiateKernels({ wasm: WASM_BASE64, twin }, { target, maxBytes: MAX_BYTES })
}

/** Singles in the memory, until it grows. */
export function floatsAt(kernels: PqKernels, at: number, count: number): Float32Array<ArrayBuffer> {
  return new Float32Array(kernels.memory.buffer, at, count)
}

/** Copy singles in; returns the address. */
export function putFloats(kernels: PqKernels, values: Float32Array): number {
  const at = kernels.memory.reserve(4 * values.length)
  floatsAt(kernels, at, values.length).set(values)
  return at
}

/** `n`, up to the next multiple of `step`. */
export function roundUp(n: number, step: number): number {
  return Math.ceil(n / step) * step
}

/** Bring f32[parts, count, width] to f32[parts, width, count]. */
export function turnParts(values: Float32Array, parts: number, count: number, width: number): Float32Array {
  const out = new Float32Array(values.length)
  for (let s = 0; s < parts; s++) {
    const from = s * count * width
    for (let c = 0; c < count; c++) {
      for (let j = 0; j < width; j++) out[from + j * count + c] = values[from + c * width + j] as number
    }
  }
  return out
}

/** |c|^2 / 2 of each centroid of f32[rows, width]. */
export function halfNorms(values: Float32Array, rows: number, width: number): Float32Array {
  const out = new Float32Array(rows)
  for (let i = 0; i < rows; i++) {
    let sum = 0
    for (let j = i * width; j < (i + 1) * width; j++) sum += (values[j] as number) ** 2
    out[i] = sum / 2
  }
  return out
}
