import { describe, expect, test } from 'vitest'
import { codeOf, failure } from '../../test/errors.ts'
import { bytePairs, wordPieces } from '../../test/io/tokenizers.ts'
import { readHfTokenizer } from './tokenizer.ts'

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const CONFIG = { bos_token: '<s>', eos_token: { content: '</s>' } }

describe('a tokenizer of pairs of bytes, as GPT-2 has it', () => {
  test('merges in the order of their ranks', async () => {
    const tokenizer = await readHfTokenizer(encode(bytePairs()), encode(CONFIG))
    const { l, o, w, e, r } = letters()
    // By hand: l o w e r -> lo w e r -> low e r -> low er -> lower; a space is Ġ.
    expect([...tokenizer.encode('lower')]).toEqual([259])
    expect([...tokenizer.encode('low')]).toEqual([257])
    expect([...tokenizer.encode('wlo')]).toEqual([w, 256])
    expect([...tokenizer.encode('rewol')]).toEqual([r, e, w, o, l])
    expect([...tokenizer.encode(' low')]).toEqual([260])
    expect(tokenizer.size).toBe(263)
  })

  test('any text comes back, also what has no piece', async () => {
    const tokenizer = await readHfTokenizer(encode(bytePairs()))
    for (const text of ['', 'lower the low', 'grüße 🙂\n\ttab', '漢字']) {
      const ids = tokenizer.encode(text)
      expect(tokenizer.decode(ids)).toBe(text)
      expect(ids.every((id) => id < tokenizer.size)).toBe(true)
    }
  })

  test('special tokens are named, found in a text, and left out unless they are asked for', async () => {
    const tokenizer = await readHfTokenizer(encode(bytePairs()), encode(CONFIG))
    expect([tokenizer.bos, tokenizer.eos]).toEqual([261, 262])
    expect([...tokenizer.special]).toEqual([
      ['<s>', 261],
      ['</s>', 262],
    ])
    const ids = tokenizer.encode('<s>low</s>')
    expect([...ids]).toEqual([261, 257, 262])
    expect(tokenizer.decode(ids)).toBe('low')
    expect(tokenizer.decode(ids, { special: true })).toBe('<s>low</s>')
  })

  test('the fingerprint follows the files', async () => {
    const [first, again, other] = await Promise.all([
      readHfTokenizer(encode(bytePairs())),
      readHfTokenizer(encode(bytePairs())),
      readHfTokenizer(encode(bytePairs()), encode(CONFIG)),
    ])
    expect(first?.fingerprint).toBe(again?.fingerprint)
    expect(first?.fingerprint).not.toBe(other?.fingerprint)
  })
})

describe('a tokenizer of pieces of words, as BERT has it', () => {
  test('takes the longest piece first, and puts tokens around a text where they are asked for', async () => {
    const tokenizer = await readHfTokenizer(encode(wordPieces()), encode({ cls_token: '[CLS]' }))
    expect([...tokenizer.encode('Unaffable un')]).toEqual([3, 4, 5, 3])
    expect([...tokenizer.encode('unaffable', { special: true })]).toEqual([1, 3, 4, 5, 2])
    expect([...tokenizer.encode('xyz un')]).toEqual([0, 3])
    expect(tokenizer.decode([1, 3, 4, 5, 2])).toBe('unaffable')
    expect(tokenizer.bos).toBeUndefined()
  })
})

describe('what is no tokenizer', () => {
  test.each<[string, unknown, string]>([
    ['a list', [], 'PITH_CORRUPT'],
    ['no model', {}, 'PITH_CORRUPT'],
    ['no vocabulary', { model: { type: 'BPE' } }, 'PITH_CORRUPT'],
    ['an id that is no number', { model: { type: 'BPE', vocab: { a: 'b' } } }, 'PITH_CORRUPT'],
    ['an id below zero', { model: { type: 'BPE', vocab: { a: -1 } } }, 'PITH_CORRUPT'],
    ['a huge id', { model: { type: 'BPE', vocab: { a: 2 ** 30 } } }, 'PITH_LIMIT'],
    ['an unknown model', { ...bytePairs(), model: { type: 'Magic', vocab: {} } }, 'PITH_UNSUPPORTED'],
    ['added tokens that are none', { ...bytePairs(), added_tokens: [3] }, 'PITH_CORRUPT'],
  ])('%s is refused', async (_, value, code) => {
    expect(await codeOf(readHfTokenizer(encode(value)))).toBe(code)
  })

  test('ids that it does not have are refused', async () => {
    const tokenizer = await readHfTokenizer(encode(bytePairs()))
    for (const id of [-1, 263, 1.5]) expect(failure(() => tokenizer.decode([id])).code).toBe('PITH_ARG')
  })
})

function letters(): Record<string, number> {
  const { vocab } = bytePairs().model
  return Object.fromEntries(Array.from('lower', (letter) => [letter, vocab[letter] as number]))
}
