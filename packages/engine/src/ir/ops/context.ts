/** What the rules of operators read: inputs, attributes, constants; and how they refuse. */
import { PithError } from '@pith/core'
import { type DType, dtypeOfOnnx } from '../../dtype.ts'
import { axisOf, type Shape, sizeOf } from '../../shape.ts'
import { type Spec, specText, Tensor } from '../../tensor.ts'
import type { Attrs, Value } from '../graph.ts'
import type { InferContext, OpDef } from '../registry.ts'

export type Infer = OpDef['infer']
export type Fold = NonNullable<OpDef['fold']>

/** What a node and a node to be have in common. */
export interface Applied {
  readonly op: string
  readonly inputs: readonly (Value | undefined)[]
  readonly attrs: Attrs
}

export const FLOATS: readonly DType[] = ['f32', 'f64', 'f16', 'bf16']
export const INTS: readonly DType[] = ['i8', 'u8', 'i16', 'u16', 'i32', 'u32', 'i64', 'u64']
export const NUMBERS: readonly DType[] = [...FLOATS, ...INTS]
export const BOOL: readonly DType[] = ['bool']
/** Types that may say where something is. */
export const INDEXES: readonly DType[] = ['i32', 'i64']

function inputsText(c: Applied): string {
  return c.inputs.map((input) => (input === undefined ? '-' : specText(input))).join(', ')
}

/** Refuse the shapes of a node. @throws PithError `PITH_SHAPE` */
export function refuse(c: Applied, what: string): never {
  throw new PithError('PITH_SHAPE', `${c.op}(${inputsText(c)}): ${what}`)
}

/** Refuse the attributes or the form of a node. @throws PithError `PITH_MODEL` */
export function refuseForm(c: Applied, what: string): never {
  throw new PithError('PITH_MODEL', `${c.op}(${inputsText(c)}): ${what}`, { at: { node: c.op } })
}

/** An input that must be there, of one of some types. @throws PithError `PITH_MODEL`, `PITH_DTYPE` */
export function input(c: Applied, index: number, types?: readonly DType[]): Value {
  const value = c.inputs[index]
  if (value === undefined) refuseForm(c, `input ${index} is missing`)
  if (types !== undefined && !types.includes(value.dtype)) {
    throw new PithError('PITH_DTYPE', `${c.op}(${inputsText(c)}): input ${index} is not ${types.join(', ')}`)
  }
  return value
}

/** An input that may be left out. @throws PithError `PITH_DTYPE` */
export function optional(c: Applied, index: number, types?: readonly DType[]): Value | undefined {
  return c.inputs[index] === undefined ? undefined : input(c, index, types)
}

/** The inputs that are there, all of one type. @throws PithError `PITH_DTYPE` they differ · `PITH_MODEL` there is none */
export function alike(c: Applied, types?: readonly DType[], from: number = 0): Value[] {
  const values = c.inputs.slice(from).map((_, index) => input(c, from + index, types))
  const first = values[0]
  if (first === undefined) refuseForm(c, 'there are no inputs')
  if (values.some((value) => value.dtype !== first.dtype)) {
    throw new PithError('PITH_DTYPE', `${c.op}(${inputsText(c)}): the inputs are not of one type`)
  }
  return values
}

/** An integer attribute. @throws PithError `PITH_MODEL` something else */
export function intAttr(c: Applied, name: string, otherwise: number): number {
  const value = c.attrs[name] ?? otherwise
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) refuseForm(c, `${name} is not an integer`)
  return value
}

/** An integer attribute that has no default. @throws PithError `PITH_MODEL` it is missing */
export function needInt(c: Applied, name: string): number {
  if (c.attrs[name] === undefined) refuseForm(c, `the attribute ${name} is missing`)
  return intAttr(c, name, 0)
}

/** A number. @throws PithError `PITH_MODEL` something else */
export function floatAttr(c: Applied, name: string, otherwise: number): number {
  const value = c.attrs[name] ?? otherwise
  if (typeof value !== 'number') refuseForm(c, `${name} is not a number`)
  return value
}

/** A list of integers; undefined where it is not there. @throws PithError `PITH_MODEL` something else */
export function intsAttr(c: Applied, name: string): readonly number[] | undefined {
  const value = c.attrs[name]
  if (value === undefined) return undefined
  if (!Array.isArray(value) || !value.every((item) => Number.isSafeInteger(item))) {
    refuseForm(c, `${name} is not a list of integers`)
  }
  return value as readonly number[]
}

/** A text. @throws PithError `PITH_MODEL` something else */
export function textAttr(c: Applied, name: string, otherwise: string): string {
  const value = c.attrs[name] ?? otherwise
  if (typeof value !== 'string') refuseForm(c, `${name} is not a text`)
  return value
}

/** A type that is named by its number in ONNX files. @throws PithError `PITH_MODEL` no such type */
export function typeAttr(c: Applied, name: string, otherwise: DType): DType {
  if (c.attrs[name] === undefined) return otherwise
  const number = needInt(c, name)
  return dtypeOfOnnx(number) ?? refuseForm(c, `${name} = ${number} is not a known type`)
}

/** Integers of a constant; undefined for what is not one. Those beyond 2^53 are cut there: they only ever mean the end. */
export function constInts(value: Spec & { readonly data?: unknown }): number[] | undefined {
  const tensor = value.data
  if (!(tensor instanceof Tensor)) return undefined
  if (tensor.data instanceof BigInt64Array) return Array.from(tensor.data, clampInt)
  if (tensor.data instanceof Int32Array) return Array.from(tensor.data)
  return undefined
}

const MOST = BigInt(Number.MAX_SAFE_INTEGER)

function clampInt(value: bigint): number {
  if (value > MOST) return Number.MAX_SAFE_INTEGER
  return value < -MOST ? Number.MIN_SAFE_INTEGER : Number(value)
}

/** Numbers of a constant; undefined for what is not one. */
export function constNumbers(value: Value | undefined): number[] | undefined {
  const data = value?.data?.data
  if (data === undefined || !ArrayBuffer.isView(data)) return undefined
  return Array.from(data as ArrayLike<number | bigint>, Number)
}

/** Whether a length, or all lengths of a shape, are known before a run. */
export function isKnown(shape: Shape): boolean {
  return shape.every((length) => length >= 0)
}

/** Number of elements, -1 where it is not known. */
export function knownSize(shape: Shape): number {
  return isKnown(shape) ? sizeOf(shape) : -1
}

/** A shape of which only the rank is known. @throws PithError `PITH_SHAPE` no rank */
export function openShape(c: Applied, rank: number): number[] {
  if (!(rank >= 0 && rank <= 64)) refuse(c, `a result of rank ${rank}`)
  return new Array<number>(rank).fill(-1)
}

/** Product of lengths of which some may not be known. */
export function times(a: number, b: number): number {
  return a < 0 || b < 0 ? -1 : a * b
}

/** Sum of lengths of which some may not be known. */
export function plus(a: number, b: number): number {
  return a < 0 || b < 0 ? -1 : a + b
}

/** The same length, of which one may not be known. @throws PithError `PITH_SHAPE` they differ */
export function agree(c: Applied, a: number, b: number, what: string): number {
  if (a >= 0 && b >= 0 && a !== b) refuse(c, `${what} is ${a} and ${b}`)
  return a >= 0 ? a : b
}

/** Axes from the front, in ascending order. @throws PithError `PITH_SHAPE` no such axis, or one twice */
export function axesOf(c: Applied, axes: readonly number[], rank: number): number[] {
  const own = axes.map((axis) => axisOf(axis, rank, c.op)).sort((a, b) => a - b)
  if (new Set(own).size !== own.length) refuse(c, `an axis is named twice in [${axes.join(', ')}]`)
  return own
}

/** Refuse inputs of another rank. @throws PithError `PITH_SHAPE` */
export function needRank(c: Applied, value: Value, least: number, most: number = Number.POSITIVE_INFINITY): void {
  const rank = value.shape.length
  if (rank >= least && rank <= most) return
  refuse(c, least === most ? `rank ${rank} is not ${least}` : `rank ${rank} is not ${least} or more`)
}

/** The outputs that are asked for, of which the first ones always are. */
export function asked(c: InferContext, always: number, specs: readonly Spec[]): readonly Spec[] {
  return specs.slice(0, c.outputs ?? always)
}

/** A copy of a shape with some lengths replaced. */
export function withLength(shape: Shape, axis: number, length: number): number[] {
  return shape.map((own, i) => (i === axis ? length : own))
}
