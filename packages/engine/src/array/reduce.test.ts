import { describeCases, given } from '../../test/array/cases.ts'
import { type Arr, at, make, mean, reduce, spread, sum } from '../../test/array/plain-arrays.ts'
import type { Value } from '../ir/graph.ts'
import * as ops from './ops.ts'

for (const [shape, axes] of [
  [[5], [0]],
  [[2, 3, 4], [1]],
  [
    [2, 3, 4],
    [0, 2],
  ],
] as [number[], number[]][]) {
  for (const keepDims of [false, true]) {
    const options = { keepDims }
    const label = `${shape} over ${axes}${keepDims ? ' kept' : ''}`
    const check = (name: string, build: (x: Value) => Value, f: (xs: number[]) => number): void =>
      given(`${name} ${label}`, [shape], build, (x) => reduce(x, axes, f, keepDims))
    check('sum', (x) => ops.sum(x, axes, options), sum)
    check('mean', (x) => ops.mean(x, axes, options), mean)
    check(
      'max',
      (x) => ops.max(x, axes, options),
      (xs) => Math.max(...xs),
    )
    check(
      'min',
      (x) => ops.min(x, axes, options),
      (xs) => Math.min(...xs),
    )
    check(
      'prod',
      (x) => ops.prod(x, axes, options),
      (xs) => xs.reduce((a, b) => a * b, 1),
    )
    check('variance', (x) => ops.variance(x, axes, options), spread)
    check(
      'norm',
      (x) => ops.norm(x, axes, options),
      (xs) => Math.hypot(...xs),
    )
    check(
      'logSumExp',
      (x) => ops.logSumExp(x, axes, options),
      (xs) => Math.log(sum(xs.map(Math.exp))),
    )
  }
}
given(
  'sum of all',
  [[3, 4]],
  (x) => ops.sum(x),
  (x) => reduce(x, [0, 1], sum),
)
given(
  'sum of a negative axis',
  [[3, 4]],
  (x) => ops.sum(x, -1),
  (x) => reduce(x, [1], sum),
)
given(
  'logSumExp of large numbers',
  [[2, 3]],
  (x) => ops.logSumExp(ops.add(x, 500), -1),
  (x) => reduce(x, [1], (xs) => 500 + Math.log(sum(xs.map(Math.exp)))),
)

for (const [shape, axis] of [
  [[6], 0],
  [[2, 3, 4], 1],
  [[2, 3, 4], 2],
] as [number[], number][]) {
  const along = (x: Arr, f: (xs: number[], i: number) => number): Arr =>
    make(shape, (place) => {
      const line = Array.from({ length: shape[axis] as number }, (_, i) =>
        at(
          x,
          place.map((p, own) => (own === axis ? i : p)),
        ),
      )
      return f(line, place[axis] as number)
    })
  const first = (xs: number[], value: number): number => xs.indexOf(value)
  const label = `${shape} along ${axis}`
  const total = (xs: number[]): number => sum(xs.map(Math.exp))
  given(
    `softmax ${label}`,
    [shape],
    (x) => ops.softmax(x, axis),
    (x) => along(x, (xs, i) => Math.exp(xs[i] as number) / total(xs)),
  )
  given(
    `logSoftmax ${label}`,
    [shape],
    (x) => ops.logSoftmax(x, axis),
    (x) => along(x, (xs, i) => (xs[i] as number) - Math.log(total(xs))),
  )
  given(
    `argMax ${label}`,
    [shape],
    (x) => ops.argMax(x, axis),
    (x) => reduce(x, [axis], (xs) => first(xs, Math.max(...xs))),
  )
  given(
    `argMin ${label}`,
    [shape],
    (x) => ops.argMin(x, axis, { keepDims: true }),
    (x) => reduce(x, [axis], (xs) => first(xs, Math.min(...xs)), true),
  )
  given(
    `cumsum ${label}`,
    [shape],
    (x) => ops.cumsum(x, axis),
    (x) => along(x, (xs, i) => sum(xs.slice(0, i + 1))),
  )
  given(
    `cumsum exclusive, from the end ${label}`,
    [shape],
    (x) => ops.cumsum(x, axis, { exclusive: true, reverse: true }),
    (x) => along(x, (xs, i) => sum(xs.slice(i + 1))),
  )
  given(
    `normalize ${label}`,
    [shape],
    (x) => ops.normalize(x, axis),
    (x) => along(x, (xs, i) => (xs[i] as number) / Math.hypot(...xs)),
  )
  given(
    `flip ${label}`,
    [shape],
    (x) => ops.flip(x, axis),
    (x) => along(x, (xs, i) => xs[xs.length - 1 - i] as number),
  )
  const cut = (a: Arr, n: number): Arr =>
    make(
      shape.map((length, own) => (own === axis ? n : length)),
      (place) => at({ shape, data: a.data }, place),
    )
  given(
    `topk values ${label}`,
    [shape],
    (x) => ops.topk(x, 2, { axis }).values,
    (x) =>
      cut(
        along(x, (xs, i) => [...xs].sort((a, b) => b - a)[i] as number),
        2,
      ),
  )
  given(
    `topk places of the least ${label}`,
    [shape],
    (x) => ops.topk(x, 2, { axis, largest: false }).indices,
    (x) =>
      cut(
        along(x, (xs, i) => first(xs, [...xs].sort((a, b) => a - b)[i] as number)),
        2,
      ),
  )
}

describeCases('functions along axes')
