/** Operators that place elements by settings alone, as simpler ones. */
import type { Graph, Node, Value } from '../../ir/graph.ts'
import { intAttr, intsAttr } from '../../ir/ops/context.ts'
import { windowsOf } from '../../ir/ops/windows.ts'
import { axisOf, sizeOf } from '../../shape.ts'
import { constantInput } from '../attrs.ts'
import { Build } from '../build.ts'
import type { Decompositions } from './table.ts'
import { tapsOf } from './window.ts'

/** What is too long loses as much on both sides, what is too short gets zeros; the odd one is at the end. */
function centerCropPad(node: Node, graph: Graph): Value[] {
  const b = new Build(graph)
  const x = node.inputs[0] as Value
  const lengths = constantInput(node, 1) ?? []
  const axes = intsAttr(node, 'axes') ?? [...x.shape.keys()]
  let own = x
  for (const [i, given] of axes.entries()) {
    const axis = axisOf(given, x.shape.length, node.op)
    const more = lengths[i] - x.shape[axis]
    const before = Math.floor(Math.abs(more) / 2)
    own = more > 0 ? b.padAxis(own, axis, before, more - before) : own
    if (more < 0) own = b.slice(own, [before], [before + lengths[i]], [axis])
  }
  return [own]
}

/** Blocks are put where they belong and added up: a transposed convolution whose kernels have a single one. */
function col2Im(node: Node, graph: Graph): Value[] {
  const b = new Build(graph)
  const x = node.inputs[0] as Value
  const [image, kernel] = [constantInput(node, 1) ?? [], constantInput(node, 2) ?? []]
  const { strides, dilations, before, out } = windowsOf(node, image, kernel)
  const taps = sizeOf(kernel)
  const [n, rows] = x.shape
  const channels = rows / taps
  const identity = Float64Array.from({ length: taps * taps }, (_, i) => (i % (taps + 1) === 0 ? 1 : 0))
  const one = b.floats(identity, [1, taps, ...kernel], x.dtype)
  const weights = b.reshape(b.expand(one, [channels, taps, ...kernel]), [rows, 1, ...kernel])
  const after = image.map(
    (length, i) => (out[i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - before[i] - length,
  )
  const attrs = {
    kernel_shape: [...kernel],
    strides: [...strides],
    dilations: [...dilations],
    group: channels,
    pads: [...before, ...after.map((pad) => Math.max(0, pad))],
    output_padding: after.map((pad) => Math.max(0, -pad)),
  }
  return [b.op('ConvTranspose', [b.reshape(x, [n, rows, ...out]), weights], attrs)]
}

/** Where onnxruntime puts the one element of an axis between corners that are aligned. */
const LONE = 1

/** The places of the grid are the same for all; what is done to them is a product. */
function affineGrid(node: Node, graph: Graph): Value[] {
  const b = new Build(graph)
  const theta = node.inputs[0] as Value
  const [n, , ...wide] = constantInput(node, 1) ?? []
  const isAligned = intAttr(node, 'align_corners', 0) === 1
  const rank = wide.length
  const along = wide.map((length) =>
    Array.from({ length }, (_, i) =>
      isAligned ? (length === 1 ? LONE : (2 * i) / (length - 1) - 1) : (2 * i + 1) / length - 1,
    ),
  )
  // The last axis is the first coordinate; a one is added to each place.
  const places = tapsOf(wide).flatMap((tap) => [...tap.map((t, axis) => along[axis][t]).reverse(), 1])
  const base = b.floats(Float64Array.from(places), [1, sizeOf(wide), rank + 1], theta.dtype)
  return [b.reshape(b.matmul(base, theta, { tb: true }), [n, ...wide, rank])]
}

/** The root of order p of the sum of powers, in windows or over all places. */
function lpPool(node: Node, graph: Graph): Value[] {
  const b = new Build(graph)
  const x = node.inputs[0] as Value
  const p = intAttr(node, 'p', 2)
  const [n, c, ...wide] = x.shape
  const size = b.op('Abs', [x])
  const powers = p === 2 ? b.square(x) : p === 1 ? size : b.op('Pow', [size, b.number(p, x.dtype)])
  const root = (sum: Value): Value =>
    p === 2 ? b.op('Sqrt', [sum]) : p === 1 ? sum : b.op('Pow', [sum, b.number(1 / p, x.dtype)])
  if (node.op === 'GlobalLpPool')
    return [
      root(
        b.sum(
          powers,
          [...wide.keys()].map((axis) => axis + 2),
        ),
      ),
    ]
  const { kernel, strides, dilations, before, out } = windowsOf(node, wide, intsAttr(node, 'kernel_shape') ?? [])
  const after = wide.map(
    (length, i) => (out[i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - before[i] - length,
  )
  const attrs = {
    kernel_shape: [...kernel],
    strides: [...strides],
    dilations: [...dilations],
    pads: [...before, ...after.map((pad) => Math.max(0, pad))],
  }
  const sums = b.op('Conv', [b.reshape(powers, [n * c, 1, ...wide]), b.fill(1, [1, 1, ...kernel], x.dtype)], attrs)
  return [root(b.reshape(sums, [n, c, ...out]))]
}

export const CROP_DECOMPOSITIONS: Decompositions = {
  ':CenterCropPad': centerCropPad,
  ':Col2Im': col2Im,
  ':AffineGrid': affineGrid,
  ':LpPool': lpPool,
  ':GlobalLpPool': lpPool,
}
