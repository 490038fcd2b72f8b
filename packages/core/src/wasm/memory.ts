/**
 * The memory that portable kernels work on, TypeScript side: kernels import their loads, stores and the few operations
 * that JavaScript and WebAssembly spell differently from here. `memory.as` is the same list for AssemblyScript.
 * README.md beside this file has the rules of the subset.
 *
 * @module
 */

/** A 32-bit signed integer; the usual type of a kernel. */
export type i32 = number

/** A single, rounded with `Math.fround` after each operation. */
export type f32 = number

/** A double, for integers of up to 53 bits: `+ - *` only where the result is one. */
export type f64 = number

let buffer = new ArrayBuffer(0)
let u8 = new Uint8Array(buffer)
let s8 = new Int8Array(buffer)
let u16 = new Uint16Array(buffer)
let s16 = new Int16Array(buffer)
let s32 = new Int32Array(buffer)
let d64 = new Float64Array(buffer)
let d32 = new Float32Array(buffer)

/** Make `memory` (its length a multiple of 8) the one that the functions below read and write, until the next call. */
export function bindMemory(memory: ArrayBuffer): void {
  if (memory === buffer) return
  buffer = memory
  u8 = new Uint8Array(memory)
  s8 = new Int8Array(memory)
  u16 = new Uint16Array(memory)
  s16 = new Int16Array(memory)
  s32 = new Int32Array(memory)
  d64 = new Float64Array(memory)
  d32 = new Float32Array(memory)
}

/** Unsigned byte. */
export function ld8(p: i32): i32 {
  return u8[p] | 0
}

/** Signed byte. */
export function lds8(p: i32): i32 {
  return s8[p] | 0
}

/** Unsigned 16 bits; `p` is even. */
export function ld16(p: i32): i32 {
  return u16[p >> 1] | 0
}

/** Signed 16 bits; `p` is even. */
export function lds16(p: i32): i32 {
  return s16[p >> 1] | 0
}

/** 32 bits; `p` is a multiple of 4. */
export function ld32(p: i32): i32 {
  return s32[p >> 2] | 0
}

/** Unsigned 16 bits at any place. */
export function ldu16(p: i32): i32 {
  return u8[p] | (u8[p + 1] << 8)
}

/** 32 bits at any place. */
export function ldu32(p: i32): i32 {
  return u8[p] | (u8[p + 1] << 8) | (u8[p + 2] << 16) | (u8[p + 3] << 24)
}

export function st8(p: i32, v: i32): void {
  u8[p] = v
}

/** Low 16 bits of `v`; `p` is even. */
export function st16(p: i32, v: i32): void {
  u16[p >> 1] = v
}

/** `p` is a multiple of 4. */
export function st32(p: i32, v: i32): void {
  s32[p >> 2] = v
}

/** Low 16 bits of `v`, at any place. */
export function stu16(p: i32, v: i32): void {
  u8[p] = v
  u8[p + 1] = v >> 8
}

/** 32 bits at any place. */
export function stu32(p: i32, v: i32): void {
  u8[p] = v
  u8[p + 1] = v >> 8
  u8[p + 2] = v >> 16
  u8[p + 3] = v >> 24
}

/** Product modulo 2^32; plain `*` is allowed where the product stays below 2^53. */
export function mul32(a: i32, b: i32): i32 {
  return Math.imul(a, b)
}

/** High 32 bits of the unsigned 64-bit product. */
export function mulhu(a: i32, b: i32): i32 {
  const al = a & 0xffff
  const ah = a >>> 16
  const bl = b & 0xffff
  const bh = b >>> 16
  const mid = ah * bl + ((al * bl) >>> 16)
  const low = al * bh + (mid % 65536)
  return (ah * bh + Math.floor(mid / 65536) + Math.floor(low / 65536)) | 0
}

/** Unsigned quotient; `b` is not 0. */
export function udiv(a: i32, b: i32): i32 {
  return ((a >>> 0) / (b >>> 0)) | 0
}

/** Unsigned remainder; `b` is not 0. */
export function urem(a: i32, b: i32): i32 {
  return ((a >>> 0) % (b >>> 0)) | 0
}

/** Signed quotient, towards zero; `b` is not 0. */
export function sdiv(a: i32, b: i32): i32 {
  return (a / b) | 0
}

/** Unsigned `a < b`. */
export function ltu(a: i32, b: i32): boolean {
  return a >>> 0 < b >>> 0
}

/** Logical shift right, by 0..31. */
export function shru(a: i32, n: i32): i32 {
  return (a >>> n) | 0
}

/** Rotation left. */
export function rotl(a: i32, n: i32): i32 {
  return (a << n) | (a >>> (32 - n))
}

/** Leading zero bits, 32 for 0. */
export function clz(a: i32): i32 {
  return Math.clz32(a)
}

/** Trailing zero bits, 32 for 0. */
export function ctz(a: i32): i32 {
  return a === 0 ? 32 : 31 - Math.clz32(a & -a)
}

/** Copy `n` bytes; the ranges may overlap. */
export function copy(dst: i32, src: i32, n: i32): void {
  u8.copyWithin(dst, src, src + n)
}

/** Set `n` bytes to the low 8 bits of `value`. */
export function fill(dst: i32, value: i32, n: i32): void {
  u8.fill(value, dst, dst + n)
}

/** A double; `p` is a multiple of 8. */
export function ldf64(p: i32): f64 {
  return d64[p >> 3] as number
}

/** `p` is a multiple of 8. */
export function stf64(p: i32, v: f64): void {
  d64[p >> 3] = v
}

/** A single; `p` is a multiple of 4. */
export function ldf32(p: i32): f32 {
  return d32[p >> 2] as number
}

/** `p` is a multiple of 4. */
export function stf32(p: i32, v: f32): void {
  d32[p >> 2] = v
}

export function toF64(a: i32): f64 {
  return a
}

/** `v` is an integer of 32 bits, signed or unsigned. */
export function toI32(v: f64): i32 {
  return v | 0
}

/** The largest integer not above `v`. */
export function floorF64(v: f64): f64 {
  return Math.floor(v)
}

/** Bit i is set where byte `p + i` is a decimal digit; i in 0..15. */
export function digitMask16(p: i32): i32 {
  let mask = 0
  for (let i = 0; i < 16; i++) {
    const c = u8[p + i] as number
    if (c >= 48 && c <= 57) mask |= 1 << i
  }
  return mask
}

/** Bit i is set where byte `p + i` is a digit, an ASCII letter or above 127; i in 0..15. */
export function tokenMask16(p: i32): i32 {
  let mask = 0
  for (let i = 0; i < 16; i++) {
    const c = u8[p + i] as number
    const letter = c | 32
    if ((c >= 48 && c <= 57) || (letter >= 97 && letter <= 122) || c >= 128) mask |= 1 << i
  }
  return mask
}

/** Bit i is set where byte `p + i` is `value`; i in 0..15. */
export function equalMask16(p: i32, value: i32): i32 {
  let mask = 0
  for (let i = 0; i < 16; i++) if (u8[p + i] === value) mask |= 1 << i
  return mask
}

/** Bit i is set where bytes `a + i` and `b + i` differ; i in 0..15. */
export function differMask16(a: i32, b: i32): i32 {
  let mask = 0
  for (let i = 0; i < 16; i++) if (u8[a + i] !== u8[b + i]) mask |= 1 << i
  return mask
}

/** Copy `n` bytes in steps of 16: up to 15 bytes behind the target may be overwritten, and the ranges must not overlap. */
export function copyOver(dst: i32, src: i32, n: i32): void {
  u8.copyWithin(dst, src, src + n)
}
