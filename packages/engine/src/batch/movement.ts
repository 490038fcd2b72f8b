/** Batches of operators that move elements. */
import { constantInput } from '../autodiff/attrs.ts'
import { intAttr, intsAttr } from '../ir/ops/context.ts'
import { each } from './elementwise.ts'
import { first, notBatched, type Rule, type Rules, shifted } from './table.ts'

const reshaped: Rule = first((c) => [c.b.reshape(c.full(0), [c.size, ...c.node.outputs[0].shape])])

const transpose: Rule = (c) => {
  const rank = c.one(0).shape.length
  const perm = intsAttr(c.node, 'perm') ?? [...Array(rank).keys()].reverse()
  return c.again([c.full(0)], { perm: [0, ...perm.map((axis) => axis + 1)] })
}

const expand: Rule = first((c) => {
  const { shape } = c.node.outputs[0]
  return [c.b.expand(c.align(0, shape.length), [c.size, ...shape])]
})

const tile: Rule = first((c) => c.again([c.full(0), c.graph.ints([1, ...(constantInput(c.node, 1) ?? [])])]))

const concat: Rule = (c) =>
  c.again(
    c.inputs.map((_, i) => c.full(i)),
    { axis: shifted(intAttr(c.node, 'axis', 0)) },
  )

const split: Rule = first((c) => c.again(c.inputs, { ...c.node.attrs, axis: shifted(intAttr(c.node, 'axis', 0)) }))

const slice: Rule = first((c) => {
  const starts = c.one(1)
  const axes = constantInput(c.node, 3) ?? [...Array(starts.size).keys()]
  const [, from, to, , steps] = c.inputs
  const inputs = [c.full(0), from, to, c.graph.ints(axes.map(shifted))]
  return c.again(steps === undefined ? inputs : [...inputs, steps])
})

const pad: Rule = first((c) => {
  const pads = constantInput(c.node, 1) ?? []
  const axes = constantInput(c.node, 3)
  const [, , value] = c.inputs
  if (axes !== undefined) {
    return c.again([c.full(0), c.graph.ints(pads), value, c.graph.ints(axes.map(shifted))])
  }
  const half = pads.length / 2
  const all = c.graph.ints([0, ...pads.slice(0, half), 0, ...pads.slice(half)])
  return c.again(value === undefined ? [c.full(0), all] : [c.full(0), all, value])
})

/** The batch joins that of the images. */
export const merging: Rule = first((c) => c.split(c.again([c.merged(0), ...c.inputs.slice(1)])))

/** Lengths are of the sequences of one example; those of all stand one after the other. */
const reverseSequence: Rule = (c) => {
  const { b, node, size } = c
  const x = c.one(0)
  const isBatchFirst = intAttr(node, 'time_axis', 0) === 1
  const lengths = b.reshape(c.full(1), [size * c.one(1).size])
  if (isBatchFirst) return c.split(c.again([c.merged(0), lengths]))
  const [steps, batch, ...rest] = x.shape
  const swap = [1, 0, ...[...Array(rest.length + 1).keys()].map((axis) => axis + 2)]
  const joined = b.reshape(b.transpose(c.full(0), swap), [steps, size * batch, ...rest])
  const [made] = c.again([joined, lengths])
  return [b.transpose(b.reshape(made, [steps, size, batch, ...rest]), swap)]
}

const trilu: Rule = first((c) => c.again(c.inputs))

/** Only the shape is read, so one result does for all examples. */
const fromShape: Rule = (c) => {
  const { dtype, shape } = c.one(0)
  const [, ...rest] = c.inputs
  if (dtype === 'string') throw notBatched(c.node, 'its input is text')
  return c.again([c.b.fill(0, shape, dtype), ...rest])
}

/** Operators whose result is the same for all examples. */
export const FROM_SHAPE: Rules = Object.fromEntries(each('Shape Size EyeLike', fromShape))

export const MOVEMENT: Rules = Object.fromEntries([
  ...each('Reshape Flatten Squeeze Unsqueeze', reshaped),
  ...each('Transpose', transpose),
  ...each('Expand', expand),
  ...each('Tile', tile),
  ...each('Concat', concat),
  ...each('Split', split),
  ...each('Slice', slice),
  ...each('Pad', pad),
  ...each('DepthToSpace SpaceToDepth', merging),
  ...each('ReverseSequence', reverseSequence),
  ...each('Trilu', trilu),
])
