import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { failure } from '../../test/errors.ts'
import { distance, normalMatrix, skewness } from '../../test/linalg/matrices.ts'
import { cholesky, cholInverse, solveTri } from './cholesky.ts'
import { identity, type Matrix64, matrixFromRows, matrixOf, transpose, zeros } from './matrix.ts'
import { multiply } from './product.ts'
import { qr } from './qr.ts'
import { lstsq, pinv, solve } from './solve.ts'

const size = fc.integer({ min: 1, max: 40 })
const seed = fc.nat()

function definite(n: number, of: number): Matrix64 {
  const a = normalMatrix(n + 3, n, of)
  return multiply(a, a, { ta: true })
}

describe('cholesky', () => {
  test('lower lower^T is the matrix, for every size', () => {
    fc.assert(
      fc.property(size, seed, (n, of) => {
        const a = definite(n, of)
        const { lower, added } = cholesky(a)
        expect(added).toBe(0)
        expect(distance(multiply(lower, lower, { tb: true }), a)).toBeLessThan(1e-12 * n)
        for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) expect(lower.data[i * n + j]).toBe(0)
      }),
      { numRuns: 40 },
    )
  })

  test('the upper triangle is not read and the input not changed', () => {
    const a = definite(9, 3)
    const damaged = matrixOf(Float64Array.from(a.data), 9, 9)
    for (let i = 0; i < 9; i++) for (let j = i + 1; j < 9; j++) damaged.data[i * 9 + j] = 1e9
    const before = Float64Array.from(damaged.data)
    expect(cholesky(damaged).lower).toEqual(cholesky(a).lower)
    expect(damaged.data).toEqual(before)
  })

  test.each([0, 1, 3, 4, 6, 9])('a matrix that is not positive definite names row %i', (index) => {
    const a = identity(10)
    a.data[index * 11] = -1
    const error = failure(() => cholesky(a))
    expect(error.code).toBe('PITH_ARG')
    expect(error.cause).toEqual({ index })
  })

  test('jitter makes a singular covariance positive definite and says how much it took', () => {
    const a = normalMatrix(3, 8, 5)
    const covariance = multiply(a, a, { ta: true })
    const { lower, added } = cholesky(covariance, { jitter: 0.01 })
    let mean = 0
    for (let i = 0; i < 8; i++) mean += covariance.data[i * 9] / 8
    expect(added).toBeCloseTo(0.01 * mean, 12)
    const wanted = zeros(8, 8)
    for (let i = 0; i < 64; i++) wanted.data[i] = covariance.data[i] + (i % 9 === 0 ? added : 0)
    expect(distance(multiply(lower, lower, { tb: true }), wanted)).toBeLessThan(1e-12)
    expect(failure(() => cholesky(zeros(3, 3), { jitter: 0.1 })).code).toBe('PITH_ARG')
  })

  test('the inverse of a factor inverts the matrix and is symmetric to the bit', () => {
    const a = definite(37, 8)
    const inverse = cholInverse(cholesky(a).lower)
    expect(distance(multiply(inverse, a), identity(37))).toBeLessThan(1e-10)
    expect(transpose(inverse)).toEqual(inverse)
  })

  test('NaN, shapes and empty matrices', () => {
    expect(failure(() => cholesky(matrixFromRows([[Number.NaN]]))).code).toBe('PITH_NONFINITE')
    expect(failure(() => cholesky(zeros(2, 3))).code).toBe('PITH_SHAPE')
    expect(failure(() => cholesky(identity(2), { jitter: -1 })).code).toBe('PITH_ARG')
    expect(cholesky(zeros(0, 0)).lower).toEqual(zeros(0, 0))
    expect(cholesky(matrixFromRows([[4]])).lower).toEqual(matrixFromRows([[2]]))
  })
})

describe('solveTri and solve', () => {
  test('all four triangles', () => {
    const full = normalMatrix(12, 12, 4)
    for (let i = 0; i < 12; i++) full.data[i * 13] += 8
    const b = normalMatrix(12, 3, 5)
    for (const upper of [false, true]) {
      const t = zeros(12, 12)
      for (let i = 0; i < 12; i++) {
        for (let j = 0; j < 12; j++) if (upper ? j >= i : j <= i) t.data[i * 12 + j] = full.data[i * 12 + j]
      }
      for (const transposed of [false, true]) {
        const x = solveTri(full, b, { upper, transposed })
        expect(distance(multiply(t, x, { ta: transposed }), b)).toBeLessThan(1e-13)
      }
    }
  })

  test('a unit diagonal is not read', () => {
    const t = matrixFromRows([
      [0, 0],
      [3, 0],
    ])
    expect(solveTri(t, matrixFromRows([[1], [5]]), { unit: true })).toEqual(matrixFromRows([[1], [2]]))
  })

  test('solve inverts random systems, also those that need pivots', () => {
    const a = normalMatrix(50, 50, 6)
    for (let i = 0; i < 50; i++) a.data[i * 51] = 0
    const x = normalMatrix(50, 4, 7)
    expect(distance(solve(a, multiply(a, x)), x)).toBeLessThan(1e-10)
  })

  test('a singular matrix names the row', () => {
    const singular = matrixFromRows([
      [1, 2],
      [2, 4],
    ])
    const error = failure(() => solve(singular, zeros(2, 1)))
    expect([error.code, error.cause]).toEqual(['PITH_ARG', { index: 1 }])
    expect(failure(() => solveTri(zeros(2, 2), zeros(2, 1))).cause).toEqual({ index: 0 })
    expect(failure(() => solve(identity(2), zeros(3, 1))).code).toBe('PITH_SHAPE')
    expect(failure(() => solve(identity(1), matrixFromRows([[Infinity]]))).code).toBe('PITH_NONFINITE')
  })
})

describe('qr', () => {
  test('orthonormal columns, a triangle with a diagonal >= 0, and their product, for every shape', () => {
    fc.assert(
      fc.property(size, size, seed, (rows, cols, of) => {
        const a = normalMatrix(rows, cols, of)
        const { q, r } = qr(a)
        const rank = Math.min(rows, cols)
        expect([q.rows, q.cols, r.rows, r.cols]).toEqual([rows, rank, rank, cols])
        expect(skewness(q)).toBeLessThan(1e-13)
        expect(distance(multiply(q, r), a)).toBeLessThan(1e-13)
        for (let i = 0; i < rank; i++) {
          expect(r.data[i * cols + i]).toBeGreaterThanOrEqual(0)
          for (let j = 0; j < i; j++) expect(r.data[i * cols + j]).toBe(0)
        }
        expect(qr(a, { onlyR: true }).r).toEqual(r)
      }),
      { numRuns: 40 },
    )
  })

  test.each([1e-300, 1e-160, 1e160, 1e300])('elements of size %d keep their digits', (scale) => {
    const a = normalMatrix(6, 4, 9)
    const scaled = matrixOf(
      a.data.map((x) => x * scale),
      6,
      4,
    )
    const { q, r } = qr(scaled)
    expect(skewness(q)).toBeLessThan(1e-14)
    expect(distance({ data: multiply(q, r).data.map((x) => x / scale) }, a)).toBeLessThan(1e-13)
  })

  test('zeros, dependent columns and empty matrices still give orthonormal columns', () => {
    for (const a of [zeros(5, 3), multiply(normalMatrix(6, 2, 1), normalMatrix(2, 4, 2)), zeros(0, 3), zeros(3, 0)]) {
      const { q, r } = qr(a)
      expect(skewness(q)).toBeLessThan(1e-13)
      expect(distance(multiply(q, r), a)).toBeLessThan(1e-13)
    }
    expect(failure(() => qr(matrixFromRows([[1, Number.NaN]]))).message).toBe('qr: element (0, 1) is NaN')
  })
})

describe('least squares', () => {
  test('what is left is orthogonal to the columns, or to ridge x', async () => {
    for (const ridge of [0, 1e-6, 3]) {
      const a = normalMatrix(90, 20, 3)
      const b = normalMatrix(90, 2, 4)
      const { x, residual } = await lstsq(a, b, { ridge })
      const rest = multiply(a, x)
      for (let i = 0; i < rest.data.length; i++) rest.data[i] -= b.data[i]
      const slope = multiply(a, rest, { ta: true })
      expect(distance(slope, { data: x.data.map((value) => -ridge * value) })).toBeLessThan(1e-12)
      expect(residual).toBeCloseTo(Math.sqrt(rest.data.reduce((sum, value) => sum + value * value, 0)), 10)
    }
  })

  test('with more unknowns than rows the solution is the shortest', async () => {
    const a = normalMatrix(5, 9, 2)
    const b = normalMatrix(5, 1, 3)
    const { x, residual, rank } = await lstsq(a, b)
    expect([rank, residual < 1e-13]).toEqual([5, true])
    expect(distance(multiply(await pinv(a), b), x)).toBeLessThan(1e-13)
  })

  test('the four laws of the pseudo-inverse', async () => {
    for (const a of [normalMatrix(7, 4), normalMatrix(3, 8), multiply(normalMatrix(6, 2, 1), normalMatrix(2, 5, 2))]) {
      const p = await pinv(a)
      const left = multiply(p, a)
      const right = multiply(a, p)
      expect(distance(multiply(a, left), a)).toBeLessThan(1e-12)
      expect(distance(multiply(left, p), p)).toBeLessThan(1e-12)
      expect(distance(transpose(left), left)).toBeLessThan(1e-12)
      expect(distance(transpose(right), right)).toBeLessThan(1e-12)
    }
    expect(await pinv(zeros(2, 3))).toEqual(zeros(3, 2))
  })

  test('wrong options and NaN', async () => {
    await expect(lstsq(identity(2), zeros(2, 1), { ridge: -1 })).rejects.toMatchObject({ code: 'PITH_ARG' })
    await expect(lstsq(identity(2), zeros(3, 1))).rejects.toMatchObject({ code: 'PITH_SHAPE' })
    await expect(lstsq(identity(1), matrixFromRows([[Number.NaN]]))).rejects.toMatchObject({ code: 'PITH_NONFINITE' })
    await expect(pinv(identity(2), { tolerance: Number.NaN })).rejects.toMatchObject({ code: 'PITH_ARG' })
  })
})
