import { readFile } from 'node:fs/promises'
import { isPithError, Random } from '@pith/core'
import { type Session, Tensor } from '@pith/engine'
import { readHfTokenizer } from '@pith/engine/io'
import { expect, test } from 'vitest'
import { compressBy } from '../safe/compress.ts'
import { o200kCounter } from '../safe/counter.ts'
import type { CompressOptions, Joiner } from '../types.ts'
import { TokenClassifier } from './classifier.ts'
import { loadClassifier } from './node/index.ts'

const MODEL = new URL('../../../../models/pith-keep/', import.meta.url)
const INPUTS = 2000

const PARTS: readonly string[] = [
  ...['the ', 'not ', 'Anna Berg said: ', 'x', ' ', '\n', '\r\n', '\t', '\u00a0', '\u2028', '\u0000', '\u00ad'],
  ...[
    '12.5% ',
    '-3,000.75 ',
    '2024-05-01T12:00:00Z ',
    'https://a.example/b?c=d#e ',
    '/usr/lib/x.so.6 ',
    'a@b.example ',
  ],
  ...[
    '日本語の文章です。',
    '한국어 문장. ',
    '中文没有空格',
    'ภาษาไทย',
    'मराठी ',
    'مرحبا بالعالم ',
    '\u202eשלום\u202c ',
  ],
  ...['😀 ', '👩‍👩‍👧‍👦', '🏳️‍🌈 ', '🇩🇪🇫🇷', 'e\u0301\u0327', '👍🏽 ', '\u200d', '\ufeff', '\u0301'],
  ...['<|endoftext|>', '[SEP]', '[UNK] ', '[PAD]', '[CLS] ', '</s>', '##ing ', '▁', 'Ġ', '⟦pith:aaaaaa +9⟧'],
  ...[
    '\ud800',
    '\udc00',
    '\udfff\ud800 ',
    '{"a": [1, "',
    '"}]',
    '`code` ',
    '```\nlet a\n```\n',
    '# Head\n',
    '| a | b |\n',
  ],
]

function anyText(random: Random): string {
  const own = Array.from({ length: 1 + random.integer(PARTS.length) }, () => PARTS[random.integer(PARTS.length)])
  const n = 1 + random.integer(random.integer(12) === 0 ? 700 : 60)
  return Array.from({ length: n }, () => own[random.integer(own.length)]).join('')
}

/** Ends a word, a grapheme or a pair of surrogates within itself. */
function cuts(text: string, at: number): boolean {
  if (at <= 0 || at >= text.length) return false
  const [before, after] = [text[at - 1] as string, text[at] as string]
  return /[\ud800-\udbff]/.test(before + after)
    ? /^[\ud800-\udbff][\udc00-\udfff]$/.test(before + after)
    : /^\p{M}/u.test(after)
}

test('2,000 hostile texts, and long lines: what stays is as it was, and fits', async () => {
  const classifier = await loadClassifier(MODEL.pathname)
  const counter = await o200kCounter()
  const random = new Random(11)
  const rank = (text: string): ReturnType<TokenClassifier['rank']> => classifier.rank(text)
  let refused = 0
  const examine = async (text: string, options: CompressOptions): Promise<void> => {
    try {
      const result = await compressBy(rank, text, options)
      const budget =
        'rate' in options.budget ? Math.floor(options.budget.rate * result.originalTokens) : options.budget.tokens
      expect(result.tokens).toBe(counter.count(result.text))
      expect(result.tokens <= budget || result.report.overBudget).toBe(true)
      expect(result.text.length).toBeLessThanOrEqual(text.length)
      let [last, at] = [0, 0]
      for (const { start, end } of result.kept) {
        expect(start >= last && end > start && end <= text.length).toBe(true)
        expect(cuts(text, start) || cuts(text, end)).toBe(false)
        const place = result.sourceMap.fromSource(start) as number
        expect(place).toBeGreaterThanOrEqual(at)
        expect(result.text.slice(place, place + end - start)).toBe(text.slice(start, end))
        at = place + end - start
        last = end
      }
      if (options.joiner === 'none')
        expect(result.text).toBe(result.kept.map(({ start, end }) => text.slice(start, end)).join(''))
    } catch (error) {
      if (!isPithError(error, 'PITH_BUDGET')) throw error
      refused++
    }
  }
  for (let i = 0; i < INPUTS; i++) {
    await examine(anyText(random), {
      budget: random.integer(3) === 0 ? { tokens: random.integer(200) } : { rate: 0.05 + 0.9 * random.uniform() },
      joiner: (['none', 'ellipsis', 'marker'] as const satisfies Joiner[])[random.integer(3)] as Joiner,
      markerMinTokens: 1 + random.integer(40),
      onOverflow: random.integer(2) === 0 ? 'throw' : 'keep-protected',
      ...(random.integer(2) === 0 ? {} : { protect: { kinds: [] } }),
    })
  }
  expect(refused).toBeLessThan(INPUTS / 2)
  for (const unit of ['a', 'word ', '日', '😀', '\ud800', '[SEP]'])
    await examine(unit.repeat(Math.ceil(1e6 / unit.length)), {
      budget: { rate: 0.3 },
      joiner: 'none',
      onOverflow: 'keep-protected',
    })
})

test('numbers that are none make no text come back otherwise', async () => {
  const tokenizer = await readHfTokenizer(new Uint8Array(await readFile(new URL('tokenizer.json', MODEL))))
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1e38]) {
    const session: Session = {
      ...{ inputs: { input_ids: { dtype: 'i64', shape: [1, 1] } } as never, outputs: {} as never, async dispose() {} },
      run: async ({ input_ids }) => ({
        logits: new Tensor(new Float32Array(2 * (input_ids as Tensor).data.length).fill(value), [
          ...(input_ids as Tensor).shape,
          2,
        ]),
      }),
    }
    const text = 'the ship of wood was old. '.repeat(40)
    const classifier = new TokenClassifier({ session, tokenizer })
    const result = await compressBy((own) => classifier.rank(own), text, { budget: { rate: 0.4 } })
    expect(result.text).toBe(result.kept.map(({ start, end }) => text.slice(start, end)).join(''))
    expect(result.tokens).toBeLessThanOrEqual(0.4 * result.originalTokens)
  }
})
