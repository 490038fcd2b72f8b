import { type Session, Tensor } from '@pith/engine'
import { readHfTokenizer, type Tokenizer } from '@pith/engine/io'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compressBy } from '../safe/compress.ts'
import { TokenClassifier } from './classifier.ts'
import { labelWords } from './labels.ts'
import { windowsOf } from './windows.ts'
import { WordEncoder } from './words.ts'

const WORDS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', ...'abcdefghijklmnopqrstuvwxyz0123456789.,!?<>|_'.split('')]
const PARTS = WORDS.slice(4).map((sign) => `##${sign}`)
const vocab = Object.fromEntries([...WORDS, ...PARTS, 'the', 'ship', 'of', 'wood'].map((word, id) => [word, id]))
const file = {
  version: '1.0',
  added_tokens: WORDS.slice(0, 4).map((content, id) => ({
    id,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  })),
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: null,
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab,
  },
}
const tokenizer: Tokenizer = await readHfTokenizer(new TextEncoder().encode(JSON.stringify(file)))

/** A classifier that keeps tokens of an odd id, and counts how it was asked. */
function oddSession(asked: number[][]): Session {
  return {
    inputs: { input_ids: { dtype: 'i64', shape: [1, 1] }, attention_mask: { dtype: 'i64', shape: [1, 1] } } as never,
    outputs: {} as never,
    async run(feeds) {
      const ids = feeds['input_ids'] as Tensor
      asked.push([...ids.shape])
      const logits = Float32Array.from({ length: 2 * ids.data.length }, (_, i) =>
        (Number(ids.data[i >> 1]) % 2 === 1) === (i % 2 === 1) ? 3 : -3,
      )
      return { logits: new Tensor(logits, [...ids.shape, 2]) }
    },
    async dispose() {},
  }
}

test('pieces are of one word each, and names of special tokens are text', () => {
  const encoder = new WordEncoder(tokenizer)
  const text = 'the ship of  wood, [SEP] 12'
  const { words, ids, starts } = encoder.encode(text)
  expect(words.map(({ start, end }) => text.slice(start, end))).toEqual([
    'the ',
    'ship ',
    'of  ',
    'wood, ',
    '[SEP] ',
    '12',
  ])
  expect(starts.at(-1)).toBe(ids.length)
  expect([...ids]).not.toContain(vocab['[SEP]'])
  expect([...ids.subarray(starts[3], starts[4])]).toEqual([vocab['wood'], vocab[',']])
})

const added = (content: string, id: number): object => ({
  ...{ id, content, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
})

/** As GPT-2 and RoBERTa have them: bytes as printable signs, blanks before words, merges. */
function byteLevel(isPrefixed: boolean): Promise<Tokenizer> {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte)
  const isPlain = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255)
  const odd = bytes.filter((byte) => !isPlain(byte))
  const signs = bytes.map((byte) => String.fromCharCode(isPlain(byte) ? byte : 256 + odd.indexOf(byte)))
  const merges = ['t h', 'th e', 'Ġ the', 'Ġ s', 'Ġs h', 'i p', 'Ġsh ip', 's h', 'sh ip', 'o l', 'ä ¸', 'ä¸ Ń']
  const tokens = ['<s>', '</s>', '<unk>', ...signs, ...merges.map((merge) => merge.replace(' ', ''))]
  const level = { type: 'ByteLevel', add_prefix_space: isPrefixed, trim_offsets: true, use_regex: true }
  const file = {
    ...{ version: '1.0', added_tokens: tokens.slice(0, 3).map(added), normalizer: null, post_processor: null },
    ...{ pre_tokenizer: level, decoder: level },
    model: {
      ...{ type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: '', end_of_word_suffix: '' },
      ...{ fuse_unk: false, vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges },
    },
  }
  return readHfTokenizer(new TextEncoder().encode(JSON.stringify(file)))
}

/** As XLM-RoBERTa has it: the likeliest pieces, blanks as signs of their own before each word. */
function unigram(): Promise<Tokenizer> {
  const pieces = [
    '▁',
    '▁the',
    '▁ship',
    '▁sh',
    'ip',
    '▁o',
    'ld',
    '中',
    '文',
    '句',
    ...'abcdefghijklmnopqrstuvwxyz.,0123456789',
  ]
  const vocab = [
    ...['<s>', '<pad>', '</s>', '<unk>'].map((name) => [name, 0]),
    ...pieces.map((own, i) => [own, -2 - i / 10]),
  ]
  const space = { type: 'Metaspace', replacement: '▁', add_prefix_space: true, prepend_scheme: 'always' }
  const file = {
    ...{ version: '1.0', added_tokens: ['<s>', '<pad>', '</s>', '<unk>'].map(added), normalizer: null },
    ...{ pre_tokenizer: space, post_processor: null, decoder: space, model: { type: 'Unigram', unk_id: 3, vocab } },
  }
  return readHfTokenizer(new TextEncoder().encode(JSON.stringify(file)))
}

test('words have the ids that they have within their text, whatever the tokenizer', async () => {
  for (const own of [tokenizer, await byteLevel(false), await byteLevel(true), await unigram()]) {
    const encoder = new WordEncoder(own)
    for (const text of ['the ship of old, 12 the.', 'ship the 中文中文句 old', '.the ship .ship']) {
      const { ids, starts, words } = encoder.encode(text)
      const unknown = own.special.get('[UNK]') ?? -1
      expect([...ids]).toEqual([...own.encode(text)].filter((id) => id !== unknown))
      expect(starts.length).toBe(words.length + 1)
    }
    const marked = encoder.encode('the <s>[CLS]</s> ship')
    expect([...marked.ids].some((id) => id < 3)).toBe(false)
    const classifier = new TokenClassifier({ session: oddSession([]), tokenizer: own })
    expect((await classifier.classify('the ship 中文 \ud800 😀')).keep.every((value) => value >= 0 && value <= 1)).toBe(
      true,
    )
  }
})

test('windows cover all words once, and are no longer than asked', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 300 }),
      fc.integer({ min: 6, max: 60 }),
      (sizes, size) => {
        const text = sizes.map((_, i) => (i % 9 === 8 ? 'w. ' : 'w ')).join('')
        let at = 0
        const words = sizes.map((_, i) => {
          const length = i % 9 === 8 ? 3 : 2
          at += length
          return { start: at - length, end: at }
        })
        const starts = Uint32Array.from([0, ...sizes.map((_, i) => sizes.slice(0, i + 1).reduce((a, b) => a + b, 0))])
        const windows = windowsOf(text, words, starts, { size, overlap: size >> 2 })
        let next = 0
        for (const { from, to, keepFrom, keepTo } of windows) {
          expect(keepFrom).toBe(next)
          expect(from).toBeLessThanOrEqual(keepFrom)
          expect(keepTo).toBeLessThanOrEqual(to)
          expect((starts[to] as number) - (starts[from] as number)).toBeLessThanOrEqual(size)
          next = keepTo
        }
        expect(next).toBe(sizes.length)
      },
    ),
  )
})

test('words are as likely as their tokens at the mean, in one window or in many', async () => {
  const text = 'the ship of wood was old. '.repeat(60)
  const asked: number[][] = []
  const small = await new TokenClassifier({ session: oddSession(asked), tokenizer, maxLength: 40, batch: 4 }).classify(
    text,
  )
  const large = await new TokenClassifier({ session: oddSession([]), tokenizer, maxLength: 5000 }).classify(text)
  expect(small.keep).toEqual(large.keep)
  expect(asked.every(([rows, width]) => (rows as number) <= 4 && (width as number) <= 40)).toBe(true)
  const { ids, starts } = new WordEncoder(tokenizer).encode(text)
  for (let word = 0; word < 6; word++) {
    const own = [...ids.subarray(starts[word], starts[word + 1])]
    const share =
      own.reduce((sum, id) => sum + (id % 2 === 1 ? 1 / (1 + Math.exp(-6)) : 1 / (1 + Math.exp(6))), 0) / own.length
    expect(large.keep[word]).toBeCloseTo(share, 5)
  }
})

test('a text is cut by one order of its words, and what is protected stays', async () => {
  const classifier = new TokenClassifier({ session: oddSession([]), tokenizer, maxLength: 64 })
  const text = 'the ship of wood has 12 masts and was not old. '.repeat(20)
  const result = await compressBy((own) => classifier.rank(own), text, { budget: { rate: 0.5 } })
  expect(result.report.scorer).toBe('llmlingua2')
  expect(result.text.match(/12/g)).toHaveLength(20)
  expect(result.text.match(/not/g)).toHaveLength(20)
  expect(result.tokens).toBeLessThanOrEqual(0.5 * result.originalTokens)
})

test('models and tokenizers that do not fit are refused', async () => {
  const session = oddSession([])
  expect(() => new TokenClassifier({ session: { ...session, inputs: {} }, tokenizer })).toThrow(/takes no input_ids/)
  const bare = {
    ...tokenizer,
    special: new Map(),
    bos: undefined,
    eos: undefined,
    encode: tokenizer.encode.bind(tokenizer),
  } as Tokenizer
  expect(() => new TokenClassifier({ session, tokenizer: bare })).toThrow(/names no tokens/)
  const wrong = { ...session, run: async () => ({ logits: new Tensor(new Float32Array(4), [2, 2]) }) }
  await expect(new TokenClassifier({ session: wrong, tokenizer }).classify('the ship')).rejects.toThrow(
    /logits of 2 x 2/,
  )
  await expect(new TokenClassifier({ session, tokenizer, keepIndex: 2 }).classify('the ship')).rejects.toThrow(
    /logits of/,
  )
})

test('labels follow the compressed text through the original', () => {
  const original = 'The ship, of wood, was old. The ship sank in the storm of 1931.'
  const { keep, variation, hitting, matching, gap } = labelWords(
    original,
    'ship wood old. ship sank storm 1931 quickly',
  )
  const words = original.split(' ')
  expect(words.filter((_, i) => keep[i] === 1)).toEqual(['ship,', 'wood,', 'old.', 'ship', 'sank', 'storm', '1931.'])
  expect(variation).toBeCloseTo(1 / 8)
  expect(matching).toBeCloseTo(0.5)
  expect(hitting).toBeCloseTo(0.5)
  expect(gap).toBeCloseTo(0)
  expect(labelWords('', 'x')).toMatchObject({ variation: 1, hitting: 0, matching: 0 })
  expect([...labelWords('a b a b', 'B').keep]).toEqual([0, 1, 0, 0])
})
