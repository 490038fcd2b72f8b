import { BM25_DEFAULTS, bm25Saturation, inverseDocumentFrequency } from '@pith/core/lexical'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { holdSections } from '../../test/held-sections.ts'
import { filterRows } from '../row-filter.ts'
import { buildLexical } from './build.ts'
import { openLexical, writeLexical } from './format.ts'
import type { LexicalIndex } from './lexical.ts'
import { sumStats } from './stats.ts'

const WORDS = ['red', 'green', 'blue', 'fish', 'boat', 'house', 'wind', 'sea', 'light', 'stone']
const text = (most: number) => fc.array(fc.constantFrom(...WORDS), { maxLength: most }).map((words) => words.join(' '))
const documents = (most: number) =>
  fc.array(fc.record({ title: text(3), text: text(30) }), { minLength: 1, maxLength: most })

/** Scores by the formula, document by document. */
function exactScores(docs: readonly { title: string; text: string }[], query: string): Map<number, number> {
  const counts = docs.map(({ title, text }) => {
    const own = new Map<string, number>()
    for (const word of title.split(' ')) if (word !== '') own.set(word, (own.get(word) ?? 0) + 2)
    for (const word of text.split(' ')) if (word !== '') own.set(word, (own.get(word) ?? 0) + 1)
    return own
  })
  const lengths = counts.map((own) => [...own.values()].reduce((a, b) => a + b, 0))
  const average = lengths.reduce((a, b) => a + b, 0) / docs.length
  const scores = new Map<number, number>()
  for (const word of query.split(' ')) {
    const holders = counts.filter((own) => own.has(word)).length
    counts.forEach((own, row) => {
      const count = own.get(word)
      if (count === undefined) return
      const part = bm25Saturation(count, lengths[row] as number, average, BM25_DEFAULTS)
      scores.set(row, (scores.get(row) ?? 0) + part * inverseDocumentFrequency(docs.length, holders))
    })
  }
  return scores
}

async function reopened(index: LexicalIndex): Promise<LexicalIndex> {
  return openLexical(await holdSections((sections) => writeLexical(index, sections, 'bm25.')), 'bm25.')
}

test('scores are those of the formula, and a file gives the same', async () => {
  await fc.assert(
    fc.asyncProperty(documents(40), text(5), fc.integer({ min: 1, max: 50 }), async (docs, query, k) => {
      const index = await buildLexical(docs)
      const { ids, scores } = await index.search(query, k)
      const exact = exactScores(docs, query === '' ? 'none' : query)
      expect(ids.length).toBe(Math.min(k, exact.size))
      for (const [i, row] of ids.entries()) {
        expect(scores[i]).toBeCloseTo(exact.get(row) as number, 4)
        if (i === 0) continue
        const before = scores[i - 1] as number
        expect(before > (scores[i] as number) || (before === scores[i] && (ids[i - 1] as number) < row)).toBe(true)
      }
      expect(await (await reopened(index)).search(query, k)).toEqual({ ids, scores })
    }),
    { numRuns: 40 },
  )
})

test('scores do not hang on how documents are spread', async () => {
  await fc.assert(
    fc.asyncProperty(documents(30), text(4), fc.integer({ min: 1, max: 7 }), async (docs, query, parts) => {
      const asked = [query, `${query} hou*`, `"red green" ${query}`, `grene~ ${query}`]
      const whole = await buildLexical(docs)
      const split = await Promise.all(
        Array.from({ length: parts }, (_, part) => buildLexical(docs.filter((_, i) => i % parts === part))),
      )
      for (const text of asked) {
        const parsed = whole.parse(text)
        const { ids, scores } = await whole.search(parsed, 100)
        const stats = sumStats(await Promise.all(split.map((index) => index.stats(parsed))))
        const found = new Map<number, number>()
        for (const [part, index] of split.entries()) {
          const hits = await index.search(parsed, 100, { stats })
          for (const [i, row] of hits.ids.entries()) found.set(row * parts + part, hits.scores[i] as number)
        }
        expect(found).toEqual(new Map(Array.from(ids, (row, i) => [row, scores[i] as number])))
      }
    }),
    { numRuns: 25 },
  )
})

test('a filter leaves the scores of what it keeps', async () => {
  await fc.assert(
    fc.asyncProperty(documents(40), text(4), fc.nat(5), async (docs, query, keep) => {
      const index = await buildLexical(docs)
      const all = await index.search(query, 100)
      const filter = filterRows(docs.length, (row) => row % 6 <= keep)
      const some = await index.search(query, 100, { filter })
      const kept = [...all.ids.keys()].filter((i) => (all.ids[i] as number) % 6 <= keep)
      expect([...some.ids]).toEqual(kept.map((i) => all.ids[i]))
      expect([...some.scores]).toEqual(kept.map((i) => all.scores[i]))
    }),
    { numRuns: 30 },
  )
  const index = await buildLexical([{ text: 'a house' }])
  await expect(index.search('house', 1, { filter: { words: new Uint32Array(), count: 0 } })).rejects.toThrow(/1 rows/)
})
