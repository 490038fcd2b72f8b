/** Pools, resizing and sampling of images. */
import { axisOf, sizeOf } from '../../shape.ts'
import type { Spec } from '../../tensor.ts'
import type { Node, Value } from '../graph.ts'
import type { OpDef } from '../registry.ts'
import {
  type Applied,
  agree,
  asked,
  constInts,
  constNumbers,
  FLOATS,
  type Infer,
  input,
  intAttr,
  intsAttr,
  NUMBERS,
  needRank,
  optional,
  refuse,
  refuseForm,
  textAttr,
} from './context.ts'
import { transposedWindowsOf, type Windows, windowsOf } from './windows.ts'

/** Windows of a pool. @throws PithError `PITH_SHAPE`, `PITH_MODEL` */
function poolWindows(c: Applied): Windows {
  const x = input(c, 0)
  needRank(c, x, 3)
  const kernel = intsAttr(c, 'kernel_shape') ?? refuseForm(c, 'kernel_shape is missing')
  if (kernel.length !== x.shape.length - 2) refuseForm(c, `kernel_shape [${kernel.join(', ')}] does not suit`)
  return windowsOf(c, x.shape.slice(2), kernel)
}

const inferPool: Infer = (c) => {
  const x = input(c, 0, c.op === 'MaxPool' ? [...FLOATS, 'i8', 'u8'] : FLOATS)
  const shape = [...x.shape.slice(0, 2), ...poolWindows(c).out]
  const y: Spec = { dtype: x.dtype, shape }
  return c.op === 'MaxPool' ? asked(c, 1, [y, { dtype: 'i64', shape }]) : [y]
}

const inferGlobalPool: Infer = (c) => {
  const x = input(c, 0, FLOATS)
  needRank(c, x, 2)
  return [{ dtype: x.dtype, shape: x.shape.map((length, axis) => (axis < 2 ? length : 1)) }]
}

const inferMaxUnpool: Infer = (c) => {
  const x = input(c, 0, FLOATS)
  const kernel = intsAttr(c, 'kernel_shape') ?? refuseForm(c, 'kernel_shape is missing')
  needRank(c, x, kernel.length + 2, kernel.length + 2)
  input(c, 1, ['i64'])
  const given = optional(c, 2, ['i64'])
  if (given !== undefined) return [{ dtype: x.dtype, shape: constInts(given) ?? x.shape.map(() => -1) }]
  return [{ dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...transposedWindowsOf(c, x.shape.slice(2), kernel).out] }]
}

/** Numbers of an optional input: undefined where it is absent or empty, 'open' where it is not known before a run. */
function numbersOf(c: Applied, index: number): number[] | 'open' | undefined {
  const value = c.inputs[index]
  if (value === undefined || value.shape[0] === 0) return undefined
  return constNumbers(value) ?? 'open'
}

/**
 * The lengths that a Resize gives to each axis; -1 where not known.
 *
 * @throws PithError `PITH_SHAPE`, `PITH_MODEL` scales or sizes that do not suit
 */
function resizedShape(c: Applied): number[] {
  const x = input(c, 0)
  const rank = x.shape.length
  const given = intsAttr(c, 'axes') ?? x.shape.map((_, axis) => axis)
  const axes = given.map((axis) => axisOf(axis, rank, c.op))
  const [scales, sizes] = [numbersOf(c, 2), numbersOf(c, 3)]
  if ((scales === undefined) === (sizes === undefined)) refuseForm(c, 'takes either scales or sizes')
  const wanted = scales ?? sizes
  const out = [...x.shape]
  if (wanted === 'open' || wanted === undefined) return out.map((length, axis) => (axes.includes(axis) ? -1 : length))
  if (wanted.length !== axes.length) refuse(c, `${wanted.length} scales or sizes for ${axes.length} axes`)
  if (wanted.some((own) => !(own > 0))) refuse(c, `[${wanted.join(', ')}] are not all above 0`)
  const lengths = axes.map((axis) => x.shape[axis] as number)
  const own = scales === undefined ? bySizes(c, lengths, wanted) : byScales(c, lengths, wanted, axes, rank)
  for (const [i, axis] of axes.entries()) out[axis] = own[i] as number
  return out
}

function bySizes(c: Applied, lengths: readonly number[], sizes: readonly number[]): number[] {
  const policy = textAttr(c, 'keep_aspect_ratio_policy', 'stretch')
  if (policy === 'stretch') return [...sizes]
  if (lengths.some((length) => length < 0)) return lengths.map(() => -1)
  const scales = sizes.map((size, i) => size / (lengths[i] as number))
  const scale = policy === 'not_larger' ? Math.min(...scales) : Math.max(...scales)
  return lengths.map((length) => Math.floor(scale * length + 0.5))
}

function byScales(
  c: Applied,
  lengths: readonly number[],
  scales: readonly number[],
  axes: readonly number[],
  rank: number,
): number[] {
  const isCropped = textAttr(c, 'coordinate_transformation_mode', 'half_pixel') === 'tf_crop_and_resize'
  const roi = isCropped ? numbersOf(c, 1) : undefined
  if (isCropped && roi === undefined) refuseForm(c, 'a crop needs its region')
  if (roi === 'open') return lengths.map(() => -1)
  const isWhole = roi?.length === rank * 2
  return lengths.map((length, i) => {
    if (length < 0) return -1
    const [at, half] = isWhole ? [axes[i] as number, rank] : [i, axes.length]
    const share = roi === undefined ? 1 : (roi[half + at] as number) - (roi[at] as number)
    return Math.floor(length * share * (scales[i] as number))
  })
}

const inferResize: Infer = (c) => [{ dtype: input(c, 0, NUMBERS).dtype, shape: resizedShape(c) }]

const inferGridSample: Infer = (c) => {
  const x = input(c, 0)
  const grid = input(c, 1, FLOATS)
  needRank(c, x, 3)
  needRank(c, grid, x.shape.length, x.shape.length)
  agree(c, grid.shape.at(-1) as number, x.shape.length - 2, 'the number of coordinates')
  const batch = agree(c, x.shape[0] as number, grid.shape[0] as number, 'the batch')
  return [{ dtype: x.dtype, shape: [batch, x.shape[1] as number, ...grid.shape.slice(1, -1)] }]
}

const inferRoiAlign: Infer = (c) => {
  const x = input(c, 0, FLOATS)
  const regions = input(c, 1, [x.dtype])
  needRank(c, x, 4, 4)
  needRank(c, regions, 2, 2)
  const [height, width] = [intAttr(c, 'output_height', 1), intAttr(c, 'output_width', 1)]
  return [{ dtype: x.dtype, shape: [regions.shape[0] as number, x.shape[1] as number, height, width] }]
}

const inputSize = (node: Node): number => Math.max(0, (node.inputs[0] as Value).size)

const poolFlops = (node: Node): number => (node.outputs[0] as Value).size * sizeOf(poolWindows(node).kernel)

export const POOL: readonly OpDef[] = [
  { name: 'AveragePool', infer: inferPool, flops: poolFlops },
  { name: 'GlobalAveragePool', infer: inferGlobalPool, flops: inputSize },
  { name: 'GlobalLpPool', infer: inferGlobalPool, flops: inputSize },
  { name: 'GlobalMaxPool', infer: inferGlobalPool, flops: inputSize },
  { name: 'GridSample', infer: inferGridSample },
  { name: 'LpPool', infer: inferPool, flops: poolFlops },
  { name: 'MaxPool', infer: inferPool, flops: poolFlops },
  { name: 'MaxUnpool', infer: inferMaxUnpool },
  { name: 'Resize', infer: inferResize },
  { name: 'RoiAlign', infer: inferRoiAlign },
]
