/** RoiAlign as products: places fall between rows and columns, so each region is a matrix times the image times another. */
import type { Graph, Node, Value } from '../../ir/graph.ts'
import { floatAttr, intAttr, textAttr } from '../../ir/ops/context.ts'
import { noGradient } from '../attrs.ts'
import { Build } from '../build.ts'
import type { Decompositions } from './table.ts'

/** Of each region, what a row of results takes of each row of the image: float[regions, results, length]. */
function weights(b: Build, node: Node, low: Value, high: Value, results: number, length: number): Value {
  const isHalf = textAttr(node, 'coordinate_transformation_mode', 'half_pixel') === 'half_pixel'
  const [scale, samples] = [floatAttr(node, 'spatial_scale', 1), intAttr(node, 'sampling_ratio', 0)]
  const scaled = (x: Value): Value => b.sub(b.mul(x, scale), isHalf ? 0.5 : 0)
  const start = scaled(low)
  const whole = b.sub(scaled(high), start)
  // Without the half, a region has a side of one at least.
  const extent = isHalf ? whole : b.op('Max', [whole, b.number(1, low.dtype)])
  const regions = low.shape[0]
  const shares = Float64Array.from({ length: results * samples }, (_, i) => (i + 0.5) / (results * samples))
  const places = b.add(
    b.mul(b.reshape(extent, [regions, 1]), b.floats(shares, [1, results * samples], low.dtype)),
    b.reshape(start, [regions, 1]),
  )
  const isNear = b.mul(
    b.mask('GreaterOrEqual', places, -1, low.dtype),
    b.mask('LessOrEqual', places, length, low.dtype),
  )
  const within = b.op('Min', [b.op('Max', [places, b.number(0, low.dtype)]), b.number(length - 1, low.dtype)])
  const rows = b.floats(
    Float64Array.from({ length }, (_, i) => i),
    [1, 1, length],
    low.dtype,
  )
  const away = b.op('Abs', [b.sub(b.reshape(within, [regions, results * samples, 1]), rows)])
  const near = b.op('Relu', [b.from(1, away)])
  const each = b.mul(near, b.reshape(isNear, [regions, results * samples, 1]))
  return b.reduce('ReduceMean', b.reshape(each, [regions, results, samples, length]), [2], false)
}

function roiAlign(node: Node, graph: Graph): Value[] {
  const b = new Build(graph)
  const [x, regions, images] = node.inputs as readonly [Value, Value, Value]
  if (textAttr(node, 'mode', 'avg') !== 'avg') throw noGradient(node, 'only means are differentiated')
  if (intAttr(node, 'sampling_ratio', 0) < 1) {
    throw noGradient(node, 'how many places a result averages depends on its region', 'Set sampling_ratio.')
  }
  const [, channels, high, wide] = x.shape
  const [height, width] = [intAttr(node, 'output_height', 1), intAttr(node, 'output_width', 1)]
  const count = regions.shape[0]
  const side = (i: number): Value => b.reshape(b.slice(regions, [i], [i + 1], [1]), [count])
  const rows = weights(b, node, side(1), side(3), height, high)
  const columns = weights(b, node, side(0), side(2), width, wide)
  const own = b.op('Gather', [x, images], { axis: 0 })
  const down = b.op('MatMul', [b.reshape(rows, [count, 1, height, high]), own])
  const across = b.transpose(b.reshape(columns, [count, 1, width, wide]), [0, 1, 3, 2])
  return [b.reshape(b.op('MatMul', [down, across]), [count, channels, height, width])]
}

export const ROI_DECOMPOSITIONS: Decompositions = { ':RoiAlign': roiAlign }
