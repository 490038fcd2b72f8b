/** The rotation before signs: iterative quantisation, Gong and Lazebnik, CVPR 2011. */
import { meterProgress, PithError, Random, type Run, throwIfAborted } from '@pith/core'
import { makeKernels } from '../pq/memory.ts'
import { drawOrthogonal, polarFactor } from '../pq/polar.ts'
import type { DenseMatrix } from '../types.ts'
import type { BprLayer } from './layer.ts'
import { Products, transposed } from './products.ts'

/** Options of {@link centredItq}. */
export interface ItqOptions extends Run {
  /** 1..dim of the vectors. Default dim. */
  bits?: number
  /** Default 30. */
  rounds?: number
  /** Rows that are learned from at most. Default 16,384. */
  sample?: number
}

/**
 * The layer whose signs lose least of centred rows: a rotation, after their principal components where there are fewer bits than
 * numbers. It is scaled so that hashed rows have numbers of deviation 1.
 *
 * @throws PithError `PITH_ARG` · `PITH_SHAPE` no rows; the abort reason
 */
export async function centredItq(x: DenseMatrix, options: ItqOptions = {}): Promise<BprLayer> {
  const { dim } = x
  const { bits = dim, rounds = 30, sample = 16384, seed = 0, signal } = options
  if (!(Number.isInteger(bits) && bits >= 1 && bits <= dim)) {
    throw new PithError('PITH_ARG', `bits must be 1..${dim}, the numbers of a vector, got ${bits}`)
  }
  if (x.n === 0) throw new PithError('PITH_SHAPE', 'there are no rows to learn from')
  const mean = meanOf(x)
  const rows = centredSample(x, mean, sample, seed)
  const n = rows.length / dim
  const basis = bits < dim ? await principal(rows, dim, bits, options) : undefined
  const products = new Products()
  const kernels = makeKernels()
  const reduced = basis === undefined ? rows : products.multiply(rows, n, dim, basis, bits)
  const turned = transposed(reduced, n, bits)
  const meter = meterProgress(options, { stage: 'rotation', unit: 'steps', total: rounds })
  let rotation = drawOrthogonal(kernels, bits, new Random(seed).split(3)).data
  for (let round = 0; round < rounds; round++) {
    await new Promise((resolve) => setTimeout(resolve))
    throwIfAborted(signal)
    const signs = products.multiply(reduced, n, bits, rotation, bits)
    for (let i = 0; i < signs.length; i++) signs[i] = (signs[i] as number) >= 0 ? 1 : -1
    const cross = products.multiply(turned, bits, n, signs, bits)
    const found = polarFactor(kernels, { n: bits, data: ridged(cross, rotation, bits) })
    // Rows that are all the same: no rotation is better than another.
    if (found === undefined) break
    rotation = found.data
    meter.update(round + 1)
  }
  meter.finish()
  const weight = basis === undefined ? rotation : products.multiply(basis, dim, bits, rotation, bits)
  return scaled(weight, mean, rows, dim, bits, products)
}

/** A little of the rotation so far fills directions that rows leave open. */
function ridged(cross: Float32Array, rotation: Float32Array, n: number): Float32Array {
  let square = 0
  for (const value of cross) square += value * value
  const share = (1e-5 * Math.sqrt(square)) / Math.sqrt(n)
  return cross.map((value, i) => value + share * (rotation[i] as number))
}

function meanOf({ n, dim, data }: DenseMatrix): Float64Array {
  const mean = new Float64Array(dim)
  for (let i = 0, at = 0; i < n; i++) for (let j = 0; j < dim; j++, at++) mean[j] += (data[at] as number) / n
  return mean
}

function centredSample({ n, dim, data }: DenseMatrix, mean: Float64Array, sample: number, seed: number): Float32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i)
  const picked = n <= sample ? order : new Random(seed).split(4).shuffle(order).slice(0, sample).sort()
  const rows = new Float32Array(picked.length * dim)
  for (const [i, row] of picked.entries()) {
    for (let j = 0; j < dim; j++) rows[i * dim + j] = (data[row * dim + j] as number) - (mean[j] as number)
  }
  return rows
}

/** f32[dim, bits]: the leading principal directions as columns. */
async function principal(rows: Float32Array, dim: number, bits: number, { signal }: Run): Promise<Float32Array> {
  const { eigh, multiply, plainProduct } = await import('@pith/engine/linalg')
  const own = { rows: rows.length / dim, cols: dim, data: Float64Array.from(rows) }
  const { vectors } = await eigh(multiply(own, own, { ta: true }), { product: plainProduct, ...(signal && { signal }) })
  const basis = new Float32Array(dim * bits)
  for (let i = 0; i < dim; i++) for (let j = 0; j < bits; j++) basis[i * bits + j] = vectors.data[i * dim + j] as number
  return basis
}

function scaled(
  weight: Float32Array,
  mean: Float64Array,
  rows: Float32Array,
  dim: number,
  bits: number,
  products: Products,
): BprLayer {
  const hashed = products.multiply(rows, rows.length / dim, dim, weight, bits)
  let square = 0
  for (const value of hashed) square += value * value
  const gain = square > 0 ? 1 / Math.sqrt(square / hashed.length) : 1
  const own = weight.map((value) => gain * value)
  const bias = new Float32Array(bits)
  for (let j = 0; j < bits; j++) {
    let sum = 0
    for (let i = 0; i < dim; i++) sum += (mean[i] as number) * (own[i * bits + j] as number)
    bias[j] = -sum
  }
  return { dim, bits, weight: own, bias }
}
