/**
 * What onnxruntime 1.30 computes on WebGPU, rightly and without its processor provider. Each row was run by
 * `test/browser/webgpu.slow.test.ts`; operators that run there with wrong results in some cases are left out or limited.
 */
import type { DType } from '../dtype.ts'
import type { Node, Value } from '../ir/graph.ts'
import { intAttr } from '../ir/ops/context.ts'

const FLOATS: readonly DType[] = ['f32']
const NUMBERS: readonly DType[] = ['f32', 'i32']
const ALL: readonly DType[] = ['f32', 'i32', 'bool']
const QUANTS: readonly DType[] = ['f32', 'u8', 'i8']

const TYPES: ReadonlyMap<string, readonly DType[]> = /* @__PURE__ */ makeTypes()

function makeTypes(): Map<string, readonly DType[]> {
  return new Map([
    ...rows(ALL, 'Cast Expand Flatten Gather Reshape Unsqueeze'),
    ...rows(
      NUMBERS,
      'Add Clip Concat CumSum Div Equal GatherND Greater GreaterOrEqual Identity Less LessOrEqual Max Min Mul',
    ),
    ...rows(
      NUMBERS,
      'Pad ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ScatterElements ScatterND Split Squeeze Sub',
    ),
    ...rows(NUMBERS, 'Tile Transpose Trilu Where'),
    ...rows(FLOATS, 'Abs Acos Acosh ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Ceil Conv'),
    ...rows(FLOATS, 'ConvTranspose Cos Cosh DepthToSpace DFT Einsum Elu Erf Exp Floor GatherElements Gelu Gemm'),
    ...rows(
      FLOATS,
      'GlobalAveragePool GlobalMaxPool GRU HardSigmoid HardSwish InstanceNormalization LayerNormalization',
    ),
    ...rows(
      FLOATS,
      'LeakyRelu Log LpNormalization LSTM MatMul MaxPool Mish Neg Pow PRelu Reciprocal ReduceL1 ReduceL2',
    ),
    ...rows(
      FLOATS,
      'ReduceLogSum ReduceSumSquare Relu Resize RMSNormalization Sigmoid SimplifiedLayerNormalization Sin',
    ),
    ...rows(FLOATS, 'Sinh Slice Softmax Softplus Sqrt Tan Tanh ThresholdedRelu TopK'),
    ...rows(['bool'], 'And Not'),
    ...rows(QUANTS, 'DequantizeLinear'),
    ...rows(
      FLOATS,
      'BiasGelu FastGelu Gelu QuickGelu SkipLayerNormalization SkipSimplifiedLayerNormalization',
      'com.microsoft',
    ),
    ...rows(QUANTS, 'MatMulNBits', 'com.microsoft'),
  ])
}

/** Operators that it has, as `domain:name`. */
export const ROWS: readonly string[] = /* @__PURE__ */ Array.from(TYPES.keys())

/** Inputs that say shapes or places along axes: constants. */
const SHAPES: Readonly<Record<string, readonly number[]>> = {
  CumSum: [1],
  DFT: [1, 2],
  Expand: [1],
  Pad: [1, 3],
  ReduceL1: [1],
  ReduceL2: [1],
  ReduceLogSum: [1],
  ReduceMax: [1],
  ReduceMean: [1],
  ReduceMin: [1],
  ReduceProd: [1],
  ReduceSum: [1],
  ReduceSumSquare: [1],
  Reshape: [1],
  Resize: [1, 2, 3],
  Slice: [1, 2, 3, 4],
  Split: [1],
  Squeeze: [1],
  Tile: [1],
  TopK: [1],
  Trilu: [1],
  Unsqueeze: [1],
}

/** Inputs that say places: 64-bit integers that may be computed. */
export const PLACES: Readonly<Record<string, number>> = {
  Gather: 1,
  GatherElements: 1,
  GatherND: 1,
  ScatterElements: 1,
  ScatterND: 1,
}

const COMPARISONS = new Set(['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'])
/** Outputs that are 64-bit integers. */
const PLACE_OUTPUTS: Readonly<Record<string, number>> = { ArgMax: 0, ArgMin: 0, MaxPool: 1, TopK: 1 }

/** Forms of operators that are not there, or not right. */
const LIMITS: Readonly<Record<string, (node: Node) => string | undefined>> = {
  BatchNormalization: (node) => (intAttr(node, 'training_mode', 0) === 0 ? undefined : 'in training'),
  ConvTranspose: (node) => {
    const [x, w] = node.inputs
    if ((x?.shape.length ?? 0) > 4) return 'over three axes'
    // Sums of the wrong channels, where a group has several inputs and one output.
    const groups = intAttr(node, 'group', 1)
    return groups > 1 && w !== undefined && w.shape[0] !== groups ? 'in groups' : undefined
  },
  GRU: ({ inputs }) => (inputs[4] === undefined ? undefined : 'of rows of different lengths'),
  LSTM: ({ inputs }) => (inputs[4] === undefined ? undefined : 'of rows of different lengths'),
  MaxPool: ({ outputs }) => (outputs.length === 1 ? undefined : 'with places'),
  ReduceL1: (node) => noAxes(node),
  ReduceL2: (node) => noAxes(node),
  ReduceLogSum: (node) => noAxes(node),
  ReduceSumSquare: (node) => noAxes(node),
  Resize: (node) => (intAttr(node, 'antialias', 0) === 0 ? undefined : 'with antialias'),
  // Elements from beside the value where the length is no multiple of the step.
  Slice: ({ inputs: [x, , , , steps] }) => {
    if (x?.dtype !== 'f32') return `of ${x?.dtype}`
    return numbersOf(steps).every((step) => step > 0) ? undefined : 'backwards'
  },
}

/** Nothing is reduced, but each element is still squared and so on: WebGPU leaves them. */
function noAxes(node: Node): string | undefined {
  const isNone = intAttr(node, 'noop_with_empty_axes', 0) !== 0 && (node.inputs[1]?.size ?? 0) === 0
  return isNone ? 'over no axes' : undefined
}

function rows(types: readonly DType[], names: string, domain = ''): [string, readonly DType[]][] {
  return names.split(' ').map((name) => [`${domain}:${name}`, types])
}

function numbersOf(value: Value | undefined): number[] {
  return Array.from((value?.data?.data ?? []) as ArrayLike<number | bigint>, Number)
}

/** Whether WebGPU has the operator of a node in its form, whatever its types. */
export function lackOfForm(node: Node): string | undefined {
  const name = node.domain === '' ? node.op : `${node.domain}.${node.op}`
  if (!TYPES.has(`${node.domain}:${node.op}`)) return name
  const limit = node.domain === '' ? LIMITS[node.op]?.(node) : undefined
  return limit === undefined ? undefined : `${name} ${limit}`
}

/** What WebGPU lacks for a node, in words; undefined where it has it. */
function lackOf(node: Node): string | undefined {
  const form = lackOfForm(node)
  if (form !== undefined) return form
  const { op, domain, inputs, outputs } = node
  const types = TYPES.get(`${domain}:${op}`) as readonly DType[]
  const shapes = (domain === '' ? SHAPES[op] : undefined) ?? []
  for (const [i, value] of inputs.entries()) {
    if (value === undefined || types.includes(value.dtype)) continue
    if (shapes.includes(i) && value.data !== undefined) continue
    if (PLACES[op] === i && (value.dtype === 'i32' || value.dtype === 'i64')) continue
    if (op === 'Where' && i === 0 && value.dtype === 'bool') continue
    return `${op} of ${value.dtype}`
  }
  for (const i of shapes)
    if (inputs[i] !== undefined && inputs[i].data === undefined) return `${op} of a computed shape`
  for (const [i, { dtype }] of outputs.entries()) {
    if (types.includes(dtype) || (dtype === 'bool' && COMPARISONS.has(op))) continue
    if (dtype === 'i64' && (op === 'Cast' || PLACE_OUTPUTS[op] === i)) continue
    return `${op} to ${dtype}`
  }
  return undefined
}

/** Whether WebGPU runs a program, and what it lacks where not. */
export interface WebgpuSupport {
  readonly isSupported: boolean
  /** Operators, with their type or form where that is the reason, in the order of their names. */
  readonly missing: readonly string[]
}

/** Look at the nodes that outputs need, as they stand. */
export function supportOf(outputs: readonly Value[]): WebgpuSupport {
  const missing = new Set<string>()
  const [first] = outputs
  for (const node of first?.graph.live(outputs) ?? []) {
    const lack = Object.keys(node.bodies ?? {}).length > 0 ? node.op : lackOf(node)
    if (lack !== undefined) missing.add(lack)
  }
  for (const { dtype } of [...outputs, ...(first?.graph.inputs ?? [])]) {
    if (!ALL.includes(dtype) && dtype !== 'i64' && !QUANTS.includes(dtype)) missing.add(dtype)
  }
  return { isSupported: missing.size === 0, missing: [...missing].sort() }
}
