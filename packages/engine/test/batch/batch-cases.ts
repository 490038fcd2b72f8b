/** Cases of operators that have batches but no gradients, and forms that gradients are not checked with. */
import { Graph, type Value } from '../../src/ir/graph.ts'
import type { Shape } from '../../src/shape.ts'
import { Tensor } from '../../src/tensor.ts'
import { CASES } from '../gradients/all-cases.ts'
import { apart, type Cases, cases, ints, within } from '../gradients/inputs.ts'

const bool = (values: number[], shape: Shape = [values.length]): Tensor =>
  new Tensor(Uint8Array.from(values), shape, 'bool')
const i32 = (values: number[], shape: Shape = [values.length]): Tensor => new Tensor(Int32Array.from(values), shape)
const bytes = (values: number[], shape: Shape = [values.length]): Tensor => new Tensor(Uint8Array.from(values), shape)
const words = (values: number[], shape: Shape = [values.length]): Tensor => new Tensor(Uint32Array.from(values), shape)

const TRUTH: [Tensor[]][] = [[[bool([1, 0, 1, 0, 0, 1], [2, 3]), bool([1, 0, 1])]], [[bool([0, 1]), bool([1, 1])]]]
const NUMBERS: [Tensor[]][] = [
  [[i32([1, 0, 2, 3, 3, 1], [2, 3]), i32([1, 0, 2])]],
  [[within([2, 1, 3]), within([4, 1], -0.5, 0.5)]],
]
const BITS: [Tensor[]][] = [[[i32([6, 0, 2, 3, 3, 1], [2, 3]), i32([5, 1, 7])]], [[i32([9, 4]), i32([3, 12])]]]
const odd = new Tensor(Float32Array.of(1, Number.NaN, Number.POSITIVE_INFINITY, -2), [2, 2])

/** x, w and a condition: x w where it holds, else x + w. */
const choose = (test: Value, x: Value, w: Value): readonly Value[] => {
  const body = (op: string) => {
    const graph = new Graph(x.graph)
    return { graph, outputs: graph.emit(op, [x, w]) }
  }
  return x.graph.emit('If', [test], {}, { bodies: { then_branch: body('Mul'), else_branch: body('Add') } })
}

/** h' = tanh(h + w), four times; gives all of them as well. */
const repeated = (h: Value, w: Value): readonly Value[] => {
  const { graph } = h
  const body = new Graph(graph)
  const [, going, state] = [
    body.input('i', 'i64', []),
    body.input('going', 'bool', []),
    body.input('h', 'f32', h.shape),
  ]
  const [next] = body.emit('Tanh', body.emit('Add', [state, w]))
  const kept = (value: Value): Value => body.emit('Identity', [value], {}, { unique: true })[0]
  const bodies = { body: { graph: body, outputs: [kept(going), kept(next), kept(next)] } }
  const count = graph.constant(Tensor.scalar(4, 'i64'))
  return graph.emit('Loop', [count, graph.constant(bool([1], [])), h], {}, { bodies })
}

const BATCH_CASES: Cases = Object.fromEntries([
  ...[':And', ':Or', ':Xor'].map((name) => cases(name, ...TRUTH)),
  ...[':Equal', ':Less', ':LessOrEqual', ':Greater', ':GreaterOrEqual'].map((name) => cases(name, ...NUMBERS)),
  ...[':BitwiseAnd', ':BitwiseOr', ':BitwiseXor'].map((name) => cases(name, ...BITS)),
  cases(':BitwiseNot', [[i32([1, -2, 3])]]),
  cases(':BitShift', [[words([6, 1, 2, 3], [2, 2]), words([1, 3])], { direction: 'LEFT' }]),
  cases(':Not', [[bool([1, 0, 1])]], [[bool([1, 0], [2, 1])]]),
  ...[':IsNaN', ':IsInf'].map((name) => cases(name, [[odd]])),
  ...[':ArgMax', ':ArgMin'].map((name) =>
    cases(name, [apart([3, 4])], [apart([2, 3, 4]), { axis: -2, keepdims: 0 }], [apart([5])]),
  ),
  cases(':Hardmax', [apart([3, 4])], [apart([2, 3, 4]), { axis: 1 }]),
  cases(
    ':OneHot',
    [[ints([1, 0, 3])], {}, [Tensor.scalar(4, 'i64'), within([2])]],
    [[ints([1, 0, 2, 2], [2, 2])], { axis: 0 }, [Tensor.scalar(3, 'i64'), within([2])]],
  ),
  cases(':Shape', [[within([3, 4])]], [[within([2, 1, 5])], { start: 1 }]),
  cases(':Size', [[within([3, 4])]]),
  cases(':EyeLike', [[within([3, 4])], { k: 1 }]),
  cases(
    ':QuantizeLinear',
    [[within([2, 3])], {}, [Tensor.scalar(0.02), new Tensor(Uint8Array.of(9), [])]],
    [[within([2, 3])], { axis: 1 }, [within([3], 0.01, 0.02), new Tensor(Int8Array.of(1, 2, 3), [3])]],
  ),
  cases('com.microsoft:QuantizeLinear', [
    [within([2, 3])],
    {},
    [Tensor.scalar(0.02), new Tensor(Uint8Array.of(9), [])],
  ]),
  cases(
    ':MatMulInteger',
    [[bytes([1, 2, 3, 4, 5, 6], [2, 3])], {}, [bytes([3, 2, 1, 0, 1, 2], [3, 2])]],
    [[bytes([1, 2, 3, 4, 5, 6], [1, 2, 3])], {}, [bytes([3, 2, 1, 0, 1, 2], [3, 2]), bytes([2], [])]],
  ),
  cases(
    ':MaxPool',
    [apart([1, 2, 4, 6]), { kernel_shape: [2, 2], strides: [2, 2] }, [], 2],
    [apart([2, 1, 5, 5]), { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }, [], 2],
  ),
  cases(
    ':Clip',
    [[within([3, 4]), within([], -0.5, 0), within([], 0.1, 0.5)]],
    [[within([5])], {}, [undefined, Tensor.scalar(0.2)]],
  ),
  cases(
    ':Einsum',
    [[within([2, 3]), within([3, 4])], { equation: 'ij,jk' }],
    [[within([2, 3, 4])], { equation: '...ij->...ji' }],
  ),
  cases(':LayerNormalization', [[within([3, 4]), within([4]), within([4])], {}, [], 3]),
  [
    ':If',
    [true, false].map((test) => ({
      name: `If ${test}`,
      f: choose,
      inputs: [bool([test ? 1 : 0], []), within([2, 3]), within([3])],
    })),
  ],
  [':Loop', [{ name: 'Loop', f: repeated, inputs: [within([2, 3]), within([3])] }]],
])

/** All cases that batches are compared with a loop for, those of gradients included. */
export const BATCHED: Cases = Object.fromEntries(
  [...new Set([...Object.keys(CASES), ...Object.keys(BATCH_CASES)])].map((key) => [
    key,
    [...(CASES[key] ?? []), ...(BATCH_CASES[key] ?? [])],
  ]),
)
