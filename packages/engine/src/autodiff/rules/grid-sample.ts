/** GridSample as simpler operators: each result is a sum of elements around a place, with weights that fall off linearly. */
import type { Graph, Node, Value } from '../../ir/graph.ts'
import { intAttr, textAttr } from '../../ir/ops/context.ts'
import { sizeOf, stridesOf } from '../../shape.ts'
import { noGradient } from '../attrs.ts'
import { Build } from '../build.ts'
import type { Decompositions } from './table.ts'
import { tapsOf } from './window.ts'

/** Where elements are taken along one axis, and how much of them. */
interface Taps {
  /** float[n, places], whole numbers within the axis; one for each tap. */
  readonly at: readonly Value[]
  readonly weights: readonly Value[]
}

function gridSample(node: Node, graph: Graph): Value[] {
  const b = new Build(graph)
  const [x, grid] = node.inputs as readonly [Value, Value]
  const [n, channels, ...wide] = x.shape
  const narrow = grid.shape.slice(1, -1)
  const places = sizeOf(narrow)
  const flat = b.reshape(grid, [n, places, wide.length])
  // The last coordinate of the grid is that of the first axis.
  const axes = wide.map((length, i) => {
    const last = wide.length - 1 - i
    const along = b.reshape(b.slice(flat, [last], [last + 1], [2]), [n, places])
    return tapsAlong(b, node, along, length)
  })
  const strides = stridesOf(wide)
  const elements = b.reshape(x, [n, channels, sizeOf(wide)])
  const parts = tapsOf(axes.map(({ at }) => at.length)).map((tap) => {
    const index = tap.map((t, axis) => b.mul(axes[axis].at[t], strides[axis])).reduce((sum, own) => b.add(sum, own))
    const weight = tap.map((t, axis) => axes[axis].weights[t]).reduce((product, own) => b.mul(product, own))
    const whole = b.expand(b.reshape(b.cast(index, 'i64'), [n, 1, places]), [n, channels, places])
    return b.mul(b.op('GatherElements', [elements, whole], { axis: 2 }), b.reshape(weight, [n, 1, places]))
  })
  const sum = parts.reduce((total, own) => b.add(total, own))
  return [b.reshape(sum, [n, channels, ...narrow])]
}

function tapsAlong(b: Build, node: Node, grid: Value, length: number): Taps {
  const mode = textAttr(node, 'mode', 'linear')
  const isNear = mode === 'nearest'
  if (!isNear && mode !== 'linear' && mode !== 'bilinear') throw noGradient(node, `mode ${mode} is not differentiated`)
  const padding = textAttr(node, 'padding_mode', 'zeros')
  const isAligned = intAttr(node, 'align_corners', 0) === 1
  // -1 and 1 are the outer elements, or the outer edges of these.
  const scaled = b.mul(b.add(grid, 1), (isAligned ? length - 1 : length) / 2)
  let place = isAligned ? scaled : b.sub(scaled, 0.5)
  if (padding === 'reflection') {
    const [low, high] = isAligned ? [0, length - 1] : [-0.5, length - 0.5]
    place = reflected(b, place, low, high)
  }
  if (padding !== 'zeros') place = clamp(b, place, 0, length - 1)
  if (isNear) return tapsWithin(b, [b.op('Round', [place])], [undefined], length)
  const floor = b.op('Floor', [place])
  const part = b.sub(place, floor)
  return tapsWithin(b, [floor, b.add(floor, 1)], [b.from(1, part), part], length)
}

/** Taps beyond the ends count for nothing. */
function tapsWithin(b: Build, at: readonly Value[], weights: readonly (Value | undefined)[], length: number): Taps {
  const kept = at.map((place) => clamp(b, place, 0, length - 1))
  const masks = at.map((place, i) => b.mask('Equal', place, kept[i], place.dtype))
  return { at: kept, weights: masks.map((mask, i) => (weights[i] === undefined ? mask : b.mul(mask, weights[i]))) }
}

function clamp(b: Build, x: Value, low: number, high: number): Value {
  return b.op('Min', [b.op('Max', [x, b.number(low, x.dtype)]), b.number(high, x.dtype)])
}

/** There and back between two ends. */
function reflected(b: Build, x: Value, low: number, high: number): Value {
  const span = high - low
  if (span === 0) return b.mul(x, 0)
  const away = b.op('Abs', [b.sub(x, low)])
  const turns = b.mul(b.op('Floor', [b.mul(away, 1 / (2 * span))]), 2 * span)
  const own = b.sub(away, turns)
  return b.add(b.sub(b.number(span, x.dtype), b.op('Abs', [b.sub(own, span)])), low)
}

export const GRID_DECOMPOSITIONS: Decompositions = { ':GridSample': gridSample }
