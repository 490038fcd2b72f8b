import { expect, test } from 'vitest'
import { failure } from '../test/errors.ts'
import { Tensor } from './tensor.ts'

test.each([
  [[-1], 'PITH_SHAPE'],
  [[Number.NaN], 'PITH_SHAPE'],
  [[1.5, 2], 'PITH_SHAPE'],
  [[2 ** 52], 'PITH_LIMIT'],
])('there is no tensor of the shape %j', (shape, code) => {
  expect(failure(() => Tensor.zeros(shape)).code).toBe(code)
})

test('elements fill the shape', () => {
  expect(failure(() => new Tensor(new Float32Array(3), [2, 2])).message).toBe('3 elements do not fill f32[2, 2]')
  expect(failure(() => new Tensor(new Float32Array(1), [-1, -1])).code).toBe('PITH_SHAPE')
  expect(Tensor.zeros([0, 2]).data.length).toBe(0)
})
