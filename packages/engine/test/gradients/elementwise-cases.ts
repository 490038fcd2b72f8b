/** Cases of operators that work element by element, and of reductions. */
import type { Attrs } from '../../src/ir/graph.ts'
import type { Shape } from '../../src/shape.ts'
import { Tensor } from '../../src/tensor.ts'
import { apart, type Cases, cases, ints, offZero, within } from './inputs.ts'

const SHAPES: readonly Shape[] = [[3, 4], [2, 1, 3], [5]]

/** Pairs that broadcast. */
const PAIRS: readonly [Shape, Shape][] = [
  [
    [3, 4],
    [3, 4],
  ],
  [[2, 3, 4], [4]],
  [
    [2, 1, 3],
    [4, 1],
  ],
]

function unary(name: string, make: (shape: Shape) => Tensor = offZero, attrs: Attrs = {}): ReturnType<typeof cases> {
  return cases(name, ...SHAPES.map((shape): [Tensor[], Attrs] => [[make(shape)], attrs]))
}

function binary(
  name: string,
  left: (shape: Shape) => Tensor,
  right: (shape: Shape) => Tensor,
): ReturnType<typeof cases> {
  return cases(name, ...PAIRS.map(([a, b]): [Tensor[]] => [[left(a), right(b)]]))
}

const range =
  (low: number, high: number) =>
  (shape: Shape): Tensor =>
    within(shape, low, high)

const positive = range(0.3, 1.5)
const bool = (values: number[], shape: Shape): Tensor => new Tensor(Uint8Array.from(values), shape, 'bool')

function reduction(name: string, make: (shape: Shape) => Tensor): ReturnType<typeof cases> {
  return cases(
    name,
    [[make([3, 4])], { keepdims: 0 }, [ints([1])]],
    [[make([2, 3, 4])], { keepdims: 1 }, [ints([0, -1])]],
    [[make([2, 1, 5])], { keepdims: 0 }],
    [[make([4])], { noop_with_empty_axes: 1, keepdims: 1 }],
  )
}

const zeros = new Tensor(Float32Array.of(0, 0.5, 0.7, 0, 0.3, 0, 1.1, 0.9, 0.4), [3, 3])

export const ELEMENTWISE_CASES: Cases = Object.fromEntries([
  binary(':Add', offZero, offZero),
  binary(':Sub', offZero, offZero),
  binary(':Mul', offZero, offZero),
  binary(':Div', offZero, positive),
  binary(':Pow', positive, offZero),
  cases(
    ':Mod',
    [[within([3], 2.1, 2.3), within([3], 0.85, 0.95)], { fmod: 1 }],
    [[within([2, 3], 4, 4.2), within([3], 0.9, 0.95)], { fmod: 1 }],
    [[within([4], -2.5, -2.2), within([1], 0.87, 0.88)], { fmod: 1 }],
  ),
  cases(':Min', [apart([3, 4], [3, 4])], [apart([2, 3], [3], [1])], [apart([5])]),
  cases(':Max', [apart([3, 4], [3, 4])], [apart([2, 3], [3], [1])], [apart([5])]),
  cases(':Sum', [apart([3, 4], [3, 4])], [apart([2, 3], [3], [1])], [apart([5])]),
  cases(':Mean', [apart([3, 4], [3, 4])], [apart([2, 3], [3], [1])], [apart([5])]),
  ...[':Neg', ':Abs', ':Identity', ':Exp', ':Reciprocal', ':Sin', ':Cos', ':Tan', ':Atan', ':Sinh', ':Cosh'].map(
    (name) => unary(name),
  ),
  ...[':Tanh', ':Asinh', ':Erf', ':Sigmoid', ':Relu', ':LeakyRelu', ':Elu', ':Selu', ':Softplus', ':Softsign'].map(
    (name) => unary(name),
  ),
  ...[':Mish', ':Gelu', 'com.microsoft:Gelu', 'com.microsoft:QuickGelu', ':Sign'].map((name) => unary(name)),
  ...[':Log', ':Sqrt'].map((name) => unary(name, positive)),
  ...[':Round', ':Floor', ':Ceil'].map((name) => unary(name, range(0.1, 0.4))),
  ...[':Asin', ':Acos', ':Atanh'].map((name) => unary(name, range(-0.7, 0.7))),
  unary(':Acosh', range(1.3, 2)),
  unary(':HardSigmoid', offZero, { alpha: 0.4 }),
  cases(':HardSwish', [[within([5], 3.2, 4)]], [[within([2, 3])]], [[within([4], -5, -3.3)]]),
  cases(
    ':ThresholdedRelu',
    [[offZero([6])], { alpha: 0.1 }],
    [[offZero([2, 3])], { alpha: 0.1 }],
    [[within([4], 1.2, 2)]],
  ),
  cases(
    ':Shrink',
    [[offZero([6])], { lambd: 0.1, bias: 0.2 }],
    [[offZero([2, 3])], { lambd: 0.15 }],
    [[within([4], 1, 2)]],
  ),
  cases(':Celu', [[offZero([6])]], [[offZero([2, 3])], { alpha: 2 }], [[offZero([1, 4])], { alpha: 0.5 }]),
  cases(
    ':PRelu',
    [[offZero([3, 4]), offZero([4])]],
    [[offZero([2, 3, 2]), offZero([3, 1])]],
    [[offZero([5]), offZero([1])]],
  ),
  cases(
    'com.microsoft:BiasGelu',
    [[within([3, 4]), within([4])]],
    [[within([2, 3, 2]), within([2])]],
    [[within([1, 5]), within([5])]],
  ),
  cases(
    'com.microsoft:FastGelu',
    [[within([3, 4]), within([4])]],
    [[within([2, 3, 2])]],
    [[within([1, 5]), within([5])]],
  ),
  cases(
    ':Clip',
    [[offZero([3, 4])], {}, [Tensor.scalar(-0.1), Tensor.scalar(0.1)]],
    [[within([5], 1, 2)], {}, [Tensor.scalar(0.5)]],
    [[offZero([2, 3])], {}, [undefined, Tensor.scalar(0)]],
  ),
  cases(':Cast', ...SHAPES.map((shape): [Tensor[], Attrs] => [[within(shape)], { to: 1 }])),
  cases(':CastLike', ...SHAPES.map((shape): [Tensor[], Attrs, Tensor[]] => [[within(shape)], {}, [Tensor.scalar(1)]])),
  unary(':Dropout'),
  cases(
    ':Where',
    [[bool([1, 0, 1, 0, 0, 1], [2, 3]), within([2, 3]), offZero([2, 3])]],
    [[bool([1, 0], [2, 1]), within([3]), offZero([1])]],
    [[bool([0, 1, 0], [3]), within([2, 3]), offZero([2, 1])]],
  ),
  ...[':ReduceSum', ':ReduceMean', ':ReduceL2', ':ReduceSumSquare', ':ReduceLogSumExp', ':ReduceL1'].map((name) =>
    reduction(name, offZero),
  ),
  reduction(':ReduceLogSum', positive),
  reduction(':ReduceMax', (shape) => apart(shape)[0]),
  reduction(':ReduceMin', (shape) => apart(shape)[0]),
  cases(
    ':ReduceProd',
    [[offZero([3, 4])], { keepdims: 0 }, [ints([1])]],
    [[zeros], { keepdims: 1 }, [ints([0])]],
    [[zeros], { keepdims: 0 }, [ints([1])]],
    [[positive([2, 1, 3])], { keepdims: 0 }],
  ),
  cases(':Softmax', [[within([3, 4])]], [[within([2, 3, 4])], { axis: 1 }], [[within([5, 1])], { axis: 0 }]),
  cases(':LogSoftmax', [[within([3, 4])]], [[within([2, 3, 4])], { axis: 1 }], [[within([5, 1])], { axis: 0 }]),
  cases(
    ':CumSum',
    [[within([3, 4])], {}, [Tensor.scalar(1, 'i64')]],
    [[within([3, 4])], { exclusive: 1, reverse: 1 }, [Tensor.scalar(0, 'i64')]],
    [[within([2, 1, 5])], { reverse: 1 }, [Tensor.scalar(-1, 'i64')]],
    [[within([4])], { exclusive: 1 }, [Tensor.scalar(0, 'i64')]],
  ),
])
