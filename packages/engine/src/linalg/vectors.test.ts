import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { distance } from '../../test/linalg/matrices.ts'
import { cholesky, cholInverse } from './cholesky.ts'
import { eigh } from './eigh.ts'
import { matrixFromRows } from './matrix.ts'
import { nnls } from './nnls.ts'
import { polar, procrustes } from './orthogonal.ts'
import { pca } from './pca.ts'
import { qr } from './qr.ts'
import { lstsq, pinv, solve } from './solve.ts'
import { type SvdMethod, svd } from './svd.ts'

type Rows = number[][]
interface Vectors {
  singular: { a: Rows; s: number[] }[]
  eigen: { a: Rows; values: number[] }[]
  cholesky: { a: Rows; lower: Rows; inverse: Rows }[]
  qr: { a: Rows; q: Rows; r: Rows }[]
  solve: { a: Rows; b: Rows; x: Rows }[]
  lstsq: { a: Rows; b: Rows; ridge: number; x: Rows; rank: number }[]
  pinv: { a: Rows; inverse: Rows }[]
  nnls: { a: Rows; b: number[]; x: number[]; residual: number }[]
  procrustes: { a: Rows; b: Rows; rotation: Rows; scale: number }[]
  polar: { a: Rows; unitary: Rows; positive: Rows }[]
  pca: { x: Rows; k: number; mean: number[]; components: Rows; variances: number[]; shares: number[] }[]
}

/** Made by scripts/make-linalg-vectors.py with numpy. */
const VECTORS = JSON.parse(readFileSync(new URL('../../test/golden/linalg.json', import.meta.url), 'utf8')) as Vectors
const m = matrixFromRows
const list = (data: number[]) => ({ data: Float64Array.from(data) })

describe('what numpy gives', () => {
  test.each(['full', 'jacobi', 'randomized'] satisfies SvdMethod[])('singular values, %s', async (method) => {
    for (const { a, s } of VECTORS.singular) {
      const found = await svd(m(a), { method })
      expect(distance({ data: found.s }, list(s))).toBeLessThan(1e-13 * Math.max(...s) * 10)
    }
  })

  test('eigenvalues', async () => {
    for (const { a, values } of VECTORS.eigen) {
      expect(distance({ data: (await eigh(m(a))).values }, list(values))).toBeLessThan(2e-13)
    }
  })

  test('Cholesky factors and inverses', () => {
    for (const { a, lower, inverse } of VECTORS.cholesky) {
      const found = cholesky(m(a)).lower
      expect(distance(found, m(lower))).toBeLessThan(1e-13)
      expect(distance(cholInverse(found), m(inverse))).toBeLessThan(1e-12)
    }
  })

  test('QR factors', () => {
    for (const { a, q, r } of VECTORS.qr) {
      const found = qr(m(a))
      expect(distance(found.q, m(q))).toBeLessThan(1e-14)
      expect(distance(found.r, m(r))).toBeLessThan(1e-14)
    }
  })

  test('solutions of square systems', () => {
    for (const { a, b, x } of VECTORS.solve) expect(distance(solve(m(a), m(b)), m(x))).toBeLessThan(1e-12)
  })

  test('least squares: tall, wide, of low rank, with a ridge', async () => {
    for (const { a, b, ridge, x, rank } of VECTORS.lstsq) {
      const found = await lstsq(m(a), m(b), { ridge })
      expect(distance(found.x, m(x))).toBeLessThan(1e-12)
      expect(found.rank).toBe(rank)
    }
  })

  test('pseudo-inverses', async () => {
    for (const { a, inverse } of VECTORS.pinv) expect(distance(await pinv(m(a)), m(inverse))).toBeLessThan(1e-13)
  })

  test('least squares with coefficients that are not negative, against all choices of columns', () => {
    for (const { a, b, x, residual } of VECTORS.nnls) {
      const found = nnls(m(a), Float64Array.from(b))
      expect(found.isOptimal).toBe(true)
      expect(found.residual).toBeCloseTo(residual, 10)
      if (a.length >= x.length) expect(distance({ data: found.x }, list(x))).toBeLessThan(1e-12)
    }
  })

  test('rotations and polar factors', async () => {
    for (const { a, b, rotation, scale } of VECTORS.procrustes) {
      const found = await procrustes(m(a), m(b))
      expect(distance(found.rotation, m(rotation))).toBeLessThan(1e-13)
      expect(found.scale).toBeCloseTo(scale, 12)
    }
    for (const { a, unitary, positive } of VECTORS.polar) {
      const found = await polar(m(a))
      expect(distance(found.unitary, m(unitary))).toBeLessThan(1e-13)
      expect(distance(found.positive, m(positive))).toBeLessThan(1e-13)
    }
  })

  test('principal components', async () => {
    for (const { x, k, mean, components, variances, shares } of VECTORS.pca) {
      const found = await pca(m(x), k)
      expect(distance({ data: found.mean }, list(mean))).toBeLessThan(1e-14)
      expect(distance(found.components, m(components))).toBeLessThan(1e-12)
      expect(distance({ data: found.variances }, list(variances))).toBeLessThan(1e-13)
      expect(distance({ data: found.shares }, list(shares))).toBeLessThan(1e-13)
    }
  })
})
