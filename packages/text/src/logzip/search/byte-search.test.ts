import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countLineFeeds, LiteralFinder, lineEndAt, lineStartAt } from './byte-search.ts'

const latin1 = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(text, (letter) => letter.charCodeAt(0))

describe('LiteralFinder', () => {
  it('finds the first place in its range, as indexOf does', () => {
    const letters = fc
      .array(fc.constantFrom('a', 'b', 'B', ' ', '\u00e9', 'Q', '\0'), { maxLength: 40 })
      .map((all) => all.join(''))
    fc.assert(
      fc.property(letters, letters, fc.nat(45), fc.nat(45), fc.boolean(), (text, wanted, a, b, ignoreCase) => {
        const literal = (wanted.slice(0, 1 + (a % 4)) || 'a').replace(/[A-Z]/g, (letter) =>
          ignoreCase ? letter.toLowerCase() : letter,
        )
        const to = Math.min(text.length, Math.max(a, b))
        const from = Math.min(to, a, b)
        const source = ignoreCase ? text.toLowerCase() : text
        const expected = source.slice(0, to).indexOf(literal, from)
        expect(new LiteralFinder(latin1(literal), ignoreCase).find(latin1(text), from, to)).toBe(expected)
      }),
      { numRuns: 3000, seed: 1 },
    )
  })

  it('finds rare and frequent literals in long ranges', () => {
    const parts = Array.from({ length: 3000 }, (_, i) => `2015-07-29 line ${i} ok${i % 500 === 499 ? ' Zebra' : ''}`)
    const text = parts.join('\n')
    const bytes = latin1(text)
    for (const literal of ['Zebra', 'line', '2', 'k\n', 'line 2999 ok', 'zebra', 'Z']) {
      const finder = new LiteralFinder(latin1(literal), false)
      for (let from = 0; from <= text.length; ) {
        const expected = text.indexOf(literal, from)
        expect(finder.find(bytes, from, bytes.length)).toBe(expected)
        if (expected < 0) break
        from = expected + 1 + Math.floor(text.length / 100)
      }
    }
    expect(new LiteralFinder(latin1('Zebra'), false).find(bytes, 0, text.indexOf('Zebra') + 4)).toBe(-1)
  })
})

describe('lines', () => {
  it('have their bounds and count', () => {
    const bytes = latin1('ab\n\ncd')
    expect([lineEndAt(bytes, 0, 6), lineEndAt(bytes, 3, 6), lineEndAt(bytes, 4, 6), lineEndAt(bytes, 0, 1)]).toEqual([
      2, 3, 6, 1,
    ])
    expect([
      lineStartAt(bytes, 1, 0),
      lineStartAt(bytes, 2, 0),
      lineStartAt(bytes, 5, 0),
      lineStartAt(bytes, 5, 5),
    ]).toEqual([0, 0, 4, 5])
    expect(countLineFeeds(bytes, 0, 6)).toBe(2)
  })
})

it('letters of either case are found behind a rare byte that has no case', () => {
  const text = new TextEncoder().encode(`${'x'.repeat(2000)}; Compatible; Googlebot/2.1${'y'.repeat(50)}`)
  const finder = new LiteralFinder(new TextEncoder().encode('atible; goo'), true)
  expect(finder.find(text, 0, text.length)).toBe(2006)
})
