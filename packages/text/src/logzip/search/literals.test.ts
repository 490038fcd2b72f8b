import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseEre } from './ere.ts'
import type { Formula } from './formula.ts'
import { type Literal, planHolds, planLiterals } from './literals.ts'
import { compileMatcher } from './matcher.ts'

const latin1 = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(text, (letter) => letter.charCodeAt(0))

function show(formula: Formula<Literal>): string {
  switch (formula.op) {
    case 'leaf':
      return String.fromCharCode(...formula.leaf.bytes) + (formula.leaf.ignoreCase ? '/i' : '')
    case 'and':
    case 'or':
      return `${formula.op}(${formula.of.map(show).join(' ')})`
    default:
      return formula.op
  }
}

const planOf = (pattern: string, ignoreCase = false): string =>
  show(planLiterals(parseEre(latin1(pattern), 'lines', ignoreCase).node, ignoreCase).needs)

describe('planLiterals', () => {
  it.each([
    ['foo', 'foo'],
    ['foo.*bar', 'and(foo bar)'],
    ['a|b', 'or(a b)'],
    ['foo|bar.*baz', 'or(foo and(bar baz))'],
    ['', 'always'],
    ['.*', 'always'],
    ['x*', 'always'],
    ['foo|', 'always'],
    ['^foo$', 'foo'],
    ['\\<foo\\>', 'foo'],
    ['(foo)+', 'foo'],
    ['(foo){2}', 'foofoo'],
    ['(foo){2,}bar', 'foofoobar'],
    ['fo?o', 'fo'],
    ['[Ee]rror', 'or(Error error)'],
    ['error[0-9]+:', 'and(error :)'],
    ['(GET|POST) /index', 'or(GET /index POST /index)'],
    ['.foo.', 'foo'],
    ['(a)\\1b', 'and(a b)'],
    ['[[:digit:]]{4}-[[:digit:]]{2}', '-'],
    ['(^|[^[:alnum:]_])(foo)([^[:alnum:]_]|$)', 'foo'],
    ['abc|abcd|xabc', 'abc'],
    ['a.*abc.*bc', 'abc'],
  ])('%s needs %s', (pattern, expected) => {
    expect(planOf(pattern)).toBe(expected)
  })

  it('folds literals to lower case where case is ignored', () => {
    expect(planOf('FoO.*42', true)).toBe('and(foo/i 42)')
    expect(planOf('[fF]oo', true)).toBe('foo/i')
    expect(planOf('fo[o0]', true)).toBe('or(fo0/i foo/i)')
  })

  it('never for an expression without a match', () => {
    expect(show(compileMatcher({ patterns: [] }).required.needs)).toBe('never')
  })

  it('tells how long a line is at least', () => {
    const shortest = (pattern: string): number =>
      planLiterals(parseEre(latin1(pattern), 'lines', false).node, false).minBytes
    expect(shortest('a{3}(b|cd)?[xy]+$')).toBe(4)
    expect(shortest('(a{30000}){30000}')).toBe(900_000_000)
    expect(shortest('')).toBe(0)
  })

  it('stays small and fast for long expressions', () => {
    for (const pattern of ['[ab]'.repeat(5000), `.*${'x'.repeat(20_000)}`, `(${'a?'.repeat(3000)})b`, '[ab]{30000}']) {
      expect(planOf(pattern).length).toBeLessThan(70_000)
    }
    const words = Array.from({ length: 3000 }, (_, i) => `word${i}x`)
    expect(compileMatcher({ patterns: words, fixed: true }).required.needs).toMatchObject({ op: 'or' })
    expect(planOf(words.join('|')).length).toBeGreaterThan(20_000)
  })
})

/** Random expressions over few letters, so that they match often. */
const expression: fc.Arbitrary<string> = fc.letrec<{ node: string; seq: string; atom: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    tie('seq'),
    fc.tuple(tie('seq'), tie('seq')).map(([a, b]) => `(${a}|${b})`),
  ),
  seq: fc.array(tie('atom'), { maxLength: 4 }).map((items) => items.join('')),
  atom: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('a', 'b', 'ab', 'A', 'ba', '[ab]', '[^a]', '.', '^', '$', '\\<', '\\b', '-', '[a-c]', '\\w'),
    fc
      .tuple(tie('node'), fc.constantFrom('', '*', '+', '?', '{2}', '{1,2}', '{2,}'))
      .map(([item, op]) => `(${item})${op}`),
  ),
})).node

describe('planHolds', () => {
  it('for every line that matches', () => {
    const line = fc
      .array(fc.constantFrom('a', 'b', 'A', 'B', '-', 'c', 'ab'), { maxLength: 9 })
      .map((items) => items.join(''))
    fc.assert(
      fc.property(
        fc.array(expression, { minLength: 1, maxLength: 2 }),
        fc.array(line, { minLength: 12, maxLength: 12 }),
        fc.record({ ignoreCase: fc.boolean(), word: fc.boolean(), lineRegexp: fc.boolean() }),
        (patterns, lines, flags) => {
          const matcher = compileMatcher({ patterns, ...flags })
          for (const text of lines) {
            const bytes = latin1(text)
            const selected = matcher.test(bytes, 0, bytes.length)
            const holds = planHolds(matcher.required, bytes, 0, bytes.length)
            if (selected) expect(holds).toBe(true)
            if (matcher.exact) expect(selected).toBe(holds)
          }
        },
      ),
      { numRuns: 1500, seed: 1 },
    )
  })
})
