import { describeCases, given } from '../../test/array/cases.ts'
import { type Arr, at, make } from '../../test/array/plain-arrays.ts'
import * as ops from './ops.ts'

/** One part of one bin of the transform of rows, by definition. */
function bin(x: Arr, row: number, k: number, part: number, sign: number): number {
  const [, n = 0, parts = 1] = x.shape
  let total = 0
  for (let t = 0; t < n; t++) {
    const angle = (sign * 2 * Math.PI * k * t) / n
    const [re, im] = [at(x, [row, t, 0]), parts === 2 ? at(x, [row, t, 1]) : 0]
    total += part === 0 ? re * Math.cos(angle) - im * Math.sin(angle) : re * Math.sin(angle) + im * Math.cos(angle)
  }
  return total
}

for (const n of [4, 7, 12]) {
  for (const parts of [1, 2]) {
    given(
      `dft of ${n} with ${parts}`,
      [[3, n, parts]],
      (x) => ops.dft(x),
      (x) => make([3, n, 2], ([row = 0, k = 0, part = 0]) => bin(x, row, k, part, -1)),
    )
  }
  given(
    `inverse dft of ${n}`,
    [[3, n, 2]],
    (x) => ops.dft(x, { inverse: true }),
    (x) => make([3, n, 2], ([row = 0, k = 0, part = 0]) => bin(x, row, k, part, 1) / n),
  )
  given(
    `dft of ${n} without batches`,
    [[n, 2]],
    (x) => ops.dft(x),
    (x) => make([n, 2], ([k = 0, part = 0]) => bin({ ...x, shape: [1, n, 2] }, 0, k, part, -1)),
  )
  given(
    `rfft of ${n}`,
    [[2, n]],
    (x) => ops.rfft(x),
    (x) =>
      make([2, Math.floor(n / 2) + 1, 2], ([row = 0, k = 0, part = 0]) =>
        bin({ ...x, shape: [2, n, 1] }, row, k, part, -1),
      ),
  )
  given(
    `rfft of ${n} along the first axis`,
    [[n, 2]],
    (x) => ops.rfft(x, 0),
    (x) =>
      make([Math.floor(n / 2) + 1, 2, 2], ([k = 0, row = 0, part = 0]) =>
        bin(
          make([2, n, 1], ([r = 0, t = 0]) => at(x, [t, r])),
          row,
          k,
          part,
          -1,
        ),
      ),
  )
}

describeCases('Fourier transforms')
