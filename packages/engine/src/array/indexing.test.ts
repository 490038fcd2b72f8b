import { describeCases, given, ids } from '../../test/array/cases.ts'
import { at, make, sum } from '../../test/array/plain-arrays.ts'
import * as ops from './ops.ts'

given(
  'gather',
  [[3, 5], ids([2, 2], 5)],
  (x, p) => ops.gather(x, p, 1),
  (x, p) => make([3, 2, 2], ([i = 0, j = 0, k = 0]) => at(x, [i, at(p, [j, k])])),
)
given(
  'gatherRows',
  [[7, 3], ids([4], 7, 'i32')],
  (x, p) => ops.gatherRows(x, p),
  (x, p) => make([4, 3], ([i = 0, j = 0]) => at(x, [at(p, [i]), j])),
)
given(
  'gatherElements',
  [[3, 5], ids([3, 2], 5)],
  (x, p) => ops.gatherElements(x, p, 1),
  (x, p) => make([3, 2], ([i = 0, j = 0]) => at(x, [i, at(p, [i, j])])),
)
given(
  'scatterElements',
  [[3, 5], ids([3, 1], 5), [3, 1]],
  (x, p, u) => ops.scatterElements(x, p, u, { axis: 1 }),
  (x, p, u) => make([3, 5], ([i = 0, j = 0]) => (at(p, [i, 0]) === j ? at(u, [i, 0]) : at(x, [i, j]))),
)
for (const [rows, oneThread] of [
  [6, false],
  [100, false],
  [100, true],
] as [number, boolean][]) {
  given(
    `scatterAddRows ${rows}${oneThread ? ' on one thread' : ''}`,
    [ids([4, 5], 6), [4, 5, 2, 2]],
    (p, u) => ops.scatterAddRows(rows, p, u, { oneThread }),
    (p, u) =>
      make([rows, 2, 2], ([r = 0, i = 0, j = 0]) =>
        sum(make([4, 5], ([a = 0, b = 0]) => (at(p, [a, b]) === r ? at(u, [a, b, i, j]) : 0)).data),
      ),
  )
}
given(
  'oneHot',
  [ids([2, 3], 4)],
  (p) => ops.oneHot(p, 4),
  (p) => make([2, 3, 4], ([i = 0, j = 0, k = 0]) => Number(at(p, [i, j]) === k)),
)

describeCases('functions at computed places')
