/** Attention and rotary positions by products, softmax and slices; for gradients, and for targets without the fused forms. */
import { Tensor } from '../../tensor.ts'
import type { Graph, Node, Value } from '../graph.ts'
import { floatAttr, intAttr, isKnown, needInt, refuse, refuseForm } from './context.ts'

const op = (graph: Graph, name: string, inputs: Value[], attrs: Record<string, number | number[]> = {}): Value =>
  graph.emit(name, inputs, attrs)[0] as Value

/** The number as a constant that suits a value. */
function like(graph: Graph, value: Value, number: number): Value {
  if (value.dtype === 'f64') return graph.constant(Tensor.scalar(number, 'f64'))
  const scalar = graph.scalar(number)
  return value.dtype === 'f32' ? scalar : op(graph, 'CastLike', [scalar, value])
}

function needKnown(node: Node, values: readonly (Value | undefined)[]): void {
  if (values.some((value) => value !== undefined && !isKnown(value.shape))) {
    refuse(node, 'needs known lengths to be written by simpler operators')
  }
}

const reshape = (graph: Graph, x: Value, shape: readonly number[]): Value =>
  op(graph, 'Reshape', [x, graph.ints(shape)])

/** [batch, steps, heads · width] as [batch, heads, steps, width]. */
function splitHeads(graph: Graph, x: Value, heads: number): Value {
  if (x.shape.length === 4) return x
  const [batch, steps, width] = x.shape as [number, number, number]
  return op(graph, 'Transpose', [reshape(graph, x, [batch, steps, heads, width / heads])], { perm: [0, 2, 1, 3] })
}

function joinHeads(graph: Graph, x: Value): Value {
  const [batch, heads, steps, width] = x.shape as [number, number, number, number]
  return reshape(graph, op(graph, 'Transpose', [x], { perm: [0, 2, 1, 3] }), [batch, steps, heads * width])
}

/** Heads of keys that several heads of queries share, one copy for each. */
function shareHeads(graph: Graph, x: Value, heads: number): Value {
  const [batch, own, steps, width] = x.shape as [number, number, number, number]
  if (own === heads) return x
  const wide = [batch, own, heads / own, steps, width]
  const copies = op(graph, 'Expand', [reshape(graph, x, [batch, own, 1, steps, width]), graph.ints(wide)])
  return reshape(graph, copies, [batch, heads, steps, width])
}

interface Scores {
  readonly scale: number
  readonly isCausal: boolean
  /** Bound that a tanh keeps scores within; 0 for none. */
  readonly cap: number
  /** What is added to the scores. */
  readonly bias?: Value
  /** Mask in which 0 leaves a key out. */
  readonly mask?: Value
}

/** What is added to the scores of keys that are left out. */
const OUT = -1e30

/** Attention over [batch, heads, steps, width]. */
function attend(graph: Graph, q: Value, k: Value, v: Value, { scale, isCausal, cap, bias, mask }: Scores): Value {
  const heads = q.shape[1] as number
  const [keys, values] = [shareHeads(graph, k, heads), shareHeads(graph, v, heads)]
  const turned = op(graph, 'Transpose', [keys], { perm: [0, 1, 3, 2] })
  let scores = op(graph, 'MatMul', [op(graph, 'Mul', [q, like(graph, q, scale)]), turned])
  if (cap > 0) {
    const bound = like(graph, q, cap)
    scores = op(graph, 'Mul', [op(graph, 'Tanh', [op(graph, 'Div', [scores, bound])]), bound])
  }
  if (bias !== undefined) scores = op(graph, 'Add', [scores, bias])
  const out = like(graph, q, OUT)
  if (mask !== undefined) scores = op(graph, 'Where', [mask, scores, out])
  if (isCausal) {
    const [rows, columns] = scores.shape.slice(-2) as [number, number]
    const cells = Float32Array.from({ length: rows * columns }, (_, i) =>
      i % columns > Math.floor(i / columns) ? OUT : 0,
    )
    const triangle = graph.constant(new Tensor(cells, [rows, columns]))
    scores = op(graph, 'Add', [scores, q.dtype === 'f32' ? triangle : op(graph, 'CastLike', [triangle, q])])
  }
  return op(graph, 'MatMul', [op(graph, 'Softmax', [scores], { axis: -1 }), values])
}

export function decomposeAttention(node: Node, graph: Graph): readonly Value[] {
  const [q, k, v, mask, past] = node.inputs as [Value, Value, Value, Value | undefined, Value | undefined]
  if (past !== undefined || node.outputs.length > 1) refuseForm(node, 'only without a cache and with one output')
  needKnown(node, [q, k, v])
  const isFlat = q.shape.length === 3
  const queries = splitHeads(graph, q, isFlat ? needInt(node, 'q_num_heads') : 0)
  const [keys, values] = [k, v].map((x) => splitHeads(graph, x, isFlat ? needInt(node, 'kv_num_heads') : 0)) as [
    Value,
    Value,
  ]
  const y = attend(graph, queries, keys, values, {
    scale: floatAttr(node, 'scale', 1 / Math.sqrt(queries.shape[3] as number)),
    isCausal: intAttr(node, 'is_causal', 0) === 1,
    cap: floatAttr(node, 'softcap', 0),
    ...(mask === undefined ? {} : mask.dtype === 'bool' ? { mask } : { bias: mask }),
  })
  return [isFlat ? joinHeads(graph, y) : y]
}

export function decomposeMultiHead(node: Node, graph: Graph): readonly Value[] {
  const [q, k, v, bias, padding, added, past] = node.inputs as [Value, ...(Value | undefined)[]]
  if (k?.shape.length !== 3 || v === undefined || past !== undefined || node.outputs.length > 1) {
    refuseForm(node, 'only with queries, keys and values apart, without a cache and with one output')
  }
  needKnown(node, [q, k, v])
  const heads = needInt(node, 'num_heads')
  const widths = [q, k, v].map((x) => x.shape[2] as number)
  const parts = bias === undefined ? [] : graph.emit('Split', [bias, graph.ints(widths)], { axis: 0 }, { outputs: 3 })
  const [queries, keys, values] = [q, k, v].map((x, i) => {
    const part = parts[i]
    return splitHeads(graph, part === undefined ? x : op(graph, 'Add', [x, part]), heads)
  }) as [Value, Value, Value]
  const y = attend(graph, queries, keys, values, {
    scale: floatAttr(node, 'scale', 0) || 1 / Math.sqrt((widths[0] as number) / heads),
    isCausal: intAttr(node, 'unidirectional', 0) === 1,
    cap: 0,
    ...(added === undefined ? {} : { bias: added }),
    ...(padding === undefined ? {} : { mask: keysMask(node, graph, padding, k) }),
  })
  return [joinHeads(graph, y)]
}

/** A mask [batch, keys] of integers as bools that broadcast over heads and queries. */
function keysMask(node: Node, graph: Graph, padding: Value, k: Value): Value {
  if (padding.shape.length !== 2) refuseForm(node, 'only a padding mask of [batch, keys] becomes simpler operators')
  return reshape(graph, op(graph, 'Cast', [padding], { to: 9 }), [k.shape[0] as number, 1, 1, k.shape[1] as number])
}

/** Turn pairs of the first elements of each head by angles whose cosines and sines are given, [1 or batch, 1, steps, half]. */
function rotate(graph: Graph, x: Value, cos: Value, sin: Value, isInterleaved: boolean): Value {
  const [batch, heads, steps, width] = x.shape as [number, number, number, number]
  const half = cos.shape[3] as number
  const lengths = [half, half, ...(width > 2 * half ? [width - 2 * half] : [])]
  if (!isInterleaved) {
    const parts = graph.emit('Split', [x, graph.ints(lengths)], { axis: 3 }, { outputs: lengths.length })
    const [a, b, ...rest] = parts as [Value, Value]
    return op(graph, 'Concat', [...turn(graph, a, b, cos, sin), ...rest], { axis: 3 })
  }
  const [own, ...rest] =
    width > 2 * half
      ? graph.emit('Split', [x, graph.ints([2 * half, width - 2 * half])], { axis: 3 }, { outputs: 2 })
      : [x]
  const pairs = reshape(graph, own as Value, [batch, heads, steps, half, 2])
  const [a, b] = graph
    .emit('Split', [pairs, graph.ints([1, 1])], { axis: 4 }, { outputs: 2 })
    .map((value) => reshape(graph, value, [batch, heads, steps, half])) as [Value, Value]
  const turned = turn(graph, a, b, cos, sin).map((value) => reshape(graph, value, [batch, heads, steps, half, 1]))
  const back = reshape(graph, op(graph, 'Concat', turned, { axis: 4 }), [batch, heads, steps, 2 * half])
  return rest.length === 0 ? back : op(graph, 'Concat', [back, ...rest], { axis: 3 })
}

function turn(graph: Graph, a: Value, b: Value, cos: Value, sin: Value): [Value, Value] {
  const product = (x: Value, y: Value): Value => op(graph, 'Mul', [x, y])
  return [op(graph, 'Sub', [product(a, cos), product(b, sin)]), op(graph, 'Add', [product(b, cos), product(a, sin)])]
}

export function decomposeRotary(node: Node, graph: Graph): readonly Value[] {
  const isMicrosoft = node.domain !== ''
  const x = node.inputs[0] as Value
  const [cos, sin, positions] = (isMicrosoft ? [2, 3, 1] : [1, 2, 3]).map((i) => node.inputs[i]) as [
    Value,
    Value,
    Value?,
  ]
  needKnown(node, [x, cos, sin, positions])
  const isFlat = x.shape.length === 3
  const flatHeads = intAttr(node, 'num_heads', 0) || (x.shape[2] as number) / ((cos.shape.at(-1) as number) * 2)
  const own = isFlat ? splitHeads(graph, x, flatHeads) : x
  const [batch, , steps] = own.shape as [number, number, number]
  const table = (all: Value): Value => {
    const half = all.shape.at(-1) as number
    if (positions === undefined) return reshape(graph, all, [batch, 1, steps, half])
    const places = positions.size === 1 && steps * batch > 1 ? offsets(graph, positions, steps) : positions
    const rows = op(graph, 'Gather', [all, places], { axis: 0 })
    return reshape(graph, rows, [places.size === steps ? 1 : batch, 1, steps, half])
  }
  const y = rotate(graph, own, table(cos), table(sin), intAttr(node, 'interleaved', 0) === 1)
  return [isFlat ? joinHeads(graph, y) : y]
}

/** A first position and those after it. */
function offsets(graph: Graph, first: Value, steps: number): Value {
  return op(graph, 'Add', [graph.ints(Array.from({ length: steps }, (_, i) => i)), reshape(graph, first, [1])])
}

export function decomposeGroupQuery(node: Node, graph: Graph): readonly Value[] {
  const [q, k, v, pastKey, , , , cos, sin] = node.inputs as [Value, ...(Value | undefined)[]]
  if (pastKey !== undefined && pastKey.shape[2] !== 0) refuseForm(node, 'only without a cache')
  if (intAttr(node, 'local_window_size', -1) !== -1) refuseForm(node, 'only without a window')
  const [heads, kvHeads] = [needInt(node, 'num_heads'), needInt(node, 'kv_num_heads')]
  needKnown(node, [q, k, v])
  const width = (q.shape[2] as number) / (k === undefined ? heads + 2 * kvHeads : heads)
  const lengths = [heads, kvHeads, kvHeads].map((count) => count * width)
  const flat = k === undefined ? graph.emit('Split', [q, graph.ints(lengths)], { axis: 2 }, { outputs: 3 }) : [q, k, v]
  let [queries, keys, values] = flat.map((x, i) => splitHeads(graph, x as Value, i === 0 ? heads : kvHeads)) as [
    Value,
    Value,
    Value,
  ]
  if (intAttr(node, 'do_rotary', 0) === 1) {
    if (cos === undefined || sin === undefined) refuseForm(node, 'the tables of cosines and sines are missing')
    const steps = queries.shape[2] as number
    const [c, s] = [cos, sin].map((table) => {
      const rows = op(graph, 'Slice', [table, graph.ints([0]), graph.ints([steps]), graph.ints([0])])
      return reshape(graph, rows, [1, 1, steps, table.shape[1] as number])
    }) as [Value, Value]
    const isInterleaved = intAttr(node, 'rotary_interleaved', 0) === 1
    queries = rotate(graph, queries, c, s, isInterleaved)
    keys = rotate(graph, keys, c, s, isInterleaved)
  }
  const y = attend(graph, queries, keys, values, {
    scale: floatAttr(node, 'scale', 0) || 1 / Math.sqrt(width),
    isCausal: true,
    cap: floatAttr(node, 'softcap', 0),
  })
  return [joinHeads(graph, y), keys, values].slice(0, node.outputs.length)
}
