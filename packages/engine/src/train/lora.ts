/** Low-rank adaptation: weights that stay, and two thin matrices beside each whose product is added (Hu et al., ICLR 2022). */
import { PithError, Random } from '@pith/core'
import { add, mul } from '../array/elementwise.ts'
import { matmul } from '../array/linear.ts'
import { reshape } from '../array/movement.ts'
import type { Value } from '../ir/graph.ts'
import { foldName } from '../nn/init.ts'
import type { ParamTest } from '../optim/optimizer.ts'
import { sizeOf } from '../shape.ts'
import { type Params, type Spec, Tensor } from '../tensor.ts'

/** Which weights get a change of low rank, and which rank. */
export interface LoraOptions {
  /** Columns of the first thin matrix, rows of the second. */
  rank: number
  /** The product counts `alpha / rank` times. Default `rank`: once. */
  alpha?: number
  /** Which weights, of those of two axes or more. Default all of them. */
  targets?: ParamTest
}

const FIRST = '.lora_A'
const SECOND = '.lora_B'

/** Whether a parameter is one of the thin matrices. */
export function isAdapter(name: string): boolean {
  return name.endsWith(FIRST) || name.endsWith(SECOND)
}

/** The scale of the product. @throws PithError `PITH_ARG` */
export function loraScale({ rank, alpha = rank }: LoraOptions): number {
  if (!(Number.isInteger(rank) && rank >= 1)) throw new PithError('PITH_ARG', `rank must be 1 or more, got ${rank}`)
  if (!(alpha > 0 && Number.isFinite(alpha))) throw new PithError('PITH_ARG', `alpha must be above 0, got ${alpha}`)
  return alpha / rank
}

/**
 * The thin matrices: `NAME.lora_A` f32[rows, rank], drawn, and `NAME.lora_B` f32[rank, columns], zeros, so that nothing changes
 * at first. A weight of more axes than two, as of a convolution, counts as rows of its first one.
 *
 * @param seed  of the draws; each weight has a stream of its own
 * @throws PithError `PITH_ARG` settings, or nothing to adapt
 */
export function loraParams(params: Readonly<Record<string, Spec>>, options: LoraOptions, seed: number = 0): Params {
  loraScale(options)
  const { rank, targets = () => true } = options
  const random = new Random(seed)
  const adapters: Params = Object.create(null)
  for (const [name, { dtype, shape }] of Object.entries(params)) {
    const [rows = 0] = shape
    if (shape.length < 2 || dtype !== 'f32' || rows === 0 || !targets(name, shape)) continue
    const own = foldName(random, name)
    const std = 1 / Math.sqrt(rows)
    const drawn = Float32Array.from({ length: rows * rank }, () => own.normal() * std)
    adapters[name + FIRST] = new Tensor(drawn, [rows, rank])
    adapters[name + SECOND] = Tensor.zeros([rank, sizeOf(shape.slice(1))])
  }
  if (Object.keys(adapters).length > 0) return adapters
  throw new PithError('PITH_ARG', 'there is no matrix to adapt', { hint: 'Choose weights of two axes or more.' })
}

/** A weight with the product of its thin matrices added. */
export function adapted(weight: Value, first: Value, second: Value, scale: number): Value {
  const change = reshape(matmul(first, second), weight.shape)
  return add(weight, scale === 1 ? change : mul(change, scale))
}

/** Values of parameters, in which adapted weights stand with their change; the thin matrices are left out. */
export function loraValues(values: Readonly<Record<string, Value>>, options: LoraOptions): Record<string, Value> {
  const scale = loraScale(options)
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => {
      if (isAdapter(name)) return []
      const [first, second] = [values[name + FIRST], values[name + SECOND]]
      return [[name, first === undefined || second === undefined ? value : adapted(value, first, second, scale)]]
    }),
  )
}

/**
 * Parameters without thin matrices: their products are added to the weights, in double precision, rounded once. Weights without
 * a change are the same tensors.
 *
 * @param params  those of the training step
 */
export function mergeLora(params: Readonly<Params>, options: LoraOptions): Params {
  const scale = loraScale(options)
  return Object.fromEntries(
    Object.entries(params).flatMap(([name, tensor]) => {
      if (isAdapter(name)) return []
      const [first, second] = [params[name + FIRST], params[name + SECOND]]
      return [[name, first === undefined || second === undefined ? tensor : merged(tensor, first, second, scale)]]
    }),
  )
}

function merged({ data, shape }: Tensor, first: Tensor, second: Tensor, scale: number): Tensor {
  const [rows = 0, rank = 0] = first.shape
  const [, columns = 0] = second.shape
  const out = Float32Array.from(data as Float32Array)
  const line = new Float64Array(columns)
  const b = second.data as Float32Array
  for (let row = 0; row < rows; row++) {
    line.fill(0)
    for (let k = 0; k < rank; k++) {
      const factor = scale * (first.data[row * rank + k] as number)
      for (let i = 0; i < columns; i++) line[i] = (line[i] as number) + factor * (b[k * columns + i] as number)
    }
    for (let i = 0; i < columns; i++) out[row * columns + i] = (out[row * columns + i] as number) + (line[i] as number)
  }
  return new Tensor(out, shape)
}
