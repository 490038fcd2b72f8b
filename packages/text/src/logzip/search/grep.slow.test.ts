import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { planHolds } from './literals.ts'
import { compileMatcher, type Matcher } from './matcher.ts'

const latin1 = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(text, (letter) => letter.charCodeAt(0))

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pith-grep-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

interface Answer {
  error: string | undefined
  /** `line:text` of each selected line. */
  selected: string[]
  /** `line:part` of what -o prints. */
  parts: string[]
}

interface Case {
  flags: string
  patterns: readonly string[]
  lines: readonly string[]
}

/** What grep says to each case, undefined where it took too long; all in one shell. */
function gnuGrep(cases: readonly Case[]): (Answer | undefined)[] {
  const script = cases.map(({ flags, patterns, lines }, i) => {
    writeFileSync(join(folder, `${i}.in`), latin1(lines.map((line) => `${line}\n`).join('')))
    rmSync(join(folder, `${i}.status`), { force: true })
    writeFileSync(join(folder, `${i}.patterns`), latin1(patterns.map((pattern) => `${pattern}\n`).join('')))
    const grep = (how: string, out: string): string =>
      `timeout 5 grep -a${flags}${how} -f ${i}.patterns ${i}.in >${i}.${out} 2>${i}.error; echo $? >>${i}.status`
    return `${grep('no', 'parts')}\n${grep('n', 'selected')}`
  })
  writeFileSync(join(folder, 'run.sh'), script.join('\n'))
  spawnSync('sh', ['run.sh'], { cwd: folder, env: { PATH: process.env['PATH'], LC_ALL: 'C' } })
  return cases.map((_, i) => {
    const read = (what: string): string[] =>
      readFileSync(join(folder, `${i}.${what}`), 'latin1')
        .split('\n')
        .slice(0, -1)
    const status = Math.max(...read('status').map(Number))
    if (status > 2) return undefined
    const error = read('error').find((text) => !text.includes('warning')) ?? ''
    if (status === 2) return { error: error.replace(/^grep: ([^ ]*:\d+: )?/, ''), selected: [], parts: [] }
    return { error: undefined, selected: read('selected'), parts: read('parts') }
  })
}

function ours({ flags, patterns, lines }: Case): Answer {
  let matcher: Matcher
  try {
    matcher = compileMatcher({
      patterns: patterns.map(latin1),
      fixed: flags.includes('F'),
      ignoreCase: flags.includes('i'),
      word: flags.includes('w'),
      lineRegexp: flags.includes('x'),
      invert: flags.includes('v'),
    })
  } catch (error) {
    return { error: (error as Error).message, selected: [], parts: [] }
  }
  const bytes = latin1(lines.map((line) => `${line}\n`).join(''))
  const answer: Answer = { error: undefined, selected: [], parts: [] }
  const tested: string[] = []
  let at = 0
  lines.forEach((line, number) => {
    const end = at + line.length
    if (matcher.test(bytes, at, end)) {
      tested.push(`${number + 1}:${line}`)
      expect(planHolds(matcher.required, bytes, at, end)).toBe(true)
    }
    const spans = matcher.findAll(bytes, at, end)
    for (let i = 0; i < spans.length; i += 2) {
      answer.parts.push(`${number + 1}:${line.slice((spans[i] as number) - at, (spans[i + 1] as number) - at)}`)
    }
    at = end + 1
  })
  let number = 1
  let counted = 0
  matcher.searchBuffer(bytes, 0, bytes.length, (from, to) => {
    while (counted < from) if (bytes[counted++] === 0x0a) number++
    answer.selected.push(`${number}:${String.fromCharCode(...bytes.subarray(from, to))}`)
  })
  expect(answer.selected).toEqual(tested)
  return answer
}

function compare(cases: readonly Case[]): void {
  const answers = gnuGrep(cases)
  let slow = 0
  cases.forEach((one, i) => {
    const theirs = answers[i]
    if (theirs === undefined) {
      slow++
      return
    }
    const own = ours(one)
    const name = `grep -a${one.flags} ${JSON.stringify(one.patterns)}`
    if (theirs.error !== undefined) {
      expect(own.error, name).toContain(theirs.error)
      return
    }
    expect(own.error, name).toBeUndefined()
    expect(own.selected, name).toEqual(theirs.selected)
    // With -w -x -o grep prints the line feed as a part of the match.
    if (!(one.flags.includes('w') && one.flags.includes('x'))) expect(own.parts, name).toEqual(theirs.parts)
  })
  expect(slow).toBeLessThan(cases.length / 20)
}

const joined = (items: fc.Arbitrary<string>, maxLength: number): fc.Arbitrary<string> =>
  fc.array(items, { maxLength }).map((parts) => parts.join(''))
const LETTERS = ['a', 'b', 'c', 'A', 'B', '-', ' ', '_', '1']
const ODD = [
  '}',
  ')',
  '{',
  '\\',
  '\0',
  '\u00e9',
  '\r',
  'foo',
  'bar',
  '\t',
  '*',
  '+',
  '.',
  '^',
  '$',
  '|',
  '[',
  ']',
  '\u00ff',
]
const line = joined(
  fc.oneof({ arbitrary: fc.constantFrom(...LETTERS), weight: 4 }, { arbitrary: fc.constantFrom(...ODD), weight: 1 }),
  10,
)
const lines = fc.array(line, { minLength: 30, maxLength: 30 })
const flags = fc
  .record({ i: fc.boolean(), w: fc.boolean(), x: fc.nat(5), v: fc.nat(9) })
  .map(({ i, w, x, v }) => (i ? 'i' : '') + (w ? 'w' : '') + (x === 0 ? 'x' : '') + (v === 0 ? 'v' : ''))
const atom = fc.constantFrom(
  ...[
    'a',
    'b',
    'c',
    'A',
    'B',
    '-',
    ' ',
    '_',
    '1',
    '.',
    '[ab]',
    '[^a]',
    '[a-c]',
    '[[:alpha:]]',
    '[[:space:]]',
    '\\w',
    '\\W',
  ],
  ...[
    '\\s',
    '\\S',
    'foo',
    'bar',
    'ab',
    '\\.',
    '[]a]',
    '[b-]',
    '\u00e9',
    '[[:upper:]]',
    '[^[:alnum:]_]',
    '[A-b]',
    '[--a]',
  ],
)
const repeat = fc.constantFrom('', '', '', '', '*', '+', '?', '{2}', '{1,2}', '{0,2}', '{,1}', '{1,}')
const { plain } = fc.letrec<{ plain: string; item: string }>((tie) => ({
  plain: fc.array(tie('item'), { minLength: 1, maxLength: 4 }).map((items) => items.join('')),
  item: fc.oneof(
    { maxDepth: 3 },
    fc.tuple(atom, repeat).map(([one, op]) => one + op),
    fc.tuple(tie('plain'), repeat).map(([one, op]) => `(${one})${op}`),
    fc.tuple(tie('plain'), tie('plain'), repeat).map(([one, other, op]) => `(${one}|${other})${op}`),
  ),
}))
const anchor = fc.constantFrom('^', '$', '\\<', '\\>', '\\b', '\\B', '\\`', "\\'")
// Inside repeated groups the regex library of GNU grep 3.8 misjudges anchors: they stay outside.
const anchored = fc
  .array(fc.oneof({ arbitrary: plain, weight: 3 }, { arbitrary: anchor, weight: 1 }, fc.constant('|')), {
    maxLength: 4,
  })
  .map((parts) => parts.join(''))
const odd = joined(
  fc.oneof(
    atom,
    fc.constantFrom('{', '}', ')', '(', '\\*', '\\{', '{1', '{,', '*', '+', '?', '{2}', '{1}', '^', '$'),
    fc.constantFrom(
      '|',
      '()',
      '[!-a]',
      '\\d',
      '\\',
      '[',
      '[:a:]',
      ']',
      '{}',
      '{2,1}',
      '\0',
      '[a',
      '[z-a]',
      '\\1',
      '[[:foo:]]',
    ),
  ),
  5,
)
const referring = fc
  .tuple(
    joined(atom, 2),
    joined(
      fc.tuple(atom, fc.constantFrom('', '*', '+')).map((pair) => pair.join('')),
      3,
    ),
    joined(atom, 2),
  )
  .map(([before, group, after]) => `${before}(${group})${after}\\1`)

function random(patterns: fc.Arbitrary<string>, kind: string, count: number): void {
  const one = fc.record({
    flags: flags.map((more) => kind + more),
    patterns: fc.array(patterns, { minLength: 1, maxLength: 2 }),
    lines,
  })
  compare(fc.sample(one, { numRuns: count, seed: 1 }))
}

describe('GNU grep gives the same', () => {
  it('on the committed vectors', () => {
    const vectors = JSON.parse(readFileSync(new URL('./golden/grep-3.8.json', import.meta.url), 'utf8')) as {
      lines: string[]
      cases: [string, string[], string | number[], (string[] | null)?][]
    }
    const answers = gnuGrep(vectors.cases.map(([flags, patterns]) => ({ flags, patterns, lines: vectors.lines })))
    vectors.cases.forEach(([, , expected, parts], i) => {
      if (typeof expected === 'string') expect(answers[i]?.error).toBe(expected)
      else expect(answers[i]?.selected.map((found) => Number.parseInt(found, 10))).toEqual(expected)
      if (Array.isArray(parts)) expect(answers[i]?.parts).toEqual(parts)
    })
  }, 120_000)

  it('for random expressions', () => random(plain, 'E', 500), 120_000)
  it('for random expressions with anchors', () => random(anchored, 'E', 500), 120_000)
  it('for odd and broken expressions', () => random(odd, 'E', 600), 120_000)
  it('for back-references', () => random(referring, 'E', 300), 120_000)
  it(
    'for fixed strings',
    () =>
      random(
        line.map((text) => text.slice(0, 3)),
        'F',
        1500,
      ),
    120_000,
  )
})
