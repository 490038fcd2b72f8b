import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { distance, normalMatrix } from '../../test/linalg/matrices.ts'
import { loadRuntime } from '../runtime/load.ts'
import { Tensor } from '../tensor.ts'
import {
  frobeniusNorm,
  type Matrix,
  matrixFromRows,
  matrixOf,
  matrixOfTensor,
  tensorOfMatrix,
  toF32,
  transpose,
  zeros,
} from './matrix.ts'
import { matmul, multiply, multiplyVector } from './product.ts'
import { runtimeProduct } from './runtime-product.ts'

function slowProduct(a: Matrix, b: Matrix): Float64Array {
  const out = new Float64Array(a.rows * b.cols)
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < b.cols; j++) {
      for (let p = 0; p < a.cols; p++) out[i * b.cols + j] += a.data[i * a.cols + p] * b.data[p * b.cols + j]
    }
  }
  return out
}

describe('products', () => {
  test('are sums of products for every shape, transposed or not', () => {
    const side = fc.integer({ min: 0, max: 70 })
    fc.assert(
      fc.property(side, fc.integer({ min: 0, max: 12 }), side, fc.boolean(), fc.boolean(), (m, k, n, ta, tb) => {
        const a = normalMatrix(m, k, 1)
        const b = normalMatrix(k, n, 2)
        const found = multiply(ta ? transpose(a) : a, tb ? transpose(b) : b, { ta, tb })
        expect([found.rows, found.cols]).toEqual([m, n])
        expect(distance(found, { data: slowProduct(a, b) })).toBeLessThan(1e-13)
      }),
      { numRuns: 60 },
    )
  })

  test('onnxruntime gives the same in both precisions', async () => {
    const product = runtimeProduct(await loadRuntime())
    const a = normalMatrix(90, 70, 1)
    const b = normalMatrix(70, 80, 2)
    for (const ta of [false, true]) {
      for (const tb of [false, true]) {
        const left = ta ? transpose(a) : a
        const right = tb ? transpose(b) : b
        const wanted = multiply(a, b)
        expect(distance(await matmul(left, right, { ta, tb, product }), wanted)).toBeLessThan(1e-12)
        const single = await matmul(toF32(left), toF32(right), { ta, tb, product })
        expect(single.data).toBeInstanceOf(Float32Array)
        expect(distance(single, wanted)).toBeLessThan(1e-4)
      }
    }
    expect(
      distance(
        await matmul(normalMatrix(130, 130), normalMatrix(130, 130)),
        multiply(normalMatrix(130, 130), normalMatrix(130, 130)),
      ),
    ).toBeLessThan(1e-12)
  })

  test('only large products go to the one that is given, in one precision', async () => {
    const seen: string[] = []
    const product = async <D extends Float32Array | Float64Array>(a: Matrix<D>, b: Matrix<D>, options: object) => {
      seen.push(`${a.data.constructor.name} ${b.data.constructor.name}`)
      return multiply(a, b, options)
    }
    await matmul(normalMatrix(63, 64), normalMatrix(64, 64), { product })
    expect(seen).toEqual([])
    await matmul<Float32Array | Float64Array>(normalMatrix(64, 64), toF32(normalMatrix(64, 64)), { product })
    await matmul(toF32(normalMatrix(64, 64)), toF32(normalMatrix(64, 64)), { product })
    expect(seen).toEqual(['Float64Array Float64Array', 'Float32Array Float32Array'])
  })

  test('shapes that do not fit', async () => {
    expect(() => multiply(zeros(2, 3), zeros(2, 3))).toThrow(expect.objectContaining({ code: 'PITH_SHAPE' }))
    expect(() => multiplyVector(zeros(2, 3), new Float64Array(2))).toThrow(
      expect.objectContaining({ code: 'PITH_SHAPE' }),
    )
    const reason = new Error('enough')
    await expect(matmul(zeros(1, 1), zeros(1, 1), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('matrices', () => {
  test('are views of tensors and of arrays', () => {
    const tensor = new Tensor(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3])
    const a = matrixOfTensor(tensor)
    expect([a.rows, a.cols, a.data]).toEqual([2, 3, tensor.data])
    expect(tensorOfMatrix(a)).toEqual(tensor)
    expect(matrixOfTensor(new Tensor(Float64Array.of(1, 2))).cols).toBe(1)
    expect(() => matrixOfTensor(new Tensor(Int32Array.of(1)))).toThrow(expect.objectContaining({ code: 'PITH_DTYPE' }))
    expect(() => matrixOfTensor(Tensor.zeros([1, 1, 1]))).toThrow(expect.objectContaining({ code: 'PITH_SHAPE' }))
  })

  test('refuse other numbers of elements', () => {
    const wrong = expect.objectContaining({ code: 'PITH_SHAPE' })
    expect(() => matrixOf(new Float64Array(5), 2, 3)).toThrow(wrong)
    expect(() => matrixFromRows([[1, 2], [3]])).toThrow(wrong)
    expect(() => zeros(1.5, 2)).toThrow(wrong)
    expect(() => zeros(2 ** 20, 2 ** 20)).toThrow(expect.objectContaining({ code: 'PITH_LIMIT' }))
    expect(frobeniusNorm(matrixFromRows([[3e200, 4e200]])) / 1e200).toBeCloseTo(5, 14)
  })
})
