/** Cases of recurrent layers, attention, and products with quantised weights. */
import { Random } from '@pith/core'
import type { GradientCase } from '../../src/autodiff/check.ts'
import { type Attrs, Graph, type Value } from '../../src/ir/graph.ts'
import { Tensor } from '../../src/tensor.ts'
import { type Cases, cases, ints, within } from './inputs.ts'

/** Inputs of a layer with biases: [steps, batch, width] and weights for `gates` gates in some directions. */
function layer(gates: number, directions: number, [steps, batch, width, hidden]: readonly number[]): Tensor[] {
  return [
    within([steps, batch, width]),
    within([directions, gates * hidden, width]),
    within([directions, gates * hidden, hidden], -0.9, 0.8),
    within([directions, 2 * gates * hidden], -0.5, 0.5),
  ]
}

const NONE: readonly undefined[] = [undefined]

function i32(values: number[], shape: number[] = [values.length]): Tensor {
  return new Tensor(Int32Array.from(values), shape)
}

/** Weights of four bits for MatMulNBits, with a scale for each block of 16. */
function packed(rows: number, width: number): Tensor[] {
  const blocks = Math.ceil(width / 16)
  const random = new Random(5)
  const bytes = Uint8Array.from({ length: rows * blocks * 8 }, () => random.integer(256))
  return [new Tensor(bytes, [rows, blocks, 8]), within([rows * blocks], 0.05, 0.2)]
}

const cos = within([8, 2], 0.4, 0.9)
const sin = within([8, 2], -0.6, 0.3)

/** h' = tanh(h w + x), with w from around the body; gives h' h' at each step. */
function scan(name: string, attrs: Attrs, isReading: boolean): GradientCase['f'] {
  return (h, x, w) => {
    const body = new Graph(h.graph)
    const [state, step] = [body.input('h', 'f32', h.shape), body.input('x', 'f32', h.shape)]
    const inner = body.emit('MatMul', [state, isReading ? w : body.constant(within([2, 2]))])[0]
    const next = body.emit('Tanh', [body.emit('Add', [inner, step])[0]])[0]
    const square = body.emit('Mul', [next, next])[0]
    const outputs = [body.emit('Identity', [next], {}, { unique: true })[0], square]
    const results = h.graph.emit(
      'Scan',
      [h, x],
      { num_scan_inputs: 1, ...attrs },
      { bodies: { body: { graph: body, outputs } } },
    )
    return name === 'last' ? [results[0]] : results
  }
}

const scans: GradientCase[] = [
  {
    name: 'scan of states and outputs',
    f: scan('all', {}, true),
    inputs: [within([1, 2]), within([4, 1, 2]), within([2, 2], -0.9, 0.8)],
  },
  { name: 'scan of the last state', f: scan('last', {}, false), inputs: [within([3, 2]), within([2, 3, 2])] },
  {
    name: 'scan backwards along other axes',
    f: scan(
      'all',
      { scan_input_directions: [1], scan_output_directions: [1], scan_input_axes: [1], scan_output_axes: [2] },
      true,
    ),
    inputs: [within([2, 2]), within([2, 3, 2]), within([2, 2], -0.9, 0.8)],
  },
  {
    name: 'scan forwards, stacked backwards',
    f: scan('all', { scan_output_directions: [1] }, true),
    inputs: [within([1, 2]), within([5, 1, 2]), within([2, 2], -0.9, 0.8)],
  },
]

/** A scan of two steps within each step of another: h' = tanh(h w + x), s' = s + tanh of it. */
const nested: GradientCase = {
  name: 'scan within a scan',
  f: (h, x, w) => {
    const kept = (graph: Graph, value: Value): Value => graph.emit('Identity', [value], {}, { unique: true })[0]
    const outer = new Graph(h.graph)
    const [state, rows] = [outer.input('h', 'f32', h.shape), outer.input('x', 'f32', x.shape.slice(1))]
    const inner = new Graph(outer)
    const [own, row] = [inner.input('h', 'f32', h.shape), inner.input('x', 'f32', x.shape.slice(2))]
    const sum = inner.emit('Add', [inner.emit('MatMul', [own, w])[0], inner.emit('Mul', [row, state])[0]])[0]
    const next = inner.emit('Tanh', [sum])[0]
    const body = { graph: inner, outputs: [kept(inner, next)] }
    const made = outer.emit('Scan', [state, rows], { num_scan_inputs: 1 }, { bodies: { body } })[0]
    const bodies = { body: { graph: outer, outputs: [kept(outer, made), kept(outer, made)] } }
    return h.graph.emit('Scan', [h, x], { num_scan_inputs: 1 }, { bodies })
  },
  inputs: [within([2, 2]), within([3, 2, 2, 2]), within([2, 2], -0.9, 0.8)],
}

/** h' = tanh(h w) times one more than the number of the step, some times; gives all of them as well. */
function loop(steps: number, isReading: boolean, wholes: number): GradientCase['f'] {
  return (h, w) => {
    const { graph } = h
    const body = new Graph(graph)
    const [step, going] = [body.input('i', 'i64', []), body.input('going', 'bool', [])]
    const state = body.input('h', 'f32', h.shape)
    const kept = (value: Value): Value => body.emit('Identity', [value], {}, { unique: true })[0]
    const matrix = isReading ? w : body.constant(within([2, 2]))
    const turned = body.emit('Tanh', body.emit('MatMul', [state, matrix]))[0]
    const factor = body.emit('Cast', body.emit('Add', [step, body.scalar(1, 'i64')]), { to: 1 })[0]
    const next = body.emit('Mul', [turned, factor])[0]
    const outputs = [kept(going), kept(next), kept(body.emit('Mul', [next, next])[0])]
    const count = graph.scalar(steps, 'i64')
    const results = graph.emit('Loop', [count, undefined, h], {}, { bodies: { body: { graph: body, outputs } } })
    return results.slice(0, wholes)
  }
}

const loops: GradientCase[] = [
  { name: 'loop with a matrix from around it', f: loop(3, true, 2), inputs: [within([3, 2]), within([2, 2])] },
  { name: 'loop once', f: loop(1, true, 2), inputs: [within([1, 2]), within([2, 2], -0.9, 0.8)] },
  { name: 'loop for its last state', f: loop(4, false, 1), inputs: [within([2, 2])] },
]

/** tanh(x) w, or x alone in the other branch. */
function branch(isThen: boolean): GradientCase['f'] {
  return (x, w) => {
    const { graph } = x
    const body = (build: (inner: Graph) => Value): { graph: Graph; outputs: Value[] } => {
      const inner = new Graph(graph)
      return { graph: inner, outputs: [inner.emit('Identity', [build(inner)], {}, { unique: true })[0]] }
    }
    const then_branch = body((inner) => inner.emit('Mul', [inner.emit('Tanh', [x])[0], w])[0])
    const else_branch = body((inner) => inner.emit('Mul', [x, x])[0])
    // A condition that is known only when it runs.
    const zero = graph.emit('Mul', [graph.emit('ReduceSum', [x], { keepdims: 0 })[0], graph.scalar(0)])[0]
    const test = graph.emit(isThen ? 'Equal' : 'Less', [zero, graph.scalar(0)])[0]
    return graph.emit('If', [test], {}, { bodies: { then_branch, else_branch } })
  }
}

const branches: GradientCase[] = [
  { name: 'the branch of true', f: branch(true), inputs: [within([2, 3]), within([3])] },
  { name: 'the branch of false', f: branch(false), inputs: [within([2, 3]), within([3])] },
  { name: 'the branch of true, one element', f: branch(true), inputs: [within([1]), within([1], 0.2, 0.9)] },
]

export const SEQUENCE_CASES: Cases = Object.fromEntries([
  [':Scan', [...scans, nested]],
  [':Loop', loops],
  [':If', branches],
  cases(
    ':LSTM',
    [layer(4, 1, [3, 2, 4, 3]), { hidden_size: 3 }, [], 3],
    [
      [...layer(4, 2, [4, 1, 2, 2])],
      { hidden_size: 2, direction: 'bidirectional' },
      [...NONE, within([2, 1, 2]), within([2, 1, 2])],
      3,
    ],
    [layer(4, 1, [2, 3, 2, 1]).slice(0, 3), { hidden_size: 1, direction: 'reverse' }, [], 1],
    [layer(4, 1, [1, 2, 2, 2]), { hidden_size: 2 }, [], 2],
  ),
  cases(
    ':GRU',
    [layer(3, 1, [3, 2, 4, 3]), { hidden_size: 3, linear_before_reset: 1 }, [], 2],
    [layer(3, 2, [4, 1, 2, 2]), { hidden_size: 2, direction: 'bidirectional' }, [...NONE, within([2, 1, 2])], 2],
    [layer(3, 1, [2, 3, 2, 1]).slice(0, 3), { hidden_size: 1, direction: 'reverse' }, [], 2],
  ),
  cases(
    ':RNN',
    [layer(1, 1, [3, 2, 4, 3]), { hidden_size: 3 }, [], 2],
    [layer(1, 2, [4, 1, 2, 2]), { hidden_size: 2, direction: 'bidirectional' }, [], 2],
    [layer(1, 1, [2, 3, 2, 1]).slice(0, 3), { hidden_size: 1, direction: 'reverse' }, [], 1],
  ),
  cases(
    ':Attention',
    [[within([1, 2, 3, 4]), within([1, 2, 3, 4], -1.1, 1), within([1, 2, 3, 4], -1, 1.2)]],
    [[within([2, 2, 3, 2]), within([2, 1, 5, 2]), within([2, 1, 5, 3])], { scale: 0.7 }],
    [[within([1, 2, 4, 2]), within([1, 2, 4, 2], -1.1, 1), within([1, 2, 4, 2], -1, 1.2)], { is_causal: 1 }],
  ),
  cases(
    'com.microsoft:MultiHeadAttention',
    [[within([1, 3, 4]), within([1, 3, 4], -1.1, 1), within([1, 3, 4], -1, 1.2)], { num_heads: 2 }],
    [[within([2, 2, 6]), within([2, 5, 6]), within([2, 5, 6], -1, 1.2)], { num_heads: 3 }],
    [[within([1, 4, 2]), within([1, 4, 2], -1.1, 1), within([1, 4, 2], -1, 1.2)], { num_heads: 1, scale: 0.3 }],
  ),
  cases(
    'com.microsoft:Attention',
    [[within([1, 3, 4]), within([4, 12]), within([12])], { num_heads: 2 }],
    [[within([2, 2, 3]), within([3, 6]), within([6])], { num_heads: 1, unidirectional: 1 }],
    [[within([1, 4, 4]), within([4, 12]), within([12])], { num_heads: 4, scale: 0.3 }],
  ),
  cases(
    'com.microsoft:GroupQueryAttention',
    ...[
      [1, 3, 2],
      [1, 4, 1],
      [2, 2, 2],
    ].map(([batch, steps, kv]): [Tensor[], Record<string, number>, (Tensor | undefined)[], number] => [
      [within([batch, steps, 16]), within([batch, steps, kv * 8], -1.1, 1), within([batch, steps, kv * 8], -1, 1.2)],
      { num_heads: 2, kv_num_heads: kv },
      [undefined, undefined, i32(Array(batch).fill(steps - 1), [batch]), i32([steps], [])],
      1,
    ]),
  ),
  cases(
    ':RotaryEmbedding',
    [[within([1, 2, 3, 4])], {}, [cos, sin, ints([0, 1, 2], [1, 3])]],
    [[within([2, 1, 2, 4])], { interleaved: 1 }, [cos, sin, ints([3, 1, 0, 7], [2, 2])]],
    [[within([1, 2, 8])], { num_heads: 2 }, [cos, sin, ints([5, 6], [1, 2])]],
  ),
  cases(
    'com.microsoft:RotaryEmbedding',
    [[within([1, 2, 3, 4])], {}, [ints([0, 1, 2], [1, 3]), cos, sin]],
    [[within([2, 1, 2, 4])], { interleaved: 1 }, [ints([3, 1, 0, 7], [2, 2]), cos, sin]],
    [[within([1, 3, 4])], {}, [ints([2], [1]), cos, sin]],
  ),
  cases(
    'com.microsoft:MatMulNBits',
    [[within([3, 16])], { K: 16, N: 4, bits: 4, block_size: 16 }, packed(4, 16)],
    [[within([2, 2, 32])], { K: 32, N: 3, bits: 4, block_size: 16 }, packed(3, 32)],
    [[within([1, 48])], { K: 48, N: 2, bits: 4, block_size: 16 }, packed(2, 48)],
  ),
  cases(
    'com.microsoft:DequantizeLinear',
    [[new Tensor(Int8Array.of(1, -3, 5, 7), [2, 2]), within([])], {}, [new Tensor(Int8Array.of(1), [])]],
    [
      [new Tensor(Uint8Array.of(1, 3, 5, 7, 2, 4), [2, 3]), within([3])],
      { axis: 1 },
      [new Tensor(Uint8Array.of(1, 0, 9), [3])],
    ],
    [
      [new Tensor(Uint8Array.of(1, 3, 5, 7), [2, 1, 2]), within([2])],
      { axis: 0 },
      [new Tensor(Uint8Array.of(4, 2), [2])],
    ],
  ),
])
