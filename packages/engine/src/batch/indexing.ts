/** Batches of taking elements by index and of putting them there. */
import { intAttr } from '../ir/ops/context.ts'
import { axisOf } from '../shape.ts'
import { each } from './elementwise.ts'
import { along } from './reduce.ts'
import { moveAxis, type Rule, type Rules, shifted } from './table.ts'

const gather: Rule = (c) => {
  const { b, node, size } = c
  const [data, indices] = [c.one(0), c.one(1)]
  const axis = axisOf(intAttr(node, 'axis', 0), data.shape.length, 'Gather')
  if (!c.isBatched[1]) return c.again(c.inputs, { axis: axis + 1 })
  if (!c.isBatched[0]) return [moveAxis(b, c.again(c.inputs, { axis })[0], axis, 0)]
  // All examples are one long axis, in which each has its own stretch.
  const length = data.shape[axis]
  const rest = data.shape.toSpliced(axis, 1)
  const flat = b.reshape(moveAxis(b, c.full(0), axis + 1, 1), [size * length, ...rest])
  const own = b.op('Add', [b.wrap(c.full(1), length), b.cast(c.places(indices.shape.length, length), indices.dtype)])
  const [made] = c.again([flat, own], { axis: 0 })
  // [batch, ...indices, ...rest], where the first axes of the rest stand before the indices.
  const k = indices.shape.length
  const order = [...Array(made.shape.length).keys()]
  const before = order.slice(1 + k, 1 + k + axis)
  return [b.transpose(made, [0, ...before, ...order.slice(1, 1 + k), ...order.slice(1 + k + axis)])]
}

/** Every input has the batch; the axis counts it. */
const elements: Rule = (c) =>
  c.again(
    c.inputs.map((_, i) => c.full(i)),
    { ...c.node.attrs, axis: shifted(intAttr(c.node, 'axis', 0)) },
  )

const gatherNd: Rule = (c) => {
  const batch = intAttr(c.node, 'batch_dims', 0)
  return c.again([c.full(0), c.full(1)], { batch_dims: batch + 1 })
}

/** The place of the example comes before those within it. */
const scatterNd: Rule = (c) => {
  const { b } = c
  const indices = c.full(1)
  const lead = indices.shape.slice(0, -1)
  const example = b.expand(b.cast(c.places(lead.length), indices.dtype), [...lead, 1])
  return c.again([c.full(0), b.concat([example, indices], lead.length), c.full(2)])
}

export const INDEXING: Rules = Object.fromEntries([
  ...each('Gather', gather),
  ...each('GatherElements ScatterElements', elements),
  ...each('GatherND', gatherNd),
  ...each('ScatterND', scatterNd),
  ...each('OneHot', along(-1)),
])
