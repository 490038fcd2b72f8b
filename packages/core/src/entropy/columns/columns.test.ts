import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPithError } from '../../errors.ts'
import { type ByteColumn, columnOf, rowOf } from './byte-column.ts'
import { decodeDictionary, decodeReference, encodeDictionary, encodeReference } from './dictionary.ts'
import {
  decodeDelta,
  decodeRelation,
  encodeDelta,
  encodeRelation,
  findOffset,
  fromZigzag,
  joinVarints,
  splitVarints,
  toZigzag,
} from './integers.ts'
import { decodeDigits, decodeHex, encodeDigits, encodeHex } from './numerals.ts'

const CORRUPT = expect.toSatisfy((e: unknown) => isPithError(e, 'PITH_CORRUPT'))
const integer = fc.oneof(
  fc.integer(),
  fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 }),
  fc.integer({ min: 0, max: 9 }),
)
const integers = fc.array(integer, { maxLength: 60 }).map((a) => Float64Array.from(a, (v) => v || 0))
const anyNumbers = fc.array(fc.oneof(fc.double(), integer), { maxLength: 20 }).map((a) => Float64Array.from(a))
const texts = fc.array(fc.oneof(fc.string({ maxLength: 5 }), fc.constantFrom('a', 'bb', '')), { maxLength: 60 })

/** Whether a number is outside of -2^52..2^52 - 1, a fraction or -0. */
function beyond(values: readonly number[]): boolean {
  return values.some((v) => !Number.isInteger(v) || Object.is(v, -0) || v < -(2 ** 52) || v >= 2 ** 52)
}

function column(rows: readonly string[]): ByteColumn {
  const encoder = new TextEncoder()
  return columnOf(rows.map((row) => encoder.encode(row)))
}

function strings(of: ByteColumn): string[] {
  const decoder = new TextDecoder()
  return Array.from(of.ends, (_, i) => decoder.decode(rowOf(of, i)))
}

describe('integers', () => {
  test('differences come back exactly, or are refused', () => {
    fc.assert(
      fc.property(fc.oneof(integers, anyNumbers), (values) => {
        const deltas = encodeDelta(values)
        if (deltas !== undefined) expect(decodeDelta(deltas)).toEqual(values)
        else expect(beyond([...values, ...values.map((v, i) => v - (values[i - 1] ?? 0))])).toBe(true)
      }),
    )
  })

  test('relations come back exactly, or are refused', () => {
    fc.assert(
      fc.property(integers, integer, fc.nat(3), (other, offset, noise) => {
        const values = other.map((v, i) => (i % 4 === 0 ? v + noise : v + offset))
        const residuals = encodeRelation(values, other, offset)
        if (residuals !== undefined) expect(decodeRelation(residuals, other, offset)).toEqual(values)
        else
          expect(
            beyond([...values, ...other.map((v) => v + offset), ...values.map((v, i) => v - (other[i] + offset))]),
          ).toBe(true)
      }),
    )
  })

  test('the offset that most rows have is found, and makes zeros of them', () => {
    const other = Float64Array.of(10, 20, 30, 40)
    const values = Float64Array.of(17, 27, 99, 47)
    const offset = findOffset(values, other)
    expect(offset).toBe(7)
    expect(encodeRelation(values, other, 7)).toEqual(Float64Array.of(0, 0, 2 * 62, 0))
    expect(findOffset([], [])).toBeUndefined()
    expect(encodeRelation(values, other.subarray(1), 7)).toBeUndefined()
  })

  test('zigzag is a bijection that keeps small magnitudes small', () => {
    expect([0, -1, 1, -2, 2].map(toZigzag)).toEqual([0, 1, 2, 3, 4])
    fc.assert(fc.property(integer, (v) => fromZigzag(toZigzag(v)) === v))
  })

  test('planes of varints come back, refuse fractions and negatives, and shrink to the used ones', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(300), fc.maxSafeNat()), { maxLength: 60 }), (values) => {
        const planes = splitVarints(values)
        expect([...joinVarints(planes!)]).toEqual(values)
      }),
    )
    expect(splitVarints([1, 128, 0x4000])).toEqual([
      Uint8Array.of(1, 128, 128),
      Uint8Array.of(1, 128),
      Uint8Array.of(1),
    ])
    for (const bad of [-1, 0.5, 2 ** 53, Number.NaN, -0]) expect(splitVarints([bad])).toBeUndefined()
  })

  test('planes that do not fit together are refused', () => {
    const one = Uint8Array.of(1)
    for (const planes of [
      [Uint8Array.of(128)],
      [Uint8Array.of(128), Uint8Array.of(0)],
      [one, one],
      [one, Uint8Array.of()],
      [Uint8Array.of(128), Uint8Array.of(1, 1)],
      Array.from({ length: 9 }, () => Uint8Array.of(129)),
      [...Array.from({ length: 7 }, () => Uint8Array.of(255)), Uint8Array.of(127)],
    ]) {
      expect(() => joinVarints(planes)).toThrow(CORRUPT)
    }
  })

  test('sums that leave the range are refused', () => {
    expect(() => decodeDelta([2 ** 53 - 2, 2])).toThrow(CORRUPT)
    expect(() => decodeRelation([2 ** 53 - 2], [5], 5)).toThrow(CORRUPT)
    expect(() => decodeRelation([1, 2], [1], 0)).toThrow(CORRUPT)
  })
})

describe('strings', () => {
  test('dictionaries come back, number entries by first use, and give up beyond their limit', () => {
    fc.assert(
      fc.property(texts, (rows) => {
        const dictionary = encodeDictionary(column(rows))!
        expect(strings(dictionary.entries)).toEqual([...new Set(rows)])
        expect(strings(decodeDictionary(dictionary, 1e6))).toEqual(rows)
        const limit = new Set(rows).size - 1
        if (limit >= 0) expect(encodeDictionary(column(rows), limit)).toBeUndefined()
      }),
    )
    const many = Array.from({ length: 5000 }, (_, i) => `row ${i % 3001}`)
    expect(strings(decodeDictionary(encodeDictionary(column(many))!, 1e6))).toEqual(many)
  })

  test('ids without an entry, and rows beyond the limit, are refused', () => {
    const entries = column(['abc'])
    expect(() => decodeDictionary({ ids: Uint32Array.of(0, 1), entries }, 100)).toThrow(CORRUPT)
    expect(() => decodeDictionary({ ids: new Uint32Array(50), entries }, 100)).toThrow(
      expect.toSatisfy((e: unknown) => isPithError(e, 'PITH_LIMIT')),
    )
  })

  test('references come back, whatever share of the rows is equal', () => {
    fc.assert(
      fc.property(texts, fc.nat(4), (rows, every) => {
        const other = column(rows.map((row, i) => (every > 0 && i % every === 0 ? `${row}x` : row)))
        const reference = encodeReference(column(rows), other)!
        expect(strings(decodeReference(reference, other))).toEqual(rows)
        expect(reference.rest.ends.length).toBe(every > 0 ? Math.ceil(rows.length / every) : 0)
      }),
    )
    expect(encodeReference(column(['a']), column([]))).toBeUndefined()
  })

  test('flags and rows that do not fit together are refused', () => {
    const other = column(['a', 'b'])
    const rest = column(['c'])
    for (const same of [[1, 1], [0, 0], [1], [2, 0]]) {
      expect(() => decodeReference({ same: Uint8Array.from(same), rest }, other)).toThrow(CORRUPT)
    }
  })

  test('decimal numerals come back, or are refused', () => {
    const rows = fc.array(
      fc.oneof(fc.nat(2000).map(String), fc.stringMatching(/^[0-9]{4}$/), fc.string({ maxLength: 3 })),
    )
    fc.assert(
      fc.property(rows, (texts) => {
        const digits = encodeDigits(column(texts))
        if (digits !== undefined) expect(strings(decodeDigits(digits))).toEqual(texts)
        else {
          const plain = texts.every((t) => /^(0|[1-9][0-9]{0,14})$/.test(t))
          const fixed = texts.every((t) => /^[0-9]{1,15}$/.test(t) && t.length === texts[0].length)
          expect(plain || fixed).toBe(false)
        }
      }),
    )
    expect(encodeDigits(column(['0012', '0003']))).toEqual({ width: 4, values: Float64Array.of(12, 3) })
    expect(encodeDigits(column(['7', '12']))).toEqual({ width: 0, values: Float64Array.of(7, 12) })
    expect(encodeDigits(column(['7', '012']))).toBeUndefined()
    expect(encodeDigits(column(['1234567890123456']))).toBeUndefined()
    for (const bad of [
      { width: 2, values: Float64Array.of(100) },
      { width: 2, values: Float64Array.of(-1) },
      { width: 16, values: Float64Array.of(1) },
      { width: 0, values: Float64Array.of(0.5) },
    ]) {
      expect(() => decodeDigits(bad)).toThrow(CORRUPT)
    }
  })

  test('hexadecimal numerals come back, or are refused', () => {
    const rows = fc.oneof(
      fc.array(fc.stringMatching(/^[0-9a-f]{1,9}$/)),
      fc.array(fc.stringMatching(/^[0-9A-F]{6}$/)),
      fc.array(fc.stringMatching(/^[0-9a-fA-Fx]{0,3}$/)),
    )
    fc.assert(
      fc.property(rows, (texts) => {
        const hex = encodeHex(column(texts))
        if (hex !== undefined) expect(strings(decodeHex(hex, texts.length))).toEqual(texts)
        else {
          const all = texts.join('')
          expect(/^([0-9a-f]*|[0-9A-F]*)$/.test(all) && !texts.includes('')).toBe(false)
        }
      }),
    )
    expect(encodeHex(column(['dead', 'BEEF']))).toBeUndefined()
    expect(encodeHex(column(['0BAD', 'F00D']))).toEqual({
      upper: true,
      width: 4,
      lengths: new Uint32Array(0),
      nibbles: Uint8Array.of(0x0b, 0xad, 0xf0, 0x0d),
    })
    const nibbles = Uint8Array.of(1, 2)
    const lengths = new Uint32Array(0)
    expect(() => decodeHex({ upper: false, width: 4, lengths, nibbles }, 1e9)).toThrow(CORRUPT)
    expect(() => decodeHex({ upper: false, width: 0, lengths, nibbles }, 1)).toThrow(CORRUPT)
    expect(() => decodeHex({ upper: false, width: 0, lengths: Uint32Array.of(2), nibbles }, 1)).toThrow(CORRUPT)
  })
})
