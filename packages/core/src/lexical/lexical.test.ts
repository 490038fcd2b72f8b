import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { analyzerOf, makeAnalyzer } from './analyzer.ts'
import { bm25Saturation, inverseDocumentFrequency, scorePassages } from './bm25.ts'
import { stemEnglish } from './porter2.ts'

const analyzer = makeAnalyzer()
const terms = (text: string, kind?: 'query') => analyzer.analyze(text, kind).map((term) => term.text)

test('stems are those of Snowball', () => {
  const lines = readFileSync(new URL('../../test/lexical/porter2.txt', import.meta.url), 'utf8')
    .trim()
    .split('\n')
  const pairs = lines.filter((line) => !line.startsWith('#')).map((line) => line.split(' ') as [string, string])
  expect(pairs.length).toBeGreaterThan(2500)
  expect(pairs.filter(([word, stem]) => stemEnglish(word) !== stem)).toEqual([])
})

test('words become terms with their places', () => {
  expect(terms("The cats' Café, naïvely re-opened: DON'T Łódź straße ΆΛΦΑ 2nd")).toEqual([
    'the',
    'cat',
    'cafe',
    'naiv',
    're',
    'open',
    "don't",
    'lodz',
    'strass',
    'αλφα',
    '2nd',
  ])
  expect(terms('東京都に')).toEqual(['東京', '京都', '都に', 'に'])
  expect(terms('東京都に 猫', 'query')).toEqual(['東京', '京都', '都に', '猫'])
  expect(analyzer.analyze('東京 猫', 'query').map(({ partial }) => partial)).toEqual([false, true])
  expect(terms('ｶﾞﾗｽ 한국어 𠮷野家')).toEqual(['ガラ', 'ラス', 'ス', '한국', '국어', '어', '𠮷野', '野家', '家'])
  expect(terms('e\u0301te\u0301 एक हिन्दी')).toEqual(['ete', 'एक', 'हिन्दी'])
  expect(analyzer.analyze('of mice 🐁 and men').map(({ position, stop }) => [position, stop])).toEqual([
    [0, true],
    [1, false],
    [2, true],
    [3, false],
  ])
  expect(
    makeAnalyzer({ stem: 'none', accents: 'keep' })
      .analyze('Cats’ été’s')
      .map(({ text }) => text),
  ).toEqual(['cats', 'été'])
})

test('terms of any text stand where they are said to, and a long word is cut', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const scanned: string[] = []
      const count = analyzer.scan(text, (word, position) => {
        scanned.push(analyzer.term(word))
        expect(position).toBeLessThan(text.length)
      })
      const found = analyzer.analyze(text)
      expect(found.map((term) => term.text)).toEqual(scanned)
      expect(found.length).toBe(count)
      let last = 0
      for (const { start, end, text: own } of found) {
        expect(start).toBeGreaterThanOrEqual(last)
        expect(end).toBeGreaterThan(start)
        expect(analyzer.term(text.slice(start, end))).toBe(own)
        last = start
      }
    }),
  )
  expect(terms('x'.repeat(5000))).toEqual(['x'.repeat(64)])
  // Not in the middle of a letter of two code units.
  expect(terms(`x${'𐐀'.repeat(60)}`)).toEqual([`x${'𐐨'.repeat(31)}`])
  expect(terms('a\ud801 \udc00b')).toEqual(['a', 'b'])
  expect(analyzer.plain('Naïvely')).toBe('naively')
})

test('an analyzer is made again from its id', () => {
  for (const stem of ['porter2', 'none'] as const) {
    for (const accents of ['fold', 'keep'] as const) {
      const own = makeAnalyzer({ stem, accents, stop: 'none' })
      expect(analyzerOf(own.id).id).toBe(own.id)
      expect(analyzerOf(own.id).analyze('Cafés')).toEqual(own.analyze('Cafés'))
    }
  }
  for (const id of ['', 'words2:porter2:fold:english', 'words1:porter2:fold', 'words1:a:b:c', `${analyzer.id}:x`]) {
    expect(() => analyzerOf(id)).toThrow(expect.objectContaining({ code: 'PITH_VERSION' }))
  }
  expect(() => makeAnalyzer({ stem: 'german' as 'none' })).toThrow(/stem must be porter2 or none/)
})

test('BM25 has the values of its formula', () => {
  expect(inverseDocumentFrequency(10, 3)).toBeCloseTo(Math.log(1 + 7.5 / 3.5), 12)
  expect(inverseDocumentFrequency(10, 10)).toBeGreaterThan(0)
  expect(bm25Saturation(3, 20, 10, { k1: 1.2, b: 0.75 })).toBeCloseTo((2.2 * 3) / (3 + 1.2 * (0.25 + 1.5)), 12)
  expect(bm25Saturation(1, 0, 0)).toBeGreaterThan(0)
})

test('passages are ranked without an index', () => {
  const texts = ['The wind at sea', 'A house of stone', 'Seas and winds, wind and seas', '']
  const scores = scorePassages(analyzer, 'the winds of the sea', texts)
  expect([...scores].map((score) => score > 0)).toEqual([true, false, true, false])
  expect(scores[2]).toBeGreaterThan(scores[0] as number)
  expect([...scorePassages(analyzer, 'the', texts)].map((score) => score > 0)).toEqual([true, false, false, false])
  expect(() => scorePassages(analyzer, 'a', texts, { b: 2 })).toThrow(/b must be 0..1/)
})
