import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPithError } from '../errors.ts'
import { decodeText, encodeText } from './text.ts'

function sentence(i: number): string {
  const verbs = ['opened', 'closed', 'sent', 'dropped']
  return `Jun 14 15:16:${String(i % 60).padStart(2, '0')} combo sshd[${1000 + i * 7}]: session ${verbs[i % 4]} for user root by uid=${i % 3}\n`
}

const LOG: Uint8Array = new TextEncoder().encode(Array.from({ length: 400 }, (_, i) => sentence(i)).join(''))

describe('text model', () => {
  test('decoding gives the bytes back', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 2000 }),
          fc.string().map((s) => new TextEncoder().encode(s)),
        ),
        (data) => {
          expect(decodeText(encodeText(data), data.length)).toEqual(data)
        },
      ),
      { numRuns: 25 },
    )
  })

  test.each([16, 20, 24])('a log with a context table of 2^%i bytes comes back', (tableLog) => {
    expect(decodeText(encodeText(LOG, { tableLog }), LOG.length)).toEqual(LOG)
  })

  test('WebAssembly and its twin write the same bytes and read those of each other', () => {
    const part = LOG.subarray(0, 1200)
    const coded = encodeText(part, { target: 'wasm' })
    expect(encodeText(part, { target: 'twin' })).toEqual(coded)
    expect(decodeText(coded, part.length, { target: 'twin' })).toEqual(part)
    expect(decodeText(coded, part.length, { target: 'wasm' })).toEqual(part)
  })

  test('a log shrinks to less than a fifteenth, random bytes grow by less than 2 %', () => {
    expect(encodeText(LOG).length * 15).toBeLessThan(LOG.length)
    const noise = new Uint8Array(20000)
    let state = 7
    for (let i = 0; i < noise.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0
      noise[i] = state >>> 24
    }
    expect(encodeText(noise).length).toBeLessThan(1.02 * noise.length)
  })

  test('damaged codes end in an error or in bytes of the declared length', () => {
    const part = LOG.subarray(0, 1500)
    const coded = encodeText(part)
    for (let n = 0; n < coded.length; n += 3) {
      try {
        expect(decodeText(coded.subarray(0, n), part.length)).toHaveLength(part.length)
      } catch (error) {
        if (!isPithError(error)) throw error
      }
    }
    for (let i = 0; i < coded.length; i += 5) {
      const bad = coded.slice()
      bad[i] ^= 0x11
      try {
        expect(decodeText(bad, 4096).length).toBeLessThanOrEqual(4096)
      } catch (error) {
        if (!isPithError(error)) throw error
      }
    }
  })

  test('declared lengths and table sizes out of bounds are refused', () => {
    const coded = encodeText(LOG)
    expect(() => decodeText(coded, LOG.length - 1)).toThrow(
      expect.toSatisfy((e: unknown) => isPithError(e, 'PITH_LIMIT')),
    )
    for (const [at, value] of [
      [0, 15],
      [0, 25],
      [1, 9],
      [1, 21],
    ]) {
      const bad = Uint8Array.of(5, 16, 10, 1, 2, 3)
      bad[1 + at] = value
      expect(() => decodeText(bad, 5)).toThrow(expect.toSatisfy((e: unknown) => isPithError(e, 'PITH_CORRUPT')))
    }
    expect(() => encodeText(LOG, { tableLog: 25 })).toThrow(
      expect.toSatisfy((e: unknown) => isPithError(e, 'PITH_ARG')),
    )
    expect(() => decodeText(encodeText(LOG).subarray(0, 60), LOG.length)).toThrow(
      expect.toSatisfy((e: unknown) => isPithError(e, 'PITH_TRUNCATED')),
    )
  })
})
