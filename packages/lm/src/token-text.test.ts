import { readLlama2cTokenizer } from '@pith/engine/io'
import { llama2cTokenizerBytes } from '@pith/engine/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TokenText } from './token-text.ts'

const tokenizer = readLlama2cTokenizer(llama2cTokenizerBytes([' ', 'a', 'b', ' ab', '\u{1f600}', '\ufffd']))

/** Ids of which many are bytes of characters that are cut. */
const ids = fc.array(
  fc.oneof(
    fc.integer({ min: 0, max: tokenizer.size - 1 }),
    fc.constantFrom(...[0xf0, 0x9f, 0x98, 0x80, 0xe2, 0x82, 0xac, 0x41].map((byte) => byte + 3)),
  ),
  { maxLength: 60 },
)

test('pieces add up to the text of all tokens, whatever stood before', () => {
  fc.assert(
    fc.property(ids, ids, (before, own) => {
      const text = new TokenText(tokenizer, Int32Array.from(before))
      const pieces = own.map((id) => text.push(id))
      const whole = tokenizer.decode([...before, ...own]).slice(tokenizer.decode(before).length)
      // A character that the text before left half open belongs to neither of the two alone.
      fc.pre(tokenizer.decode([...before, ...own]).startsWith(tokenizer.decode(before)))
      expect(pieces.join('') + text.finish()).toBe(whole)
    }),
    { numRuns: 300 },
  )
})

test('a character comes with its last byte', () => {
  const text = new TokenText(tokenizer, Int32Array.of(1))
  const bytes = [...new TextEncoder().encode('\u20acx')].map((byte) => byte + 3)
  expect(bytes.map((id) => text.push(id))).toEqual(['', '', '\u20ac', 'x'])
})

test('a token is decoded with a few others, however long the text is', () => {
  let most = 0
  const counting = {
    decode(own: ArrayLike<number>): string {
      most = Math.max(most, own.length)
      return tokenizer.decode(own)
    },
  }
  const text = new TokenText(counting, new Int32Array(500).fill(260))
  for (let i = 0; i < 400; i++) text.push([260, 0, 0x80 + 3, 0xe2 + 3][Math.floor(i / 100)] as number)
  expect(most).toBeLessThan(40)
})
