import { describeCases, given } from '../../test/array/cases.ts'
import { at, make } from '../../test/array/plain-arrays.ts'
import type { Value } from '../ir/graph.ts'
import { Tensor } from '../tensor.ts'
import * as ops from './ops.ts'

given(
  'reshape',
  [[2, 6]],
  (x) => ops.reshape(x, [3, -1]),
  (x) => ({ shape: [3, 4], data: x.data }),
)
given(
  'reshape to a scalar',
  [[1, 1]],
  (x) => ops.reshape(x, []),
  (x) => ({ shape: [], data: x.data }),
)
given(
  'transpose',
  [[2, 3, 4]],
  (x) => ops.transpose(x),
  (x) => make([4, 3, 2], ([i = 0, j = 0, k = 0]) => at(x, [k, j, i])),
)
given(
  'transpose by an order',
  [[2, 3, 4]],
  (x) => ops.transpose(x, [1, -1, 0]),
  (x) => make([3, 4, 2], ([i = 0, j = 0, k = 0]) => at(x, [k, i, j])),
)
given(
  'swapAxes',
  [[2, 3, 4]],
  (x) => ops.swapAxes(x, 0, -1),
  (x) => make([4, 3, 2], ([i = 0, j = 0, k = 0]) => at(x, [k, j, i])),
)
given(
  'squeeze',
  [[1, 3, 1]],
  (x) => ops.squeeze(x, -1),
  (x) => ({ shape: [1, 3], data: x.data }),
)
given(
  'squeeze all',
  [[1, 3, 1]],
  (x) => ops.squeeze(x),
  (x) => ({ shape: [3], data: x.data }),
)
given(
  'unsqueeze',
  [[2, 3]],
  (x) => ops.unsqueeze(x, [0, -1]),
  (x) => ({ shape: [1, 2, 3, 1], data: x.data }),
)
given(
  'expand',
  [[3, 1]],
  (x) => ops.expand(x, [2, 3, 4]),
  (x) => make([2, 3, 4], (place) => at(x, place)),
)
given(
  'tile',
  [[2, 3]],
  (x) => ops.tile(x, [2, 2]),
  (x) => make([4, 6], ([i = 0, j = 0]) => at(x, [i % 2, j % 3])),
)
given(
  'concat',
  [
    [2, 2],
    [2, 3],
  ],
  (a, b) => ops.concat([a, b], -1),
  (a, b) => make([2, 5], ([i = 0, j = 0]) => (j < 2 ? at(a, [i, j]) : at(b, [i, j - 2]))),
)
given(
  'stack',
  [
    [2, 3],
    [2, 3],
  ],
  (a, b) => ops.stack([a, b], 1),
  (a, b) => make([2, 2, 3], ([i = 0, j = 0, k = 0]) => at(j === 0 ? a : b, [i, k])),
)
given(
  'split evenly',
  [[4, 6]],
  (x) => ops.split(x, 3, 1)[1] as Value,
  (x) => make([4, 2], ([i = 0, j = 0]) => at(x, [i, j + 2])),
)
given(
  'split by lengths',
  [[4, 6]],
  (x) => ops.split(x, [1, 3], 0)[1] as Value,
  (x) => make([3, 6], ([i = 0, j = 0]) => at(x, [i + 1, j])),
)
given(
  'slice',
  [[5, 6]],
  (x) =>
    ops.slice(x, [
      { axis: 0, start: 1, end: -1 },
      { axis: -1, start: 1, step: 2 },
    ]),
  (x) => make([3, 3], ([i = 0, j = 0]) => at(x, [i + 1, 1 + 2 * j])),
)
given(
  'slice backwards',
  [[5, 6]],
  (x) => ops.slice(x, { axis: 1, start: 4, end: 0, step: -2 }),
  (x) => make([5, 2], ([i = 0, j = 0]) => at(x, [i, 4 - 2 * j])),
)
given(
  'at',
  [[5, 6]],
  (x) => ops.at(x, 0, -2),
  (x) => make([6], ([j = 0]) => at(x, [3, j])),
)
given(
  'pad',
  [[2, 3]],
  (x) =>
    ops.pad(
      x,
      [
        [1, 0],
        [0, 2],
      ],
      { value: 7 },
    ),
  (x) => make([3, 5], ([i = 0, j = 0]) => (i < 1 || j > 2 ? 7 : at(x, [i - 1, j]))),
)
given(
  'pad by the border',
  [[2, 3]],
  (x) =>
    ops.pad(
      x,
      [
        [1, 1],
        [0, 2],
      ],
      { mode: 'edge' },
    ),
  (x) => make([4, 5], ([i = 0, j = 0]) => at(x, [Math.min(Math.max(i - 1, 0), 1), Math.min(j, 2)])),
)
given(
  'pad by reflection',
  [[4]],
  (x) => ops.pad(x, [[2, 1]], { mode: 'reflect' }),
  (x) => make([7], ([i = 0]) => at(x, [i < 2 ? 2 - i : i < 6 ? i - 2 : 2])),
)
given(
  'tril',
  [[2, 4, 4]],
  (x) => ops.tril(x, -1),
  (x) => make([2, 4, 4], ([b = 0, i = 0, j = 0]) => (j <= i - 1 ? at(x, [b, i, j]) : 0)),
)
given(
  'triu',
  [[3, 4]],
  (x) => ops.triu(x, 1),
  (x) => make([3, 4], ([i = 0, j = 0]) => (j >= i + 1 ? at(x, [i, j]) : 0)),
)
given(
  'constants',
  [[4]],
  (x) => ops.add(ops.cast(ops.arange(x, 4), 'f32'), ops.fullLike(x, 2)),
  () => make([4], ([i = 0]) => i + 2),
)
given(
  'a tensor as operand',
  [[2]],
  (x) => ops.mul(x, new Tensor(Float32Array.of(2, 3))),
  (x) => make([2], ([i = 0]) => at(x, [i]) * (2 + i)),
)

describeCases('functions that move elements')
