import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compressBy } from '../safe/compress.ts'
import { localWeights } from './bm25.ts'
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
