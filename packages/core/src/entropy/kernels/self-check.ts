import type { i32 } from '../../wasm/memory.ts'
import {
  clz,
  copy,
  ctz,
  fill,
  ld8,
  ld16,
  ld32,
  lds8,
  lds16,
  ldu16,
  ldu32,
  ltu,
  mul32,
  mulhu,
  rotl,
  sdiv,
  shru,
  st8,
  st16,
  st32,
  stu16,
  stu32,
  udiv,
  urem,
} from '../../wasm/memory.ts'

const GOLDEN: i32 = -0x61c88647
let state: i32 = 0

/** Next value of a small generator. */
function next(): i32 {
  state = (mul32(state, 1664525) + 1013904223) | 0
  return state ^ shru(state, 15)
}

/** Drive every primitive of the portable memory on the 64 bytes at `p`; returns a digest that both targets share. */
export function selfCheck(p: i32, rounds: i32, seed: i32): i32 {
  state = seed
  let hash: i32 = GOLDEN
  for (let i = 0; i < rounds; i++) {
    const a = next()
    const b = next() | 1
    const n = a & 31
    const at = (p + (b & 15)) | 0
    st32((p + 4 * (a & 7)) | 0, b)
    st16((p + 2 * (b & 15)) | 0, a)
    st8(at, b)
    stu16((at + 3) | 0, a)
    stu32((at + 7) | 0, b)
    copy((p + 32) | 0, at, n)
    copy((at + 5) | 0, at, n & 15)
    fill((p + 60) | 0, a, n & 3)
    hash = (rotl(hash, n) ^ ld8(at)) | 0
    hash = (hash + ld16(p) + lds16((p + 2) | 0) + lds8((p + 5) | 0)) | 0
    hash = (hash ^ ld32((p + 8) | 0) ^ ldu16((at + 1) | 0) ^ ldu32((at + 2) | 0)) | 0
    hash = (hash + mulhu(a, b) + udiv(a, b) + urem(a, b) + sdiv(a >> 1, b)) | 0
    hash = (hash + clz(a) + ctz(a & b) + (ltu(a, b) ? 7 : 9) + shru(a, n) + mul32(a, hash)) | 0
  }
  return hash
}
