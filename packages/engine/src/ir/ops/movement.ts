/** Operators that move elements and compute nothing. */
import { PithError } from '@pith/core'
import { axisOf, broadcastShapes, type Shape, shapeText, sizeOf, stridesOf } from '../../shape.ts'
import type { Spec } from '../../tensor.ts'
import type { Value } from '../graph.ts'
import type { InferContext, OpDef } from '../registry.ts'
import {
  type Applied,
  agree,
  alike,
  axesOf,
  constInts,
  type Fold,
  INDEXES,
  type Infer,
  input,
  intAttr,
  intsAttr,
  knownSize,
  needInt,
  needRank,
  openShape,
  optional,
  plus,
  refuse,
  refuseForm,
  textAttr,
  times,
  withLength,
} from './context.ts'
import { broadcastPlaces, cell, fill, pick, places } from './fold-kernels.ts'

const like = (x: Value, shape: Shape): readonly Spec[] => [{ dtype: x.dtype, shape }]

/** A shape of which only the rank is known, from the vector that holds it. */
function shapeOfRank(c: Applied, vector: Value): number[] {
  const rank = vector.shape[0] ?? -1
  if (vector.shape.length !== 1 || rank < 0) refuse(c, 'the rank of the result is not known')
  return openShape(c, rank)
}

const inferReshape: Infer = (c) => {
  const x = input(c, 0)
  const to = input(c, 1, ['i64'])
  const wanted = constInts(to)
  if (wanted === undefined) return like(x, shapeOfRank(c, to))
  const keepsZero = intAttr(c, 'allowzero', 0) === 1
  const shape = wanted.map((length, axis) => {
    if (length < -1) refuse(c, `the shape ${shapeText(wanted)} has a length below -1`)
    if (length !== 0 || keepsZero) return length
    return x.shape[axis] ?? refuse(c, `the shape ${shapeText(wanted)} copies an axis that is not there`)
  })
  const size = knownSize(x.shape)
  const free = wanted.indexOf(-1)
  if (free !== wanted.lastIndexOf(-1)) refuse(c, `the shape ${shapeText(wanted)} leaves two axes open`)
  if (free < 0) {
    if (size >= 0 && knownSize(shape) >= 0) agree(c, size, knownSize(shape), 'the number of elements')
    return like(x, shape)
  }
  const rest = knownSize(shape.filter((_, axis) => axis !== free))
  if (size < 0 || rest < 0) return like(x, openAxis(x.shape, shape, free))
  if (rest === 0 ? size !== 0 : size % rest !== 0) refuse(c, `${size} elements do not fill ${shapeText(wanted)}`)
  shape[free] = rest === 0 ? 0 : size / rest
  return like(x, shape)
}

/** The open axis where each unknown length of the source is copied: the known ones decide it. */
function openAxis(from: Shape, to: readonly number[], free: number): number[] {
  const others = to.filter((_, axis) => axis !== free)
  const isCopied = others.every((length, i) => length >= 0 || from[i < free ? i : i + 1] === -1)
  if (!isCopied || others.filter((x) => x < 0).length !== from.filter((x) => x < 0).length) return [...to]
  const size = sizeOf(from.filter((x) => x >= 0))
  const rest = sizeOf(others.filter((x) => x >= 0))
  return to.map((length, axis) => (axis === free && rest > 0 && size % rest === 0 ? size / rest : length))
}

const inferTranspose: Infer = (c) => {
  const x = input(c, 0)
  return like(
    x,
    permOf(c).map((axis) => x.shape[axis] as number),
  )
}

/** The order of axes of a Transpose. @throws PithError `PITH_SHAPE` no permutation */
export function permOf(c: Applied): readonly number[] {
  const rank = input(c, 0).shape.length
  const perm = intsAttr(c, 'perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis)
  const isWhole = perm.length === rank && new Set(perm).size === rank && perm.every((axis) => axis >= 0 && axis < rank)
  return isWhole ? perm : refuse(c, `[${perm.join(', ')}] does not order ${rank} axes`)
}

const inferSqueeze: Infer = (c) => {
  const x = input(c, 0)
  const given = optional(c, 1, ['i64'])
  const axes = given === undefined ? undefined : constInts(given)
  if (given !== undefined && axes === undefined) {
    return like(x, openShape(c, x.shape.length - (given.shape[0] ?? 1)))
  }
  if (axes === undefined) {
    if (x.shape.includes(-1)) refuse(c, 'which axes have length 1 is not known')
    return like(
      x,
      x.shape.filter((length) => length !== 1),
    )
  }
  const own = axesOf(c, axes, x.shape.length)
  for (const axis of own) if ((x.shape[axis] as number) > 1) refuse(c, `axis ${axis} is not of length 1`)
  return like(
    x,
    x.shape.filter((_, axis) => !own.includes(axis)),
  )
}

const inferUnsqueeze: Infer = (c) => {
  const x = input(c, 0)
  const given = input(c, 1, ['i64'])
  const axes = constInts(given)
  if (axes === undefined) return like(x, openShape(c, x.shape.length + (given.shape[0] ?? 1)))
  const rank = x.shape.length + axes.length
  const own = axesOf(c, axes, rank)
  const rest = [...x.shape]
  return like(
    x,
    Array.from({ length: rank }, (_, axis) => (own.includes(axis) ? 1 : (rest.shift() as number))),
  )
}

const inferFlatten: Infer = (c) => {
  const x = input(c, 0)
  const rank = x.shape.length
  const axis = intAttr(c, 'axis', 1)
  const own = axis < 0 ? axis + rank : axis
  if (own < 0 || own > rank) refuse(c, `there is no axis ${axis}`)
  return like(x, [knownSize(x.shape.slice(0, own)), knownSize(x.shape.slice(own))])
}

const inferExpand: Infer = (c) => {
  const x = input(c, 0)
  const to = input(c, 1, ['i64'])
  return like(x, broadcastShapes(x.shape, constInts(to) ?? shapeOfRank(c, to), c.op))
}

const inferTile: Infer = (c) => {
  const x = input(c, 0)
  const repeats = constInts(input(c, 1, ['i64']))
  if (repeats === undefined) return like(x, openShape(c, x.shape.length))
  if (repeats.length !== x.shape.length || repeats.some((n) => n < 0)) {
    refuse(c, `[${repeats.join(', ')}] repeats do not suit`)
  }
  return like(
    x,
    x.shape.map((length, axis) => times(length, repeats[axis] as number)),
  )
}

const inferConcat: Infer = (c) => {
  const values = alike(c)
  const first = values[0] as Value
  const axis = axisOf(needInt(c, 'axis'), first.shape.length, c.op)
  const shape = [...first.shape]
  for (const { shape: own } of values.slice(1)) {
    if (own.length !== shape.length) refuse(c, 'the ranks differ')
    for (const [i, length] of own.entries()) {
      shape[i] = i === axis ? plus(shape[i] as number, length) : agree(c, shape[i] as number, length, `axis ${i}`)
    }
  }
  return like(first, shape)
}

/** Most parts of a Split. */
const MAX_PARTS = 65_536

/** Lengths of the parts of a Split; undefined where they are not known. @throws PithError `PITH_SHAPE` they do not add up */
function splitLengths(c: Applied, count: number | undefined): number[] | undefined {
  const x = input(c, 0)
  const length = x.shape[axisOf(intAttr(c, 'axis', 0), x.shape.length, c.op)] as number
  const given = optional(c, 1, ['i64'])
  if (given !== undefined) {
    const parts = constInts(given)
    const sum = parts?.reduce((a, b) => a + b, 0) ?? -1
    if (parts?.some((part) => part < 0) || (length >= 0 && sum >= 0 && sum !== length)) {
      refuse(c, `the parts [${parts?.join(', ')}] do not make ${length}`)
    }
    return parts
  }
  const parts = intAttr(c, 'num_outputs', count ?? 0)
  if (parts < 1) refuseForm(c, 'neither the parts nor their number is given')
  if (parts > MAX_PARTS) throw new PithError('PITH_LIMIT', `Split: ${parts} parts are more than ${MAX_PARTS}`)
  if (length < 0) return undefined
  const each = Math.ceil(length / parts)
  const last = length - each * (parts - 1)
  if (last < 0) refuse(c, `${length} does not split into ${parts} parts`)
  return [...new Array<number>(parts - 1).fill(each), last]
}

const inferSplit: Infer = (c) => {
  const x = input(c, 0)
  const axis = axisOf(intAttr(c, 'axis', 0), x.shape.length, c.op)
  const count = c.inputs[1]?.shape[0] ?? intAttr(c, 'num_outputs', c.outputs ?? 0)
  const known = splitLengths(c, c.outputs)
  if (known === undefined && !(count > 0 && count <= MAX_PARTS)) refuseForm(c, `splits into ${count} parts`)
  const parts = known ?? new Array<number>(count).fill(-1)
  if (c.outputs !== undefined && c.outputs > parts.length)
    refuseForm(c, `${parts.length} parts for ${c.outputs} outputs`)
  return parts.flatMap((length) => like(x, withLength(x.shape, axis, length)))
}

interface Cut {
  readonly start: number
  readonly step: number
  readonly length: number
}

/**
 * What a Slice takes of each axis; undefined where it is not known before a run.
 *
 * @throws PithError `PITH_SHAPE` no such axis, a step of 0
 */
export function cutsOf(c: Applied): (Cut | undefined)[] | undefined {
  const x = input(c, 0)
  const [starts, ends] = [1, 2].map((i) => constInts(input(c, i, INDEXES)))
  const [givenAxes, givenSteps] = [3, 4].map((i) => optional(c, i, INDEXES))
  const axes = givenAxes === undefined ? starts?.map((_, i) => i) : constInts(givenAxes)
  const steps = givenSteps === undefined ? axes?.map(() => 1) : constInts(givenSteps)
  if (axes === undefined) return undefined
  axesOf(c, axes, x.shape.length)
  const cuts: (Cut | undefined)[] = x.shape.map((length) => ({ start: 0, step: 1, length }))
  for (const [i, axis] of axes.entries()) {
    const own = axisOf(axis, x.shape.length, c.op)
    const [start, end, step] = [starts?.[i], ends?.[i], steps?.[i]]
    if (step === 0) refuse(c, `the step of axis ${axis} is 0`)
    const isWhole = start !== undefined && end !== undefined && step !== undefined
    cuts[own] = isWhole ? cutOf(x.shape[own] as number, start, end, step) : undefined
  }
  return cuts
}

function cutOf(length: number, start: number, end: number, step: number): Cut | undefined {
  if (length < 0) {
    // Of an unknown length, only a prefix that starts at 0 with everything in it says nothing new.
    return start === 0 && step === 1 && end === Number.MAX_SAFE_INTEGER ? { start, step, length } : undefined
  }
  const clamp = (x: number, low: number, high: number) => Math.max(low, Math.min(high, x < 0 ? x + length : x))
  const from = step > 0 ? clamp(start, 0, length) : clamp(start, 0, length - 1)
  const to = step > 0 ? clamp(end, 0, length) : clamp(end, -1, length - 1)
  return { start: from, step, length: length === 0 ? 0 : Math.max(0, Math.ceil((to - from) / step)) }
}

const inferSlice: Infer = (c) => {
  const x = input(c, 0)
  return like(x, cutsOf(c)?.map((cut) => cut?.length ?? -1) ?? openShape(c, x.shape.length))
}

/** Lengths before and after each axis that a Pad adds; undefined where they are not known. */
export function padsOf(c: Applied): { before: number[]; after: number[] } | undefined {
  const x = input(c, 0)
  const pads = constInts(input(c, 1, ['i64']))
  const given = optional(c, 3, INDEXES)
  const axes = given === undefined ? x.shape.map((_, axis) => axis) : constInts(given)
  if (pads === undefined || axes === undefined) return undefined
  if (pads.length !== axes.length * 2) refuse(c, `${pads.length} pads for ${axes.length} axes`)
  const before = new Array<number>(x.shape.length).fill(0)
  const after = [...before]
  for (const [i, axis] of axes.entries()) {
    const own = axisOf(axis, x.shape.length, c.op)
    before[own] = pads[i] as number
    after[own] = pads[axes.length + i] as number
  }
  return { before, after }
}

const inferPad: Infer = (c) => {
  const x = input(c, 0)
  const mode = textAttr(c, 'mode', 'constant')
  if (!['constant', 'edge', 'reflect', 'wrap'].includes(mode)) refuseForm(c, `there is no mode ${mode}`)
  const fill = optional(c, 2, [x.dtype])
  if (fill !== undefined && fill.size !== 1) refuse(c, 'what it pads with is not one element')
  const pads = padsOf(c)
  if (pads === undefined) return like(x, openShape(c, x.shape.length))
  return like(
    x,
    x.shape.map((length, axis) => {
      const padded = length < 0 ? -1 : length + (pads.before[axis] as number) + (pads.after[axis] as number)
      return length >= 0 && padded < 0 ? refuse(c, `axis ${axis} would have ${padded} elements`) : padded
    }),
  )
}

const inferTrilu: Infer = (c) => {
  const x = input(c, 0)
  needRank(c, x, 2)
  optional(c, 1, ['i64'])
  return like(x, x.shape)
}

function blockOf(c: InferContext): [number, number, number, number, number] {
  const x = input(c, 0)
  needRank(c, x, 4, 4)
  const block = needInt(c, 'blocksize')
  if (block < 1) refuse(c, `blocksize is ${block}`)
  return [block, ...(x.shape as [number, number, number, number])]
}

/** A quotient without rest. */
function part(c: Applied, length: number, by: number, what: string): number {
  if (length < 0) return -1
  return length % by === 0 ? length / by : refuse(c, `the ${what} do not divide by ${by}`)
}

const inferDepthToSpace: Infer = (c) => {
  const [block, n, d, h, w] = blockOf(c)
  return like(input(c, 0), [n, part(c, d, block * block, 'channels'), times(h, block), times(w, block)])
}

const inferSpaceToDepth: Infer = (c) => {
  const [block, n, d, h, w] = blockOf(c)
  return like(input(c, 0), [n, times(d, block * block), part(c, h, block, 'rows'), part(c, w, block, 'columns')])
}

const inferReverse: Infer = (c) => {
  const x = input(c, 0)
  needRank(c, x, 2)
  const lengths = input(c, 1, ['i64'])
  const axis = axisOf(intAttr(c, 'batch_axis', 1), x.shape.length, c.op)
  needRank(c, lengths, 1, 1)
  agree(c, lengths.shape[0] as number, x.shape[axis] as number, 'the number of sequences')
  return like(x, x.shape)
}

const inferCropPad: Infer = (c) => {
  const x = input(c, 0)
  const axes = (intsAttr(c, 'axes') ?? x.shape.map((_, axis) => axis)).map((axis) => axisOf(axis, x.shape.length, c.op))
  const lengths = constInts(input(c, 1, INDEXES))
  if (lengths !== undefined && lengths.length !== axes.length)
    refuse(c, `${lengths.length} lengths for ${axes.length} axes`)
  const shape = [...x.shape]
  for (const [i, axis] of axes.entries()) shape[axis] = lengths?.[i] ?? -1
  return like(x, shape)
}

const foldSame: Fold = ([x], node) => x && [x.reshape((node.outputs[0] as Value).shape)]

const foldTranspose: Fold = ([x], node) => {
  if (x === undefined) return undefined
  const strides = stridesOf(x.shape)
  const perm = permOf(node)
  const { shape } = node.outputs[0] as Value
  const from = places(
    shape,
    perm.map((axis) => strides[axis] as number),
  )
  return [pick(x, shape, (i) => from[i] as number)]
}

const foldExpand: Fold = ([x], node) => {
  if (x === undefined) return undefined
  const { shape } = node.outputs[0] as Value
  const from = broadcastPlaces(x.shape, shape)
  return [pick(x, shape, (i) => from[i] as number)]
}

const foldSlice: Fold = ([x], node) => {
  const cuts = cutsOf(node)
  if (x === undefined || cuts === undefined || cuts.includes(undefined)) return undefined
  const whole = cuts as Cut[]
  const strides = stridesOf(x.shape)
  const start = whole.reduce((sum, cut, axis) => sum + cut.start * (strides[axis] as number), 0)
  const shape = whole.map((cut) => cut.length)
  const from = places(
    shape,
    whole.map((cut, axis) => cut.step * (strides[axis] as number)),
    start,
  )
  return [pick(x, shape, (i) => from[i] as number)]
}

const foldConcat: Fold = (inputs, node) => {
  const { dtype, shape } = node.outputs[0] as Value
  const axis = axisOf(needInt(node, 'axis'), shape.length, node.op)
  const inner = sizeOf(shape.slice(axis + 1))
  const lengths = inputs.map((x) => (x?.shape[axis] ?? 0) * inner)
  const row = (shape[axis] as number) * inner
  return [
    fill(dtype, shape, (i) => {
      const outer = Math.floor(i / row)
      let rest = i % row
      let part = 0
      while (rest >= (lengths[part] as number)) rest -= lengths[part++] as number
      const source = inputs[part]
      return source === undefined ? 0 : cell(source.data, outer * (lengths[part] as number) + rest)
    }),
  ]
}

const foldSplit: Fold = ([x], node) => {
  if (x === undefined) return undefined
  const axis = axisOf(intAttr(node, 'axis', 0), x.shape.length, node.op)
  const strides = stridesOf(x.shape)
  let start = 0
  return node.outputs.map(({ shape }) => {
    const from = places(shape, strides, start * (strides[axis] as number))
    start += shape[axis] as number
    return pick(x, shape, (i) => from[i] as number)
  })
}

export const MOVEMENT: readonly OpDef[] = [
  { name: 'CenterCropPad', infer: inferCropPad },
  { name: 'Concat', infer: inferConcat, fold: foldConcat },
  { name: 'DepthToSpace', infer: inferDepthToSpace },
  { name: 'Expand', infer: inferExpand, fold: foldExpand },
  { name: 'Flatten', infer: inferFlatten, fold: foldSame },
  { name: 'Pad', infer: inferPad },
  { name: 'Reshape', infer: inferReshape, fold: foldSame },
  { name: 'ReverseSequence', infer: inferReverse },
  { name: 'Slice', infer: inferSlice, fold: foldSlice },
  { name: 'SpaceToDepth', infer: inferSpaceToDepth },
  { name: 'Split', infer: inferSplit, fold: foldSplit },
  { name: 'Squeeze', infer: inferSqueeze, fold: foldSame },
  { name: 'Tile', infer: inferTile },
  { name: 'Transpose', infer: inferTranspose, fold: foldTranspose },
  { name: 'Trilu', infer: inferTrilu },
  { name: 'Unsqueeze', infer: inferUnsqueeze, fold: foldSame },
]
