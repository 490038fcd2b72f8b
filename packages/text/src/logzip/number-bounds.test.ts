import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { numberLengths, numberMayMeet } from './number-bounds.ts'
import { meetsConstraint, type SlotConstraint } from './search/tokens.ts'

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0))
const WAYS = ['is', 'startsWith', 'endsWith', 'contains'] as const

const columns = fc.oneof(
  fc
    .tuple(fc.array(fc.oneof(fc.nat(30), fc.maxSafeNat(), fc.integer()), { minLength: 1, maxLength: 6 }))
    .map(([values]) => ({ values, width: 0, pad: 48 })),
  fc
    .tuple(
      fc.array(fc.nat(99_999), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 5, max: 8 }),
      fc.constantFrom(48, 32),
    )
    .map(([values, width, pad]) => ({ values, width, pad })),
)

const spell = (value: number, width: number, pad: number): string =>
  String(value).padStart(width, String.fromCharCode(pad))

describe('bounds of numbers', () => {
  test('what a value of a column meets, the column may meet', () => {
    fc.assert(
      fc.property(
        columns,
        fc.nat(),
        fc.nat(20),
        fc.nat(20),
        fc.constantFrom(...WAYS),
        (column, pick, from, length, how) => {
          const { values, width, pad } = column
          const bounds = { low: Math.min(...values), high: Math.max(...values), width, pad }
          const text = spell(values[pick % values.length] as number, width, pad)
          const part = text.slice(how === 'is' || how === 'startsWith' ? 0 : from % text.length)
          const cut = how === 'is' || how === 'endsWith' ? part : part.slice(0, 1 + (length % part.length))
          const constraint: SlotConstraint = { slot: 1, how, bytes: latin1(cut), ignoreCase: false }
          expect(meetsConstraint(constraint, latin1(text), 0, text.length)).toBe(true)
          expect(numberMayMeet(bounds, constraint)).toBe(true)
          const { least, most } = numberLengths(bounds)
          expect(text.length).toBeGreaterThanOrEqual(least)
          expect(text.length).toBeLessThanOrEqual(most)
        },
      ),
      { numRuns: 3000 },
    )
  })

  test.each([
    ['75', 'is', 0, 59, false],
    ['59', 'is', 0, 59, true],
    ['501840535', 'startsWith', 1_446_050_444_000, 1_446_050_445_000, false],
    ['1446', 'startsWith', 1_446_050_444_000, 1_446_050_445_000, true],
    ['99', 'contains', 1000, 1098, false],
    ['99', 'contains', 1000, 1099, true],
    ['7', 'endsWith', 1, 6, false],
    ['1234567', 'contains', 0, 999_999, false],
  ] as const)('%s %s a number of %i to %i: %s', (text, how, low, high, answer) => {
    const constraint: SlotConstraint = { slot: 1, how, bytes: latin1(text), ignoreCase: false }
    expect(numberMayMeet({ low, high, width: 0, pad: 48 }, constraint)).toBe(answer)
  })
})
