import { isDamage, isPithError } from '@pith/core'
import { BM25_DEFAULTS, bm25Saturation, inverseDocumentFrequency } from '@pith/core/lexical'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { holdSections } from '../../test/held-sections.ts'
import { filterRows } from '../row-filter.ts'
import type { SectionReader } from '../sections.ts'
import { buildLexical } from './build.ts'
import { expandQuery, findCooccurrence, openCooccurrence, writeCooccurrence } from './cooccurrence.ts'
import { LEXICAL_SECTIONS, openLexical, writeLexical } from './format.ts'
import type { LexicalIndex } from './lexical.ts'
import { DROPPED, mergeLexical } from './merge.ts'
import { PackWriter, packPlaces, packPostings, unpackPlaces, unpackPostings } from './packing.ts'
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

test('postings of any shape come back', () => {
  const gap = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 5000 }), fc.constant(2 ** 20))
  const count = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 65535 }))
  fc.assert(
    fc.property(fc.array(fc.tuple(gap, count), { minLength: 1, maxLength: 600, size: 'max' }), (pairs) => {
      let row = -1
      const rows = Uint32Array.from(pairs, ([gap]) => (row += gap + 1))
      const counts = Uint16Array.from(pairs, ([, count]) => count)
      if (row >= 2 ** 25) return
      const out = new PackWriter()
      packPostings(out, { rows, counts })
      expect(unpackPostings(out.bytes.slice(0, out.length), rows.length, row + 1)).toEqual({ rows, counts })
      const places = new PackWriter()
      const starts = Uint32Array.from(pairs.keys()).map((i) => i)
      const own = { starts: Uint32Array.from([...starts, pairs.length]), places: rows.map((at) => at % 2 ** 24) }
      packPlaces(places, own)
      expect(unpackPlaces(places.bytes.slice(0, places.length), pairs.length)).toEqual(own)
    }),
    { numRuns: 60 },
  )
})

/** Sections that are changed behind their checksums. */
async function changedSections(
  index: LexicalIndex,
  change: (sections: Map<string, Uint8Array>) => void,
): Promise<SectionReader> {
  const held = await holdSections((sections) => writeLexical(index, sections, ''))
  const sections = new Map<string, Uint8Array>()
  for (const name of LEXICAL_SECTIONS) sections.set(name, await held.read(name))
  change(sections)
  const find = (name: string): Uint8Array => sections.get(name) as Uint8Array
  return {
    has: (name) => sections.has(name),
    size: (name) => find(name).length,
    read: async (name, from = 0, to = find(name).length) => find(name).slice(from, to),
  }
}

test('a damaged file is an error or another answer, never anything else', async () => {
  const words = Array.from({ length: 400 }, (_, i) => `word${i} ${WORDS[i % 10]} ${WORDS[(i * 7) % 10]} sea`)
  const index = await buildLexical(words.map((text) => ({ title: 'the sea', text })))
  const queries = ['red sea word7', '"the sea" wor*', 'wordd33~ "sea word7"']
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...LEXICAL_SECTIONS),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 }),
      fc.option(fc.nat()),
      async (name, flips, cut) => {
        const sections = await changedSections(index, (held) => {
          const bytes = held.get(name) as Uint8Array
          for (const [at, value] of flips) bytes[at % bytes.length] ^= value
          if (cut !== null) held.set(name, bytes.slice(0, cut % bytes.length))
        })
        try {
          const opened = await openLexical(sections, '')
          for (const query of queries) {
            const { scores } = await opened.search(opened.parse(query), 10)
            expect(scores.every((score) => score > 0 && Number.isFinite(score))).toBe(true)
          }
          await findCooccurrence(opened)
        } catch (error) {
          expect(isDamage(error) || isPithError(error, 'PITH_VERSION') || error).toBe(true)
        }
      },
    ),
    { numRuns: 150 },
  )
})

test('merged indexes answer as one that was built of the same documents', async () => {
  await fc.assert(
    fc.asyncProperty(
      documents(30),
      text(4),
      fc.array(fc.nat(3), { minLength: 30, maxLength: 30 }),
      async (docs, query, to) => {
        // Documents of part 3 are left out; what is left keeps its order.
        const kept = docs.filter((_, i) => to[i] !== 3)
        const parts = await Promise.all(
          [0, 1, 2].map(async (part) => {
            const own = [...docs.keys()].filter((i) => to[i] === part || (to[i] === 3 && part === i % 3))
            const rows = Uint32Array.from(own, (i) =>
              to[i] === 3 ? DROPPED : kept.indexOf(docs[i] as (typeof docs)[number]),
            )
            const index = await buildLexical(own.map((i) => docs[i] as (typeof docs)[number]))
            return { index: part === 0 ? index : await reopened(index), rows }
          }),
        )
        const merged = await mergeLexical(parts)
        const bytes = async (part: Parameters<typeof writeLexical>[0]): Promise<Uint8Array[]> => {
          const held = await holdSections((sections) => writeLexical(part, sections, 'x'))
          return Promise.all(LEXICAL_SECTIONS.map((name) => held.read(`x${name}`)))
        }
        const whole = await buildLexical(kept)
        expect(await bytes(merged)).toEqual(await bytes(whole))
        const opened = await openLexical(await holdSections((sections) => writeLexical(merged, sections, 'x')), 'x')
        expect(await opened.search(query, 10)).toEqual(await whole.search(query, 10))
      },
    ),
    { numRuns: 25 },
  )
  const [one, two] = [await buildLexical([{ text: 'a' }]), await buildLexical([{ text: 'a' }], { titleWeight: 5 })]
  const rows = new Uint32Array(1)
  const twice = mergeLexical([
    { index: one, rows },
    { index: one, rows },
  ])
  await expect(twice).rejects.toThrow(/given twice/)
  await expect(
    mergeLexical([
      { index: one, rows },
      { index: two, rows },
    ]),
  ).rejects.toThrow(/does not go into/)
  await expect(mergeLexical([{ index: one, rows: new Uint32Array(2) }])).rejects.toThrow(/2 rows/)
})

test('words that go together are found, kept, and added to a query', async () => {
  const docs = Array.from({ length: 60 }, (_, i) => ({ text: i % 6 === 0 ? 'wing lift air' : `other${i % 4} thing` }))
  const index = await buildLexical(docs)
  const together = await findCooccurrence(index, { maxShare: 0.2 })
  expect(together.of('wing')).toEqual([
    { term: 'air', weight: 1 },
    { term: 'lift', weight: 1 },
  ])
  expect(together.of('nothing')).toEqual([])
  const held = await holdSections((sections) => writeCooccurrence(together, sections, 'x'))
  expect(await openCooccurrence(held, 'x')).toEqual(together)
  const query = index.words('wing thing')
  const expanded = expandQuery(query, await index.stats(query), together)
  expect(expanded.clauses.map(({ terms, weight }) => [terms[0]?.text, weight])).toEqual([
    ['wing', 1],
    ['thing', 1],
    ['air', 0.25],
    ['lift', 0.25],
  ])
  await expect(findCooccurrence(index, { neighbours: 0 })).rejects.toThrow(/1..255/)
})
