import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteReader, ByteWriter, concatBytes, equalBytes, fromHex, MAX_INTEGER, toHex } from './bytes.ts'

const safeNat = fc.oneof(fc.maxSafeNat(), fc.nat(300), fc.constantFrom(2 ** 31, 2 ** 32 - 1, 2 ** 32, MAX_INTEGER))
const zigzagRange = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger().filter((n) => n >= -(2 ** 52) && n < 2 ** 52),
  fc.constantFrom(-(2 ** 52), 2 ** 52 - 1),
)
const field = fc.oneof(
  fc.record({ kind: fc.constant('u8' as const), value: fc.nat(255) }),
  fc.record({ kind: fc.constant('u16' as const), value: fc.nat(0xffff) }),
  fc.record({ kind: fc.constant('u32' as const), value: fc.nat(0xffffffff) }),
  fc.record({ kind: fc.constant('i32' as const), value: fc.integer() }),
  fc.record({ kind: fc.constant('u64' as const), value: safeNat }),
  fc.record({ kind: fc.constant('varint' as const), value: safeNat }),
  fc.record({ kind: fc.constant('zigzag' as const), value: zigzagRange }),
  fc.record({ kind: fc.constant('f32' as const), value: fc.float({ noNaN: true }) }),
  fc.record({ kind: fc.constant('f64' as const), value: fc.double({ noNaN: true }) }),
)

/** The same bytes as a view in the middle of a larger buffer. */
function shifted(bytes: Uint8Array): Uint8Array {
  const buffer = new Uint8Array(bytes.length + 7).fill(0xee)
  buffer.set(bytes, 3)
  return buffer.subarray(3, 3 + bytes.length)
}

test('what a writer wrote a reader reads, also from a view', () => {
  fc.assert(
    fc.property(fc.array(field), (fields) => {
      const writer = new ByteWriter(1)
      for (const { kind, value } of fields) writer[kind](value)
      const reader = new ByteReader(shifted(writer.finish()))
      for (const { kind, value } of fields) expect(reader[kind]()).toBe(value)
      reader.finish()
    }),
  )
})

test('values are little endian', () => {
  const writer = new ByteWriter()
  writer.u16(0x0102)
  writer.u32(0x03040506)
  writer.u64(0x0a0b0c0d0e0f)
  writer.varint(300)
  writer.zigzag(-2)
  expect(toHex(writer.finish())).toBe('0201' + '06050403' + '0f0e0d0c0b0a0000' + 'ac02' + '03')
})

test('the longest varint has eight bytes', () => {
  const writer = new ByteWriter()
  writer.varint(MAX_INTEGER)
  expect(toHex(writer.finish())).toBe('ffffffffffffff0f')
})

describe('a reader refuses', () => {
  test.each([
    ['a varint above 2^53 - 1', 'ffffffffffffff10', 'PITH_CORRUPT'],
    ['a varint that does not end', 'ffffffffffffffffff01', 'PITH_CORRUPT'],
    ['a varint that is longer than it needs to be', '8100', 'PITH_CORRUPT'],
    ['a varint that is cut', '80', 'PITH_TRUNCATED'],
    ['a varint from nothing', '', 'PITH_TRUNCATED'],
  ])('%s', (_, hex, code) => {
    const reader = new ByteReader(fromHex(hex))
    expect(() => reader.varint()).toThrow(expect.objectContaining({ code, at: { offset: 0 } }))
    expect(reader.offset).toBe(0)
  })

  test('a u64 above 2^53 - 1', () => {
    expect(() => new ByteReader(fromHex('0000000000002000')).u64()).toThrow(
      expect.objectContaining({ code: 'PITH_CORRUPT' }),
    )
  })

  test.each(['u8', 'u16', 'u32', 'i32', 'u64', 'f32', 'f64'] as const)('%s beyond its end', (kind) => {
    const bytes = shifted(new Uint8Array(8))
    const reader = new ByteReader(bytes, 0, { u8: 0, u16: 1, u32: 3, i32: 3, u64: 7, f32: 3, f64: 7 }[kind])
    expect(() => reader[kind]()).toThrow(expect.objectContaining({ code: 'PITH_TRUNCATED' }))
  })

  test.each([-1, Number.NaN, 4, 2 ** 53])('to take %s of 3 bytes', (length) => {
    expect(() => new ByteReader(new Uint8Array(3)).take(length)).toThrow(expect.objectContaining({ name: 'PithError' }))
  })

  test('text that is not UTF-8', () => {
    expect(() => new ByteReader(fromHex('c328')).utf8(2)).toThrow(expect.objectContaining({ code: 'PITH_CORRUPT' }))
  })

  test('bytes that are left over', () => {
    expect(() => new ByteReader(new Uint8Array(1)).finish()).toThrow(expect.objectContaining({ code: 'PITH_CORRUPT' }))
  })

  test.each([
    [-1, 2],
    [0, 9],
    [2, 1],
    [0.5, 2],
  ])('the range %s..%s of 8 bytes', (from, to) => {
    expect(() => new ByteReader(new Uint8Array(8), from, to)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  })
})

test.each([
  ['u8', 256],
  ['u8', -1],
  ['u16', 1.5],
  ['u32', 2 ** 32],
  ['i32', 2 ** 31],
  ['u64', 2 ** 53],
  ['varint', -1],
  ['varint', Number.NaN],
  ['zigzag', 2 ** 52],
] as const)('a writer refuses %s of %s', (kind, value) => {
  const writer = new ByteWriter()
  expect(() => writer[kind](value)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  expect(writer.length).toBe(0)
})

test('a writer keeps to its limit', () => {
  const writer = new ByteWriter(16, 20)
  writer.bytes(new Uint8Array(20))
  expect(() => writer.u8(1)).toThrow(expect.objectContaining({ code: 'PITH_LIMIT' }))
  expect(writer.length).toBe(20)
})

test('text and patches', () => {
  const writer = new ByteWriter()
  writer.u32(0)
  expect(writer.utf8('\uFEFFpïth')).toBe(8)
  writer.patchU32(0, 8)
  const reader = new ByteReader(writer.finish())
  expect(reader.utf8(reader.u32())).toBe('\uFEFFpïth')
  expect(() => writer.patchU32(9, 1)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
})

test('finish gives memory of its own, view does not', () => {
  const writer = new ByteWriter()
  writer.u8(1)
  const copy = writer.finish()
  const view = writer.view()
  writer.reset()
  writer.u8(2)
  expect([copy[0], view[0]]).toEqual([1, 2])
})

test('hex goes both ways', () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => equalBytes(fromHex(toHex(bytes)), bytes)))
  expect(() => fromHex('0g')).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  expect(() => fromHex('abc')).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
})

test('joining and comparing', () => {
  expect(concatBytes([new Uint8Array([1]), new Uint8Array([9, 2, 3]).subarray(1)])).toEqual(new Uint8Array([1, 2, 3]))
  expect(equalBytes(new Uint8Array([1]), new Uint8Array([1, 2]))).toBe(false)
  expect(equalBytes(new Uint8Array([1, 3]), new Uint8Array([1, 2]))).toBe(false)
})
