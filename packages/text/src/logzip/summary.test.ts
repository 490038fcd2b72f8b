import { concatBytes, equalBytes, toSource } from '@pith/core'
import { anyBytes, cutInto, noiseBytes } from '@pith/core/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytes } from '../../test/log-inputs.ts'
import { piecesOf } from './cut.ts'
import { formOf, packBytes, unpackBytes } from './pack.ts'
import { type ChunkSummary, readSummary, writeSummary } from './summary.ts'

const range = fc
  .record({ first: fc.integer({ min: 0, max: 4e12 }), length: fc.nat(1e9), dated: fc.boolean() })
  .map(({ first, length, dated }) => ({ first, last: first + length, dated }))

const summaries: fc.Arbitrary<ChunkSummary[]> = fc.array(
  fc.record({ lines: fc.nat(262_144), open: fc.boolean(), times: fc.option(range, { nil: undefined }) }),
  { maxLength: 20 },
)

describe('summary', () => {
  test('what is read is what was written', () => {
    fc.assert(
      fc.property(summaries, (chunks) => {
        expect(readSummary(writeSummary(chunks))).toEqual(chunks)
      }),
    )
  })

  test('each cut is refused, and a number of chunks that nothing backs', () => {
    const times = { first: 1_700_000_000_000, last: 1_700_000_360_000, dated: true }
    const whole = writeSummary([
      { lines: 1000, open: false, times },
      { lines: 3, open: true, times: undefined },
    ])
    for (let length = 0; length < whole.length; length++) {
      expect(() => readSummary(whole.subarray(0, length))).toThrow()
    }
    expect(() => readSummary(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f))).toThrow(/declares/)
  })
})

describe('packed streams', () => {
  test('come back at any effort, and are never much longer', () => {
    fc.assert(
      fc.property(anyBytes(3000), fc.constantFrom(0, 5, 11), fc.nat(15), (raw, quality, form) => {
        const packed = packBytes(raw, quality, form)
        expect(formOf(packed)).toBe(form)
        expect(packed.length).toBeLessThanOrEqual(raw.length + 4)
        expect(equalBytes(unpackBytes(packed, raw.length), raw)).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  test('what is declared is checked before it is believed', () => {
    const code = (packed: Uint8Array, most: number): string => {
      try {
        return String(unpackBytes(packed, most).length)
      } catch (error) {
        return (error as { code: string }).code
      }
    }
    const text = bytes('abc '.repeat(100))
    expect(code(packBytes(text, 5), 399)).toBe('PITH_LIMIT')
    expect(code(packBytes(text, 5), 400)).toBe('400')
    expect(code(packBytes(noiseBytes(50), 5).subarray(0, 30), 400)).toBe('PITH_CORRUPT')
    expect(code(packBytes(text, 5).subarray(0, 12), 400)).toBe('PITH_TRUNCATED')
    expect(code(Uint8Array.of(7, 3, 1, 2, 3), 400)).toBe('PITH_CORRUPT')
    expect(code(new Uint8Array(0), 400)).toBe('PITH_TRUNCATED')
    const lying = packBytes(text, 5)
    lying[1] = (lying[1] as number) - 1
    expect(['PITH_LIMIT', 'PITH_CORRUPT']).toContain(code(lying, 400))
    lying[1] = (lying[1] as number) + 2
    expect(code(lying, 500)).toBe('PITH_CORRUPT')
  })
})

describe('pieces', () => {
  async function pieces(log: Uint8Array, size: number, cuts: readonly number[]): Promise<Uint8Array[]> {
    const all: Uint8Array[] = []
    for await (const piece of piecesOf(toSource(cutInto(log, cuts)), size)) all.push(piece.slice())
    return all
  }

  test('end with a newline wherever one is in reach, whatever the stream', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyBytes(2000),
        fc.integer({ min: 1, max: 300 }),
        fc.array(fc.nat(400), { minLength: 1, maxLength: 4 }),
        async (log, size, cuts) => {
          const all = await pieces(log, size, cuts)
          expect(equalBytes(concatBytes(all), log)).toBe(true)
          expect(await pieces(log, size, [log.length])).toEqual(all)
          for (const [i, piece] of all.entries()) {
            expect(piece.length).toBeGreaterThan(0)
            expect(piece.length).toBeLessThanOrEqual(size)
            if (i < all.length - 1 && piece.includes(10)) expect(piece.at(-1)).toBe(10)
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})
