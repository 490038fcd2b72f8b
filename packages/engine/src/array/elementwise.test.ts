import { describeCases, given, ids, positive } from '../../test/array/cases.ts'
import { both, erf, map, sigmoid } from '../../test/array/plain-arrays.ts'
import type { Value } from '../ir/graph.ts'
import * as ops from './ops.ts'

const SHAPES: number[][] = [[1], [7], [2, 3, 5]]
const PAIRS: [number[], number[]][] = [
  [[4], [4]],
  [[2, 3], [3]],
  [
    [2, 1, 5],
    [3, 1],
  ],
]

const UNARY: [string, (x: Value) => Value, (x: number) => number][] = [
  ['neg', ops.neg, (x) => -x],
  ['abs', ops.abs, Math.abs],
  ['sign', ops.sign, Math.sign],
  ['exp', ops.exp, Math.exp],
  ['reciprocal', ops.reciprocal, (x) => 1 / x],
  ['square', ops.square, (x) => x * x],
  ['floor', ops.floor, Math.floor],
  ['ceil', ops.ceil, Math.ceil],
  ['sin', ops.sin, Math.sin],
  ['cos', ops.cos, Math.cos],
  ['tanh', ops.tanh, Math.tanh],
  ['sigmoid', ops.sigmoid, sigmoid],
  ['erf', ops.erf, erf],
  ['relu', ops.relu, (x) => Math.max(x, 0)],
  ['leakyRelu', (x) => ops.leakyRelu(x, 0.2), (x) => (x > 0 ? x : 0.2 * x)],
  ['elu', (x) => ops.elu(x, 0.5), (x) => (x > 0 ? x : 0.5 * Math.expm1(x))],
  ['softplus', ops.softplus, (x) => Math.log1p(Math.exp(x))],
  ['gelu', (x) => ops.gelu(x), (x) => 0.5 * x * (1 + erf(x / Math.SQRT2))],
  [
    'gelu tanh',
    (x) => ops.gelu(x, 'tanh'),
    (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  ],
  ['silu', ops.silu, (x) => x * sigmoid(x)],
  ['clip', (x) => ops.clip(x, -0.5, 1), (x) => Math.min(Math.max(x, -0.5), 1)],
  ...[0, 1, 2, 3, 7, -1, -2].map((n): [string, (x: Value) => Value, (x: number) => number] => [
    `pow ${n}`,
    (x) => ops.pow(x, n),
    (x) => x ** n,
  ]),
  ['number on the left', (x) => ops.sub(1, x), (x) => 1 - x],
  ['where number', (x) => ops.where(ops.greater(x, 0), x, -1), (x) => (x > 0 ? x : -1)],
  ['cast bool', (x) => ops.cast(ops.not(ops.less(x, 0)), 'f32'), (x) => (x < 0 ? 0 : 1)],
  ['isNan', (x) => ops.cast(ops.isNan(x), 'i32'), () => 0],
]
for (const shape of SHAPES) {
  for (const [name, build, f] of UNARY) given(`${name} ${shape}`, [shape], build, (x) => map(x, f))
  for (const [name, build, f] of [
    ['log', ops.log, Math.log],
    ['sqrt', ops.sqrt, Math.sqrt],
    ['rsqrt', ops.rsqrt, (x: number) => 1 / Math.sqrt(x)],
    ['pow 0.5', (x: Value) => ops.pow(x, 0.5), Math.sqrt],
    ['pow 1.5', (x: Value) => ops.pow(x, 1.5), (x: number) => x ** 1.5],
    ['pow 2.2', (x: Value) => ops.pow(x, 2.2), (x: number) => x ** 2.2],
  ] as [string, (x: Value) => Value, (x: number) => number][]) {
    given(`${name} ${shape}`, [positive(shape)], build, (x) => map(x, f))
  }
  given(
    `round ${shape}`,
    [{ shape, from: (u) => Math.round(u * 8) / 2 }],
    ops.round,
    // Halves to the even number.
    (x) => map(x, (v) => (v % 1 === 0.5 ? 2 * Math.round(v / 2) : Math.round(v))),
  )
}

const BINARY: [string, (a: Value, b: Value) => Value, (a: number, b: number) => number][] = [
  ['add', ops.add, (a, b) => a + b],
  ['sub', ops.sub, (a, b) => a - b],
  ['mul', ops.mul, (a, b) => a * b],
  ['maximum', ops.maximum, Math.max],
  ['minimum', ops.minimum, Math.min],
  ['less', ops.less, (a, b) => Number(a < b)],
  ['lessOrEqual', ops.lessOrEqual, (a, b) => Number(a <= b)],
  ['greater', ops.greater, (a, b) => Number(a > b)],
  ['greaterOrEqual', ops.greaterOrEqual, (a, b) => Number(a >= b)],
  ['and', (a, b) => ops.and(ops.less(a, 0), ops.less(b, 0)), (a, b) => Number(a < 0 && b < 0)],
  ['or', (a, b) => ops.or(ops.less(a, 0), ops.less(b, 0)), (a, b) => Number(a < 0 || b < 0)],
  ['where', (a, b) => ops.where(ops.less(a, b), a, ops.mul(b, 2)), (a, b) => (a < b ? a : 2 * b)],
]
for (const [a, b] of PAIRS) {
  for (const [name, build, f] of BINARY) given(`${name} ${a} | ${b}`, [a, b], build, (x, y) => both(x, y, f))
  given(`div ${a} | ${b}`, [a, positive(b)], ops.div, (x, y) => both(x, y, (p, q) => p / q))
  given(`mod ${a} | ${b}`, [a, positive(b)], ops.mod, (x, y) => both(x, y, (p, q) => p % q))
  given(`pow ${a} | ${b}`, [positive(a), b], ops.pow, (x, y) => both(x, y, (p, q) => p ** q))
  given(`equal ${a} | ${b}`, [ids(a, 3), ids(b, 3)], ops.equal, (x, y) => both(x, y, (p, q) => Number(p === q)))
  given(`notEqual ${a} | ${b}`, [ids(a, 3), ids(b, 3)], ops.notEqual, (x, y) => both(x, y, (p, q) => Number(p !== q)))
}
given(
  'whole numbers',
  [ids([3, 4], 9, 'i32')],
  (x) => ops.div(ops.add(ops.mul(x, 3), 1), 2),
  (x) => map(x, (v) => Math.trunc((v * 3 + 1) / 2)),
)
given(
  'two constants by a condition',
  [[5]],
  (x) => ops.where(ops.less(x, 0), -1, 1),
  (x) => map(x, (v) => (v < 0 ? -1 : 1)),
)

describeCases('functions element by element')
