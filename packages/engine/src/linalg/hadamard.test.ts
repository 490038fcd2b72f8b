import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { distance, normalMatrix } from '../../test/linalg/matrices.ts'
import { hadamard, hadamardMatrix } from './hadamard.ts'
import { matrixOf, zeros } from './matrix.ts'
import { multiply, multiplyVector } from './product.ts'
import { topk } from './topk.ts'

const code = (name: string) => expect.objectContaining({ code: name })

describe('hadamard', () => {
  test.each([1, 2, 8, 64])('is its own inverse and the matrix over the root of n, n = %i', (n) => {
    const x = normalMatrix(n, 1, 3).data
    const once = hadamard(Float64Array.from(x))
    const wanted = multiplyVector(hadamardMatrix(n), x).map((value) => value / Math.sqrt(n))
    expect(distance({ data: once }, { data: wanted })).toBeLessThan(1e-13)
    expect(distance({ data: hadamard(once) }, { data: x })).toBeLessThan(1e-14)
  })

  test('transforms blocks in turn, in single precision too', () => {
    const x = Float32Array.from({ length: 32 }, (_, i) => i % 5)
    const wanted = [x.slice(0, 16), x.slice(16)].flatMap((block) => [...hadamard(block)])
    expect([...hadamard(x, 16)]).toEqual(wanted)
    expect(hadamard(new Float32Array(0)).length).toBe(0)
  })

  test('lengths that are no power of two, and NaN', () => {
    expect(() => hadamard(new Float64Array(12))).toThrow(code('PITH_SHAPE'))
    expect(() => hadamard(new Float64Array(12), 8)).toThrow(code('PITH_SHAPE'))
    expect(() => hadamard(Float64Array.of(1, Number.NaN))).toThrow(code('PITH_NONFINITE'))
  })

  test.each([1, 2, 4, 12, 20, 24, 28, 36, 40, 44, 56, 80, 112])(
    'matrix of %i: ones and minus ones, H H^T = n I',
    (n) => {
      const h = hadamardMatrix(n)
      expect(h.data.every((value) => Math.abs(value) === 1)).toBe(true)
      const wanted = zeros(n, n)
      for (let i = 0; i < n; i++) wanted.data[i * n + i] = n
      expect(multiply(h, h, { tb: true })).toEqual(wanted)
    },
  )

  test('sizes without a construction', () => {
    for (const n of [3, 6, 14, 92]) expect(() => hadamardMatrix(n)).toThrow(code('PITH_UNSUPPORTED'))
    for (const n of [0, -4, 1.5, 2 ** 20]) expect(() => hadamardMatrix(n)).toThrow(code('PITH_ARG'))
  })
})

describe('topk', () => {
  test('is the head of the sorted list, equal numbers by their place', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 5 })), fc.nat(), (list, pick) => {
        const k = pick % (list.length + 1)
        const order = list.map((_, i) => i).sort((i, j) => list[j] - list[i] || i - j)
        const found = topk(list, k)
        expect([...found.indices]).toEqual(order.slice(0, k))
        expect([...found.values]).toEqual(order.slice(0, k).map((i) => list[i]))
      }),
    )
  })

  test('infinities have their order, NaN has none', () => {
    expect([...topk([1, Infinity, -Infinity], 2).indices]).toEqual([1, 0])
    expect(() => topk([1, Number.NaN], 1)).toThrow(code('PITH_NONFINITE'))
    expect(() => topk([1], 2)).toThrow(code('PITH_ARG'))
    expect(matrixOf(topk([], 0).values, 0, 1).rows).toBe(0)
  })
})
