import { expect, test } from 'vitest'
import type { ModelProto } from './proto.ts'
import { torchNames } from './torch-names.ts'

const weight = (name: string) => ({ name, dims: [0], dataType: 1 })

test('the transposed weights of linear layers get their names back', () => {
  const model: ModelProto = {
    graph: {
      initializer: ['onnx::MatMul_7', 'onnx::MatMul_8', 'onnx::MatMul_9', 'h.in_proj_bias', 'table'].map(weight),
      node: [
        { opType: 'MatMul', name: '/h/MatMul', input: ['x', 'onnx::MatMul_7'], output: ['a'] },
        { opType: 'Add', input: ['h.in_proj_bias', 'a'], output: ['b'] },
        { opType: 'MatMul', name: '/layers.0/one/MatMul_1', input: ['b', 'onnx::MatMul_8'], output: ['c'] },
        { opType: 'MatMul', name: 'MatMul_3', input: ['c', 'onnx::MatMul_9'], output: ['d'] },
        { opType: 'MatMul', name: '/table/MatMul', input: ['d', 'table'], output: ['y'] },
      ],
    },
  }
  expect({ ...torchNames(model) }).toEqual({
    'onnx::MatMul_7': { name: 'h.in_proj_weight', isTransposed: true },
    'onnx::MatMul_8': { name: 'layers.0.one.weight', isTransposed: true },
  })
})
