import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compressBy } from '../safe/compress.ts'
import { compressText } from '../text.ts'
import { backgroundOf, generalBackground } from './background.ts'
import { backgroundWeights, localWeights } from './bm25.ts'
import type { TextKind } from './kinds.ts'
import { rankLog } from './log.ts'
import { rankPassages, renderPassages } from './passages.ts'
import { termsOf } from './terms.ts'
import { rankTurns, smooth } from './transcript.ts'

test('terms are the words that identifiers and texts are made of', () => {
  expect(termsOf('getHTTPResponse_code2 of the XMLParser')).toEqual([
    'get',
    'http',
    'respons',
    'code',
    '2',
    'xml',
    'parser',
  ])
  expect(termsOf('Ünïcode naïve cafés')).toEqual(['unicod', 'naiv', 'cafe'])
  expect(termsOf('東京都 に行く')).toEqual(['東京', '京都', 'に行', '行く'])
  expect(termsOf('the of and')).toEqual([])
})

const passages = [
  { title: 'Rivers', text: 'The Rhine flows through Basel. It is long. Many ships use it.' },
  { title: 'Towers', text: 'The Eiffel tower was built in 1889. It stands in Paris. Iron was used for it.' },
  { title: 'Food', text: 'Bread is baked from flour. Cheese comes from milk. Both are eaten in Paris.' },
]

test('the passage that answers stays, and of the next its best sentences', async () => {
  const rendered = renderPassages(passages)
  expect(rendered.text.slice(rendered.places[1]?.title.start, rendered.places[1]?.title.end)).toBe('Towers\n')
  const rank = () => rankPassages(rendered, 'When was the Eiffel tower built?')
  const half = await compressBy(rank, rendered.text, { budget: { rate: 0.5 } })
  expect(half.text).toContain('Towers\nThe Eiffel tower was built in 1889. It stands in Paris. Iron was used for it.')
  const little = await compressBy(rank, rendered.text, { budget: { tokens: 16 } })
  expect(little.text).toContain('built in 1889')
  expect(little.text).not.toContain('Iron')
})

test('what is rare in general weighs more where there is a background', () => {
  const background = { id: 'own', documents: 1000, frequency: (term: string) => (term === 'pari' ? 1 : 900) }
  const first = (options: Parameters<typeof rankPassages>[2]): string => {
    const rendered = renderPassages(passages)
    const { pieces, groups } = rankPassages(rendered, 'long ships Paris', options)
    const piece = pieces[groups[0]?.[0] as number]
    return rendered.text.slice(piece?.start, piece?.end)
  }
  expect(first({})).toBe('Rivers\n')
  expect(first({ background })).not.toBe('Rivers\n')
})

test('a rare term weighs more than a frequent one', () => {
  const weigh = localWeights([['a', 'b'], ['a'], ['a', 'c'], ['a']])
  expect(weigh('d')).toBeGreaterThan(weigh('b'))
  expect(weigh('b')).toBeGreaterThan(weigh('a'))
})

test('smoothing keeps what is even and spreads what is not', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 20 }), (n, width) => {
      for (const value of smooth(new Float64Array(n).fill(3), width)) expect(value).toBeCloseTo(3, 12)
    }),
  )
  expect([...smooth(Float64Array.of(0, 0, 4, 0, 0), 1)]).toEqual([0, 1, 2, 1, 0])
})

test('turns around the one that is asked for stay together', () => {
  const said = Array.from(
    { length: 60 },
    (_, i) => `A: ${i === 30 ? 'the budget of the remote control' : 'well yes okay then'}\n`,
  )
  const turns = said.map((_, i) => ({
    start: said.slice(0, i).join('').length,
    end: said.slice(0, i + 1).join('').length,
  }))
  const { groups } = rankTurns(said.join(''), turns, 'What was the budget?', 0.1)
  expect(groups.slice(0, 3).flat().sort()).toEqual([29, 30, 31])
})

test('terms that are common in general are known to be, and those of one’s own texts', async () => {
  const { documents, frequency } = await generalBackground()
  expect(frequency('time')).toBeGreaterThan(frequency('river'))
  expect(frequency('river')).toBeGreaterThan(frequency('isotop'))
  expect(frequency('isotop')).toBeGreaterThan(0)
  expect(frequency('qwzx')).toBe(0)
  expect(frequency('time')).toBeLessThan(documents)
  const own = backgroundOf(['The Rhine flows.', 'The Rhine is long, the Rhine is wide.'])
  expect([own.documents, own.frequency('rhine'), own.frequency('wide'), own.frequency('time')]).toEqual([2, 2, 1, 0])
})

test('a term that the background does not know weighs by how rare it is here', () => {
  const background = { id: 'own', documents: 100, frequency: (term: string) => (term === 'a' ? 50 : 0) }
  const weigh = backgroundWeights(background, localWeights([['b', 'c'], ['b'], ['b'], ['b', 'a']]))
  expect(weigh('c')).toBeGreaterThan(weigh('b'))
  expect(weigh('c')).toBeGreaterThan(weigh('a'))
})

test('without a question, a conversation is kept where much is said; lines of a program are none', async () => {
  const said = Array.from({ length: 80 }, (_, i) => {
    const long = 'we could make the case of rubber so that it survives a fall and cut the cost of the chip by half'
    return `${i % 2 === 0 ? 'Anna' : 'Ben'}: ${i > 40 && i < 50 ? long.slice(i) : 'yes okay'}\n`
  }).join('')
  const { text, report } = await compressText(said, { budget: { rate: 0.5 } })
  expect(report.scorer).toBe('turns-density')
  expect(text).toContain('survives a fall')
  const program = Array.from(
    { length: 60 },
    (_, i) => `${i % 2 === 0 ? 'INFO' : 'WARN'}: step ${i} took ${i} ms\n`,
  ).join('')
  expect((await compressText(program, { budget: { rate: 0.5 } })).report.scorer).toBe('log')
})

test('a text is taken for what it is said to be', async () => {
  const text = 'One thing is here. Another thing is there.\n'.repeat(12)
  const scorer = async (kind: TextKind): Promise<string> =>
    (await compressText(text, { kind, budget: { rate: 0.5 }, onOverflow: 'keep-protected' })).report.scorer
  expect(await Promise.all((['text', 'words', 'log', 'html', 'transcript'] as const).map(scorer))).toEqual([
    ...['density', 'words', 'log', 'html', 'turns-density'],
  ])
  await expect(compressText(text, { kind: 'json', budget: { rate: 0.5 } })).rejects.toThrow('no JSON')
  const pairs = '{"a": 1, "b": "short"}'
  expect((await compressText(pairs, { kind: 'json', budget: { rate: 0.5 }, onOverflow: 'keep-protected' })).text).toBe(
    pairs,
  )
})

test('by words, signs and labels of sums stay', async () => {
  const text =
    'Question: How much is it in the end?\nAnswer: Well, it is of course 0.2 x 50 = 10 and then some more of it.\n'.repeat(
      4,
    )
  const own = (await compressText(text, { kind: 'words', budget: { rate: 0.6 } })).text
  expect(own.match(/0\.2 x 50 = 10/g)).toHaveLength(4)
  expect(own.match(/Question:|Answer:/g)).toHaveLength(8)
})

test('what failed comes before warnings, and both before what only mentions trouble', () => {
  const lines = Array.from({ length: 40 }, (_, i) => `12:00:${10 + i} step ${'abcdefgh'[i % 8]} is done\r\n`)
  lines[10] = 'the error page is at /error.html\r\n'
  lines[20] = 'src/a.ts(3,1): warning TS6133: x is never read\r\n'
  lines[30] = 'src/b.ts(4,2): error TS2304: cannot find y\r\n'
  const { pieces, groups } = rankLog(lines.join(''), '')
  const first = groups.slice(0, 3).map(([line]) => pieces[line as number])
  expect(first.map((span) => lines.join('').slice(span?.start, span?.end))).toEqual([lines[30], lines[20], lines[10]])
})
