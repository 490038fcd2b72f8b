import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPithError } from '../errors.ts'
import { decodeRans, encodeRans } from './rans.ts'
import { decodeRansAdaptive, encodeRansAdaptive } from './rans-adaptive.ts'
import { decodeText, encodeText } from './text.ts'

const CODERS = {
  'rANS order 0': { encode: (data: Uint8Array) => encodeRans(data, { order: 0 }), decode: decodeRans },
  'rANS order 1': { encode: (data: Uint8Array) => encodeRans(data, { order: 1 }), decode: decodeRans },
  'adaptive rANS': { encode: (data: Uint8Array) => encodeRansAdaptive(data, 1), decode: decodeRansAdaptive },
  'text model': { encode: (data: Uint8Array) => encodeText(data), decode: decodeText },
}

const data = fc.oneof(
  fc.uint8Array({ maxLength: 4000 }),
  fc.array(fc.constantFrom(0, 10, 32, 97, 255), { maxLength: 4000 }).map((a) => Uint8Array.from(a)),
  fc.array(fc.string({ maxLength: 30 }), { maxLength: 60 }).map((a) => new TextEncoder().encode(a.join('\n'))),
)

describe.each(Object.entries(CODERS))('%s, many cases', (name, { encode, decode }) => {
  const runs = name === 'text model' ? 1500 : 10_000

  test('decoding gives the bytes back', () => {
    fc.assert(
      fc.property(data, (bytes) => {
        expect(decode(encode(bytes), bytes.length)).toEqual(bytes)
      }),
      { numRuns: runs },
    )
  }, 120_000)

  test('damaged codes end in an error or in no more bytes than allowed', () => {
    fc.assert(
      fc.property(
        data,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(),
        (bytes, hits, cut) => {
          let bad = encode(bytes).slice()
          for (const [place, value] of hits) bad[place % bad.length] = value
          if (cut % 3 === 0) bad = bad.slice(0, cut % bad.length)
          try {
            expect(decode(bad, 5000).length).toBeLessThanOrEqual(5000)
          } catch (error) {
            if (!isPithError(error)) throw error
          }
        },
      ),
      { numRuns: runs },
    )
  }, 120_000)
})
