/** Fourier transforms and windows. */
import { axisOf } from '../../shape.ts'
import type { Node, Value } from '../graph.ts'
import type { OpDef } from '../registry.ts'
import {
  constInts,
  FLOATS,
  INDEXES,
  type Infer,
  input,
  intAttr,
  needRank,
  optional,
  refuse,
  refuseForm,
  typeAttr,
} from './context.ts'

/** Bins of the half of a spectrum that determines it for real signals. */
const half = (length: number): number => (length < 0 ? -1 : Math.floor(length / 2) + 1)

const inferDft: Infer = (c) => {
  const x = input(c, 0, FLOATS)
  needRank(c, x, 2)
  const rank = x.shape.length
  const parts = x.shape.at(-1) as number
  if (parts > 2) refuse(c, 'the last axis is not real, or real and imaginary')
  const given = optional(c, 2, INDEXES)
  const axis = given === undefined ? -2 : constInts(given)?.[0]
  const isHalf = intAttr(c, 'onesided', 0) === 1
  const isInverse = intAttr(c, 'inverse', 0) === 1
  if (isHalf && isInverse) refuseForm(c, 'an inverse is not onesided')
  if (isHalf && parts === 2) refuse(c, 'a complex input has no onesided spectrum')
  if (axis === undefined) return [{ dtype: x.dtype, shape: [...new Array<number>(rank - 1).fill(-1), 2] }]
  const own = axisOf(axis, rank, c.op)
  if (own === rank - 1) refuse(c, 'the last axis holds real and imaginary parts')
  const wanted = optional(c, 1, INDEXES)
  const length = wanted === undefined ? (x.shape[own] as number) : (constInts(wanted)?.[0] ?? -1)
  if (wanted !== undefined && constInts(wanted) !== undefined && length < 1)
    refuse(c, `a transform of length ${length}`)
  return [{ dtype: x.dtype, shape: x.shape.with(own, isHalf ? half(length) : length).with(rank - 1, 2) }]
}

const inferStft: Infer = (c) => {
  const x = input(c, 0, FLOATS)
  if (x.shape.length !== 2) needRank(c, x, 3, 3)
  const step = constInts(input(c, 1, INDEXES))?.[0] ?? -1
  const window = optional(c, 2, [x.dtype])
  const given = optional(c, 3, INDEXES)
  const length =
    given === undefined
      ? (window?.shape[0] ?? refuseForm(c, 'neither a window nor its length is given'))
      : (constInts(given)?.[0] ?? -1)
  const [batch, samples] = x.shape as [number, number]
  if (step === 0 || length === 0) refuse(c, 'a step or window of 0')
  const isOpen = samples < 0 || step < 0 || length < 0
  if (!isOpen && samples < length) refuse(c, `the window of ${length} is longer than the signal`)
  const frames = isOpen ? -1 : Math.floor((samples - length) / step) + 1
  return [{ dtype: x.dtype, shape: [batch, frames, intAttr(c, 'onesided', 1) === 1 ? half(length) : length, 2] }]
}

const inferWindow: Infer = (c) => [
  { dtype: typeAttr(c, 'output_datatype', 'f32'), shape: [constInts(input(c, 0, INDEXES))?.[0] ?? -1] },
]

const inferMel: Infer = (c) => {
  const [bins, length] = [0, 1].map((i) => constInts(input(c, i, INDEXES))?.[0] ?? -1) as [number, number]
  return [{ dtype: typeAttr(c, 'output_datatype', 'f32'), shape: [half(length), bins] }]
}

/** The usual count for a fast transform, 5 n log2 n. */
function fftFlops(elements: number, length: number): number {
  return length > 1 && elements > 0 ? 2.5 * elements * Math.log2(length) : 0
}

const dftFlops = (node: Node): number => {
  const y = node.outputs[0] as Value
  const given = node.inputs[2]
  const axis = (given === undefined ? -2 : constInts(given)?.[0]) ?? -2
  return fftFlops(y.size, y.shape.at(axis) as number)
}

const stftFlops = (node: Node): number => {
  const y = node.outputs[0] as Value
  return fftFlops(y.size, y.shape[2] as number)
}

export const SIGNAL: readonly OpDef[] = [
  { name: 'BlackmanWindow', infer: inferWindow },
  { name: 'DFT', infer: inferDft, flops: dftFlops },
  { name: 'HammingWindow', infer: inferWindow },
  { name: 'HannWindow', infer: inferWindow },
  { name: 'MelWeightMatrix', infer: inferMel },
  { name: 'STFT', infer: inferStft, flops: stftFlops },
]
