import fc from 'fast-check'
import { expect, test } from 'vitest'
import { buildLexical } from './build.ts'
import { LexicalBuilder } from './builder.ts'
import type { LexicalIndex } from './lexical.ts'
import type { Postings, TermEntry } from './source.ts'
import { EditDistance } from './typos.ts'

const found = async (index: LexicalIndex, query: string, options = {}): Promise<number[]> =>
  Array.from((await index.search(index.parse(query, options), 100)).ids).sort((a, b) => a - b)

const SEA = [
  { title: 'The old man and the sea', text: 'A fisherman goes far out on a boat.' },
  { title: 'Moby Dick', text: 'The whale and the sea; the old captain, a man of the sea.' },
  { title: 'Walden', text: 'A house by a pond. Nobody computes anything; computing came later.' },
  { title: '', text: '東京都に住んでいる。猫が好き' },
  { title: '', text: '' },
]

test('phrases, needed and unwanted words', async () => {
  const index = await buildLexical(SEA)
  expect(await found(index, '"old man"')).toEqual([0])
  expect(await found(index, '"man of the sea"')).toEqual([1])
  expect(await found(index, '"man and the sea"')).toEqual([0])
  // Not from the title into the text.
  expect(await found(index, '"sea a fisherman"')).toEqual([])
  expect(await found(index, '"the sea" whale')).toEqual([0, 1])
  expect(await found(index, 'sea -whale')).toEqual([0])
  expect(await found(index, 'sea +boat')).toEqual([0])
  expect(await found(index, 'sea house -"old captain"')).toEqual([0, 2])
  expect(await found(index, 'sea +nothing')).toEqual([])
  expect(await found(index, '-sea')).toEqual([])
  expect(await found(index, 'the')).toEqual([0, 1])
  expect(await found(index, 'the whale')).toEqual([1])
  expect(await found(index, '" - + * ~ ""')).toEqual([])
  await expect(index.search('sea', 0)).rejects.toThrow(/k must be/)
})

test('beginnings of words, also of words that are longer than their stem', async () => {
  const index = await buildLexical(SEA)
  expect(await found(index, 'fish*')).toEqual([0])
  expect(await found(index, 'comput*')).toEqual([2])
  expect(await found(index, 'computi*')).toEqual([2])
  expect(await found(index, 'computing*')).toEqual([2])
  expect(await found(index, 'xyz*')).toEqual([])
  expect(await found(await buildLexical([{ text: 'Les cafétérias' }]), 'CAFÉ*')).toEqual([0])
  expect(await found(index, 'old cap', { lastIsPrefix: true })).toEqual([0, 1])
})

test('scripts without spaces', async () => {
  const index = await buildLexical(SEA)
  for (const query of ['東京', '京都', '猫', '住んで', 'き']) expect(await found(index, query)).toEqual([3])
  expect(await found(index, '"東京都に"')).toEqual([3])
  expect(await found(index, '"京東"')).toEqual([])
  expect(await found(index, '犬')).toEqual([])
})

test('misspelt words find the nearest words that there are', async () => {
  const index = await buildLexical(SEA)
  expect(await found(index, 'fihserman', { typos: true })).toEqual([0])
  expect(await found(index, 'whle~')).toEqual([1])
  expect(await found(index, 'wlae~1')).toEqual([])
  expect(await found(index, 'wlae~')).toEqual([1])
  // A word that is there is not misspelt.
  expect(await found(index, 'boat', { typos: true })).toEqual([0])
  expect(await found(index, 'fisherman', { typos: true })).toEqual([0])
  expect(await found(index, 'xx', { typos: true })).toEqual([])
})

/** Optimal string alignment by its definition. */
function edits(a: string, b: string): number {
  const table = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (_, j) => i || j))
  const at = (i: number, j: number): number => table[i]?.[j] as number
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, at(i - 2, j - 2) + 1)
      ;(table[i] as number[])[j] = least
    }
  }
  return at(a.length, b.length)
}

test('edits are counted as the definition has them, in whatever order the words come', () => {
  const word = fc.stringMatching(/^[abc]{0,8}$/)
  fc.assert(
    fc.property(
      word,
      fc.array(word, { maxLength: 60 }),
      fc.constantFrom(1, 2),
      fc.boolean(),
      (own, words, most, sort) => {
        const distance = new EditDistance(own, most)
        for (const other of sort ? [...words].sort() : words) {
          expect([other, distance.to(other)]).toEqual([other, Math.min(most + 1, edits(own, other))])
        }
      },
    ),
    { numRuns: 300 },
  )
})

test('phrases are found where words follow each other, and nowhere else', async () => {
  const letters = fc.array(fc.constantFrom('xa', 'xb', 'xc'), { maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(fc.array(letters, { maxLength: 12 }), letters, async (docs, some) => {
      const phrase = some.slice(0, 3)
      if (phrase.length < 2) return
      const index = await buildLexical(docs.map((words) => ({ text: words.join(' ') })))
      const holders = docs.map((words) => ` ${words.join(' ')} `.includes(` ${phrase.join(' ')} `))
      expect(await found(index, `"${phrase.join(' ')}"`)).toEqual([...docs.keys()].filter((row) => holders[row]))
    }),
    { numRuns: 100 },
  )
})

test('what is being built can be searched at any time', async () => {
  const builder = new LexicalBuilder()
  const { LexicalIndex } = await import('./lexical.ts')
  const index = new LexicalIndex(builder)
  expect([...(await index.search('sea', 5)).ids]).toEqual([])
  builder.add(SEA[0] as { text: string })
  expect([...(await index.search('sea', 5)).ids]).toEqual([0])
  // More than a slice, and than a chunk of the pool.
  for (let i = 1; i <= 90_000; i++) builder.add({ text: `sea ${i % 7 === 0 ? 'sea ' : ''}number${i}` })
  expect([...(await index.search('number89999', 5)).ids]).toEqual([89_999])
  const [entry] = await builder.find(['sea'])
  const [{ rows, counts }] = (await builder.postings([entry as TermEntry])) as [Postings]
  expect(rows.every((row, i) => row === i)).toBe(true)
  expect(counts.every((count, i) => count === (i === 0 ? 2 : i % 7 === 0 ? 2 : 1))).toBe(true)
  expect(builder.memory).toBeLessThan(16e6)
})

test('any text is a query', async () => {
  const index = await buildLexical(SEA)
  const piece = fc.oneof(
    fc.constantFrom('"', '+', '-', '*', '~', '~1', ' ', 'sea', 'the', '東', 'é'),
    fc.string({ unit: 'binary' }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 12 }), fc.boolean(), async (pieces, typos) => {
      const text = pieces.join('')
      for (const query of [index.parse(text, { typos, lastIsPrefix: typos }), index.words(text, { typos })]) {
        const { scores } = await index.search(query, 10)
        expect(scores.every((score) => score > 0)).toBe(true)
      }
    }),
    { numRuns: 60 },
  )
  expect(() => index.words(Array.from({ length: 2000 }, (_, i) => `w${i}`).join(' '))).toThrow(/1024 different words/)
})
