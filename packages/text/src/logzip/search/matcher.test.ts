import { readFileSync } from 'node:fs'
import { isPithError } from '@pith/core'
import { describe, expect, it } from 'vitest'
import { planHolds } from './literals.ts'
import { compileMatcher, type Matcher, type MatcherOptions } from './matcher.ts'

const latin1 = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(text, (letter) => letter.charCodeAt(0))
const text = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')

/** Flags, patterns, then an error, or the numbers of the selected lines and what -o prints as `line:part`. */
type Vector = [string, string[], string] | [string, string[], number[], string[] | null]
const vectors = JSON.parse(readFileSync(new URL('./golden/grep-3.8.json', import.meta.url), 'utf8')) as {
  lines: string[]
  cases: Vector[]
}

function optionsOf(flags: string, patterns: string[]): MatcherOptions {
  return {
    patterns: patterns.map(latin1),
    fixed: flags.includes('F'),
    ignoreCase: flags.includes('i'),
    word: flags.includes('w'),
    lineRegexp: flags.includes('x'),
    invert: flags.includes('v'),
  }
}

function errorOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (isPithError(error, 'PITH_ARG')) return error.message
    throw error
  }
  return 'no error'
}

function search(matcher: Matcher, bytes: Uint8Array): string[] {
  const found: string[] = []
  matcher.searchBuffer(bytes, 0, bytes.length, (from, to) => {
    found.push(text(bytes.subarray(from, to)))
  })
  return found
}

describe('vectors of GNU grep 3.8', () => {
  const { lines, cases } = vectors
  const bytes = latin1(lines.map((line) => `${line}\n`).join(''))
  const starts: number[] = []
  for (let i = 0, at = 0; i < lines.length; at += (lines[i] as string).length + 1, i++) starts.push(at)

  for (const group of ['E', 'Ei', 'Ew', 'Ex', 'Ev', 'Eix', 'Ewx', 'F', 'Fi', 'Fw', 'Fx', 'Fiw']) {
    it(`grep -a${group} selects and prints the same`, () => {
      const own = cases.filter(([flags]) => flags === group)
      expect(own.length).toBeGreaterThan(10)
      for (const [flags, patterns, expected, only] of own) {
        const name = `grep -a${flags} ${JSON.stringify(patterns)}`
        if (typeof expected === 'string') {
          expect(
            errorOf(() => compileMatcher(optionsOf(flags, patterns))),
            name,
          ).toContain(expected)
          continue
        }
        const matcher = compileMatcher(optionsOf(flags, patterns))
        const selected: number[] = []
        const printed: string[] = []
        for (let i = 0; i < lines.length; i++) {
          const start = starts[i] as number
          const end = start + (lines[i] as string).length
          if (matcher.test(bytes, start, end)) {
            selected.push(i + 1)
            expect(planHolds(matcher.required, bytes, start, end), `${name}: plan of line ${i + 1}`).toBe(true)
          } else if (matcher.exact) expect(planHolds(matcher.required, bytes, start, end), name).toBe(false)
          const spans = matcher.findAll(bytes, start, end)
          for (let s = 0; s < spans.length; s += 2)
            printed.push(`${i + 1}:${text(bytes.subarray(spans[s], spans[s + 1]))}`)
        }
        expect(selected, name).toEqual(expected)
        expect(search(matcher, bytes), name).toEqual(expected.map((line) => lines[line - 1]))
        if (only !== null && only !== undefined) expect(printed, name).toEqual(only)
      }
    })
  }
})

describe('searchBuffer', () => {
  const find = (source: string, options: Partial<MatcherOptions> & { patterns: string[] }): string[] =>
    search(compileMatcher(options), latin1(source))

  it('takes a last line without a line feed as a line, and none after a line feed', () => {
    expect(find('x\na', { patterns: ['a$'] })).toEqual(['a'])
    expect(find('x\na\n', { patterns: ['^'] })).toEqual(['x', 'a'])
    expect(find('', { patterns: [''] })).toEqual([])
    expect(find('\n\nx', { patterns: ['^$'] })).toEqual(['', ''])
    expect(find('x\ny', { patterns: ['x'], invert: true })).toEqual(['y'])
    expect(find('y\n\nx\n\n', { patterns: ['x'], invert: true })).toEqual(['y', '', ''])
  })

  it('keeps to its part of the buffer', () => {
    const bytes = latin1('aXa\nbXb\ncX\n')
    const seen: string[] = []
    compileMatcher({ patterns: ['X'] }).searchBuffer(bytes, 4, 8, (from, to) => {
      seen.push(text(bytes.subarray(from, to)))
    })
    expect(seen).toEqual(['bXb'])
    const anchored: number[] = []
    compileMatcher({ patterns: ['^b.*b$'] }).searchBuffer(bytes, 4, 7, (from) => {
      anchored.push(from)
    })
    expect(anchored).toEqual([4])
  })

  it('ends when onLine returns false', () => {
    for (const options of [{ patterns: ['a'] }, { patterns: ['[ab]c*'] }, { patterns: ['x'], invert: true }]) {
      let seen = 0
      compileMatcher(options).searchBuffer(latin1('a\na\na\n'), 0, 6, () => ++seen < 2)
      expect(seen).toBe(2)
    }
  })

  it('finds the same with and without a literal to jump to, in many lines', () => {
    const lines = Array.from({ length: 4000 }, (_, i) => `${i} ${i % 7 === 0 ? 'needle' : 'hay'} ${'x'.repeat(i % 90)}`)
    const source = lines.join('\n')
    const expected = lines.filter((line) => /needle x{3,}y?$/.test(line))
    expect(expected.length).toBeGreaterThan(300)
    expect(find(source, { patterns: ['needle x{3,}y?$'] })).toEqual(expected)
    expect(find(source, { patterns: ['[n]eedle x{3,}y?$', 'zzzz'] })).toEqual(expected)
    expect(find(source, { patterns: ['NEEDLE X{3,}Y?$'], ignoreCase: true })).toEqual(expected)
    expect(find(source, { patterns: ['needle x{3,}y?$'], invert: true })).toHaveLength(lines.length - expected.length)
    expect(find(source, { patterns: ['y|a x*'] })).toEqual(lines.filter((line) => line.includes('a')))
  })
})

describe('hostile expressions', () => {
  it('run in linear time where backtracking is exponential', () => {
    const line = latin1(`${'a'.repeat(200_000)}b`)
    for (const pattern of ['(a|aa)+c', '(a*)*c', '(a?){50}a{50}c', '(.*)(.*)(.*)(.*)(.*)c$', '([a-z]+)*[0-9]']) {
      expect(compileMatcher({ patterns: [pattern] }).test(line, 0, line.length), pattern).toBe(false)
    }
    expect(Array.from(compileMatcher({ patterns: ['[a-z]*c|b$'] }).findAll(line, 0, line.length))).toEqual([
      200_000, 200_001,
    ])
  })

  it('survive more states than are kept', () => {
    // After each 1 the automaton has to know which of the last 14 bytes were 1.
    let state = 1
    let source = ''
    for (let i = 0; i < 20_000; i++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      source += state & 0x10000 ? '1' : '0'
    }
    const bytes = latin1(source)
    const matcher = compileMatcher({ patterns: ['1[01]{14}2|1[01]{14}1x'] })
    expect(matcher.test(bytes, 0, bytes.length)).toBe(false)
    bytes[19_999] = 0x32
    bytes[19_984] = 0x31
    expect(matcher.test(bytes, 0, bytes.length)).toBe(true)
    bytes[19_984] = 0x30
    expect(matcher.test(bytes, 0, bytes.length)).toBe(false)
  })

  it('that are too large are refused', () => {
    const refused = (pattern: string): string => errorOf(() => compileMatcher({ patterns: [pattern] }))
    expect(refused('(a{1000}){1000}')).toContain('too big')
    expect(refused(`${'('.repeat(100_000)}a`)).toContain('too big')
    expect(refused(`a${'{2}'.repeat(2000)}`)).toContain('too big')
    expect(refused('a{40000}')).toContain('too big')
    expect(refused(`${'a*'.repeat(20)}${'*'.repeat(100_000)}`)).toBe('no error')
  })

  it('with back-references that need too many steps end with PITH_LIMIT', () => {
    const matcher = compileMatcher({ patterns: ['(a*)(a*)(a*)(a*)\\1\\2\\3\\4bx'] })
    const line = latin1(`${'a'.repeat(300)}bxx`)
    expect(matcher.test(line, 0, 301)).toBe(false)
    expect(matcher.test(line, 299, line.length)).toBe(true)
    const never = compileMatcher({ patterns: ['(a+)(a+)(a+)c\\1\\2\\3bx'] })
    expect(never.test(latin1('aaacaaabx'), 0, 9)).toBe(true)
    const endless = latin1(`${'a'.repeat(299)}cabx`)
    let code = ''
    try {
      never.test(endless, 0, endless.length)
    } catch (error) {
      code = isPithError(error) ? error.code : 'other'
    }
    expect(code).toBe('PITH_LIMIT')
  })
})

describe('compileMatcher', () => {
  it('takes strings as UTF-8 and bytes as they are', () => {
    const line = new TextEncoder().encode('caf\u00e9')
    expect(compileMatcher({ patterns: ['f\u00e9$'] }).test(line, 0, line.length)).toBe(true)
    expect(compileMatcher({ patterns: ['f.$'] }).test(line, 0, line.length)).toBe(false)
    expect(compileMatcher({ patterns: [Uint8Array.of(0x66, 0xc3)] }).test(line, 0, line.length)).toBe(true)
  })

  it('selects no line without a pattern, and every line inverted', () => {
    const line = latin1('x')
    for (const fixed of [false, true]) {
      expect(compileMatcher({ patterns: [], fixed }).test(line, 0, 1)).toBe(false)
      expect(compileMatcher({ patterns: [], fixed, invert: true }).test(line, 0, 1)).toBe(true)
    }
  })

  it('requires nothing of lines that an inverted search selects', () => {
    expect(compileMatcher({ patterns: ['foo'], invert: true }).required).toEqual({
      needs: { op: 'always' },
      minBytes: 0,
    })
  })

  it('names the pattern in errors without its control bytes, cut short', () => {
    expect(errorOf(() => compileMatcher({ patterns: [`\u0007(${'x'.repeat(100)}`] }))).toBe(
      `Unmatched ( or \\( in pattern '?(${'x'.repeat(58)}...'`,
    )
  })
})
