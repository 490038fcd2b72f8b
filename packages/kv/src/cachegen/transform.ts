/** What makes the numbers of a token independent of each other: a mean, a gain for each, and a basis. */
import { PithError } from '@pith/core'
import { cholesky, cholInverse, type Matrix, matmul, matrixOf } from '@pith/engine/linalg'

/** Rows of a basis as small integers: f32 row = codes * scale. */
export interface Basis {
  /** i8[components, width]. */
  readonly codes: Int8Array
  /** f32[components]. */
  readonly scales: Float32Array
}

/** Components of a frame; without a basis they are its numbers. */
export interface Transform {
  /** f32[width]. */
  readonly mean: Float32Array
  /** f32[width], above 0: how much an error of each number matters. */
  readonly gain: Float32Array
  readonly basis?: Basis
}

/** A transform in both directions. */
export interface ReadyTransform {
  readonly components: number
  /** Components of rows: f32[rows, width] to f32[rows, components]. */
  forward(rows: Float32Array): Promise<Float32Array>
  /** The nearest rows with these components. */
  backward(components: Float32Array, rows: number): Promise<Float32Array>
}

/** Round orthonormal rows to 8 bits. */
export function roundBasis(rows: Float64Array, components: number, width: number): Basis {
  const codes = new Int8Array(components * width)
  const scales = new Float32Array(components)
  for (let r = 0; r < components; r++) {
    let most = 0
    for (let i = 0; i < width; i++) most = Math.max(most, Math.abs(rows[r * width + i] as number))
    const scale = Math.fround(most / 127)
    scales[r] = scale
    if (scale > 0)
      for (let i = 0; i < width; i++) codes[r * width + i] = Math.round((rows[r * width + i] as number) / scale)
  }
  return { codes, scales }
}

/**
 * Make a transform ready to use. Rounded rows are not orthonormal, so their way back is the pseudo-inverse of what is stored.
 *
 * @throws PithError `PITH_CORRUPT` a basis whose rows depend on each other
 */
export async function readyTransform({ mean, gain, basis }: Transform): Promise<ReadyTransform> {
  const width = mean.length
  const add = (rows: Float32Array): Float32Array => {
    const out = new Float32Array(rows.length)
    for (let at = 0; at < rows.length; at += width) {
      for (let i = 0; i < width; i++) out[at + i] = (rows[at + i] as number) / (gain[i] as number) + (mean[i] as number)
    }
    return out
  }
  const subtract = (rows: Float32Array): Float32Array => {
    const out = new Float32Array(rows.length)
    for (let at = 0; at < rows.length; at += width) {
      for (let i = 0; i < width; i++)
        out[at + i] = ((rows[at + i] as number) - (mean[i] as number)) * (gain[i] as number)
    }
    return out
  }
  if (basis === undefined) {
    return { components: width, forward: async (rows) => subtract(rows), backward: async (rows) => add(rows) }
  }
  const components = basis.scales.length
  if (components === 0) {
    const nothing = new Float32Array(0)
    return {
      components,
      forward: async () => nothing,
      backward: async (_, rows) => add(new Float32Array(rows * width)),
    }
  }
  const rows = new Float32Array(components * width)
  for (let i = 0; i < rows.length; i++) {
    rows[i] = (basis.codes[i] as number) * (basis.scales[Math.floor(i / width)] as number)
  }
  const stored = matrixOf(rows, components, width)
  const back = await pseudoInverse(stored)
  return {
    components,
    forward: async (x) => (await matmul(matrixOf(subtract(x), x.length / width, width), stored, { tb: true })).data,
    backward: async (y, count) => add((await matmul(matrixOf(y, count, components), back)).data),
  }
}

/** (B B^T)^-1 B: f32[components, width]; components times it are the nearest rows. */
async function pseudoInverse(b: Matrix<Float32Array>): Promise<Matrix<Float32Array>> {
  const wide = matrixOf(Float64Array.from(b.data), b.rows, b.cols)
  const gram = await matmul(wide, wide, { tb: true })
  let factor: ReturnType<typeof cholesky>
  try {
    factor = cholesky(gram)
  } catch (cause) {
    throw new PithError('PITH_CORRUPT', 'the rows of a basis depend on each other', { cause })
  }
  const inverse = cholInverse(factor.lower)
  const { data } = await matmul(inverse, wide)
  return matrixOf(Float32Array.from(data), b.rows, b.cols)
}
