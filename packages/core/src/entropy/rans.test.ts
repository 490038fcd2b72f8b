import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toHex } from '../bytes.ts'
import { isPithError } from '../errors.ts'
import { BitReader, BitWriter } from './bits.ts'
import { countBytes, log2Fixed, normalizeCounts, readFrequencies, SCALE, writeFrequencies } from './frequencies.ts'
import { decodeRans, encodeRans } from './rans.ts'
import { decodeRansAdaptive, encodeRansAdaptive } from './rans-adaptive.ts'
import { encodeText } from './text.ts'

const ENCODERS = {
  'order 0': (data: Uint8Array) => encodeRans(data, { order: 0 }),
  'order 1': (data: Uint8Array) => encodeRans(data, { order: 1 }),
  'order of its choice': (data: Uint8Array) => encodeRans(data),
  'adaptive order 0': (data: Uint8Array) => encodeRansAdaptive(data, 0),
  'adaptive order 1': (data: Uint8Array) => encodeRansAdaptive(data, 1),
}

function decoderOf(name: string): (bytes: Uint8Array, maxBytes: number) => Uint8Array {
  return name.startsWith('adaptive') ? decodeRansAdaptive : decodeRans
}

/** Bytes with a slope: value v about twice as often as v + 1, runs in between. */
function skewed(length: number, seed: number): Uint8Array {
  const data = new Uint8Array(length)
  let state = seed
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    data[i] = i % 7 === 3 ? data[i - 1] : Math.clz32(state)
  }
  return data
}

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.array(fc.integer({ min: 97, max: 101 }), { maxLength: 600 }).map((a) => Uint8Array.from(a)),
  fc.tuple(fc.nat(3000), fc.integer()).map(([n, seed]) => skewed(n, seed)),
)

describe.each(Object.entries(ENCODERS))('rANS, %s', (name, encode) => {
  const decode = decoderOf(name)

  test('decoding gives the bytes back', () => {
    fc.assert(
      fc.property(bytes, (data) => {
        expect(decode(encode(data), data.length)).toEqual(data)
      }),
      { numRuns: 60 },
    )
  })

  test('every length from 0 to 70, one symbol and all symbols', () => {
    for (let n = 0; n <= 70; n++) {
      const data = skewed(n, n)
      expect(decode(encode(data), n)).toEqual(data)
    }
    for (const data of [
      new Uint8Array(5000),
      new Uint8Array(1000).fill(255),
      Uint8Array.from({ length: 4096 }, (_, i) => i),
    ]) {
      expect(decode(encode(data), data.length)).toEqual(data)
    }
  })

  test('a declared length above the limit is refused before anything is allocated', () => {
    const coded = encode(skewed(1000, 1))
    expect(() => decode(coded, 999)).toThrow(expect.toSatisfy((e: unknown) => isPithError(e, 'PITH_LIMIT')))
  })

  test('every truncation and every bit flip is an error or, rarely, other bytes of the same length', () => {
    const data = skewed(200, 5)
    const coded = encode(data)
    for (let n = 0; n < coded.length; n++) {
      expect(() => decode(coded.subarray(0, n), 1 << 16)).toThrow(expect.toSatisfy((e: unknown) => isPithError(e)))
    }
    let unnoticed = 0
    for (let bit = 0; bit < 8 * coded.length; bit++) {
      const bad = coded.slice()
      bad[bit >> 3] ^= 1 << (bit & 7)
      try {
        if (decode(bad, 1 << 16).length <= 1 << 16) unnoticed++
      } catch (error) {
        if (!isPithError(error)) throw error
      }
    }
    // The states must come back to their start, so hardly a flip can pass.
    expect(unnoticed).toBeLessThan(8)
  })

  test('random bytes never hang and never throw anything but a PithError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(2), (junk, mode) => {
        const bad = Uint8Array.of(200, 1, mode, ...junk)
        try {
          expect(decode(bad, 1000).length).toBeLessThanOrEqual(1000)
        } catch (error) {
          if (!isPithError(error)) throw error
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('frequency tables', () => {
  test('normalised counts sum up to 4096 and keep every symbol', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constant(0), fc.nat(5), fc.nat(1 << 30)), { minLength: 256, maxLength: 256 }),
        (a) => {
          const counts = Uint32Array.from(a, (n) => n >>> 8)
          counts[7]++
          const frequencies = normalizeCounts(counts)
          expect(frequencies.reduce((x, y) => x + y, 0)).toBe(SCALE)
          for (let s = 0; s < 256; s++) expect(frequencies[s] > 0).toBe(counts[s] > 0)
          const writer = new BitWriter()
          writeFrequencies(frequencies, writer)
          expect(readFrequencies(new BitReader(writer.finish()))).toEqual(frequencies)
        },
      ),
      { numRuns: 100 },
    )
  })

  test('the worked examples of docs/format-entropy.md hold', () => {
    const text = new TextEncoder().encode('abracadabra'.repeat(8))
    const frequencies = normalizeCounts(countBytes(text))
    expect([...'abcdr'].map((c) => frequencies[c.charCodeAt(0)])).toEqual([1862, 745, 372, 372, 745])
    const pages = readFileSync(new URL('../../../../docs/format-entropy.md', import.meta.url), 'utf8')
    for (const coded of [
      encodeRans(text, { order: 0 }),
      encodeRansAdaptive(text.subarray(0, 11), 0),
      encodeText(text.subarray(0, 22)),
    ]) {
      expect(pages).toContain(toHex(coded))
    }
  })

  test('a table that names a symbol above 255 or more than 4096 is refused', () => {
    for (const [gap, bits, low] of [
      [257, 0, 0],
      [1, 12, 1],
    ]) {
      const writer = new BitWriter()
      writer.putGamma(gap)
      writer.putBelow(bits, 13)
      writer.put(low, bits)
      writer.put(0, 24)
      expect(() => readFrequencies(new BitReader(writer.finish()))).toThrow(
        expect.toSatisfy((e: unknown) => isPithError(e, 'PITH_CORRUPT')),
      )
    }
    expect(() => new BitReader(new Uint8Array(9)).getGamma()).toThrow(
      expect.toSatisfy((e: unknown) => isPithError(e, 'PITH_CORRUPT')),
    )
  })

  test('log2Fixed is exact at powers of two, rises, and stays within 2^-10 of the logarithm', () => {
    let last = -1
    for (let v = 1; v < 5000; v++) {
      const log = log2Fixed(v)
      expect(log).toBeGreaterThanOrEqual(last)
      expect(Math.abs(log / 4096 - Math.log2(v))).toBeLessThan(1 / 1024)
      last = log
    }
    for (let e = 0; e < 31; e++) expect(log2Fixed(2 ** e)).toBe(e * 4096)
  })
})

test('sizes: order 0 within 1 % of the entropy, order 1 below it where bytes depend on each other', () => {
  const data = new Uint8Array(40000)
  let state = 1
  for (let i = 1; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    data[i] = state >>> 30 === 0 ? (state >>> 8) & 31 : (data[i - 1] * 5 + 1) & 31
  }
  const counts = countBytes(data)
  let entropy = 0
  for (const n of counts) if (n > 0) entropy -= (n * Math.log2(n / data.length)) / 8
  const zero = encodeRans(data, { order: 0 }).length
  expect(zero).toBeLessThan(1.01 * entropy + 60)
  expect(encodeRans(data, { order: 1 }).length).toBeLessThan(0.8 * zero)
  expect(encodeRans(data).length).toBe(encodeRans(data, { order: 1 }).length)
})
