/** Element types of tensors: their names, sizes, typed arrays and numbers in ONNX files. */
import { PithError } from '@pith/core'

/** `f16` and `bf16` are held as their bits, `i4` and `u4` as packed pairs with the low nibble first. */
export type DType =
  | 'f32'
  | 'f64'
  | 'f16'
  | 'bf16'
  | 'i8'
  | 'u8'
  | 'i16'
  | 'u16'
  | 'i32'
  | 'u32'
  | 'i64'
  | 'u64'
  | 'bool'
  | 'i4'
  | 'u4'
  | 'string'

/** What holds the elements of a tensor. */
export type Data =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | readonly string[]

interface DTypeFacts {
  /** TensorProto.DataType. */
  readonly onnx: number
  /** Bits of an element; 0 for strings. */
  readonly bits: number
  readonly make: (length: number) => Data
}

const FACTS: Readonly<Record<DType, DTypeFacts>> = {
  f32: { onnx: 1, bits: 32, make: (n) => new Float32Array(n) },
  u8: { onnx: 2, bits: 8, make: (n) => new Uint8Array(n) },
  i8: { onnx: 3, bits: 8, make: (n) => new Int8Array(n) },
  u16: { onnx: 4, bits: 16, make: (n) => new Uint16Array(n) },
  i16: { onnx: 5, bits: 16, make: (n) => new Int16Array(n) },
  i32: { onnx: 6, bits: 32, make: (n) => new Int32Array(n) },
  i64: { onnx: 7, bits: 64, make: (n) => new BigInt64Array(n) },
  string: { onnx: 8, bits: 0, make: (n) => new Array<string>(n).fill('') },
  bool: { onnx: 9, bits: 8, make: (n) => new Uint8Array(n) },
  f16: { onnx: 10, bits: 16, make: (n) => new Uint16Array(n) },
  f64: { onnx: 11, bits: 64, make: (n) => new Float64Array(n) },
  u32: { onnx: 12, bits: 32, make: (n) => new Uint32Array(n) },
  u64: { onnx: 13, bits: 64, make: (n) => new BigUint64Array(n) },
  bf16: { onnx: 16, bits: 16, make: (n) => new Uint16Array(n) },
  u4: { onnx: 21, bits: 4, make: (n) => new Uint8Array((n + 1) >> 1) },
  i4: { onnx: 22, bits: 4, make: (n) => new Uint8Array((n + 1) >> 1) },
}

const BY_ONNX: ReadonlyMap<number, DType> = /* @__PURE__ */ new Map(
  (Object.keys(FACTS) as DType[]).map((dtype) => [FACTS[dtype].onnx, dtype]),
)

/** Number of a type in ONNX files (TensorProto.DataType). */
export function onnxType(dtype: DType): number {
  return FACTS[dtype].onnx
}

/** Type of a number in ONNX files; undefined for those that are not known. */
export function dtypeOfOnnx(number: number): DType | undefined {
  return BY_ONNX.get(number)
}

/** Bits of an element, 0 for strings. */
export function bitsOf(dtype: DType): number {
  return FACTS[dtype].bits
}

/** Bytes of `length` elements, packed; 0 for strings. */
export function bytesFor(dtype: DType, length: number): number {
  return Math.ceil((FACTS[dtype].bits * length) / 8)
}

/** Room for `length` elements, zeroed. */
export function makeData(dtype: DType, length: number): Data {
  return FACTS[dtype].make(length)
}

/** Whether gradients flow through values of a type. */
export function isFloat(dtype: DType): boolean {
  return dtype === 'f32' || dtype === 'f64' || dtype === 'f16' || dtype === 'bf16'
}

/** Type that plain data has where none is named. @throws PithError `PITH_DTYPE` where more than one would do */
export function dtypeOfData(data: Data): DType {
  if (data instanceof Float32Array) return 'f32'
  if (data instanceof Float64Array) return 'f64'
  if (data instanceof Int8Array) return 'i8'
  if (data instanceof Uint8Array) return 'u8'
  if (data instanceof Int16Array) return 'i16'
  if (data instanceof Int32Array) return 'i32'
  if (data instanceof Uint32Array) return 'u32'
  if (data instanceof BigInt64Array) return 'i64'
  if (data instanceof BigUint64Array) return 'u64'
  if (Array.isArray(data)) return 'string'
  throw new PithError('PITH_DTYPE', 'an array of 16-bit words may hold u16, f16 or bf16', { hint: 'Name the type.' })
}
