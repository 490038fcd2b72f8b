import { isPithError } from '@pith/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Compressed, CompressOptions, Ranking, TokenCounter } from '../types.ts'
import { compressBy } from './compress.ts'
import { o200kCounter } from './counter.ts'
import { DroppedStore, partNames } from './dropped.ts'
import { sentencesOf, wordsOf } from './pieces.ts'
import { protectedSpans } from './protect.ts'
import { readSourceMap, writeSourceMap } from './source-map.ts'

const counter = await o200kCounter()

/** Some order that has nothing to do with the text. */
function anyRanking(text: string, bySentence: boolean): Ranking {
  const pieces = bySentence ? sentencesOf(text) : wordsOf(text)
  const order = Uint32Array.from(pieces, (_, i) => i).sort((a, b) => ((a * 7919) % 101) - ((b * 7919) % 101) || a - b)
  return { scorer: 'any', pieces, groups: Array.from(order, (piece) => [piece]), dropsWords: !bySentence }
}

const odd = fc.constantFrom(
  ...[
    'the ',
    'not ',
    '12.5% ',
    '\n',
    '  ',
    '日本語の文章。',
    'مرحبا ',
    '😀👩‍👩‍👧 ',
    '<|endoftext|>',
    '\ud800',
    '`x = 1`',
    '```\na b\n```\n',
  ],
  ...[
    'https://a.b/c?d=1 ',
    '/usr/lib/x.so ',
    'can’t ',
    '⟦pith:abc +3⟧ ',
    '- item\n',
    '# Head\n',
    'e\u0301 ',
    ' \u0301',
    ' \u200d ',
    '. \u0903a ',
    ' \u{1f3fd} ',
    '{"k": "v"} ',
    '$3,000.00 ',
    'a.b@c.de ',
  ],
)
const texts = fc.oneof(
  fc.array(odd, { maxLength: 80 }).map((parts) => parts.join('')),
  fc.array(fc.oneof(odd, fc.lorem({ maxCount: 12 })), { maxLength: 40 }).map((parts) => parts.join(' ')),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.string({ unit: 'binary', maxLength: 200 }),
)
const settings = fc.record({
  rate: fc.double({ min: 0.05, max: 1, noNaN: true }),
  joiner: fc.constantFrom('none', 'ellipsis', 'marker' as const),
  bySentence: fc.boolean(),
  markerMinTokens: fc.integer({ min: 1, max: 60 }),
})

/** What every result must be, whatever the order. */
function checkRules(text: string, result: Compressed, budget: number): void {
  expect(result.tokens).toBe(counter.count(result.text))
  if (!result.report.overBudget)
    expect(result.tokens).toBeLessThanOrEqual(Math.max(budget, text.trim() === '' ? Infinity : 0))
  expect(result.text.length).toBeLessThanOrEqual(text.length)
  expect(result.tokens).toBeLessThanOrEqual(result.originalTokens)
  const { triples, toSource, fromSource } = result.sourceMap
  let [at, source] = [0, 0]
  for (let i = 0; i < triples.length; i += 3) {
    const [inText, start, length] = [triples[i] as number, triples[i + 1] as number, triples[i + 2] as number]
    expect(inText).toBeGreaterThanOrEqual(at)
    expect(start).toBeGreaterThanOrEqual(source)
    expect(result.text.slice(inText, inText + length)).toBe(text.slice(start, start + length))
    expect(toSource(inText)).toBe(start)
    expect(fromSource(start + length - 1)).toBe(inText + length - 1)
    at = inText + length
    source = start + length
  }
  expect(result.kept).toEqual(
    Array.from({ length: triples.length / 3 }, (_, i) => ({
      start: triples[3 * i + 1],
      end: (triples[3 * i + 1] as number) + (triples[3 * i + 2] as number),
    })),
  )
  const back = [...result.kept, ...result.dropped.map(({ span }) => span)].sort((a, b) => a.start - b.start)
  expect(back.map(({ start, end }) => text.slice(start, end)).join('')).toBe(text)
  expect(readSourceMap(writeSourceMap(result.sourceMap)).triples).toEqual(triples)
}

test('what is kept is exact, in order, within the budget, and what is dropped is named', async () => {
  await fc.assert(
    fc.asyncProperty(texts, settings, async (text, { rate, joiner, bySentence, markerMinTokens }) => {
      const options: CompressOptions = { budget: { rate }, joiner, markerMinTokens, onOverflow: 'keep-protected' }
      const compress = (): Promise<Compressed> => compressBy((own) => anyRanking(own, bySentence), text, options)
      const result = await compress()
      checkRules(text, result, Math.floor(rate * counter.count(text)))
      expect(JSON.stringify(await compress())).toBe(JSON.stringify(result))
      if (joiner === 'none') {
        expect(result.text).toBe(result.kept.map(({ start, end }) => text.slice(start, end)).join(''))
      }
      for (const span of protectedSpans(text)) {
        const inside = result.kept.some(({ start, end }) => start <= span.start && span.end <= end)
        const outside = result.kept.every(({ start, end }) => end <= span.start || start >= span.end)
        expect(bySentence ? inside || outside : inside).toBe(true)
      }
      const store = new DroppedStore()
      store.add(text, result)
      for (const { id, span, tokens } of result.dropped) {
        const given = store.retrieve([id], { maxTokens: tokens })
        expect(given.map((part) => part.text)).toEqual([text.slice(span.start, span.end)])
      }
    }),
    { numRuns: 200 },
  )
})

test('no word, grapheme or pair of surrogates is cut', () => {
  fc.assert(
    fc.property(texts, (text) => {
      const graphemes = new Set([text.length, ...Array.from(new Intl.Segmenter().segment(text), ({ index }) => index)])
      for (const pieces of [wordsOf(text), sentencesOf(text)]) {
        expect(pieces.map(({ start, end }) => text.slice(start, end)).join('')).toBe(text)
        for (const { start } of pieces) expect(graphemes.has(start)).toBe(true)
      }
    }),
    { numRuns: 1000 },
  )
})

test('a budget below what is protected is refused, or kept to as well as can be', async () => {
  const text = `${'word '.repeat(50)}12345 67890 ${'word '.repeat(50)}`
  const rank = (own: string): Ranking => anyRanking(own, false)
  const refused = compressBy(rank, text, { budget: { tokens: 2 } })
  await expect(refused).rejects.toSatisfy((error) => isPithError(error, 'PITH_BUDGET'))
  const kept = await compressBy(rank, text, { budget: { tokens: 2 }, onOverflow: 'keep-protected' })
  expect(kept.text).toContain('12345 67890')
  expect(kept.report.overBudget).toBe(true)
  for (const budget of [{ tokens: -1 }, { tokens: 1.5 }, { rate: 0 }, { rate: 2 }, { rate: Number.NaN }]) {
    await expect(compressBy(rank, text, { budget })).rejects.toSatisfy((error) => isPithError(error, 'PITH_ARG'))
  }
})

test('patterns stay wherever they match, whatever was done with them before', () => {
  const sticky = /b+/gy
  sticky.lastIndex = 5
  const used = /b/g
  used.lastIndex = 5
  for (const pattern of [sticky, used, /b*/, /(?=b)b/]) {
    expect(protectedSpans('a b a b', { kinds: [], patterns: [pattern] })).toEqual([
      { start: 2, end: 3 },
      { start: 6, end: 7 },
    ])
  }
})

test('hostile lines are looked through in linear time', () => {
  const parts = [
    '1,',
    '1.',
    'a@a.',
    '`',
    '|',
    '| ',
    ' ',
    '/a',
    '~/',
    '-',
    '[',
    '0f',
    'a://',
    '#',
    'e5',
    '```\n',
    "n't",
    '1e',
  ]
  const count = (length: number): number =>
    parts.reduce((sum, part) => sum + protectedSpans(part.repeat(length)).length, 0)
  // A quadratic pattern would take hours of these.
  expect(count(300_000)).toBeGreaterThan(0)
})

test('a counter that gives no numbers is refused', async () => {
  for (const count of [() => Number.NaN, async () => 3]) {
    const own = { id: 'own', count } as unknown as TokenCounter
    await expect(
      compressBy((text) => anyRanking(text, false), 'a b', { budget: { tokens: 1 }, counter: own }),
    ).rejects.toSatisfy((error) => isPithError(error, 'PITH_ARG'))
  }
})

test('parts of one text have ids of their own, and one id of two texts gives neither', () => {
  const name = partNames('text')
  const ids = Array.from({ length: 120_000 }, (_, i) => name({ start: i, end: i + 1 }))
  expect(new Set(ids).size).toBe(ids.length)
  expect(name({ start: 5, end: 6 })).toBe(ids[5])
  const store = new DroppedStore()
  const dropped = [{ id: 'aaaaaa', span: { start: 0, end: 3 }, tokens: 1 }]
  store.add('first', { dropped })
  store.add('other', { dropped })
  expect(store.retrieve(['aaaaaa'])).toEqual([])
  expect(store.sizeOf('aaaaaa')).toBe(undefined)
})

test('text that fits comes back as it is', async () => {
  for (const text of ['', ' \n\t', 'a few words', 'a<|endoftext|>b']) {
    const result = await compressBy((own) => anyRanking(own, false), text, { budget: { tokens: 20 } })
    expect(result.text).toBe(text)
    expect(result.dropped).toEqual([])
  }
})

test('the budget is used up', async () => {
  const text = Array.from(
    { length: 400 },
    (_, i) => `word${String.fromCharCode(97 + (i % 26))} and other things. `,
  ).join('')
  for (const tokens of [50, 333, 900]) {
    const result = await compressBy((own) => anyRanking(own, true), text, { budget: { tokens } })
    expect(result.tokens).toBeLessThanOrEqual(tokens)
    expect(result.tokens).toBeGreaterThan(tokens - 12)
  }
})

test('the store forgets what was used least', () => {
  const store = new DroppedStore({ maxBytes: 200 })
  const parts = [{ id: 'aaaaaa', span: { start: 0, end: 3 }, tokens: 1 }]
  store.add('a'.repeat(50), { dropped: parts })
  store.add('b'.repeat(50), { dropped: [{ ...parts[0], id: 'bbbbbb' } as (typeof parts)[0]] })
  expect(store.retrieve(['aaaaaa', 'none'])[0]?.text).toBe('aaa')
  store.add('c'.repeat(50), { dropped: [{ ...parts[0], id: 'cccccc' } as (typeof parts)[0]] })
  expect(store.retrieve(['aaaaaa', 'bbbbbb', 'cccccc']).map(({ id }) => id)).toEqual(['aaaaaa', 'cccccc'])
  expect(store.bytes).toBe(200)
})
