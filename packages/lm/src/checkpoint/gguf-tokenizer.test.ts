import type { GgufValue } from '@pith/engine/io'
import { llama2cTokenizerBytes } from '@pith/engine/testing'
import { describe, expect, test } from 'vitest'
import { SMALL } from '../../test/models.ts'
import { randomParams } from '../testing/index.ts'
import { openGgufModel } from './gguf.ts'
import { ggufTokenizerValues, tokenizerOfGguf } from './gguf-tokenizer.ts'
import { writeGgufModel } from './gguf-write.ts'

const PIECES = [' t', 'he', ' the', 'é', ...' abcdefghijklmnopqrstuvwxyz']
const TEXTS = ['the end of the café', '', ' two  spaces', '1 = 2\n\n€']

describe('pieces with scores', () => {
  test('stand in a GGUF file, and come back as the same tokenizer', async () => {
    const bytes = llama2cTokenizerBytes(PIECES)
    const config = { ...SMALL, vocab: 259 + PIECES.length }
    const model = await writeGgufModel(config, randomParams(config, 1), { tokenizer: ggufTokenizerValues(bytes) })
    const file = await openGgufModel(model)
    const { own } = (await file.tokenizer?.()) ?? { own: undefined }
    await file.close()
    const wanted = (await tokenizerOfGguf(ggufTokenizerValues(bytes)))?.own
    expect(own?.size).toBe(config.vocab)
    for (const text of TEXTS) {
      const ids = own?.encode(text, { special: true }) ?? []
      expect([...ids]).toEqual([...(wanted?.encode(text, { special: true }) ?? [])])
      expect(own?.decode(ids)).toBe(text)
    }
    expect([...(own?.encode('the') ?? [])]).toEqual([261])
  })

  test('have bytes and marks under the names of llama.cpp', () => {
    const values = ggufTokenizerValues(llama2cTokenizerBytes(PIECES))
    const tokens = values.get('tokenizer.ggml.tokens')?.value as string[]
    expect(tokens.slice(0, 4)).toEqual(['<unk>', '<s>', '</s>', '<0x00>'])
    expect(tokens[261]).toBe('\u2581the')
    const types = values.get('tokenizer.ggml.token_type')?.value as Int32Array
    expect([...types.slice(0, 4), types[258], types[259]]).toEqual([2, 3, 3, 6, 6, 1])
  })

  test.each<[string, string, GgufValue | undefined]>([
    ['no scores', 'scores', undefined],
    ['too few scores', 'scores', { type: 'array', of: 'f32', value: Float32Array.of(1) }],
    ['no tokens', 'tokens', undefined],
    [
      'tokens without bytes',
      'tokens',
      { type: 'array', of: 'string', value: new Array(259 + PIECES.length).fill('x') },
    ],
    ['another beginning', 'bos_token_id', { type: 'u32', value: 5 }],
    ['no space in front', 'add_space_prefix', { type: 'bool', value: false }],
    ['another kind', 'model', { type: 'string', value: 'bert' }],
  ])('are refused with %s', async (_name, key, value) => {
    const values = ggufTokenizerValues(llama2cTokenizerBytes(PIECES))
    if (value === undefined) values.delete(`tokenizer.ggml.${key}`)
    else values.set(`tokenizer.ggml.${key}`, value)
    await expect(tokenizerOfGguf(values)).rejects.toMatchObject({
      code: expect.stringMatching(/^PITH_(MODEL|UNSUPPORTED)$/),
    })
  })
})

/** What a byte is called in vocabularies of GPT-2. */
function byteLetters(): string[] {
  const shown = (byte: number): boolean => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173)
  let other = 256
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(shown(byte) ? byte : other++))
}

describe('merges of bytes', () => {
  const letters = byteLetters()
  const space = letters[32] as string
  const tokens = [...letters, 'th', 'the', `${space}the`, `${space}t`, `${space}th`, '<|end|>', '<|user|>']
  const values = (pre: string): Map<string, GgufValue> =>
    new Map<string, GgufValue>([
      ['tokenizer.ggml.model', { type: 'string', value: 'gpt2' }],
      ['tokenizer.ggml.pre', { type: 'string', value: pre }],
      ['tokenizer.ggml.tokens', { type: 'array', of: 'string', value: tokens }],
      ['tokenizer.ggml.merges', { type: 'array', of: 'string', value: ['t h', 'th e', `${space} the`] }],
      [
        'tokenizer.ggml.token_type',
        { type: 'array', of: 'i32', value: Int32Array.from(tokens, (_, id) => (id < 261 ? 1 : 3)) },
      ],
      ['tokenizer.ggml.eos_token_id', { type: 'u32', value: 261 }],
    ])

  test.each(['gpt-2', 'qwen2', 'llama-bpe'])('are read: %s', async (pre) => {
    const own = (await tokenizerOfGguf(values(pre)))?.own
    expect([...(own?.encode('the the<|end|>é') ?? [])]).toEqual([257, 258, 261, 0xc3, 0xa9])
    expect(own?.decode([257, 258])).toBe('the the')
    expect(own?.eos).toBe(261)
    for (const text of TEXTS) expect(own?.decode(own.encode(text))).toBe(text)
  })

  test('begin with a token where the file says so', async () => {
    const own = values('gpt-2')
    own.set('tokenizer.ggml.bos_token_id', { type: 'u32', value: 262 })
    own.set('tokenizer.ggml.add_bos_token', { type: 'bool', value: true })
    const tokenizer = (await tokenizerOfGguf(own))?.own
    expect([...(tokenizer?.encode('the', { special: true }) ?? [])]).toEqual([262, 257])
    expect([...(tokenizer?.encode('the') ?? [])]).toEqual([257])
  })

  test('are refused where words are parted in an unknown way', async () => {
    await expect(tokenizerOfGguf(values('unheard-of'))).rejects.toMatchObject({ code: 'PITH_UNSUPPORTED' })
  })
})

test('a file without a tokenizer has none', async () => {
  expect(await tokenizerOfGguf(new Map())).toBe(undefined)
})
