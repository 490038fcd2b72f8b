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
