import { describeCases, given } from '../../test/array/cases.ts'
import { at, make, mean, spread, sum } from '../../test/array/plain-arrays.ts'
import * as ops from './ops.ts'

given(
  'layerNorm',
  [[2, 3, 8], [8], [8]],
  (x, s, b) => ops.layerNorm(x, s, b),
  (x, s, b) =>
    make([2, 3, 8], ([i = 0, j = 0, k = 0]) => {
      const line = make([8], ([l = 0]) => at(x, [i, j, l])).data
      return ((at(x, [i, j, k]) - mean(line)) / Math.sqrt(spread(line) + 1e-5)) * at(s, [k]) + at(b, [k])
    }),
)
given(
  'rmsNorm',
  [[3, 8], [8]],
  (x, s) => ops.rmsNorm(x, s),
  (x, s) =>
    make([3, 8], ([i = 0, k = 0]) => {
      const line = make([8], ([l = 0]) => at(x, [i, l])).data
      return (at(x, [i, k]) / Math.sqrt(mean(line.map((v) => v * v)) + 1e-6)) * at(s, [k])
    }),
)
given(
  'attention',
  [
    [2, 3, 4],
    [2, 5, 4],
    [2, 5, 6],
  ],
  (q, k, v) => ops.attention(q, k, v, { causal: true }),
  (q, k, v) =>
    make([2, 3, 6], ([b = 0, i = 0, j = 0]) => {
      // Three queries of five keys: the first sees three of them.
      const scores = Array.from({ length: 3 + i }, (_, key) =>
        Math.exp(sum(Array.from({ length: 4 }, (_, d) => at(q, [b, i, d]) * at(k, [b, key, d]))) / 2),
      )
      return sum(scores.map((score, key) => score * at(v, [b, key, j]))) / sum(scores)
    }),
)
given(
  'rope',
  [
    [2, 3, 4],
    [3, 2],
    [3, 2],
  ],
  (x, c, s) => ops.rope(x, c, s),
  (x, c, s) =>
    make([2, 3, 4], ([b = 0, t = 0, d = 0]) => {
      const half = d % 2
      const turned = d < 2 ? -at(x, [b, t, half + 2]) : at(x, [b, t, half])
      return at(x, [b, t, d]) * at(c, [t, half]) + turned * at(s, [t, half])
    }),
)

describeCases('compound functions')
