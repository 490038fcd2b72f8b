/** What WebGPU is asked beside the cases of gradients: integers, truth values, and forms in which it may differ. */
import type { Attrs } from '@pith/engine'
import { Tensor } from '@pith/engine'
import { type Cases, cases, ints, within } from '../gradients/inputs.ts'

type Case = [inputs: readonly Tensor[], attrs?: Attrs, constants?: readonly (Tensor | undefined)[], outputs?: number]

const f32 = (data: readonly number[], shape: readonly number[] = [data.length]): Tensor =>
  new Tensor(Float32Array.from(data), shape)
const i32 = (data: readonly number[], shape: readonly number[] = [data.length]): Tensor =>
  new Tensor(Int32Array.from(data), shape)
const bool = (data: readonly number[], shape: readonly number[] = [data.length]): Tensor =>
  new Tensor(Uint8Array.from(data), shape, 'bool')

const A = i32([7, -3, 4, 0, 9, 2], [2, 3])
const B = i32([2, 5, 4, -1, 3, 2], [2, 3])
const X = f32([1, 2, 3, 4, 5, 6], [2, 3])
const Y = f32([3, 2, 1, 4, 0, 7], [2, 3])
const TRUE = bool([1, 0, 1, 0, 1, 1], [2, 3])
const EITHER = bool([1, 1, 0, 0, 1, 0], [2, 3])
const IMAGE = within([1, 2, 4, 4])
const LARGE = f32([-1000, -100, -30, -5, 0, 5, 30, 100, 1000])

const KINDS: readonly Tensor[] = [A, TRUE]

/** Operators that move elements of any type, with the inputs behind the first. */
const MOVES: readonly [name: string, constants: readonly Tensor[], attrs?: Attrs][] = [
  [':Expand', [ints([2, 2, 3])]],
  [':Flatten', [], { axis: 1 }],
  [':Gather', [ints([1, 0])]],
  [':Reshape', [ints([3, 2])]],
  [':Unsqueeze', [ints([1])]],
]

const NUMBER_MOVES: readonly [name: string, constants: readonly Tensor[], attrs?: Attrs][] = [
  [':CumSum', [ints([1], [])]],
  [':GatherND', [ints([1, 0], [2, 1])]],
  [':Identity', []],
  [':Pad', [ints([0, 1, 0, 1])]],
  [':ReduceMax', [ints([1])]],
  [':ReduceMean', [ints([1])]],
  [':ReduceMin', [ints([1])]],
  [':ReduceProd', [ints([1])]],
  [':ReduceSum', [ints([1])]],
  [':Split', [ints([1, 1])], { axis: 0 }],
  [':Squeeze', []],
  [':Tile', [ints([2, 1])]],
  [':Transpose', [], { perm: [1, 0] }],
  [':Trilu', [], { upper: 0 }],
]

const PAIRS = ['Add', 'Sub', 'Mul', 'Max', 'Min'] as const
const COMPARISONS = ['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'] as const
/** Operators whose results for large numbers must not overflow. */
const SATURATING = ['Tanh', 'Sigmoid', 'Softplus', 'Mish', 'Gelu', 'Erf', 'Elu', 'Softmax', 'ReduceLogSumExp'] as const

function resizes(): Case[] {
  const scales: Case[] = ['nearest', 'linear', 'cubic'].flatMap((mode) =>
    ['half_pixel', 'asymmetric', 'align_corners', 'pytorch_half_pixel'].flatMap((place) =>
      [2, 0.5].map((scale): Case => {
        const attrs = { mode, coordinate_transformation_mode: place }
        return [[IMAGE], attrs, [undefined, f32([1, 1, scale, scale])]]
      }),
    ),
  )
  const sizes = [undefined, undefined, ints([1, 2, 3, 5])]
  return [
    ...scales,
    [[IMAGE], { mode: 'nearest', nearest_mode: 'floor' }, sizes],
    [[IMAGE], { mode: 'nearest', nearest_mode: 'ceil' }, sizes],
  ]
}

const LIST: readonly (readonly [string, readonly Case[]])[] = [
  ...PAIRS.map((name): [string, Case[]] => [`:${name}`, [[[A, B]]]]),
  [':Div', [[[A, i32([2, 5, 4, -1, 3, 2], [2, 3])]]]],
  ...COMPARISONS.map((name): [string, Case[]] => [`:${name}`, [[[A, B]], [[X, Y]], [[X, f32([2])]]]]),
  ...MOVES.map(([name, constants, attrs]): [string, Case[]] => [
    name,
    KINDS.map((own): Case => [[own], attrs ?? {}, constants]),
  ]),
  ...NUMBER_MOVES.map(([name, constants, attrs]): [string, Case[]] => [name, [[[A], attrs ?? {}, constants]]]),
  [':And', [[[TRUE, EITHER]]]],
  [':Not', [[[TRUE]]]],
  [':Or', [[[TRUE, EITHER]]]],
  [':Xor', [[[TRUE, EITHER]]]],
  [':Cast', [1, 6, 7, 9].flatMap((to): Case[] => [A, TRUE, X].map((own): Case => [[own], { to }]))],
  [':Clip', [[[A], {}, [i32([0], []), i32([5], [])]]]],
  [':Concat', [[[A, B], { axis: 0 }]]],
  [':Where', [[[TRUE, A, B]]]],
  [
    ':ScatterND',
    [
      [[A], {}, [ints([1], [1, 1]), i32([1, 2, 3], [1, 3])]],
      [[X], { reduction: 'add' }, [ints([1, 1], [2, 1]), Y]],
    ],
  ],
  [':ScatterElements', [[[A], { axis: 1 }, [ints([1, 0], [2, 1]), i32([8, 9], [2, 1])]]]],
  ...['ArgMax', 'ArgMin'].map((name): [string, Case[]] => [
    `:${name}`,
    [
      [[X], { axis: 1, keepdims: 0 }],
      [[f32([1, 3, 3, 1])], { axis: 0 }],
      [[f32([1, 3, 3, 1])], { axis: 0, select_last_index: 1 }],
    ],
  ]),
  [
    ':TopK',
    [
      [[f32([1, 3, 3, 2])], {}, [ints([3])]],
      [[f32([1, 3, 3, 2])], { largest: 0 }, [ints([3])]],
    ],
  ],
  ...SATURATING.map((name): [string, Case[]] => [`:${name}`, [[[LARGE]]]]),
  [':Softmax', [[[f32([-1e30, -1e30, 0, 0, 1, -1e30], [2, 3])]]]],
  [':Resize', resizes()],
  [
    ':MaxPool',
    [
      [[IMAGE], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }],
      [[IMAGE], { kernel_shape: [2, 2], dilations: [2, 2] }],
      [[IMAGE], { kernel_shape: [2, 2], strides: [2, 2] }, [], 2],
    ],
  ],
  [
    ':AveragePool',
    [
      [[IMAGE], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }],
      [[IMAGE], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }],
      [[IMAGE], { kernel_shape: [2, 2], dilations: [2, 2] }],
    ],
  ],
  [
    ':ConvTranspose',
    [2, 3].flatMap((group): Case[] =>
      [1, 2, 4].map((width): Case => [[within([1, width * group, 3, 3]), within([width * group, 1, 2, 2])], { group }]),
    ),
  ],
  [
    ':Slice',
    [
      [[within([8])], {}, [ints([1]), ints([8]), ints([0]), ints([3])]],
      [[within([2, 4])], {}, [ints([3, 9]), ints([-10, -10]), ints([1, 0]), ints([-2, -1])]],
      [[A], {}, [ints([1]), ints([3]), ints([1])]],
    ],
  ],
]

/** Cases by `domain:name`. */
export const MORE_CASES: Cases = merged(LIST)

function merged(list: readonly (readonly [string, readonly Case[]])[]): Cases {
  const all: Record<string, Cases[string][number][]> = {}
  for (const [name, own] of list) all[name] = [...(all[name] ?? []), ...cases(name, ...own)[1]]
  return all
}
