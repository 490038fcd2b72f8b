/** Nodes of older and newer operator sets in the form that they have in opset 20. */
import { f16FromF32, PithError } from '@pith/core'
import { type DType, makeData } from '../dtype.ts'
import type { Attr, Attrs, EmitOptions, Graph, Value } from '../ir/graph.ts'
import { Tensor } from '../tensor.ts'
import { whole, wideInts } from './attributes.ts'
import type { Int64, NodeProto } from './proto.ts'

/** A node that is being read; upgrades change it. */
export interface Draft {
  op: string
  inputs: (Value | undefined)[]
  attrs: Record<string, Attr>
  readonly outputs: number
  readonly proto: NodeProto
  readonly opset: number
}

/** What upgrades make nodes and constants with. */
export interface Maker {
  readonly graph: Graph
  emit(op: string, inputs: readonly (Value | undefined)[], attrs?: Attrs, options?: EmitOptions): readonly Value[]
}

/** Changes the draft, or makes the outputs itself and returns them. */
type Upgrade = (draft: Draft, maker: Maker) => readonly Value[] | undefined

interface Rule {
  /** The rule is for opsets below this one ... */
  readonly below?: number
  /** ... and from this one on. */
  readonly from?: number
  readonly apply: Upgrade
}

/** Bring a node to opset 20. @returns its outputs where they are made already */
export function upgradeNode(draft: Draft, maker: Maker): readonly Value[] | undefined {
  if (draft.opset < 8) delete draft.attrs['consumed_inputs']
  for (const { below = Number.POSITIVE_INFINITY, from = 0, apply } of RULES[draft.op] ?? []) {
    if (draft.opset >= below || draft.opset < from) continue
    const made = apply(draft, maker)
    if (made !== undefined) return made
  }
  return undefined
}

/** A constant vector of 64-bit integers. */
function ints({ graph }: Maker, values: readonly Int64[], shape?: readonly number[]): Value {
  const data = BigInt64Array.from(values, (value) => BigInt(whole(value)))
  return graph.constant(new Tensor(data, shape ?? [data.length], 'i64'))
}

/** A constant of one float of a type. */
function float({ graph }: Maker, value: number, dtype: DType): Value {
  const data = makeData(dtype, 1) as Float32Array
  data[0] = dtype === 'f16' ? (f16FromF32(Float32Array.of(value))[0] as number) : value
  return graph.constant(new Tensor(data, [], dtype))
}

function put(draft: Draft, index: number, value: Value): void {
  while (draft.inputs.length < index) draft.inputs.push(undefined)
  draft.inputs[index] = value
}

/** An attribute of integers becomes an input. */
function toInput(name: string, index: number): Upgrade {
  return (draft, maker) => {
    const values = wideInts(draft.proto, name)
    delete draft.attrs[name]
    if (values !== undefined) put(draft, index, ints(maker, values))
    return undefined
  }
}

/** Attributes that say nothing any more. */
function drop(...names: string[]): Upgrade {
  return ({ attrs }) => {
    for (const name of names) delete attrs[name]
    return undefined
  }
}

/** A default that has changed is written down. */
function setDefault(name: string, value: Attr): Upgrade {
  return ({ attrs }) => {
    attrs[name] ??= value
    return undefined
  }
}

function refuse(draft: Draft, why: string, hint: string = 'Export the model anew with opset 13 or later.'): never {
  throw new PithError('PITH_MODEL', `${draft.op} of opset ${draft.opset} ${why}`, { hint })
}

function need(draft: Draft, index: number): Value {
  return draft.inputs[index] ?? refuse(draft, `lacks its input ${index}`)
}

/** Before opset 7 the second input was put to an axis of the first by an attribute. */
const broadcast: Upgrade = (draft, maker) => {
  const axis = draft.attrs['axis']
  const isBroadcast = draft.attrs['broadcast'] === 1
  delete draft.attrs['broadcast']
  delete draft.attrs['axis']
  if (!isBroadcast || typeof axis !== 'number') return undefined
  const [a, b] = [need(draft, 0), need(draft, 1)]
  const from = axis < 0 ? axis + a.shape.length : axis
  const after = a.shape.length - from - b.shape.length
  if (after <= 0) return undefined
  const axes = Array.from({ length: after }, (_, i) => b.shape.length + i)
  draft.inputs[1] = maker.emit('Unsqueeze', [b, ints(maker, axes)])[0] as Value
  return undefined
}

/** Before opset 13 all axes from the attribute's on were one. */
const flatSoftmax: Upgrade = (draft, maker) => {
  const x = need(draft, 0)
  const rank = x.shape.length
  const given = Number(draft.attrs['axis'] ?? 1)
  const axis = given < 0 ? given + rank : given
  if (axis >= rank - 1) {
    draft.attrs['axis'] = -1
    return undefined
  }
  const flat = maker.emit('Flatten', [x], { axis })
  const soft = maker.emit(draft.op, flat, { axis: -1 })
  return maker.emit('Reshape', [soft[0], maker.emit('Shape', [x])[0]])
}

const clipBounds: Upgrade = (draft, maker) => {
  const x = need(draft, 0)
  for (const [index, name] of ['min', 'max'].entries()) {
    const bound = draft.attrs[name]
    delete draft.attrs[name]
    if (typeof bound === 'number') put(draft, index + 1, float(maker, bound, x.dtype))
  }
  return undefined
}

const padInputs: Upgrade = (draft, maker) => {
  const pads = wideInts(draft.proto, 'pads') ?? wideInts(draft.proto, 'paddings') ?? refuse(draft, 'has no pads')
  const value = draft.attrs['value']
  drop('pads', 'paddings', 'value')(draft, maker)
  put(draft, 1, ints(maker, pads))
  if (typeof value === 'number' && value !== 0) put(draft, 2, float(maker, value, need(draft, 0).dtype))
  return undefined
}

/** Without training there is nothing to drop. */
const dropout: Upgrade = (draft, maker) => {
  drop('is_test', 'ratio', 'seed')(draft, maker)
  if (draft.outputs === 1) draft.op = 'Identity'
  return undefined
}

const batchNorm: Upgrade = (draft, maker) => {
  if (draft.outputs > 1) {
    refuse(draft, 'in training mode is not supported', 'Export the model for evaluation, or with opset 14 or later.')
  }
  if (draft.attrs['spatial'] === 0 && need(draft, 0).shape.length > 2)
    refuse(draft, 'with spatial = 0 is not supported')
  return drop('spatial', 'is_test')(draft, maker)
}

const upsample: Upgrade = (draft, maker) => {
  const scales = draft.attrs['scales']
  if (Array.isArray(scales)) put(draft, 1, maker.graph.constant(new Tensor(Float32Array.from(scales as number[]))))
  else if (draft.inputs[1] === undefined) refuse(draft, 'has no scales')
  return oldResize(draft, maker)
}

const oldResize: Upgrade = (draft) => {
  const mode = draft.attrs['mode'] === 'bilinear' ? 'linear' : (draft.attrs['mode'] ?? 'nearest')
  const scales = draft.inputs[1]
  const isSmaller = Array.from((scales?.data?.data ?? []) as ArrayLike<number>).some((scale) => scale < 1)
  draft.op = 'Resize'
  draft.inputs = [need(draft, 0), undefined, scales]
  // What onnxruntime did before the attribute came: down to the lower neighbour, except where the tensor gets smaller.
  const nearest: Record<string, Attr> = mode === 'nearest' ? { nearest_mode: isSmaller ? 'ceil' : 'floor' } : {}
  draft.attrs = { mode, coordinate_transformation_mode: 'asymmetric', ...nearest }
  return undefined
}

/** Before opset 7 the slopes belonged to the channels. */
const channelSlopes: Upgrade = (draft, maker) => {
  const [x, slope] = [need(draft, 0), need(draft, 1)]
  if (slope.shape.length !== 1 || x.shape.length <= 2 || slope.shape[0] === 1) return undefined
  const axes = Array.from({ length: x.shape.length - 2 }, (_, i) => i + 1)
  draft.inputs[1] = maker.emit('Unsqueeze', [slope, ints(maker, axes)])[0] as Value
  return undefined
}

/** Names of the types that `to` had before opset 6. */
const CAST_TYPES: readonly string[] = [
  'UNDEFINED FLOAT UINT8 INT8 UINT16 INT16 INT32 INT64 STRING BOOL FLOAT16 DOUBLE UINT32 UINT64',
].flatMap((line) => line.split(' '))

const castName: Upgrade = (draft) => {
  const to = draft.attrs['to']
  if (typeof to === 'string') draft.attrs['to'] = CAST_TYPES.indexOf(to.toUpperCase())
  return undefined
}

const splitCount: Upgrade = (draft) => {
  if (draft.inputs[1] === undefined && draft.attrs['num_outputs'] === undefined) {
    draft.attrs['num_outputs'] = draft.outputs
  }
  return undefined
}

const gridModes: Upgrade = ({ attrs }) => {
  if (attrs['mode'] === 'bilinear') attrs['mode'] = 'linear'
  if (attrs['mode'] === 'bicubic') attrs['mode'] = 'cubic'
  return undefined
}

const dftAxis: Upgrade = (draft, maker) => {
  const axis = Number(draft.attrs['axis'] ?? 1)
  delete draft.attrs['axis']
  put(draft, 2, ints(maker, [axis], []))
  return undefined
}

const tileAxis: Upgrade = (draft) => (draft.inputs.length > 2 ? refuse(draft, 'is not supported') : undefined)

/** Most groups of channels. */
const MAX_GROUPS = 1 << 16

/** From opset 21 on, scale and bias are those of channels, no longer of groups. */
const channelGroups: Upgrade = (draft, maker) => {
  const [x, scale, bias] = [need(draft, 0), need(draft, 1), need(draft, 2)]
  const groups = Number(draft.attrs['num_groups'])
  if (!(Number.isInteger(groups) && groups >= 1 && groups <= MAX_GROUPS)) refuse(draft, `has ${groups} groups`)
  const filled = (value: number): Value => {
    const data = makeData(x.dtype, groups) as Float32Array
    return maker.graph.constant(
      new Tensor(data.fill(x.dtype === 'f16' && value === 1 ? 0x3c00 : value), [groups], x.dtype),
    )
  }
  if (x.dtype === 'bf16') refuse(draft, 'is not supported on bf16')
  const grouped = maker.emit('Reshape', [x, ints(maker, [0, groups, -1])])
  const epsilon = draft.attrs['epsilon'] ?? 1e-5
  const normed = maker.emit('InstanceNormalization', [grouped[0], filled(1), filled(0)], { epsilon })
  const shaped = maker.emit('Reshape', [normed[0], maker.emit('Shape', [x])[0]])
  const axes = ints(
    maker,
    Array.from({ length: x.shape.length - 2 }, (_, i) => i + 1),
  )
  const scaled = maker.emit('Mul', [shaped[0], maker.emit('Unsqueeze', [scale, axes])[0]])
  return maker.emit('Add', [scaled[0], maker.emit('Unsqueeze', [bias, axes])[0]])
}

const refused: Upgrade = (draft) => refuse(draft, 'is not supported')

function each(names: string, ...rules: Rule[]): Record<string, readonly Rule[]> {
  return Object.fromEntries(names.split(' ').map((name) => [name, rules]))
}

const AXES: Upgrade = /* @__PURE__ */ toInput('axes', 1)

const RULES: Readonly<Record<string, readonly Rule[]>> = {
  ...each('Add Sub Mul Div Pow And Or Xor Equal Greater Less', { below: 7, apply: broadcast }),
  ...each('ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare', {
    below: 18,
    apply: AXES,
  }),
  ...each('Squeeze Unsqueeze ReduceSum', { below: 13, apply: AXES }),
  ...each('Softmax LogSoftmax Hardmax', { below: 13, apply: flatSoftmax }),
  ...each('LSTM GRU RNN', { below: 7, apply: drop('output_sequence') }),
  BatchNormalization: [{ below: 14, apply: batchNorm }],
  Cast: [{ below: 6, apply: castName }],
  Clip: [{ below: 11, apply: clipBounds }],
  Concat: [{ below: 4, apply: setDefault('axis', 1) }],
  DFT: [{ below: 20, apply: dftAxis }],
  Dropout: [{ below: 12, apply: dropout }],
  Gemm: [{ below: 7, apply: drop('broadcast') }],
  GridSample: [{ below: 20, apply: gridModes }],
  GroupNormalization: [{ from: 21, apply: channelGroups }],
  Pad: [{ below: 11, apply: padInputs }],
  PRelu: [{ below: 7, apply: channelSlopes }],
  Reshape: [{ below: 5, apply: toInput('shape', 1) }],
  Resize: [{ below: 11, apply: oldResize }],
  RoiAlign: [{ below: 16, apply: setDefault('coordinate_transformation_mode', 'output_half_pixel') }],
  Scan: [{ below: 9, apply: refused }],
  Scatter: [
    {
      apply: (draft) => {
        draft.op = 'ScatterElements'
        return undefined
      },
    },
  ],
  Selu: [
    { below: 6, apply: setDefault('alpha', 1.6732) },
    { below: 6, apply: setDefault('gamma', 1.0507) },
  ],
  Slice: [
    { below: 10, apply: toInput('starts', 1) },
    { below: 10, apply: toInput('ends', 2) },
    { below: 10, apply: toInput('axes', 3) },
  ],
  Split: [
    { below: 13, apply: toInput('split', 1) },
    { below: 18, apply: splitCount },
  ],
  Tile: [{ below: 6, apply: tileAxis }],
  TopK: [{ below: 10, apply: toInput('k', 1) }],
  Upsample: [{ apply: upsample }],
}
