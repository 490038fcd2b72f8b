/** Functions of elements that constants are computed with, with the rounding and wrapping of their types. */
import type { DType } from '../../dtype.ts'
import type { Node } from '../graph.ts'
import type { Element } from './fold-kernels.ts'

type Unary = (x: Element, dtype: DType) => Element
type Binary = (x: Element, y: Element, node: Node, dtype: DType) => Element | undefined

const INTEGER: ReadonlySet<DType> = new Set<DType>(['i8', 'u8', 'i16', 'u16', 'i32', 'u32'])

export const UNARY_FOLDS: Readonly<Record<string, Unary>> = {
  Abs: (x) => (x < 0 ? -x : x),
  Ceil: (x) => Math.ceil(Number(x)),
  Floor: (x) => Math.floor(Number(x)),
  Neg: (x) => -x,
  Not: (x) => (x ? 0 : 1),
  Reciprocal: (x) => 1 / Number(x),
  Round: (x) => roundToEven(Number(x)),
  Sign: (x) => (typeof x === 'bigint' ? BigInt(x > 0n ? 1 : x < 0n ? -1 : 0) : Math.sign(x)),
  Sqrt: (x) => Math.sqrt(Number(x)),
}

function roundToEven(x: number): number {
  const low = Math.floor(x)
  const rest = x - low
  if (rest !== 0.5) return Math.round(x)
  return low % 2 === 0 ? low : low + 1
}

/** A pair of functions, for numbers and for 64-bit integers. */
const both =
  (small: (x: number, y: number) => number, large: (x: bigint, y: bigint) => bigint): Binary =>
  (x, y) =>
    typeof x === 'bigint' ? large(x, y as bigint) : small(x, y as number)

const divide: Binary = (x, y, _, dtype) => {
  if (typeof x === 'bigint') return y === 0n ? undefined : x / (y as bigint)
  if (!INTEGER.has(dtype)) return x / (y as number)
  return y === 0 ? undefined : Math.trunc(x / (y as number))
}

/** Of the sign of the divisor, as in Python; with `fmod` of the dividend, as in C. */
const modulo: Binary = (x, y, node) => {
  const isC = node.attrs['fmod'] === 1
  if (typeof x === 'bigint') {
    const divisor = y as bigint
    if (divisor === 0n) return undefined
    const rest = x % divisor
    return !isC && rest !== 0n && rest < 0n !== divisor < 0n ? rest + divisor : rest
  }
  const divisor = y as number
  if (divisor === 0 && !isC) return undefined
  const rest = x % divisor
  return !isC && rest !== 0 && rest < 0 !== divisor < 0 ? rest + divisor : rest
}

const multiply: Binary = (x, y, _, dtype) => {
  if (typeof x === 'bigint') return x * (y as bigint)
  return INTEGER.has(dtype) ? Math.imul(x, y as number) : x * (y as number)
}

/** NaN wins, as in onnxruntime. */
const least: Binary = (x, y) => (typeof x === 'bigint' ? (y < x ? y : x) : Math.min(x, y as number))
const most: Binary = (x, y) => (typeof x === 'bigint' ? (y > x ? y : x) : Math.max(x, y as number))

const add = both(
  (x, y) => x + y,
  (x, y) => x + y,
)

export const BINARY_FOLDS: Readonly<Record<string, Binary>> = {
  Add: add,
  And: (x, y) => (x && y ? 1 : 0),
  Div: divide,
  Max: most,
  Min: least,
  Mod: modulo,
  Mul: multiply,
  Or: (x, y) => (x || y ? 1 : 0),
  Sub: both(
    (x, y) => x - y,
    (x, y) => x - y,
  ),
  Sum: add,
  Xor: (x, y) => (!x !== !y ? 1 : 0),
}

export const COMPARISONS: Readonly<Record<string, (x: Element, y: Element) => boolean>> = {
  Equal: (x, y) => x === y,
  Greater: (x, y) => x > y,
  GreaterOrEqual: (x, y) => x >= y,
  Less: (x, y) => x < y,
  LessOrEqual: (x, y) => x <= y,
}
