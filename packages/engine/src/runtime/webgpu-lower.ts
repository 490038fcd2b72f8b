/** Operators that WebGPU lacks, by those that it has. */

import { Build } from '../autodiff/build.ts'
import { DECOMPOSITIONS } from '../autodiff/rules/index.ts'
import type { Graph, Node, Subgraph, Value } from '../ir/graph.ts'
import { floatAttr, intAttr } from '../ir/ops/context.ts'
import { copyNode, rebuild } from '../ir/passes/rebuild.ts'
import { lackOfForm } from './webgpu-table.ts'

/** What stands for a node: its outputs from its inputs. */
type Lowering = (b: Build, node: Node, inputs: readonly Value[]) => readonly Value[] | undefined

/** Most groups of a convolution that become convolutions of their own. */
const MAX_GROUPS = 64

/** Times that lowered operators are looked at again. */
const ROUNDS = 4

const LOWERINGS: Readonly<Record<string, Lowering>> = {
  'com.microsoft:FusedMatMul': (b, node, [x, y]) => {
    if (intAttr(node, 'transBatchA', 0) !== 0 || intAttr(node, 'transBatchB', 0) !== 0) return undefined
    const turned = (value: Value, name: string): Value => (intAttr(node, name, 0) === 0 ? value : b.swapLast(value))
    return [b.mul(b.op('MatMul', [turned(x, 'transA'), turned(y, 'transB')]), floatAttr(node, 'alpha', 1))]
  },
  ':LogSoftmax': (b, node, [x]) => {
    const axis = intAttr(node, 'axis', -1)
    const centred = b.sub(x, b.reduce('ReduceMax', x, [axis], true))
    return [b.sub(centred, b.op('Log', [b.sum(b.op('Exp', [centred]), [axis])]))]
  },
  // That of WebGPU does not take the largest out, and overflows.
  ':ReduceLogSumExp': (b, node, [x, axes]) => {
    if (x.dtype !== 'f32') return undefined
    const along = axes === undefined ? [] : [axes]
    const isKept = intAttr(node, 'keepdims', 1)
    if (intAttr(node, 'noop_with_empty_axes', 0) !== 0 && (axes === undefined || axes.size === 0)) return [x]
    const most = b.op('ReduceMax', [x, ...along], { keepdims: 1 })
    const sum = b.op('ReduceSum', [b.op('Exp', [b.sub(x, most)]), ...along], { keepdims: isKept })
    return [b.add(b.op('Log', [sum]), isKept === 1 ? most : b.reshape(most, sum.shape))]
  },
  ':Sum': (b, _node, inputs) => [inputs.reduce((sum, value) => b.add(sum, value))],
  ':Mean': (b, _node, inputs) => [
    b.mul(
      inputs.reduce((sum, value) => b.add(sum, value)),
      1 / inputs.length,
    ),
  ],
  ':Sign': (b, _node, [x]) => [b.sub(b.mask('Greater', x, 0, x.dtype), b.mask('Less', x, 0, x.dtype))],
  ':Softsign': (b, _node, [x]) => [b.div(x, b.add(b.op('Abs', [x]), 1))],
  ':Selu': (b, node, [x]) => [
    b.mul(b.op('Elu', [x], { alpha: floatAttr(node, 'alpha', 1.6732632) }), floatAttr(node, 'gamma', 1.050701)),
  ],
  ':Celu': (b, node, [x]) => {
    const alpha = floatAttr(node, 'alpha', 1)
    return [b.mul(b.op('Elu', [b.mul(x, 1 / alpha)], { alpha: 1 }), alpha)]
  },
  ':Or': (b, _node, [x, y]) => [not(b, b.op('And', [not(b, x), not(b, y)]))],
  ':Xor': (b, _node, [x, y]) => [
    not(b, b.op('And', [not(b, b.op('And', [x, not(b, y)])), not(b, b.op('And', [not(b, x), y]))])),
  ],
  ':Dropout': (_b, node, [x, , training]) =>
    node.outputs.length === 1 && (training === undefined || training.data?.data[0] === 0) ? [x] : undefined,
  ':SpaceToDepth': (b, node, [x]) => {
    const [rows, channels, height, width] = x.shape as [number, number, number, number]
    const size = intAttr(node, 'blocksize', 1)
    const parts = b.reshape(x, [rows, channels, height / size, size, width / size, size])
    return [b.reshape(b.transpose(parts, [0, 3, 5, 1, 2, 4]), node.outputs[0]?.shape ?? [])]
  },
  ':ConvTranspose': groupByGroup,
  ':Slice': (b, _node, inputs) => sliceByPlaces(b, inputs),
}

function not(b: Build, x: Value): Value {
  return b.op('Not', [x])
}

/** A transposed convolution of each group of channels for itself. */
function groupByGroup(b: Build, node: Node, [x, w, bias]: readonly Value[]): readonly Value[] | undefined {
  const groups = intAttr(node, 'group', 1)
  if (groups < 2 || groups > MAX_GROUPS || x.shape.length > 4) return undefined
  const parts = (value: Value, axis: number): readonly Value[] =>
    b.graph.emit('Split', [value], { axis, num_outputs: groups }, { outputs: groups })
  const [xs, ws] = [parts(x, 1), parts(w, 0)]
  const biases = bias === undefined ? [] : parts(bias, 0)
  const own = xs.map((part, i) => {
    const inputs = bias === undefined ? [part, ws[i]] : [part, ws[i], biases[i]]
    return b.op('ConvTranspose', inputs, { ...node.attrs, group: 1 })
  })
  return [b.concat(own, 1)]
}

/** A slice as the places that it takes along each axis. */
function sliceByPlaces(b: Build, [x, ...rest]: readonly Value[]): readonly Value[] | undefined {
  const given = rest.map((value) => value?.data && Array.from(value.data.data as BigInt64Array, Number))
  const [starts, ends, axes = starts?.map((_, i) => i), steps = starts?.map(() => 1)] = given
  if (starts === undefined || ends === undefined || axes === undefined || steps === undefined) return undefined
  let y = x
  for (const [i, start] of starts.entries()) {
    const axis = ((axes[i] as number) + x.shape.length) % x.shape.length
    const length = x.shape[axis] as number
    const places = placesOf(length, start, ends[i] as number, steps[i] as number)
    if (length < 0 || places.length === 0) return undefined
    y = b.op('Gather', [y, b.indices(places, [places.length])], { axis })
  }
  return [y]
}

/** The places that a slice takes, as ONNX says: bounds below zero count from the end, and are then kept within the axis. */
function placesOf(length: number, start: number, end: number, step: number): number[] {
  const within = (at: number, low: number, high: number): number =>
    Math.min(Math.max(at < 0 ? at + length : at, low), high)
  const places: number[] = []
  if (step > 0) {
    const last = within(end, 0, length)
    for (let at = within(start, 0, length); at < last; at += step) places.push(at)
  } else {
    const last = within(end, -1, length - 1)
    for (let at = within(start, 0, length - 1); at > last; at += step) places.push(at)
  }
  return places
}

/** Put operators that WebGPU has in place of those that it lacks, as far as that is known. */
export function lowerForWebgpu(program: Subgraph): Subgraph {
  let lowered = program
  for (let round = 0; round < ROUNDS; round++) {
    let count = 0
    lowered = rebuild(lowered, {
      node: (node, inputs, graph) => {
        if (lackOfForm(node) === undefined) return undefined
        const made = lowerNode(node, inputs, graph)
        if (made !== undefined) count++
        return made
      },
    })
    if (count === 0) return lowered
  }
  return lowered
}

function lowerNode(node: Node, inputs: readonly (Value | undefined)[], graph: Graph): readonly Value[] | undefined {
  const key = `${node.domain}:${node.op}`
  const own = LOWERINGS[key]
  // Lowerings read inputs that are left out as undefined.
  if (own !== undefined) return own(new Build(graph), node, inputs as readonly Value[])
  const simpler = DECOMPOSITIONS[key] ?? node.def?.decompose
  if (simpler === undefined) return undefined
  const copy = copyNode(node, inputs, graph)[0]?.node
  return copy && simpler(copy, graph)
}
