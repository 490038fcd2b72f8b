/** Convolutions. */
import { sizeOf } from '../../shape.ts'
import type { Node, Value } from '../graph.ts'
import type { OpDef } from '../registry.ts'
import {
  type Applied,
  agree,
  constInts,
  FLOATS,
  type Infer,
  input,
  intAttr,
  intsAttr,
  needRank,
  openShape,
  optional,
  refuse,
  refuseForm,
  times,
} from './context.ts'
import { transposedWindowsOf, type Windows, windowsOf } from './windows.ts'

/** Lengths of a kernel by its weights, against `kernel_shape` where that is given. */
function kernelOf(c: Applied, weights: Value): readonly number[] {
  const own = weights.shape.slice(2)
  const given = intsAttr(c, 'kernel_shape')
  if (given === undefined) return own
  if (given.length !== own.length) refuseForm(c, `kernel_shape [${given.join(', ')}] does not suit the weights`)
  return own.map((length, i) => agree(c, length, given[i] as number, 'the length of the kernel'))
}

/** Windows of a Conv, ConvInteger or QLinearConv. @throws PithError `PITH_SHAPE`, `PITH_MODEL` */
function convWindows(c: Applied, x: Value, weights: Value): Windows {
  needRank(c, x, 3)
  needRank(c, weights, x.shape.length, x.shape.length)
  const group = intAttr(c, 'group', 1)
  const [channels, each, filters] = [x.shape[1], weights.shape[1], weights.shape[0]] as [number, number, number]
  if (group < 1 || (filters >= 0 && filters % group !== 0)) refuse(c, `${filters} filters in ${group} groups`)
  if (channels >= 0 && each >= 0 && channels !== each * group) {
    refuse(c, `${channels} channels are not ${group} groups of ${each}`)
  }
  return windowsOf(c, x.shape.slice(2), kernelOf(c, weights))
}

function convShape(c: Applied, x: Value, weights: Value, bias: Value | undefined): number[] {
  const { out } = convWindows(c, x, weights)
  const filters = weights.shape[0] as number
  if (bias !== undefined) {
    needRank(c, bias, 1, 1)
    agree(c, bias.shape[0] as number, filters, 'the number of filters')
  }
  return [x.shape[0] as number, filters, ...out]
}

const inferConv: Infer = (c) => {
  const x = input(c, 0, FLOATS)
  const weights = input(c, 1, [x.dtype])
  return [{ dtype: x.dtype, shape: convShape(c, x, weights, optional(c, 2, [x.dtype])) }]
}

const inferConvInteger: Infer = (c) => [
  { dtype: 'i32', shape: convShape(c, input(c, 0, ['u8', 'i8']), input(c, 1, ['u8', 'i8']), undefined) },
]

const inferQLinearConv: Infer = (c) => {
  const bias = optional(c, 8, ['i32'])
  return [
    {
      dtype: input(c, 7, ['u8', 'i8']).dtype,
      shape: convShape(c, input(c, 0, ['u8', 'i8']), input(c, 3, ['u8', 'i8']), bias),
    },
  ]
}

/** Windows of a ConvTranspose. @throws PithError `PITH_SHAPE`, `PITH_MODEL` */
function convTransposeWindows(c: Applied): Windows {
  const [x, weights] = [input(c, 0), input(c, 1)]
  needRank(c, x, 3)
  needRank(c, weights, x.shape.length, x.shape.length)
  agree(c, x.shape[1] as number, weights.shape[0] as number, 'the number of channels')
  const group = intAttr(c, 'group', 1)
  if (group < 1 || (x.shape[1] as number) % group !== 0) refuse(c, `${x.shape[1]} channels in ${group} groups`)
  return transposedWindowsOf(c, x.shape.slice(2), kernelOf(c, weights))
}

const inferConvTranspose: Infer = (c) => {
  const x = input(c, 0, FLOATS)
  const weights = input(c, 1, [x.dtype])
  const { out } = convTransposeWindows(c)
  const filters = times(weights.shape[1] as number, intAttr(c, 'group', 1))
  const bias = optional(c, 2, [x.dtype])
  if (bias !== undefined) agree(c, bias.shape[0] ?? 1, filters, 'the number of filters')
  return [{ dtype: x.dtype, shape: [x.shape[0] as number, filters, ...out] }]
}

const inferCol2Im: Infer = (c) => {
  const x = input(c, 0)
  needRank(c, x, 3, 3)
  const [image, block] = [constInts(input(c, 1, ['i64'])), constInts(input(c, 2, ['i64']))]
  const rank = image?.length ?? input(c, 1).shape[0] ?? -1
  if (image === undefined || block === undefined) {
    return [{ dtype: x.dtype, shape: [x.shape[0] as number, -1, ...(image ?? openShape(c, rank))] }]
  }
  if (block.length !== image.length) refuse(c, 'the image and the block differ in rank')
  const [rows, columns] = [x.shape[1] as number, x.shape[2] as number]
  if (rows >= 0 && rows % sizeOf(block) !== 0) refuse(c, `${rows} rows are not blocks of ${sizeOf(block)}`)
  agree(c, columns, sizeOf(windowsOf(c, image, block).out), 'the number of blocks')
  return [{ dtype: x.dtype, shape: [x.shape[0] as number, rows < 0 ? -1 : rows / sizeOf(block), ...image] }]
}

/** Two operations for each weight at each place that it is applied to. */
const convFlops = (node: Node): number => {
  const weights = node.inputs[node.op === 'QLinearConv' ? 3 : 1] as Value
  return 2 * (node.outputs[0] as Value).size * sizeOf(weights.shape.slice(1))
}

const transposeFlops = (node: Node): number =>
  2 * (node.inputs[0] as Value).size * sizeOf((node.inputs[1] as Value).shape.slice(1))

export const CONV: readonly OpDef[] = [
  { name: 'Col2Im', infer: inferCol2Im },
  { name: 'Conv', infer: inferConv, flops: convFlops },
  { name: 'ConvInteger', infer: inferConvInteger, flops: convFlops },
  { name: 'ConvTranspose', infer: inferConvTranspose, flops: transposeFlops },
  { name: 'QLinearConv', infer: inferQLinearConv, flops: convFlops },
]
