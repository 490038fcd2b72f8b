import fc from 'fast-check'
import { expect, test } from 'vitest'
import { llama2cTokenizerBytes, smallLlama2cTokenizer } from '../testing/index.ts'
import { type PieceTokenizer, readLlama2cTokenizer } from './tokenizer-llama2c.ts'

const tokenizer = readLlama2cTokenizer(smallLlama2cTokenizer())

/** Merging as llama2.c does it: a scan of all neighbours for each merge. */
function scanned(own: PieceTokenizer, pieces: ReadonlyMap<string, number>, text: string): number[] {
  const encoder = new TextEncoder()
  const ids = Array.from(text).flatMap((character) => {
    const id = pieces.get(character)
    return id === undefined ? [...encoder.encode(character)].map((byte) => byte + 3) : [id]
  })
  for (;;) {
    let best = -1
    let found: number | undefined
    for (let i = 0; i + 1 < ids.length; i++) {
      const id = pieces.get(own.decode([ids[i] as number]) + own.decode([ids[i + 1] as number]))
      // Ids grow as scores fall.
      if (id !== undefined && (found === undefined || id < found)) {
        found = id
        best = i
      }
    }
    if (found === undefined) return ids
    ids.splice(best, 2, found)
  }
}

test('text and ids', () => {
  expect(tokenizer.decode(tokenizer.encode('the code and the end = 7'))).toBe(' the code and the end = 7')
  expect([...tokenizer.encode('a the', { prefix: false })]).toEqual([275, 265])
  expect([...tokenizer.encode('', { bos: true })]).toEqual([1])
  // What has no piece is written byte by byte.
  expect([...tokenizer.encode('=€', { prefix: false })]).toEqual([64, 229, 133, 175])
  expect(tokenizer.decode([1, ...tokenizer.encode('the code')])).toBe('the code')
  expect([...tokenizer.encode('the', { special: true, prefix: false })]).toEqual([
    1,
    ...tokenizer.encode('the', { prefix: false }),
  ])
  expect(tokenizer.decode([1, 265, 2], { special: true })).toBe('<s>the</s>')
  expect(tokenizer.decode([1, 265, 2])).toBe('the')
  expect(() => tokenizer.decode([999])).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
})

test('merges are those of a scan of all neighbours', () => {
  const pieces = new Map(Array.from({ length: tokenizer.size - 259 }, (_, i) => [tokenizer.decode([259 + i]), 259 + i]))
  const letters = fc.string({ unit: fc.constantFrom(...' thecodnasw.7=é'), maxLength: 60 })
  fc.assert(
    fc.property(letters, (text) => {
      expect([...tokenizer.encode(text, { prefix: false })]).toEqual(scanned(tokenizer, pieces, text))
    }),
  )
})

test('any text comes back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), (text) => {
      expect(tokenizer.decode(tokenizer.encode(text, { prefix: false }))).toBe(text)
    }),
  )
})

test('a long text takes linear time', () => {
  const text = 'the code and '.repeat(20_000)
  expect(tokenizer.decode(tokenizer.encode(text, { prefix: false }))).toBe(text)
})

test('damaged files are refused', () => {
  const bytes = llama2cTokenizerBytes(['a'])
  // The number of pieces stands nowhere: one that ends after a whole piece is a smaller vocabulary.
  const whole = bytes.length - 9
  for (let length = 0; length < bytes.length; length++) {
    if (length === whole) continue
    expect(() => readLlama2cTokenizer(bytes.subarray(0, length))).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^PITH_(TRUNCATED|CORRUPT)$/) }),
    )
  }
  const wrong = bytes.slice()
  new DataView(wrong.buffer).setInt32(8, -1, true)
  expect(() => readLlama2cTokenizer(wrong)).toThrow(expect.objectContaining({ code: 'PITH_CORRUPT' }))
})
