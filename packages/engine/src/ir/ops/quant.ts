/** Quantising, and products of quantised values. */
import { type DType, dtypeOfOnnx } from '../../dtype.ts'
import { axisOf, broadcastShapes } from '../../shape.ts'
import { Tensor } from '../../tensor.ts'
import type { Graph, Node, Value } from '../graph.ts'
import type { InferContext, OpDef } from '../registry.ts'
import { agree, FLOATS, type Infer, input, intAttr, isKnown, needInt, optional, refuse, refuseForm } from './context.ts'
import { matMulShape } from './linear.ts'

const BYTES: readonly DType[] = ['u8', 'i8']
const QUANTISED: readonly DType[] = ['u8', 'i8', 'u16', 'i16', 'i32', 'u4', 'i4']

/** Refuse scales that are neither one, nor one for each slice of an axis, nor one for each block of it. */
function needScale(c: InferContext, x: Value, scale: Value): void {
  if (scale.shape.length === 0 || scale.size === 1) return
  const axis = axisOf(intAttr(c, 'axis', 1), x.shape.length, c.op)
  const block = intAttr(c, 'block_size', 0)
  if (block === 0) {
    if (scale.shape.length !== 1) refuse(c, 'the scales are not a vector')
    agree(c, scale.shape[0] as number, x.shape[axis] as number, `the number of scales of axis ${axis}`)
    return
  }
  if (scale.shape.length !== x.shape.length) refuse(c, 'the scales of blocks have another rank')
  for (const [i, length] of x.shape.entries()) {
    const wanted = i === axis && length >= 0 ? Math.ceil(length / block) : length
    agree(c, scale.shape[i] as number, wanted, `axis ${i} of the scales`)
  }
}

const inferDequantize: Infer = (c) => {
  const x = input(c, 0, QUANTISED)
  const scale = input(c, 1, FLOATS)
  optional(c, 2, [x.dtype])
  needScale(c, x, scale)
  return [{ dtype: scale.dtype, shape: x.shape }]
}

const inferQuantize: Infer = (c) => {
  const x = input(c, 0, [...FLOATS, 'i32'])
  needScale(c, x, input(c, 1))
  const zero = optional(c, 2)
  const named = dtypeOfOnnx(intAttr(c, 'output_dtype', 0))
  if (zero !== undefined && named !== undefined && zero.dtype !== named)
    refuseForm(c, 'output_dtype is not that of the zero')
  return [{ dtype: zero?.dtype ?? named ?? 'u8', shape: x.shape }]
}

const inferDynamicQuantize: Infer = (c) => [
  { dtype: 'u8', shape: input(c, 0, ['f32']).shape },
  { dtype: 'f32', shape: [] },
  { dtype: 'u8', shape: [] },
]

const inferMatMulInteger: Infer = (c) => [
  { dtype: 'i32', shape: matMulShape(c, input(c, 0, BYTES).shape, input(c, 1, BYTES).shape) },
]

const inferQLinearMatMul: Infer = (c) => [
  { dtype: input(c, 7, BYTES).dtype, shape: matMulShape(c, input(c, 0, BYTES).shape, input(c, 3, BYTES).shape) },
]

/** a, scale, zero, b, scale, zero, scale, zero. */
const inferQLinearBinary: Infer = (c) => {
  const a = input(c, 0, BYTES)
  return [{ dtype: a.dtype, shape: broadcastShapes(a.shape, input(c, 3, [a.dtype]).shape, c.op) }]
}

const inferQLinearUnary: Infer = (c) => {
  const x = input(c, 0, BYTES)
  return [{ dtype: x.dtype, shape: x.shape }]
}

const inferQLinearGlobalPool: Infer = (c) => {
  const x = input(c, 0, BYTES)
  const isLast = intAttr(c, 'channels_last', 0) === 1
  const channel = isLast ? x.shape.length - 1 : 1
  return [{ dtype: x.dtype, shape: x.shape.map((length, axis) => (axis === 0 || axis === channel ? length : 1)) }]
}

/** Float times integers with scales of their own. */
const inferFloatProduct =
  (types: readonly DType[]): Infer =>
  (c) => [{ dtype: 'f32', shape: matMulShape(c, input(c, 0, types).shape, input(c, 1, BYTES).shape) }]

const inferNBits: Infer = (c) => {
  const x = input(c, 0, FLOATS)
  const [depth, width] = [needInt(c, 'K'), needInt(c, 'N')]
  const [bits, block] = [intAttr(c, 'bits', 4), needInt(c, 'block_size')]
  if (![2, 4, 8].includes(bits) || block < 16 || (block & (block - 1)) !== 0)
    refuseForm(c, `${bits} bits in blocks of ${block}`)
  agree(c, x.shape.at(-1) ?? 1, depth, 'the length that is summed over')
  const packed = input(c, 1)
  const blocks = Math.ceil(depth / block)
  if (isKnown(packed.shape) && packed.size !== (width * blocks * block * bits) / 8)
    refuse(c, 'the weights have not the size')
  const scales = input(c, 2)
  if (isKnown(scales.shape) && scales.size !== width * blocks) refuse(c, 'there is not one scale for each block')
  return [{ dtype: x.dtype, shape: [...x.shape.slice(0, -1), width] }]
}

/** The weights of a MatMulNBits node as floats, [K, N], where they are constants; undefined where they are not. */
function unpackNBits(node: Node): Tensor | undefined {
  const [, packed, scales, zeros] = node.inputs.map((value) => value?.data)
  const [depth, width, block] = [needInt(node, 'K'), needInt(node, 'N'), needInt(node, 'block_size')]
  const bits = intAttr(node, 'bits', 4)
  if (packed === undefined || !(scales?.data instanceof Float32Array) || !(packed.data instanceof Uint8Array))
    return undefined
  if (node.inputs[3] !== undefined && !(zeros?.data instanceof Uint8Array)) return undefined
  if (node.inputs[4] !== undefined) return undefined
  const blocks = Math.ceil(depth / block)
  const zeroRow = Math.ceil((blocks * bits) / 8)
  const mask = (1 << bits) - 1
  const bytes = packed.data
  const scale = scales.data
  const zero = zeros?.data as Uint8Array | undefined
  const at = (source: Uint8Array, start: number, index: number): number =>
    ((source[start + ((index * bits) >> 3)] as number) >> ((index * bits) & 7)) & mask
  const rowBytes = (blocks * block * bits) / 8
  const result = new Float32Array(depth * width)
  for (let n = 0; n < width; n++) {
    for (let k = 0; k < depth; k++) {
      const own = Math.floor(k / block)
      const centre = zero === undefined ? 1 << (bits - 1) : at(zero, n * zeroRow, own)
      result[k * width + n] = (at(bytes, n * rowBytes, k) - centre) * (scale[n * blocks + own] as number)
    }
  }
  return new Tensor(result, [depth, width])
}

function decomposeNBits(node: Node, graph: Graph): readonly Value[] {
  const weights = unpackNBits(node)
  if (weights === undefined) refuseForm(node, 'only constant weights of single precision become floats')
  const product = graph.emit('MatMul', [node.inputs[0], graph.constant(weights)])
  return node.inputs[5] === undefined ? product : graph.emit('Add', [product[0], node.inputs[5]])
}

const productFlops = (node: Node): number =>
  2 * (node.outputs[0] as Value).size * ((node.inputs[0] as Value).shape.at(-1) ?? 1)

const microsoft = (name: string, infer: Infer, flops?: OpDef['flops']): OpDef => ({
  name,
  domain: 'com.microsoft',
  infer,
  ...(flops === undefined ? {} : { flops }),
})

export const QUANT: readonly OpDef[] = [
  { name: 'DequantizeLinear', infer: inferDequantize },
  { name: 'DynamicQuantizeLinear', infer: inferDynamicQuantize },
  { name: 'MatMulInteger', infer: inferMatMulInteger, flops: productFlops },
  { name: 'QLinearMatMul', infer: inferQLinearMatMul, flops: productFlops },
  { name: 'QuantizeLinear', infer: inferQuantize },
  microsoft('DequantizeLinear', inferDequantize),
  microsoft('DynamicQuantizeMatMul', inferFloatProduct(['f32']), productFlops),
  microsoft('MatMulIntegerToFloat', inferFloatProduct(BYTES), productFlops),
  { ...microsoft('MatMulNBits', inferNBits, productFlops), decompose: decomposeNBits },
  microsoft('QLinearAdd', inferQLinearBinary),
  microsoft('QLinearGlobalAveragePool', inferQLinearGlobalPool),
  microsoft('QLinearLeakyRelu', inferQLinearUnary),
  microsoft('QLinearMul', inferQLinearBinary),
  microsoft('QLinearSigmoid', inferQLinearUnary),
  microsoft('QLinearSoftmax', inferQLinearUnary),
  microsoft('QuantizeLinear', inferQuantize),
]
