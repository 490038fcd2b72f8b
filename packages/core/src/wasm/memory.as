// AssemblyScript side of memory.ts: same names, same meaning. scripts/build-wasm.ts takes this file in its place.

@inline
export function ld8(p: i32): i32 {
  return load<u8>(p)
}

@inline
export function lds8(p: i32): i32 {
  return load<i8>(p)
}

@inline
export function ld16(p: i32): i32 {
  return load<u16>(p)
}

@inline
export function lds16(p: i32): i32 {
  return load<i16>(p)
}

@inline
export function ld32(p: i32): i32 {
  return load<i32>(p)
}

@inline
export function ldu16(p: i32): i32 {
  return load<u16>(p)
}

@inline
export function ldu32(p: i32): i32 {
  return load<i32>(p)
}

@inline
export function st8(p: i32, v: i32): void {
  store<u8>(p, v)
}

@inline
export function st16(p: i32, v: i32): void {
  store<u16>(p, v)
}

@inline
export function st32(p: i32, v: i32): void {
  store<i32>(p, v)
}

@inline
export function stu16(p: i32, v: i32): void {
  store<u16>(p, v)
}

@inline
export function stu32(p: i32, v: i32): void {
  store<i32>(p, v)
}

@inline
export function mul32(a: i32, b: i32): i32 {
  return a * b
}

@inline
export function mulhu(a: i32, b: i32): i32 {
  return <i32>((<u64>(<u32>a) * <u64>(<u32>b)) >> 32)
}

@inline
export function udiv(a: i32, b: i32): i32 {
  return <i32>(<u32>a / <u32>b)
}

@inline
export function urem(a: i32, b: i32): i32 {
  return <i32>(<u32>a % <u32>b)
}

@inline
export function sdiv(a: i32, b: i32): i32 {
  return a / b
}

@inline
export function ltu(a: i32, b: i32): bool {
  return <u32>a < <u32>b
}

@inline
export function shru(a: i32, n: i32): i32 {
  return <i32>(<u32>a >> n)
}

@inline
export function rotl(a: i32, n: i32): i32 {
  return <i32>rotl_u32(<u32>a, n)
}

@inline
function rotl_u32(a: u32, n: i32): u32 {
  return (a << n) | (a >> (32 - n))
}

@inline
export function clz(a: i32): i32 {
  return i32.clz(a)
}

@inline
export function ctz(a: i32): i32 {
  return i32.ctz(a)
}

@inline
export function copy(dst: i32, src: i32, n: i32): void {
  memory.copy(dst, src, n)
}

@inline
export function fill(dst: i32, value: i32, n: i32): void {
  memory.fill(dst, <u8>value, n)
}

@inline
export function ldf64(p: i32): f64 {
  return load<f64>(p)
}

@inline
export function stf64(p: i32, v: f64): void {
  store<f64>(p, v)
}

@inline
export function ldf32(p: i32): f32 {
  return load<f32>(p)
}

@inline
export function stf32(p: i32, v: f32): void {
  store<f32>(p, v)
}

@inline
export function toF64(a: i32): f64 {
  return <f64>a
}

@inline
export function toI32(v: f64): i32 {
  return <i32>(<i64>v)
}

@inline
export function floorF64(v: f64): f64 {
  return Math.floor(v)
}

@inline
function digits(v: v128): v128 {
  return i8x16.lt_u(i8x16.sub(v, i8x16.splat(48)), i8x16.splat(10))
}

@inline
export function digitMask16(p: i32): i32 {
  return i8x16.bitmask(digits(v128.load(p)))
}

@inline
export function tokenMask16(p: i32): i32 {
  const v = v128.load(p)
  const letters = i8x16.lt_u(i8x16.sub(v128.or(v, i8x16.splat(32)), i8x16.splat(97)), i8x16.splat(26))
  return i8x16.bitmask(v128.or(v128.or(digits(v), letters), v))
}

@inline
export function equalMask16(p: i32, value: i32): i32 {
  return i8x16.bitmask(i8x16.eq(v128.load(p), i8x16.splat(<i8>value)))
}

@inline
export function differMask16(a: i32, b: i32): i32 {
  return i8x16.bitmask(i8x16.ne(v128.load(a), v128.load(b)))
}

@inline
export function copyOver(dst: i32, src: i32, n: i32): void {
  for (let i = 0; i < n; i += 16) v128.store(dst + i, v128.load(src + i))
}
