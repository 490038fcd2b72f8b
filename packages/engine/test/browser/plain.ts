/** Tensors as they go between a test and a page. */
import { type DType, Tensor } from '@pith/engine'

/** Elements as numbers; those that are not finite as text. */
export interface Plain {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: readonly (number | string)[]
}

export function toPlain({ dtype, shape, data }: Tensor): Plain {
  const numbers = Array.from(data as ArrayLike<number | bigint>, Number)
  return { dtype, shape, data: numbers.map((own) => (Number.isFinite(own) ? own : String(own))) }
}

export function fromPlain({ dtype, shape, data }: Plain): Tensor {
  const numbers = data.map(Number)
  if (dtype === 'i64') return new Tensor(BigInt64Array.from(numbers, BigInt), shape, dtype)
  const tensor = Tensor.zeros(shape, dtype)
  ;(tensor.data as Float32Array).set(numbers)
  return tensor
}

/** The largest difference, relative to the largest finite number of what is wanted. */
export function errorOf(got: Plain, want: Plain): number {
  if (got.dtype !== want.dtype || got.shape.join() !== want.shape.join()) return Number.POSITIVE_INFINITY
  const finite = want.data.map(Number).filter(Number.isFinite)
  const scale = finite.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6)
  return want.data.reduce<number>((worst, value, i) => {
    const own = got.data[i]
    if (own === value) return worst
    const error = Math.abs(Number(own) - Number(value)) / scale
    return error <= worst ? worst : Number.isNaN(error) ? Number.POSITIVE_INFINITY : error
  }, 0)
}
