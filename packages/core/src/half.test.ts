import { describe, expect, test } from 'vitest'
import { bf16FromF32, f16FromF32, f32FromBf16, f32FromF16 } from './half.ts'

const ALL = Uint16Array.from({ length: 65536 }, (_, i) => i)

/** The value of a half by its definition (IEEE 754, table 3.5). */
function halfValue(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 31
  const mantissa = half & 1023
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1 + mantissa / 1024) * 2 ** (exponent - 15)
}

const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer)
const single = (bits: number): Float32Array => new Float32Array(new Uint32Array([bits]).buffer)

describe('f16', () => {
  test('all 65,536 values widen to their exact value', () => {
    const wide = f32FromF16(ALL)
    for (let i = 0; i < 65536; i++) expect(Object.is(wide[i], halfValue(i))).toBe(true)
  })

  test('all 65,536 values come back, NaNs with their payload', () => {
    expect(f16FromF32(f32FromF16(ALL))).toEqual(ALL)
  })

  test('between each two neighbours rounding is to nearest, ties to even', () => {
    const probes: number[] = []
    const expected: number[] = []
    const bits = new Uint32Array(1)
    const value = new Float32Array(bits.buffer)
    for (let half = 0; half < 0x7c00; half++) {
      // Beyond the largest finite half the next step would be 65,536, and from its middle on it is infinity.
      const next = half + 1 === 0x7c00 ? 65536 : halfValue(half + 1)
      value[0] = (halfValue(half) + next) / 2
      const middle = bits[0]
      for (const [step, want] of [
        [-1, half],
        [0, half % 2 === 0 ? half : half + 1],
        [1, half + 1],
      ]) {
        bits[0] = middle + step
        probes.push(value[0], -value[0])
        expected.push(want, want | 0x8000)
      }
    }
    expect(f16FromF32(new Float32Array(probes))).toEqual(Uint16Array.from(expected))
  })

  test.each([
    ['the smallest single', 0x00000001, 0],
    ['half of the smallest subnormal', 0x33000000, 0],
    ['just above it', 0x33000001, 1],
    ['the largest single', 0x7f7fffff, 0x7c00],
    ['minus infinity', 0xff800000, 0xfc00],
    ['a NaN whose upper payload is empty', 0x7f800001, 0x7e00],
    ['a NaN with payload', 0xffe02000, 0xff01],
  ])('%s', (_, bits, half) => {
    expect(f16FromF32(single(bits))[0]).toBe(half)
  })
})

describe('bf16', () => {
  test('all 65,536 values widen to the upper half of a single and come back', () => {
    const wide = f32FromBf16(ALL)
    const bits = bitsOf(wide)
    for (let i = 0; i < 65536; i++) expect(bits[i]).toBe(i * 65536)
    expect(bf16FromF32(wide)).toEqual(ALL)
  })

  test('between each two neighbours rounding is to nearest, ties to even', () => {
    const bits: number[] = []
    const expected: number[] = []
    for (let top = 0; top < 0x10000; top++) {
      if ((top & 0x7fff) >= 0x7f80) continue
      bits.push(top * 65536 + 0x7fff, top * 65536 + 0x8000, top * 65536 + 0x8001)
      expected.push(top, top % 2 === 0 ? top : top + 1, top + 1)
    }
    expect(bf16FromF32(new Float32Array(Uint32Array.from(bits).buffer))).toEqual(Uint16Array.from(expected))
  })

  test('a NaN whose upper payload is empty stays a NaN', () => {
    expect(bf16FromF32(single(0xff800001))[0]).toBe(0xffc0)
    expect(bf16FromF32(single(0x7fffffff))[0]).toBe(0x7fff)
  })
})

test('views and given outputs are honoured, other lengths refused', () => {
  const values = new Float32Array([9, 1, -2]).subarray(1)
  const out = new Uint16Array(3).subarray(1)
  expect(f16FromF32(values, out)).toBe(out)
  expect([...out]).toEqual([0x3c00, 0xc000])
  expect([...bf16FromF32(values)]).toEqual([0x3f80, 0xc000])
  const wide = new Float32Array(3).subarray(1)
  expect([...f32FromF16(out, wide)]).toEqual([1, -2])
  for (const call of [
    () => f16FromF32(values, new Uint16Array(3)),
    () => bf16FromF32(values, new Uint16Array(1)),
    () => f32FromF16(out, new Float32Array(1)),
    () => f32FromBf16(out, new Float32Array(3)),
  ]) {
    expect(call).toThrow(expect.objectContaining({ code: 'PITH_SHAPE' }))
  }
})
