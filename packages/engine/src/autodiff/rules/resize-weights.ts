/** The matrix by which Resize maps one axis, as its specification says. */
import type { Node } from '../../ir/graph.ts'
import { floatAttr, intAttr, textAttr } from '../../ir/ops/context.ts'

/** How one axis is resized. */
export interface AxisResize {
  readonly from: number
  readonly to: number
  /** to / from as the node gives it, which need not be the ratio of the lengths. */
  readonly scale: number
}

/** Places in the input that each output element reads, and their weights: rows of one length. */
interface Taps {
  readonly places: Int32Array
  readonly weights: Float64Array
  readonly width: number
}

/** f64[to, from], row-major; undefined where the coordinates are not of a known kind. */
export function resizeMatrix(node: Node, axis: AxisResize): Float64Array | undefined {
  const taps = tapsOf(node, axis)
  if (taps === undefined) return undefined
  const matrix = new Float64Array(axis.to * axis.from)
  for (let i = 0; i < axis.to; i++) {
    for (let k = 0; k < taps.width; k++) {
      const place = Math.min(Math.max(taps.places[i * taps.width + k], 0), axis.from - 1)
      matrix[i * axis.from + place] += taps.weights[i * taps.width + k]
    }
  }
  return matrix
}

function tapsOf(node: Node, axis: AxisResize): Taps | undefined {
  const mode = textAttr(node, 'mode', 'nearest')
  const kind = textAttr(node, 'coordinate_transformation_mode', 'half_pixel')
  const isSmoothed = intAttr(node, 'antialias', 0) === 1 && axis.scale < 1 && mode !== 'nearest'
  const stretch = isSmoothed ? 1 / axis.scale : 1
  const radius = (mode === 'cubic' ? 2 : 1) * stretch
  const width = mode === 'nearest' ? 1 : Math.ceil(2 * radius) + (isSmoothed ? 1 : 0)
  const places = new Int32Array(axis.to * width)
  const weights = new Float64Array(axis.to * width)
  const round = textAttr(node, 'nearest_mode', 'round_prefer_floor')
  const a = floatAttr(node, 'cubic_coeff_a', -0.75)
  const excludes = intAttr(node, 'exclude_outside', 0) === 1
  for (let i = 0; i < axis.to; i++) {
    const x = coordinate(kind, i, axis)
    if (x === undefined) return undefined
    if (mode === 'nearest') {
      places[i] = nearest(round, x)
      weights[i] = 1
      continue
    }
    const first = isSmoothed ? Math.ceil(x - radius) : Math.floor(x) - (mode === 'cubic' ? 1 : 0)
    let sum = 0
    for (let k = 0; k < width; k++) {
      const place = first + k
      const d = Math.abs(x - place) / stretch
      const isOutside = place < 0 || place >= axis.from
      const weight = excludes && isOutside ? 0 : mode === 'cubic' ? cubic(d, a) : Math.max(0, 1 - d)
      places[i * width + k] = place
      weights[i * width + k] = weight
      sum += weight
    }
    for (let k = 0; k < width; k++) weights[i * width + k] /= sum
  }
  return { places, weights, width }
}

function coordinate(kind: string, i: number, { from, to, scale }: AxisResize): number | undefined {
  switch (kind) {
    case 'half_pixel':
      return (i + 0.5) / scale - 0.5
    case 'half_pixel_symmetric': {
      const adjusted = to / (scale * from)
      return (from / 2) * (1 - adjusted) + (i + 0.5) / scale - 0.5
    }
    case 'pytorch_half_pixel':
      return to > 1 ? (i + 0.5) / scale - 0.5 : 0
    case 'align_corners':
      return to === 1 ? 0 : (i * (from - 1)) / (to - 1)
    case 'asymmetric':
      return i / scale
    default:
      return undefined
  }
}

function nearest(mode: string, x: number): number {
  switch (mode) {
    case 'floor':
      return Math.floor(x)
    case 'ceil':
      return Math.ceil(x)
    case 'round_prefer_ceil':
      return Math.floor(x + 0.5)
    default:
      return Math.ceil(x - 0.5)
  }
}

/** Keys' kernel at a distance. */
function cubic(d: number, a: number): number {
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0
}
