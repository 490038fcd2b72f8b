/** The gradient of Resize, which is linear: the transposed matrix along each axis, or sums of blocks. */
import type { Node, Value } from '../../ir/graph.ts'
import { intsAttr, textAttr } from '../../ir/ops/context.ts'
import type { VjpRule } from '../../ir/registry.ts'
import { axisOf, type Shape } from '../../shape.ts'
import { constantInput, noGradient } from '../attrs.ts'
import { type AxisResize, resizeMatrix } from './resize-weights.ts'
import { type Rules, single } from './table.ts'

const resize: VjpRule = single(({ b, node, x, g }) => {
  let own: Value = g
  for (const [axis, resized] of axesOf(node, x.shape, g.shape).entries()) {
    const { from, to } = resized
    const matrix = resizeMatrix(node, resized)
    if (matrix === undefined) {
      throw noGradient(
        node,
        `coordinates ${textAttr(node, 'coordinate_transformation_mode', '')} are not differentiated`,
      )
    }
    const factor = to / from
    if (isUnit(matrix, from, to, 1)) continue
    if (Number.isInteger(factor) && isUnit(matrix, from, to, factor)) {
      const blocks = b.reshape(own, own.shape.toSpliced(axis, 1, from, factor))
      own = b.sum(blocks, [axis + 1], false)
      continue
    }
    const transposed = new Float64Array(matrix.length)
    for (let i = 0; i < to; i++) for (let j = 0; j < from; j++) transposed[j * to + i] = matrix[i * from + j]
    own = b.along(b.floats(transposed, [from, to], g.dtype), own, axis)
  }
  return own
})

/** Whether each element is copied `factor` times. */
function isUnit(matrix: Float64Array, from: number, to: number, factor: number): boolean {
  if (to !== from * factor) return false
  for (let i = 0; i < to; i++) if (matrix[i * from + Math.floor(i / factor)] !== 1) return false
  return true
}

function axesOf(node: Node, from: Shape, to: Shape): AxisResize[] {
  const axes = (intsAttr(node, 'axes') ?? [...from.keys()]).map((axis) => axisOf(axis, from.length, 'Resize'))
  const scales = node.inputs[2]?.size ? constantInput(node, 2) : undefined
  const sizes = scales === undefined ? constantInput(node, 3) : undefined
  const ratios = axes.map((axis, i) => (sizes === undefined ? 1 : sizes[i] / from[axis]))
  const policy = textAttr(node, 'keep_aspect_ratio_policy', 'stretch')
  const uniform =
    policy === 'not_larger' ? Math.min(...ratios) : policy === 'not_smaller' ? Math.max(...ratios) : undefined
  return from.map((length, axis) => {
    const i = axes.indexOf(axis)
    const scale = i < 0 ? 1 : (scales?.[i] ?? uniform ?? to[axis] / length)
    return { from: length, to: to[axis], scale }
  })
}

export const RESIZE: Rules = {
  ':Resize': resize,
}
