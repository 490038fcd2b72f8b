import { describeCases, type Feed, given } from '../../test/array/cases.ts'
import { at, both, make, map, mean, sumProducts } from '../../test/array/plain-arrays.ts'
import * as ops from './ops.ts'

const TURNED: [boolean, boolean][] = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
]
for (const [transA, transB] of TURNED) {
  const label = `${transA ? ' transA' : ''}${transB ? ' transB' : ''}`
  for (const batch of ['', 'x', 'xy']) {
    const front = [2, 3].slice(0, batch.length)
    const a = transA ? [...front, 4, 3] : [...front, 3, 4]
    const b = transB ? [5, 4] : [4, 5]
    const left = `${batch}${transA ? 'km' : 'mk'}`
    const right = transB ? 'nk' : 'kn'
    given(
      `matmul ${a} | ${b}${label}`,
      [a, b],
      (x, y) => ops.matmul(x, y, { transA, transB, alpha: 0.5 }),
      (x, y) => map(sumProducts([left, right], `${batch}mn`, [x, y]), (v) => v / 2),
    )
    if (batch === '') continue
    given(
      `matmul ${a} | ${[...front, ...b]}${label}`,
      [a, [...front, ...b]],
      (x, y) => ops.matmul(x, y, { transA, transB }),
      (x, y) => sumProducts([left, `${batch}${right}`], `${batch}mn`, [x, y]),
    )
  }
}
given(
  'matmul of vectors',
  [[4], [4]],
  (a, b) => ops.matmul(a, b),
  (a, b) => sumProducts(['k', 'k'], '', [a, b]),
)
given(
  'matmul by a vector',
  [[2, 3, 4], [4]],
  (a, b) => ops.matmul(a, b),
  (a, b) => sumProducts(['xmk', 'k'], 'xm', [a, b]),
)
given(
  'matmul of a row',
  [[4], [2, 4, 3]],
  (a, b) => ops.matmul(a, b),
  (a, b) => sumProducts(['k', 'xkn'], 'xn', [a, b]),
)
given(
  'matmul with broadcast batches',
  [
    [2, 1, 3, 4],
    [5, 4, 2],
  ],
  (a, b) => ops.matmul(a, b),
  (a, b) => sumProducts(['xymk', 'ykn'], 'xymn', [{ shape: [2, 1, 3, 4], data: a.data }, b]),
)
given(
  'matmul with a bias of columns',
  [[2, 3, 4], [4, 5], [5]],
  (a, b, c) => ops.matmul(a, b, { bias: c }),
  (a, b, c) => both(sumProducts(['xmk', 'kn'], 'xmn', [a, b]), c, (p, q) => p + q),
)
given(
  'matmul with a bias of rows',
  [
    [3, 4],
    [4, 5],
    [3, 1],
  ],
  (a, b, c) => ops.matmul(a, b, { bias: c, alpha: 2 }),
  (a, b, c) => both(sumProducts(['mk', 'kn'], 'mn', [a, b]), c, (p, q) => 2 * p + q),
)
given(
  'matmul with a bias that is larger',
  [
    [3, 4],
    [4, 5],
    [2, 3, 5],
  ],
  (a, b, c) => ops.matmul(a, b, { bias: c }),
  (a, b, c) => both(sumProducts(['mk', 'kn'], 'mn', [a, b]), c, (p, q) => p + q),
)
for (const dtype of ['f64', 'i32'] as const) {
  const whole = (shape: number[]): Feed => ({ shape, dtype, from: (u) => Math.floor(u * 9) - 4 })
  given(
    `matmul of ${dtype}`,
    [whole([2, 4, 3]), whole([2, 5, 4])],
    (a, b) => ops.matmul(a, b, { transA: true, transB: true }),
    (a, b) => sumProducts(['xkm', 'xnk'], 'xmn', [a, b]),
  )
  given(
    `matmul of flat ${dtype}`,
    [whole([4, 3]), whole([4, 5])],
    (a, b) => ops.matmul(a, b, { transA: true }),
    (a, b) => sumProducts(['km', 'kn'], 'mn', [a, b]),
  )
}
given(
  'gemm',
  [
    [3, 4],
    [5, 4],
    [3, 5],
  ],
  (a, b, c) => ops.gemm(a, b, c, { transB: true, alpha: 2 }),
  (a, b, c) => both(sumProducts(['mk', 'nk'], 'mn', [a, b]), c, (p, q) => 2 * p + q),
)

for (const [channels, outputs, groups, size, stride, pads, dilation] of [
  [3, 4, 1, 3, 1, 1, 1],
  [4, 6, 2, 3, 2, 0, 1],
  [4, 4, 4, 2, 1, 2, 2],
] as [number, number, number, number, number, number, number][]) {
  const [height, width] = [7, 6]
  const reach = dilation * (size - 1) + 1
  const out = (length: number): number => Math.floor((length + 2 * pads - reach) / stride) + 1
  const label = `${channels}-${outputs}/${groups} ${size} by ${stride} margin ${pads} apart ${dilation}`
  given(
    `conv2d ${label}`,
    [[2, channels, height, width], [outputs, channels / groups, size, size], [outputs]],
    (x, w, bias) => ops.conv2d(x, w, { bias, groups, strides: stride, pads, dilations: [dilation, dilation] }),
    (x, w, bias) =>
      make([2, outputs, out(height), out(width)], ([n = 0, o = 0, i = 0, j = 0]) => {
        let total = bias.data[o] as number
        const group = Math.floor(o / (outputs / groups))
        make([channels / groups, size, size], ([c = 0, p = 0, q = 0]) => {
          const y = i * stride + p * dilation - pads
          const z = j * stride + q * dilation - pads
          const inside = y >= 0 && y < height && z >= 0 && z < width
          if (inside) total += at(x, [n, group * (channels / groups) + c, y, z]) * at(w, [o, c, p, q])
          return 0
        })
        return total
      }),
  )
}
given(
  'conv over one axis',
  [
    [2, 3, 8],
    [4, 3, 3],
  ],
  (x, w) => ops.conv(x, w, { pads: [2, 0] }),
  (x, w) =>
    make([2, 4, 8], ([n = 0, o = 0, i = 0]) => {
      let total = 0
      make([3, 3], ([c = 0, p = 0]) => {
        if (i + p - 2 >= 0) total += at(x, [n, c, i + p - 2]) * at(w, [o, c, p])
        return 0
      })
      return total
    }),
)
given(
  'convTranspose',
  [
    [1, 2, 4],
    [2, 3, 3],
  ],
  (x, w) => ops.convTranspose(x, w, { strides: 2, pads: 1, outputPadding: 1 }),
  (x, w) =>
    make([1, 3, 8], ([, o = 0, i = 0]) => {
      let total = 0
      make([2, 4, 3], ([c = 0, from = 0, p = 0]) => {
        if (from * 2 + p - 1 === i) total += at(x, [0, c, from]) * at(w, [c, o, p])
        return 0
      })
      return total
    }),
)
for (const [name, pool, f] of [
  ['maxPool', ops.maxPool, (xs: number[]) => Math.max(...xs)],
  ['avgPool', ops.avgPool, mean],
] as const) {
  given(
    name,
    [[2, 3, 4, 6]],
    (x) => pool(x, { size: [2, 3] }),
    (x) =>
      make([2, 3, 2, 2], ([n = 0, c = 0, i = 0, j = 0]) =>
        f(make([2, 3], ([p = 0, q = 0]) => at(x, [n, c, 2 * i + p, 3 * j + q])).data),
      ),
  )
}

describeCases('products and convolutions')
