import { Random } from '@pith/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { distance, normalMatrix } from '../../test/linalg/matrices.ts'
import { kmeans } from './kmeans.ts'
import { identity, type Matrix, matrixFromRows, matrixOf, toF32, zeros } from './matrix.ts'
import { nnls } from './nnls.ts'
import { omp } from './omp.ts'
import { multiply, multiplyVector } from './product.ts'

/** Rows around `k` far corners, in turn. */
function clusters(rows: number, cols: number, k: number): Matrix<Float32Array> {
  const x = toF32(normalMatrix(rows, cols, 8))
  for (let i = 0; i < rows; i++) x.data[i * cols + ((i % k) % cols)] += 40 * (1 + Math.floor((i % k) / cols))
  return x
}

describe('kmeans', () => {
  test('finds clusters that lie apart, the same each time, and other ones with another seed', async () => {
    const x = clusters(300, 5, 6)
    const found = await kmeans(x, 6, { seed: 3 })
    for (let i = 0; i < 300; i++) expect(found.assignment[i]).toBe(found.assignment[i % 6])
    expect(new Set(found.assignment).size).toBe(6)
    expect([...found.counts]).toEqual([50, 50, 50, 50, 50, 50])
    expect(found.inertia).toBeLessThan(300 * 5 * 1.5)
    expect(await kmeans(x, 6, { seed: 3 })).toEqual(found)
    const noise = normalMatrix(80, 3, 2)
    expect((await kmeans(noise, 7, { seed: 1 })).centroids).not.toEqual((await kmeans(noise, 7, { seed: 2 })).centroids)
  })

  test('each row has its nearest centroid, each centroid the mean of its rows, and inertia never rises', async () => {
    const x = normalMatrix(200, 4, 5)
    const found = await kmeans(x, 9, { iterations: 200 })
    const sums = zeros(9, 4)
    for (let i = 0; i < 200; i++) {
      const distances = Array.from({ length: 9 }, (_, c) => {
        let sum = 0
        for (let j = 0; j < 4; j++) sum += (x.data[i * 4 + j] - found.centroids.data[c * 4 + j]) ** 2
        return sum
      })
      expect(distances[found.assignment[i]] - Math.min(...distances)).toBeLessThan(1e-5)
      for (let j = 0; j < 4; j++) sums.data[found.assignment[i] * 4 + j] += x.data[i * 4 + j]
    }
    for (let i = 0; i < 36; i++) sums.data[i] /= found.counts[i >> 2]
    expect(distance(sums, found.centroids)).toBeLessThan(1e-6)
    let before = Infinity
    for (let iterations = 0; iterations <= 6; iterations++) {
      const { inertia } = await kmeans(x, 9, { iterations })
      expect(inertia).toBeLessThanOrEqual(before)
      before = inertia
    }
  })

  test('more rows than a block, and a runtime for the products, give the same groups', async () => {
    const x = clusters(4500, 8, 8)
    let calls = 0
    const found = await kmeans(x, 8, {
      product: async (a, b, options) => {
        calls++
        return multiply(a, b, options)
      },
    })
    // The products of the 404 rows of the second block are too small for it.
    expect(calls).toBe(found.iterations + 1)
    expect([...found.counts].every((count) => count >= 562)).toBe(true)
  })

  test('an empty centroid goes to the row that is farthest from its own', async () => {
    const x = matrixFromRows([[0], [1], [2], [50]])
    const init = matrixFromRows([[1], [-1000]])
    const found = await kmeans(x, 2, { init })
    expect([...found.assignment]).toEqual([0, 0, 0, 1])
    expect([...found.centroids.data]).toEqual([1, 50])
  })

  test('fewer different rows than centroids, one centroid, as many as rows', async () => {
    const same = matrixFromRows([[1], [1], [1]])
    expect((await kmeans(same, 3)).inertia).toBe(0)
    expect([...(await kmeans(matrixFromRows([[1], [3]]), 1)).centroids.data]).toEqual([2])
    expect((await kmeans(normalMatrix(12, 3), 12)).inertia).toBe(0)
    expect((await kmeans(normalMatrix(12, 3), 4, { init: 'random', iterations: 0 })).iterations).toBe(0)
  })

  test('NaN, what overflows single precision, shapes, abort', async () => {
    await expect(kmeans(matrixFromRows([[Number.NaN]]), 1)).rejects.toMatchObject({ code: 'PITH_NONFINITE' })
    await expect(kmeans(matrixFromRows([[1e200]]), 1)).rejects.toMatchObject({ code: 'PITH_NONFINITE' })
    await expect(kmeans(zeros(2, 2), 3)).rejects.toMatchObject({ code: 'PITH_ARG' })
    await expect(kmeans(zeros(0, 2), 1)).rejects.toMatchObject({ code: 'PITH_ARG' })
    await expect(kmeans(zeros(2, 2), 1, { init: zeros(2, 2) })).rejects.toMatchObject({ code: 'PITH_SHAPE' })
    const reason = new Error('enough')
    await expect(kmeans(zeros(2, 2), 1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('omp', () => {
  test('finds sparse codes exactly where atoms are many and few are used', async () => {
    const dictionary = normalMatrix(40, 80, 3)
    const codes = zeros(80, 30)
    const random = new Random(5)
    for (let i = 0; i < 30; i++)
      for (let j = 0; j < 3; j++) codes.data[random.integer(80) * 30 + i] = 1 + random.uniform()
    const found = await omp(dictionary, multiply(dictionary, codes), 6, { tolerance: 1e-9 })
    const back = zeros(80, 30)
    for (let i = 0; i < 30; i++) {
      expect(found.counts[i]).toBeLessThanOrEqual(6)
      for (let j = 0; j < found.counts[i]; j++) back.data[found.indices[i * 6 + j] * 30 + i] = found.values[i * 6 + j]
    }
    expect(distance(back, codes)).toBeLessThan(1e-9)
    expect(Math.max(...found.residuals)).toBeLessThan(1e-9)
  })

  test('what is left is orthogonal to the atoms that were chosen, and falls with each', async () => {
    const dictionary = normalMatrix(12, 30, 1)
    const signals = normalMatrix(12, 4, 2)
    let before = Float64Array.from({ length: 4 }, () => Infinity)
    for (let sparsity = 0; sparsity <= 12; sparsity++) {
      const found = await omp(dictionary, signals, sparsity)
      for (let i = 0; i < 4; i++) {
        expect(found.residuals[i]).toBeLessThan(before[i])
        const rest = Float64Array.from({ length: 12 }, (_, row) => signals.data[row * 4 + i])
        for (let j = 0; j < found.counts[i]; j++) {
          const atom = found.indices[i * sparsity + j]
          for (let row = 0; row < 12; row++)
            rest[row] -= found.values[i * sparsity + j] * dictionary.data[row * 30 + atom]
        }
        for (let j = 0; j < found.counts[i]; j++) {
          const atom = found.indices[i * sparsity + j]
          let along = 0
          for (let row = 0; row < 12; row++) along += rest[row] * dictionary.data[row * 30 + atom]
          expect(Math.abs(along)).toBeLessThan(1e-10)
        }
      }
      before = found.residuals as Float64Array<ArrayBuffer>
    }
  })

  test('equal atoms, atoms and signals of zeros, NaN', async () => {
    const dictionary = matrixFromRows([
      [1, 1, 0],
      [2, 2, 0],
    ])
    const found = await omp(
      dictionary,
      matrixFromRows([
        [1, 0],
        [3, 0],
      ]),
      2,
    )
    expect([...found.counts]).toEqual([1, 0])
    expect(found.values[0]).toBeCloseTo(7 / 5, 12)
    await expect(omp(dictionary, matrixFromRows([[1], [Number.NaN]]), 1)).rejects.toMatchObject({
      code: 'PITH_NONFINITE',
    })
    await expect(omp(dictionary, zeros(3, 1), 1)).rejects.toMatchObject({ code: 'PITH_SHAPE' })
    await expect(omp(dictionary, zeros(2, 1), 3)).rejects.toMatchObject({ code: 'PITH_ARG' })
  })
})

describe('nnls', () => {
  test('the conditions of Karush, Kuhn and Tucker hold', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 25 }), fc.integer({ min: 1, max: 25 }), fc.nat(), (rows, cols, seed) => {
        const a = normalMatrix(rows, cols, seed)
        const b = normalMatrix(rows, 1, seed + 1).data
        const { x, residual, isOptimal } = nnls(a, b)
        expect(isOptimal).toBe(true)
        const rest = multiplyVector(a, x).map((value, i) => b[i] - value)
        expect(residual).toBeCloseTo(Math.sqrt(rest.reduce((sum, value) => sum + value * value, 0)), 10)
        const slopes = multiply(a, matrixOf(rest, rows, 1), { ta: true }).data
        for (let j = 0; j < cols; j++) {
          expect(x[j]).toBeGreaterThanOrEqual(0)
          expect(slopes[j]).toBeLessThan(1e-9)
          if (x[j] > 0) expect(Math.abs(slopes[j])).toBeLessThan(1e-9)
        }
      }),
      { numRuns: 60 },
    )
  })

  test('equal columns, columns of zeros, no columns, NaN', () => {
    const a = matrixFromRows([
      [1, 1, 0],
      [1, 1, 0],
    ])
    const { x, residual, isOptimal } = nnls(a, Float64Array.of(2, 2))
    expect(x[0] + x[1]).toBeCloseTo(2, 14)
    expect([isOptimal, residual < 1e-14]).toEqual([true, true])
    expect(nnls(zeros(2, 0), Float64Array.of(3, 4)).residual).toBe(5)
    expect(() => nnls(identity(1), Float64Array.of(Number.NaN))).toThrow(
      expect.objectContaining({ code: 'PITH_NONFINITE' }),
    )
    expect(() => nnls(identity(2), Float64Array.of(1))).toThrow(expect.objectContaining({ code: 'PITH_SHAPE' }))
  })
})
