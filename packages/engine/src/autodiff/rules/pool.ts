/** Gradients of pooling. */
import type { Value } from '../../ir/graph.ts'
import { intAttr, intsAttr } from '../../ir/ops/context.ts'
import { windowsOf } from '../../ir/ops/windows.ts'
import type { VjpRule } from '../../ir/registry.ts'
import { sizeOf } from '../../shape.ts'
import { type Rules, single } from './table.ts'
import { transposedAttrs, type Window } from './window.ts'

/**
 * Each result goes to where it was found. The indices count over the whole tensor, not within a plane. Where windows do not
 * meet nothing adds up, and MaxUnpool takes a quarter of the time of ScatterElements.
 */
const maxPool: VjpRule = single(({ b, node, x, g }) => {
  const found =
    intAttr(node, 'storage_order', 0) === 0
      ? (node.outputs[1] ?? b.graph.emit('MaxPool', [x], node.attrs, { outputs: 2 })[1])
      : b.graph.emit('MaxPool', [x], { ...node.attrs, storage_order: 0 }, { outputs: 2 })[1]
  const wide = x.shape.slice(2)
  const { kernel, strides, dilations, before, after, out } = windowsOf(node, wide, intsAttr(node, 'kernel_shape') ?? [])
  const isApart = kernel.every(
    (length, i) =>
      dilations[i] === 1 &&
      strides[i] >= length &&
      before[i] + after[i] === 0 &&
      (out[i] - 1) * strides[i] + length <= wide[i],
  )
  if (isApart && g.dtype === 'f32') {
    const attrs = { kernel_shape: [...kernel], strides: [...strides] }
    return b.op('MaxUnpool', [g, found, b.graph.ints(x.shape)], attrs)
  }
  const flat = b.fill(0, [x.size], g.dtype)
  const sums = b.scatterAdd(flat, b.reshape(found, [g.size]), b.reshape(g, [g.size]), 0)
  return b.reshape(sums, x.shape)
})

const averagePool: VjpRule = single(({ b, node, x, g }) => {
  const wide = x.shape.slice(2)
  const own = windowsOf(node, wide, intsAttr(node, 'kernel_shape') ?? [])
  const window = { ...own, wide, narrow: g.shape.slice(2), group: 1 }
  const counts = countsOf(window, intAttr(node, 'count_include_pad', 0) === 1)
  const share = b.div(g, b.floats(counts, [1, 1, ...window.narrow], g.dtype))
  const planes = x.shape[0] * x.shape[1]
  const kernel = b.fill(1, [1, 1, ...window.kernel], g.dtype)
  const sums = b.op('ConvTranspose', [b.reshape(share, [planes, 1, ...window.narrow]), kernel], transposedAttrs(window))
  return b.reshape(sums, x.shape)
})

/** How many elements each window averages. */
function countsOf(
  { kernel, strides, dilations, before, after, wide, narrow }: Window,
  isPadded: boolean,
): Float64Array {
  let counts = Float64Array.of(1)
  for (const [axis, length] of wide.entries()) {
    const low = isPadded ? -before[axis] : 0
    const high = isPadded ? length + after[axis] : length
    const own = Float64Array.from({ length: narrow[axis] }, (_, i) => {
      let count = 0
      for (let k = 0; k < kernel[axis]; k++) {
        const at = i * strides[axis] - before[axis] + k * dilations[axis]
        if (at >= low && at < high) count++
      }
      return count
    })
    counts = Float64Array.from(
      { length: counts.length * own.length },
      (_, i) => counts[Math.floor(i / own.length)] * own[i % own.length],
    )
  }
  return counts
}

const globalMax: VjpRule = single(({ b, x, y, g }) => {
  const mask = b.mask('Equal', x, y, g.dtype)
  return b.mul(mask, b.div(g, b.sum(mask, spatial(x))))
})

function spatial(x: Value): number[] {
  return [...x.shape.keys()].slice(2)
}

/** Each element takes the cotangent of the place that it was put to. */
const maxUnpool: VjpRule = single(({ b, node, x, g }) => {
  const places = b.reshape(node.inputs[1] as Value, [x.size])
  return b.reshape(b.op('GatherElements', [b.reshape(g, [g.size]), places], { axis: 0 }), x.shape)
})

export const POOL: Rules = {
  ':MaxPool': maxPool,
  ':AveragePool': averagePool,
  ':GlobalAveragePool': single(({ b, x, g }) => b.expand(b.mul(g, 1 / sizeOf(x.shape.slice(2))), x.shape)),
  ':GlobalMaxPool': globalMax,
  ':MaxUnpool': maxUnpool,
}
