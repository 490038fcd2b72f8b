import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ByteSet, membersOf, rangeSet, setOf } from './byte-set.ts'
import { possible } from './formula.ts'
import { compileMatcher } from './matcher.ts'
import {
  matchTemplate,
  meetsConstraint,
  planTemplate,
  type SlotShape,
  splitLiteral,
  type TemplateShape,
} from './tokens.ts'

const latin1 = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(text, (letter) => letter.charCodeAt(0))
const show = (bytes: Uint8Array): string => String.fromCharCode(...bytes)

const DIGITS = rangeSet(0x30, 0x39)
const slot = (number: number, bytes: ByteSet, minLength = 1, maxLength = Number.POSITIVE_INFINITY): SlotShape => ({
  slot: number,
  bytes,
  minLength,
  maxLength,
})

function ways(literal: string, shape: TemplateShape, ignoreCase = false): string | string[] {
  const result = matchTemplate({ bytes: latin1(literal), ignoreCase }, shape)
  if (typeof result === 'string') return result
  return result.map((way) => way.map(({ slot, how, bytes }) => `${slot} ${how} ${show(bytes)}`).join(' & '))
}

describe('splitLiteral', () => {
  it('cuts where the tokeniser cuts; only the ends may be parts of tokens', () => {
    const bytes = latin1('ar=12ab, x\u00e9')
    expect(
      splitLiteral(bytes).map((piece) => ({ ...piece, text: show(bytes.subarray(piece.from, piece.to)) })),
    ).toEqual([
      { from: 0, to: 2, token: true, openStart: true, openEnd: false, text: 'ar' },
      { from: 2, to: 3, token: false, openStart: false, openEnd: false, text: '=' },
      { from: 3, to: 7, token: true, openStart: false, openEnd: false, text: '12ab' },
      { from: 7, to: 9, token: false, openStart: false, openEnd: false, text: ', ' },
      { from: 9, to: 11, token: true, openStart: false, openEnd: true, text: 'x\u00e9' },
    ])
    expect(splitLiteral(new Uint8Array(0))).toEqual([])
    expect(splitLiteral(latin1('abc'))).toEqual([{ from: 0, to: 3, token: true, openStart: true, openEnd: true }])
  })
})

describe('matchTemplate', () => {
  const shape: TemplateShape = {
    parts: [{ text: latin1('took ') }, slot(0, DIGITS), { text: latin1(' ms in ') }, slot(1, rangeSet(0x61, 0x7a))],
  }

  it('finds the ways in which a literal can lie over slots', () => {
    expect(ways('took', shape)).toBe('always')
    expect(ways('', shape)).toBe('always')
    expect(ways('Took', shape)).toBe('never')
    expect(ways('took', { parts: [{ text: latin1('TOOK') }] }, true)).toBe('always')
    expect(ways('42', shape)).toEqual(['0 contains 42'])
    expect(ways('k 42', shape)).toEqual(['0 startsWith 42'])
    expect(ways('2 ms', shape)).toEqual(['0 endsWith 2'])
    expect(ways('took 42 ms in x', shape)).toEqual(['0 is 42 & 1 startsWith x'])
    expect(ways('took x', shape)).toBe('never')
    expect(ways('ms in ', shape)).toBe('always')
    expect(ways('n', shape)).toBe('always')
    expect(ways('zz', shape)).toEqual(['1 contains zz'])
    expect(ways('zz1', shape)).toBe('never')
  })

  it('knows the places of a layout and the lengths of values', () => {
    const clock: SlotShape = { ...slot(0, setOf()), layout: [DIGITS, DIGITS, setOf(0x3a), DIGITS, DIGITS] }
    const parts: TemplateShape = { parts: [clock, { text: latin1(' up') }] }
    expect(ways('12:3', parts)).toEqual(['0 contains 12:3'])
    expect(ways('123', parts)).toBe('never')
    expect(ways('2 up', parts)).toEqual(['0 endsWith 2'])
    expect(ways('x12:34 up', parts)).toBe('never')
    expect(ways('12:34 up', parts)).toEqual(['0 endsWith 12:34'])
    const short: TemplateShape = { parts: [{ text: latin1('a') }, slot(0, DIGITS, 2, 3), { text: latin1('b') }] }
    expect(ways('a1b', short)).toBe('never')
    expect(ways('a12b', short)).toEqual(['0 is 12'])
    expect(ways('1234', short)).toBe('never')
  })

  it('gives up counting where there are too many ways', () => {
    const any = rangeSet(0, 0xff)
    const parts = Array.from({ length: 9 }, (_, i) => slot(i, any, 0))
    expect(ways('a'.repeat(60), { parts })).toBe('maybe')
    expect(ways('a'.repeat(5000), { parts: [slot(0, any, 0), slot(1, any, 0), slot(2, any, 0)] })).toBe('maybe')
  })
})

/** A template over few bytes with values for its slots. */
const filled = fc
  .array(
    fc.oneof(
      fc
        .constantFrom('a', 'b', '1', ' ', 'ab', 'a b', '')
        .map((text) => ({ text, set: undefined, layout: false, min: 0, max: 0 })),
      fc.record({
        text: fc.array(fc.constantFrom('a', 'b', '1', ' ', 'B'), { maxLength: 4 }).map((all) => all.join('')),
        set: fc.constantFrom('ab', '1', 'ab1', 'ab1 B', 'B'),
        layout: fc.boolean(),
        min: fc.nat(2),
        max: fc.constantFrom(2, 3, Number.POSITIVE_INFINITY),
      }),
    ),
    { maxLength: 5 },
  )
  .map((parts) => {
    const values: string[] = []
    const shaped = parts.map((part): TemplateShape['parts'][number] => {
      if (part.set === undefined) return { text: latin1(part.text) }
      const letters = part.set
      let value = Array.from(part.text, (letter) => (letters.includes(letter) ? letter : (letters[0] as string))).join(
        '',
      )
      value = value.padEnd(part.min, letters[0]).slice(0, part.max)
      values.push(value)
      const shape = slot(values.length - 1, setOf(...latin1(letters)), part.min, part.max)
      // Half of the places of a layout admit but one byte.
      if (!part.layout) return shape
      return { ...shape, layout: Array.from(value, (letter, i) => setOf(...latin1(i % 2 === 0 ? letters : letter))) }
    })
    let at = 0
    const line = shaped.map((part) => ('text' in part ? show(part.text) : (values[at++] as string))).join('')
    return { shape: { parts: shaped }, values, line }
  })

describe('a literal in a filled template', () => {
  it('is there exactly if one of the ways applies', () => {
    const wanted = fc.array(fc.constantFrom('a', 'b', '1', ' ', 'B'), { maxLength: 5 }).map((all) => all.join(''))
    let always = 0
    let never = 0
    let some = 0
    fc.assert(
      fc.property(
        filled,
        wanted,
        fc.nat(20),
        fc.nat(6),
        fc.boolean(),
        fc.boolean(),
        (made, random, from, length, own, ignoreCase) => {
          const { shape, values, line } = made
          const cut = own && line.length > 0 ? line.slice(from % line.length, (from % line.length) + length) : random
          const literal = ignoreCase ? cut.toLowerCase() : cut
          const expected = (ignoreCase ? line.toLowerCase() : line).includes(literal)
          const result = matchTemplate({ bytes: latin1(literal), ignoreCase }, shape)
          if (result === 'always') always++
          else if (result === 'never') never++
          else some++
          if (result === 'maybe') return
          if (typeof result === 'string') {
            expect(expected).toBe(result === 'always')
            return
          }
          const applies = result.some((way) =>
            way.every((constraint) => {
              const value = latin1(values[constraint.slot] as string)
              return meetsConstraint(constraint, value, 0, value.length)
            }),
          )
          expect(applies).toBe(expected)
        },
      ),
      { numRuns: 6000, seed: 1 },
    )
    expect(Math.min(always, never, some)).toBeGreaterThan(300)
  })

  it('makes a plan possible wherever its line matches', () => {
    const patterns = ['ab', 'a.*1', 'a|b ', '^a', '(ab|1 )+b', '[ab]1', 'B', 'b$', 'a b', 'ab?1', '1{2}', '..a..']
    const matchers = patterns.flatMap((pattern) => [
      compileMatcher({ patterns: [pattern] }),
      compileMatcher({ patterns: [pattern], ignoreCase: true }),
      compileMatcher({ patterns: [pattern], word: true }),
    ])
    fc.assert(
      fc.property(filled, ({ shape, values, line }) => {
        const bytes = latin1(line)
        for (const matcher of matchers) {
          const formula = planTemplate(matcher.required, shape)
          const can = possible(formula, (constraint) => {
            const value = latin1(values[constraint.slot] as string)
            return meetsConstraint(constraint, value, 0, value.length)
          })
          const selected = matcher.test(bytes, 0, bytes.length)
          if (selected) expect(can).toBe(true)
          if (matcher.exact) expect(can).toBe(selected)
        }
      }),
      { numRuns: 400, seed: 1 },
    )
  })

  it('uses sets that hold what they were made from', () => {
    expect(membersOf(rangeSet(0x30, 0x32, 0x41, 0x41))).toEqual([0x30, 0x31, 0x32, 0x41])
  })
})
