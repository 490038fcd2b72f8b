/** Gradients of taking elements by index and of putting them there. Sums are never those of ScatterND: they race. */
import type { Value } from '../../ir/graph.ts'
import { intAttr, textAttr } from '../../ir/ops/context.ts'
import type { VjpRule } from '../../ir/registry.ts'
import { sizeOf } from '../../shape.ts'
import { axisAttr, noGradient } from '../attrs.ts'
import type { Build } from '../build.ts'
import { type Rules, several, single, WHOLE } from './table.ts'

const gather: VjpRule = single(({ b, node, x, g }) => {
  const axis = axisAttr(node, 0)
  const indices = node.inputs[1] as Value
  const before = sizeOf(x.shape.slice(0, axis))
  const after = sizeOf(x.shape.slice(axis + 1))
  const rows = x.shape[axis]
  if (indices.size === 1 && indices.data !== undefined) {
    const index = Number((indices.data.data as BigInt64Array)[0])
    const own = index < 0 ? index + rows : index
    return b.padAxis(b.reshape(g, x.shape.with(axis, 1)), axis, own, rows - own - 1)
  }
  const sums = b.scatterRows(rows, b.reshape(indices, [indices.size]), b.reshape(g, [before, indices.size, after]))
  return b.reshape(sums, x.shape)
})

const gatherElements: VjpRule = single(({ b, node, x, g }) =>
  b.scatterAdd(b.fill(0, x.shape, g.dtype), node.inputs[1] as Value, g, axisAttr(node, 0)),
)

const gatherNd: VjpRule = single(({ b, node, x, g }) => {
  const indices = node.inputs[1] as Value
  const batch = intAttr(node, 'batch_dims', 0)
  const k = indices.shape[indices.shape.length - 1]
  const batches = sizeOf(x.shape.slice(0, batch))
  const lead = x.shape.slice(batch, batch + k)
  const rest = sizeOf(x.shape.slice(batch + k))
  const each = indices.size / k / batches
  let places = b.reshape(b.linear(indices, lead), [batches, each])
  if (batches > 1) {
    const offsets = Array.from({ length: batches }, (_, i) => i * sizeOf(lead))
    places = b.op('Add', [places, b.cast(b.indices(offsets, [batches, 1]), indices.dtype)])
  }
  const flat = b.reshape(g, [1, batches * each, rest])
  return b.reshape(b.scatterRows(batches * sizeOf(lead), b.reshape(places, [batches * each]), flat), x.shape)
})

/** What is put: taken from there again. What was there: zero where it was overwritten. */
function scatter(
  take: (b: Build, g: Value, indices: Value, axis: number) => Value,
  clear: (b: Build, g: Value, indices: Value, updates: Value, axis: number) => Value,
): VjpRule {
  return several(({ b, node, inputs: [data, indices, updates], g }) => {
    const reduction = textAttr(node, 'reduction', 'none')
    if (reduction !== 'none' && reduction !== 'add')
      throw noGradient(node, `reduction ${reduction} is not differentiated`)
    const axis = node.op === 'ScatterND' ? 0 : axisAttr(node, 0, data)
    return {
      0: () => (reduction === 'add' ? g : clear(b, g, indices, updates, axis)),
      2: () => take(b, g, indices, axis),
    }
  })
}

const topK: VjpRule = single(({ b, node, x, g }) =>
  b.op('ScatterElements', [b.fill(0, x.shape, g.dtype), node.outputs[1], g], { axis: axisAttr(node, -1) }),
)

export const INDEXING: Rules = {
  ':Gather': gather,
  ':GatherElements': gatherElements,
  ':GatherND': gatherNd,
  ':ScatterElements': scatter(
    (b, g, indices, axis) => b.op('GatherElements', [g, indices], { axis }),
    (b, g, indices, updates, axis) =>
      b.op('ScatterElements', [g, indices, b.fill(0, updates.shape, g.dtype)], { axis }),
  ),
  ':ScatterND': scatter(
    (b, g, indices) => b.op('GatherND', [g, indices]),
    (b, g, indices, updates) => b.op('ScatterND', [g, indices, b.fill(0, updates.shape, g.dtype)]),
  ),
  ':TopK': topK,
  ':OneHot': WHOLE,
  ':Compress': 'its length depends on its inputs',
}
