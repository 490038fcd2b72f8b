/** Constants through Cast and Where. */
import { type DType, dtypeOfOnnx } from '../../dtype.ts'
import { broadcastShapes } from '../../shape.ts'
import type { Fold } from './context.ts'
import { broadcastPlaces, cell, type Element, fill, foldUnary } from './fold-kernels.ts'

/** Types whose elements are plain numbers here: 16-bit floats are bits and four-bit integers are packed. */
const PLAIN: ReadonlySet<DType> = new Set<DType>([
  'f32',
  'f64',
  'i8',
  'u8',
  'i16',
  'u16',
  'i32',
  'u32',
  'i64',
  'u64',
  'bool',
])

/** Whether elements of a type can be computed with. */
export function isPlain(dtype: DType): boolean {
  return PLAIN.has(dtype)
}

export const foldCast: Fold = ([x], node) => {
  const to = dtypeOfOnnx(Number(node.attrs['to']))
  if (x === undefined || to === undefined || !isPlain(to) || !isPlain(x.dtype)) return undefined
  let isWhole = true
  const convert = (value: Element): Element => {
    if (to === 'bool') return Number(value) !== 0 ? 1 : 0
    if (to === 'f32' || to === 'f64') return Number(value)
    const isWide = to === 'i64' || to === 'u64'
    if (typeof value === 'bigint') return isWide ? value : Number(BigInt.asIntN(32, value))
    // What a float beyond the range becomes differs between machines.
    if (!(Math.abs(value) <= 0x7fffffff)) isWhole = false
    const whole = isWhole ? Math.trunc(value) : 0
    return isWide ? BigInt(whole) : whole
  }
  const result = foldUnary(x, to, convert)
  return isWhole ? [result] : undefined
}

export const foldWhere: Fold = ([test, a, b], { op }) => {
  if (test === undefined || a === undefined || b === undefined) return undefined
  const shape = broadcastShapes(broadcastShapes(test.shape, a.shape, op), b.shape, op)
  const [from, left, right] = [test, a, b].map((x) => broadcastPlaces(x.shape, shape)) as [
    Int32Array,
    Int32Array,
    Int32Array,
  ]
  return [
    fill(a.dtype, shape, (i) =>
      cell(test.data, from[i] as number) ? cell(a.data, left[i] as number) : cell(b.data, right[i] as number),
    ),
  ]
}
