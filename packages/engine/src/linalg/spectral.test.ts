import { isPithError } from '@pith/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { distance, normalMatrix, recompose, skewness, symmetricMatrix } from '../../test/linalg/matrices.ts'
import { eigh } from './eigh.ts'
import { frobeniusNorm, identity, type Matrix64, matrixFromRows, matrixOf, transpose, zeros } from './matrix.ts'
import { polar, procrustes, randomOrthogonal } from './orthogonal.ts'
import { pca, projectPca } from './pca.ts'
import { multiply, plainProduct } from './product.ts'
import { type SvdMethod, svd } from './svd.ts'

/** q diag(values) q^T */
function withSpectrum(values: Float64Array, seed = 3): Matrix64 {
  const q = randomOrthogonal(values.length, { seed })
  return recompose(q, values, q)
}

const slow = (n: number) => Float64Array.from({ length: n }, (_, i) => 1 / (1 + i / 20))

describe('eigh', () => {
  test('vectors are orthonormal and give the matrix back, for every size of the small form', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 30 }), fc.nat(), async (n, seed) => {
        const a = symmetricMatrix(n, seed)
        const { values, vectors } = await eigh(a)
        expect(skewness(vectors)).toBeLessThan(1e-13)
        expect(distance(recompose(vectors, values, vectors), a)).toBeLessThan(1e-12)
        for (let i = 1; i < n; i++) expect(values[i]).toBeLessThanOrEqual(values[i - 1])
      }),
      { numRuns: 30 },
    )
  })

  test.each([257, 262])('the own form finds a known spectrum of %i', async (n) => {
    const known = Float64Array.from({ length: n }, (_, i) => (i < 20 ? 5 : i < 40 ? -(2 ** -i) : 3 - i / 50)).sort()
    known.reverse()
    const a = withSpectrum(known)
    const { values, vectors } = await eigh(a)
    expect(distance({ data: values }, { data: known })).toBeLessThan(2e-14 * n)
    expect(skewness(vectors)).toBeLessThan(1e-12)
    expect(distance(recompose(vectors, values, vectors), a)).toBeLessThan(1e-12)
  })

  test('the own form takes zeros, diagonals, blocks and graded matrices', async () => {
    const n = 258
    const diagonal = zeros(n, n)
    const graded = zeros(n, n)
    for (let i = 0; i < n; i++) {
      diagonal.data[i * n + i] = i % 7
      for (let j = 0; j < n; j++) graded.data[i * n + j] = 10 ** (-(i + j) / 20) * (1 + ((i * j) % 3))
    }
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) graded.data[j * n + i] = graded.data[i * n + j]
    for (const a of [zeros(n, n), diagonal, identity(n), graded]) {
      const { values, vectors } = await eigh(a)
      expect(skewness(vectors)).toBeLessThan(1e-12)
      expect(distance(recompose(vectors, values, vectors), a)).toBeLessThan(1e-12)
    }
  })

  test('k and the randomised form give the largest', async () => {
    const values = slow(300).map((value, i) => (i % 3 === 0 ? -value : value))
    const a = withSpectrum(values)
    const found = await eigh(a, { k: 9, method: 'randomized' })
    const wanted = Array.from(values.subarray(0, 9)).sort((x, y) => y - x)
    for (const [i, value] of wanted.entries()) expect(Math.abs(found.values[i] - value)).toBeLessThan(2e-3)
    expect(skewness(found.vectors)).toBeLessThan(1e-12)
    const top = await eigh(symmetricMatrix(20), { k: 3 })
    expect([top.values.length, top.vectors.cols]).toEqual([3, 3])
    expect(top.values).toEqual((await eigh(symmetricMatrix(20))).values.slice(0, 3))
  })

  test.each([1e-250, 1e250])('elements of size %d keep their digits', async (scale) => {
    const a = symmetricMatrix(8)
    const plain = await eigh(a)
    const scaled = await eigh(
      matrixOf(
        a.data.map((x) => x * scale),
        8,
        8,
      ),
    )
    expect(distance({ data: scaled.values.map((x) => x / scale) }, { data: plain.values })).toBeLessThan(1e-12)
  })

  test('only the lower triangle is read; edges', async () => {
    const a = symmetricMatrix(5)
    const damaged = matrixOf(Float64Array.from(a.data), 5, 5)
    damaged.data[4] = 1e6
    expect(await eigh(damaged)).toEqual(await eigh(a))
    expect((await eigh(zeros(0, 0))).values.length).toBe(0)
    expect((await eigh(matrixFromRows([[-3]]))).values).toEqual(Float64Array.of(-3))
    await expect(eigh(zeros(2, 3))).rejects.toMatchObject({ code: 'PITH_SHAPE' })
    await expect(eigh(matrixFromRows([[Number.NaN]]))).rejects.toMatchObject({ code: 'PITH_NONFINITE' })
    await expect(eigh(identity(3), { k: 4 })).rejects.toMatchObject({ code: 'PITH_ARG' })
  })

  test('an abort rejects with its reason, and progress rises to its end', async () => {
    const reason = new Error('enough')
    await expect(eigh(symmetricMatrix(300), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const work = eigh(symmetricMatrix(400), { signal: controller.signal })
    setTimeout(() => controller.abort(reason), 1)
    await expect(work).rejects.toBe(reason)
    const seen: number[] = []
    await eigh(symmetricMatrix(260), { onProgress: ({ done }) => void seen.push(done) })
    expect(seen[0]).toBe(0)
    expect(seen.at(-1)).toBe(780)
    expect([...seen].sort((x, y) => x - y)).toEqual(seen)
  })
})

describe('svd', () => {
  test.each(['full', 'jacobi', 'randomized'] satisfies SvdMethod[])('%s: every shape is given back', async (method) => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 24 }),
        fc.integer({ min: 1, max: 24 }),
        fc.nat(),
        async (rows, cols, seed) => {
          const a = normalMatrix(rows, cols, seed)
          const { u, s, v, residual } = await svd(a, { method })
          expect(skewness(u)).toBeLessThan(1e-11)
          expect(skewness(v)).toBeLessThan(1e-11)
          expect(distance(recompose(u, s, v), a)).toBeLessThan(1e-11)
          expect(residual).toBeLessThan(1e-7)
          for (let i = 1; i < s.length; i++) expect(s[i]).toBeLessThanOrEqual(s[i - 1])
        },
      ),
      { numRuns: 20 },
    )
  })

  test('beyond 256: known singular values over nine decades, dependent columns, wide', async () => {
    const n = 258
    const known = Float64Array.from({ length: n }, (_, i) => (i < 200 ? 10 ** (-i / 22) : 0))
    const left = randomOrthogonal(n + 30, { seed: 1 })
    const right = randomOrthogonal(n, { seed: 2 })
    const thin = zeros(n + 30, n)
    for (let i = 0; i < n + 30; i++) thin.data.set(left.data.subarray(i * (n + 30), i * (n + 30) + n), i * n)
    const tall = recompose(thin, known, right)
    const a = transpose(tall)
    const { u, s, v, method } = await svd(a)
    expect(method).toBe('full')
    expect(distance({ data: s }, { data: known })).toBeLessThan(1e-14)
    expect(skewness(u)).toBeLessThan(1e-12)
    expect(skewness(v)).toBeLessThan(1e-12)
    expect(distance(recompose(u, s, v), a)).toBeLessThan(1e-13)
  })

  test('jacobi gives small singular values of scaled columns to their last digits', async () => {
    const a = matrixFromRows([
      [1, 1e-10, 0],
      [1, -1e-10, 0],
      [0, 0, 1e-20],
    ])
    const { s } = await svd(a, { method: 'jacobi' })
    for (const [i, value] of [Math.SQRT2, Math.SQRT2 * 1e-10, 1e-20].entries()) {
      expect(Math.abs(s[i] / value - 1)).toBeLessThan(1e-14)
    }
  })

  test('randomised: energy >= 99.9 % of the best on a slowly falling spectrum (Eckart-Young), residual as it is', async () => {
    const n = 280
    const k = 24
    const known = slow(n)
    const a = recompose(randomOrthogonal(n, { seed: 4 }), known, randomOrthogonal(n, { seed: 5 }))
    const { u, s, v, residual, method } = await svd(a, { k, seed: 9 })
    expect(method).toBe('randomized')
    const energy = (values: Float64Array) => values.reduce((sum, value) => sum + value * value, 0)
    const best = energy(known.subarray(0, k))
    expect(energy(s) / best).toBeGreaterThan(0.999)
    expect(energy(s)).toBeLessThanOrEqual(best * (1 + 1e-12))
    expect(skewness(u)).toBeLessThan(1e-12)
    expect(skewness(v)).toBeLessThan(1e-10)
    const rest = recompose(u, s, v)
    for (let i = 0; i < rest.data.length; i++) rest.data[i] -= a.data[i]
    expect(residual).toBeCloseTo(frobeniusNorm(rest) / frobeniusNorm(a), 8)
  })

  test('randomised: seeds decide, plain products repeat to the bit, and low rank is found exactly', async () => {
    const a = multiply(normalMatrix(270, 8, 1), normalMatrix(8, 265, 2))
    const first = await svd(a, { k: 12, seed: 1, product: plainProduct })
    expect(await svd(a, { k: 12, seed: 1, product: plainProduct })).toEqual(first)
    expect(first.residual).toBeLessThan(1e-7)
    expect(first.s[8] / first.s[0]).toBeLessThan(1e-13)
    expect(skewness(first.u)).toBeLessThan(1e-12)
    expect(skewness(first.v)).toBeLessThan(1e-12)
    expect(distance(recompose(first.u, first.s, first.v), a)).toBeLessThan(1e-11)
  })

  test('edges: 1x1, empty, zeros, huge and tiny, NaN, wrong options', async () => {
    expect((await svd(matrixFromRows([[-2]]))).s).toEqual(Float64Array.of(2))
    for (const a of [zeros(0, 0), zeros(0, 3), zeros(3, 0)]) {
      const { u, s, v } = await svd(a)
      expect([u.rows, s.length, v.rows]).toEqual([a.rows, 0, a.cols])
    }
    for (const method of ['full', 'jacobi', 'randomized'] satisfies SvdMethod[]) {
      const { u, s, v, residual } = await svd(zeros(4, 3), { method })
      expect([...s, residual]).toEqual([0, 0, 0, 0])
      expect(Math.max(skewness(u), skewness(v))).toBeLessThan(1e-13)
    }
    for (const scale of [1e-300, 1e300]) {
      expect((await svd(matrixFromRows([[3 * scale, 4 * scale]]))).s[0] / scale).toBeCloseTo(5, 12)
    }
    await expect(svd(matrixFromRows([[1, Number.NaN]]))).rejects.toMatchObject({ code: 'PITH_NONFINITE' })
    await expect(svd(identity(2), { k: 3 })).rejects.toMatchObject({ code: 'PITH_ARG' })
    await expect(svd(identity(2), { method: 'fast' as SvdMethod })).rejects.toMatchObject({ code: 'PITH_ARG' })
    await expect(svd(identity(2), { method: 'randomized', seed: -1 })).rejects.toSatisfy((e) => isPithError(e))
  })
})

describe('what is made of singular vectors', () => {
  test('procrustes finds the rotation and scale that were applied', async () => {
    const a = normalMatrix(40, 6, 2)
    const rotation = randomOrthogonal(6, { seed: 7 })
    const b = matrixOf(
      multiply(a, rotation).data.map((x) => 2.5 * x),
      40,
      6,
    )
    const found = await procrustes(a, b)
    expect(distance(found.rotation, rotation)).toBeLessThan(1e-13)
    expect(found.scale).toBeCloseTo(2.5, 12)
    await expect(procrustes(a, zeros(40, 5))).rejects.toMatchObject({ code: 'PITH_SHAPE' })
  })

  test('polar factors: orthonormal times symmetric', async () => {
    for (const a of [normalMatrix(7, 4), normalMatrix(5, 5), zeros(3, 3)]) {
      const { unitary, positive } = await polar(a)
      expect(skewness(unitary)).toBeLessThan(1e-13)
      expect(distance(positive, transpose(positive))).toBeLessThan(1e-13)
      expect(distance(multiply(unitary, positive), a)).toBeLessThan(1e-13)
    }
  })

  test('random orthogonal matrices are orthogonal, and their seed decides', () => {
    expect(skewness(randomOrthogonal(33, { seed: 5 }))).toBeLessThan(1e-13)
    expect(randomOrthogonal(4, { seed: 5 })).toEqual(randomOrthogonal(4, { seed: 5 }))
    expect(randomOrthogonal(4, { seed: 5 })).not.toEqual(randomOrthogonal(4, { seed: 6 }))
    // The mean of the trace of uniform orthogonal matrices is 0; with fixed signs of q it would be far off.
    let sum = 0
    for (let seed = 0; seed < 400; seed++) {
      const { data } = randomOrthogonal(3, { seed })
      sum += data[0] + data[4] + data[8]
    }
    expect(Math.abs(sum / 400)).toBeLessThan(0.2)
  })

  test('principal components: shares add up, projections have the variances', async () => {
    const x = normalMatrix(60, 7, 4)
    for (let i = 0; i < 60; i++) x.data[i * 7 + 2] *= 5
    const model = await pca(x, 7)
    expect(model.shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12)
    expect(Math.abs(model.components.data[2])).toBeGreaterThan(0.98)
    const { data } = await projectPca(x, model)
    for (let j = 0; j < 7; j++) {
      let square = 0
      for (let i = 0; i < 60; i++) square += data[i * 7 + j] ** 2
      expect(square / 59).toBeCloseTo(model.variances[j], 10)
    }
    await expect(pca(zeros(1, 3), 1)).rejects.toMatchObject({ code: 'PITH_SHAPE' })
    expect((await pca(zeros(3, 2), 1)).shares).toEqual(Float64Array.of(0))
  })
})
