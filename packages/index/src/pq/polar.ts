/**
 * The orthogonal matrix nearest to a given one, by products alone: Newton and Schulz's iteration in the fifth degree, with the steep
 * coefficients of Jordan et al. (Muon, 2024) until all singular values are near 1. The same bits on every machine.
 */
import type { Random } from '@pith/core'
import { floatsAt, type PqKernels, putFloats, roundUp } from './memory.ts'

/** Bring a singular value s to a s + b s^3 + c s^5. */
type Step = readonly [a: number, b: number, c: number]

/** Grows small ones 3.4 times; what is large stays within 0.68 and 1.13. */
const STEEP: Step = [3.4445, -4.775, 2.0315]
/** Brings what is near 1 to 1. */
const FINE: Step = [1.875, -1.25, 0.375]
/** Enough for singular values of 1e-5 of all. */
const STEEP_STEPS = 10
const FINE_STEPS = 4
/** Tries, each of which goes 2e5 times further down. */
const TRIES = 3
/** How far the product with its transpose may be from the identity, at any place. */
const TOLERANCE = 1e-4

/** A square matrix f32[n, n]. */
export interface Square {
  readonly n: number
  readonly data: Float32Array
}

/** a b. */
export function multiplySquares(kernels: PqKernels, a: Square, b: Square): Square {
  const { n } = a
  const { memory, exports } = kernels
  const cols = roundUp(n, 8)
  const mark = memory.mark()
  const left = putFloats(kernels, a.data)
  const right = putFloats(kernels, cols === n ? b.data : widened(b, cols))
  const panels = memory.reserve(4 * n * cols)
  const out = memory.reserve(4 * n * cols)
  exports.packPanels(right, n, cols, panels)
  exports.product(left, n, n, panels, cols, out)
  const found = floatsAt(kernels, out, n * cols)
  const data = new Float32Array(n * n)
  for (let i = 0; i < n; i++) data.set(found.subarray(i * cols, i * cols + n), i * n)
  memory.release(mark)
  return { n, data }
}

/** The transpose. */
export function turnSquare({ n, data }: Square): Square {
  const out = new Float32Array(n * n)
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) out[j * n + i] = data[i * n + j] as number
  return { n, data: out }
}

/** The orthogonal matrix nearest to a matrix; undefined where that is too near to one of lower rank. */
export function polarFactor(kernels: PqKernels, matrix: Square): Square | undefined {
  const size = Math.sqrt(matrix.data.reduce((sum, value) => sum + value * value, 0))
  if (size === 0) return undefined
  let own: Square = { n: matrix.n, data: matrix.data.map((value) => value / size) }
  for (let attempt = 0; attempt < TRIES; attempt++) {
    for (let i = 0; i < STEEP_STEPS; i++) own = step(kernels, own, STEEP)
    for (let i = 0; i < FINE_STEPS; i++) own = step(kernels, own, FINE)
    if (isOrthogonal(kernels, own)) return own
  }
  return undefined
}

/** Take away what rounding added to an orthogonal matrix. */
export function refine(kernels: PqKernels, matrix: Square): Square {
  return step(kernels, matrix, FINE)
}

/** An orthogonal matrix drawn by a seed. */
export function drawOrthogonal(kernels: PqKernels, n: number, random: Random): Square {
  const data = Float32Array.from({ length: n * n }, () => random.normal())
  return polarFactor(kernels, { n, data }) ?? identity(n)
}

function identity(n: number): Square {
  const data = new Float32Array(n * n)
  for (let i = 0; i < n; i++) data[i * n + i] = 1
  return { n, data }
}

function step(kernels: PqKernels, x: Square, [a, b, c]: Step): Square {
  const gram = multiplySquares(kernels, turnSquare(x), x)
  const square = multiplySquares(kernels, gram, gram)
  const factor = square.data.map((value, i) => c * value + b * (gram.data[i] as number))
  for (let i = 0; i < x.n; i++) factor[i * x.n + i] = (factor[i * x.n + i] as number) + a
  return multiplySquares(kernels, x, { n: x.n, data: factor })
}

function isOrthogonal(kernels: PqKernels, x: Square): boolean {
  const { n, data } = multiplySquares(kernels, turnSquare(x), x)
  for (let i = 0; i < data.length; i++) {
    if (!(Math.abs((data[i] as number) - (i % (n + 1) === 0 ? 1 : 0)) <= TOLERANCE)) return false
  }
  return true
}

function widened({ n, data }: Square, cols: number): Float32Array {
  const out = new Float32Array(n * cols)
  for (let i = 0; i < n; i++) out.set(data.subarray(i * n, (i + 1) * n), i * cols)
  return out
}
