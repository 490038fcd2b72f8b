/** Gradients of operators that only move elements. */
import type { Node, Value } from '../../ir/graph.ts'
import { intAttr, intsAttr, textAttr } from '../../ir/ops/context.ts'
import type { VjpRule } from '../../ir/registry.ts'
import { axisOf } from '../../shape.ts'
import { axisAttr, constantInput, noGradient } from '../attrs.ts'
import { Build } from '../build.ts'
import { type Rules, several, single, WHOLE } from './table.ts'

/** Another shape for the same elements. */
const reshaped: VjpRule = single(({ b, x, g }) => b.reshape(g, x.shape))

const transpose: VjpRule = single(({ b, node, x, g }) => {
  const perm = intsAttr(node, 'perm') ?? [...x.shape.keys()].reverse()
  return b.transpose(
    g,
    perm.map((_, axis) => perm.indexOf(axis)),
  )
})

const tile: VjpRule = single(({ b, node, x, g }) => {
  const repeats = constantInput(node, 1) as number[]
  const shape = x.shape.flatMap((length, axis) => [repeats[axis], length])
  const axes = [...x.shape.keys()].filter((axis) => repeats[axis] !== 1).map((axis) => 2 * axis)
  return b.reshape(b.sum(b.reshape(g, shape), axes), x.shape)
})

const concat: VjpRule = several(({ b, node, inputs, g }) => {
  const axis = axisAttr(node, 0)
  let start = 0
  const parts = inputs.map((x) => {
    const first = start
    start += x.shape[axis]
    return () => b.slice(g, [first], [first + x.shape[axis]], [axis])
  })
  return Object.fromEntries(parts.entries())
})

function split({ b, node, cotangents }: { b: Build; node: Node; cotangents: readonly (Value | undefined)[] }): Value {
  const axis = axisAttr(node, 0)
  const parts = node.outputs.map((output, i) => cotangents[i] ?? b.fill(0, output.shape, output.dtype))
  return b.concat(
    parts.filter((part) => part.shape[axis] > 0),
    axis,
  )
}

const slice: VjpRule = single(({ b, node, x, g }) => {
  const starts = constantInput(node, 1) as number[]
  const ends = constantInput(node, 2) as number[]
  const axes = (constantInput(node, 3) ?? [...starts.keys()]).map((axis) => axisOf(axis, x.shape.length, 'Slice'))
  const steps = constantInput(node, 4) ?? starts.map(() => 1)
  const before = x.shape.map(() => 0)
  const after = x.shape.map(() => 0)
  let own = g
  for (const [i, axis] of axes.entries()) {
    const length = x.shape[axis]
    const count = g.shape[axis]
    let step = steps[i]
    let first = clampStart(starts[i], length, step)
    if (step < 0) {
      own = b.flip(own, axis)
      first += (count - 1) * step
      step = -step
    }
    own = spread(b, own, axis, step)
    before[axis] = first
    after[axis] = length - first - ((count - 1) * step + 1)
  }
  if (ends.length !== starts.length) throw noGradient(node, 'its starts and ends differ in number')
  return b.pad(own, before, after)
})

function clampStart(start: number, length: number, step: number): number {
  const own = start < 0 ? start + length : start
  return step > 0 ? Math.min(Math.max(own, 0), length) : Math.min(Math.max(own, 0), length - 1)
}

/** Zeros between the elements along an axis: `step - 1` of them. */
export function spread(b: Build, x: Value, axis: number, step: number): Value {
  const count = x.shape[axis]
  if (step === 1 || count === 1) return x
  const wide = b.padAxis(b.reshape(x, x.shape.toSpliced(axis + 1, 0, 1)), axis + 1, 0, step - 1)
  const flat = b.reshape(wide, x.shape.with(axis, count * step))
  return b.slice(flat, [0], [(count - 1) * step + 1], [axis])
}

const pad: VjpRule = single(({ b, node, x, g }) => {
  const rank = x.shape.length
  const given = constantInput(node, 1) ?? (intsAttr(node, 'pads') as number[])
  const axes = (constantInput(node, 3) ?? [...x.shape.keys()]).map((axis) => axisOf(axis, rank, 'Pad'))
  const mode = textAttr(node, 'mode', 'constant')
  let own = g
  for (const [i, axis] of axes.entries()) {
    const before = given[i]
    const after = given[axes.length + i]
    if (before === 0 && after === 0) continue
    if (mode !== 'constant' && (before < 0 || after < 0)) throw noGradient(node, `pads below zero in mode ${mode}`)
    own = unpad(b, own, axis, x.shape[axis], before, after, mode)
  }
  return own
})

/** The middle, and what was made of its elements folded back to them. */
function unpad(b: Build, g: Value, axis: number, n: number, before: number, after: number, mode: string): Value {
  const part = (from: number, to: number): Value => b.slice(g, [from], [to], [axis])
  const place = (x: Value, at: number): Value => b.padAxis(x, axis, at, n - at - x.shape[axis])
  const first = Math.max(before, 0)
  const last = Math.min(before + n, g.shape[axis])
  let sum = place(part(first, last), first - before)
  if (mode === 'constant') return sum
  const left = before > 0 ? part(0, before) : undefined
  const right = after > 0 ? part(before + n, before + n + after) : undefined
  if (left !== undefined) {
    if (mode === 'edge') sum = b.add(sum, place(b.sum(left, [axis]), 0))
    else sum = b.add(sum, mode === 'wrap' ? place(left, n - before) : place(b.flip(left, axis), 1))
  }
  if (right !== undefined) {
    if (mode === 'edge') sum = b.add(sum, place(b.sum(right, [axis]), n - 1))
    else sum = b.add(sum, mode === 'wrap' ? place(right, 0) : place(b.flip(right, axis), n - 1 - after))
  }
  return sum
}

const depthToSpace: VjpRule = single(({ b, node, g }) => {
  const blocksize = intAttr(node, 'blocksize', 1)
  if (textAttr(node, 'mode', 'DCR') === 'DCR') return b.op('SpaceToDepth', [g], { blocksize })
  const [n, c, h, w] = g.shape
  const rows = b.reshape(g, [n, c, h / blocksize, blocksize, w / blocksize, blocksize])
  return b.reshape(b.transpose(rows, [0, 1, 3, 5, 2, 4]), (node.inputs[0] as Value).shape)
})

export const MOVEMENT: Rules = {
  ':Reshape': reshaped,
  ':Squeeze': reshaped,
  ':Unsqueeze': reshaped,
  ':Flatten': reshaped,
  ':Transpose': transpose,
  ':Expand': single(({ b, x, g }) => b.unbroadcast(g, x.shape)),
  ':Tile': tile,
  ':Concat': concat,
  ':Split': ({ graph, node, cotangents, needs }) =>
    needs(0) ? [split({ b: new Build(graph), node, cotangents })] : [],
  ':Slice': slice,
  ':Pad': pad,
  ':DepthToSpace': depthToSpace,
  ':SpaceToDepth': single(({ b, node, g }) =>
    b.op('DepthToSpace', [g], { blocksize: intAttr(node, 'blocksize', 1), mode: 'DCR' }),
  ),
  ':ReverseSequence': single(({ b, node, g }) => b.op('ReverseSequence', [g, node.inputs[1]], node.attrs)),
  ':Trilu': single(({ b, node, g }) => b.op('Trilu', [g, node.inputs[1]], node.attrs)),
  ':Shape': WHOLE,
  ':Size': WHOLE,
  ':NonZero': WHOLE,
  ':Range': 'its length depends on its inputs',
  ':ConstantOfShape': 'it has no inputs but a shape',
  ':Constant': 'it has no inputs',
  ':EyeLike': 'it reads the shape of its input alone',
}
