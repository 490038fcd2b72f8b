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

test('copies of equal weights have names of their own, and what a Sequential calls has its name once', () => {
  const model: ModelProto = {
    graph: {
      initializer: ['onnx::MatMul_7', 'a.bias'].map(weight),
      node: [
        { opType: 'Identity', input: ['onnx::MatMul_7'], output: ['onnx::MatMul_8'] },
        { opType: 'Identity', input: ['onnx::MatMul_7'], output: ['onnx::MatMul_9'] },
        { opType: 'Identity', input: ['a.bias'], output: ['b.bias'] },
        { opType: 'MatMul', name: '/a/MatMul', input: ['x', 'onnx::MatMul_7'], output: ['a'] },
        { opType: 'Add', input: ['a.bias', 'a'], output: ['b'] },
        { opType: 'MatMul', name: '/b/MatMul', input: ['b', 'onnx::MatMul_8'], output: ['c'] },
        { opType: 'Add', input: ['b.bias', 'c'], output: ['d'] },
        { opType: 'MatMul', name: '/net/mlp/mlp.2/MatMul', input: ['d', 'onnx::MatMul_9'], output: ['y'] },
      ],
    },
  }
  expect(Object.entries(torchNames(model)).map(([made, { name }]) => [made, name])).toEqual([
    ['onnx::MatMul_7', 'a.weight'],
    ['onnx::MatMul_8', 'b.weight'],
    ['onnx::MatMul_9', 'net.mlp.2.weight'],
  ])
})
