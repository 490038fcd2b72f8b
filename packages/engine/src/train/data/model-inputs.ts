/** What a model takes, and whether data are that. */
import { f32FromBf16, f32FromF16, PithError } from '@pith/core'
import { type DType, dtypeOfOnnx, isFloat, makeData } from '../../dtype.ts'
import type { ModelProto } from '../../onnx/proto.ts'
import { shapeText } from '../../shape.ts'
import { type Spec, specText, Tensor } from '../../tensor.ts'

/** An input of a model as its file declares it. */
export interface ModelInput {
  readonly name: string
  readonly dtype: DType
  /** Lengths, or names of axes that may have any; undefined where the file says nothing. */
  readonly axes: readonly (number | string)[] | undefined
}

/** The inputs of a model, without its weights. @throws PithError `PITH_DTYPE` an element type that the engine lacks */
export function modelInputs({ graph }: ModelProto): ModelInput[] {
  const held = new Set(graph?.initializer?.map(({ name }) => name))
  return (graph?.input ?? [])
    .filter(({ name }) => !held.has(name))
    .map(({ name = '', type }) => {
      const { elemType = 0, shape } = type?.tensorType ?? {}
      const dtype = dtypeOfOnnx(elemType)
      if (dtype === undefined) {
        throw new PithError('PITH_DTYPE', `the input ${JSON.stringify(name)} has the element type ${elemType}`)
      }
      const axes = shape?.dim?.map(({ dimValue, dimParam }) => {
        const length = Number(dimValue ?? 0)
        return length > 0 ? length : (dimParam ?? '?')
      })
      return { name, dtype, axes }
    })
}

/** `f32[batch, 3]` as text. */
export function inputText({ dtype, axes }: ModelInput): string {
  return `${dtype}[${axes?.join(', ') ?? '...'}]`
}

/**
 * The array for each input: that of its name, or `x` where there is one input, or `x0`, `x1` ... in order.
 *
 * @param has  which arrays there are
 * @throws PithError `PITH_ARG` none
 */
export function bindInputs(
  inputs: readonly ModelInput[],
  names: readonly string[],
  what: string,
): Record<string, string> {
  return Object.fromEntries(
    inputs.map((input, place) => {
      const { name } = input
      const known = [name, ...(inputs.length === 1 ? ['x'] : []), `x${place}`, `x_${place}`]
      const found = known.find((own) => names.includes(own))
      if (found !== undefined) return [name, found]
      const list = names.length === 0 ? 'none' : names.slice(0, 12).join(', ')
      throw new PithError('PITH_ARG', `${what} has nothing for the input ${JSON.stringify(name)} ${inputText(input)}`, {
        hint: `Save it under that name. There are: ${list}.`,
      })
    }),
  )
}

/**
 * Check that rows are what an input takes.
 *
 * @param row  type and shape of one row
 * @throws PithError `PITH_SHAPE`
 */
export function checkRow(input: ModelInput, row: Spec): void {
  const { axes } = input
  if (axes === undefined) return
  const fits =
    axes.length === row.shape.length + 1 &&
    row.shape.every((length, i) => typeof axes[i + 1] === 'string' || axes[i + 1] === length)
  if (fits) return
  throw new PithError(
    'PITH_SHAPE',
    `rows of ${input.name} have the shape ${shapeText(row.shape)}, the model takes ${inputText(input)}`,
    { hint: 'The first axis of the input counts the rows; the others must be those of a row.' },
  )
}

/** Whole numbers that each type holds. */
const RANGES: Readonly<Partial<Record<DType, readonly [low: number, high: number]>>> = {
  bool: [0, 1],
  i8: [-128, 127],
  u8: [0, 255],
  i16: [-32768, 32767],
  u16: [0, 65535],
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  i64: [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  u64: [0, Number.MAX_SAFE_INTEGER],
}

/**
 * A tensor in another type of its kind: floats of another width, or whole numbers that fit.
 *
 * @param name  of the array, for messages
 * @throws PithError `PITH_DTYPE` another kind · `PITH_ARG` a number that does not fit
 */
export function inType(tensor: Tensor, dtype: DType, name: string): Tensor {
  if (tensor.dtype === dtype) return tensor
  if (isFloat(tensor.dtype) && (dtype === 'f32' || dtype === 'f64')) {
    const values = floatsOf(tensor)
    return new Tensor(dtype === 'f32' ? Float32Array.from(values) : Float64Array.from(values), tensor.shape, dtype)
  }
  const range = RANGES[dtype]
  if (RANGES[tensor.dtype] === undefined || range === undefined) {
    throw new PithError('PITH_DTYPE', `${name} is ${specText(tensor)}, ${dtype} is needed`, {
      hint: isFloat(dtype)
        ? 'Convert it to float32, scaled as the model was trained.'
        : 'Convert it to whole numbers of that type.',
    })
  }
  return new Tensor(wholeNumbers(tensor.data as ArrayLike<number | bigint>, dtype, name), tensor.shape, dtype)
}

/**
 * Numbers as elements of a type.
 *
 * @throws PithError `PITH_ARG` one that it does not hold
 */
export function wholeNumbers(data: ArrayLike<number | bigint>, dtype: DType, name: string): Tensor['data'] {
  const [low, high] = RANGES[dtype] as readonly [number, number]
  const out = makeData(dtype, data.length)
  const isBig = out instanceof BigInt64Array || out instanceof BigUint64Array
  for (let i = 0; i < data.length; i++) {
    const value = Number(data[i])
    if (!(Number.isInteger(value) && value >= low && value <= high)) {
      throw new PithError('PITH_ARG', `${name} holds ${value}, which is no ${dtype}`)
    }
    if (isBig) out[i] = BigInt(value)
    else (out as Int32Array)[i] = value
  }
  return out
}

function floatsOf({ data, dtype }: Tensor): ArrayLike<number> {
  if (dtype === 'f16') return f32FromF16(data as Uint16Array)
  if (dtype === 'bf16') return f32FromBf16(data as Uint16Array)
  return data as Float32Array
}
