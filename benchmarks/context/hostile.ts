/** Texts that break compressors, from a seed: whatever they are, each rule holds. */
import { isPithError, Random } from '@pith/core'
import { compressBy, type Ranker } from '../../packages/context/src/safe/compress.ts'
import { o200kCounter } from '../../packages/context/src/safe/counter.ts'
import { TEXT_KINDS, type TextKind } from '../../packages/context/src/select/kinds.ts'
import { rankPassages, renderPassages } from '../../packages/context/src/select/passages.ts'
import { compressText } from '../../packages/context/src/text.ts'
import type { Compressed, CompressOptions, Joiner } from '../../packages/context/src/types.ts'
import type { AcceptContext } from '../measure/accept.ts'

const INPUTS = 2000
const LONG = 1_000_000

/** Parts that texts are put together from. */
const PARTS: readonly string[] = [
  ...['the ', 'not ', 'Anna Berg said: ', 'is ', 'of ', 'x', ' ', '\n', '\n\n', '\r\n', '\t', ' ', '\u2028', '\u0000'],
  ...['12.5% ', '-3,000.75 ', '2024-05-01T12:00:00Z ', '$1,299.99 ', '1e-9 ', '0xdeadbeef ', '٣٤٥ '],
  ...['https://a.example/b?c=d#e ', '/usr/lib/x.so.6 ', 'C:\\Users\\a b\\c.txt ', 'a@b.example ', 'v1.2.3-rc.1 '],
  ...[
    '日本語の文章です。',
    '한국어 문장. ',
    '中文没有空格',
    'ภาษาไทย',
    'မြန်မာ',
    'मराठी शब्द ',
    'مرحبا بالعالم ',
    'שלום עולם ',
    '\u202eRTL\u202c ',
  ],
  ...['😀 ', '👩‍👩‍👧‍👦', '🏳️‍🌈 ', '🇩🇪🇫🇷', 'e\u0301\u0327', 'Z͑ͫ̓ͪ̂ͫ̽', '👍🏽 ', '\u200d', '\ufeff'],
  ...['<|endoftext|>', '<|im_start|>', '<llmlingua compress=False>', '⟦pith:aaaaaa +9⟧', '[REDACTED]'],
  ...['\ud800', '\udc00', '\udfff\ud800', '\ud83d '],
  ...['{"a": [1, 2, {"b": "', '"}]}', '[', ']', '{', '"', '\\', '\\u0041', ': ', ', ', 'null'],
  ...['`code` ', '```js\nlet a = 1\n```\n', '# Head\n', '- item\n', '| a | b |\n', '> quote\n', '**bold** '],
  ...[
    '<p>',
    '</p>',
    '<script>',
    '</script>',
    '<!--',
    '-->',
    '&amp;',
    '<a href="',
    '@@ -1,2 +1,2 @@\n',
    'diff --git a/x b/x\n',
    '--- a/x\n+++ b/x\n',
    '+new\n',
    '-old\n',
  ],
  ...[
    '2024-05-01 12:00:00 ERROR no ',
    'INFO ok\n',
    'Traceback (most recent call last):\n',
    '  File "/a.py", line 3\n',
    'A: yes\n',
    'B: no\n',
  ],
]

function anyText(random: Random): string {
  const n = 1 + random.integer(random.integer(10) === 0 ? 600 : 80)
  // Few parts that come again and again, or all of them.
  const own = Array.from(
    { length: 1 + random.integer(PARTS.length) },
    () => PARTS[random.integer(PARTS.length)] as string,
  )
  return Array.from({ length: n }, () => own[random.integer(own.length)] as string).join('')
}

/** A line of a million characters. */
function longLine(i: number): string {
  const unit = ['a', 'word ', '日', '😀', '1,', '<', '"\\', 'e\u0301', '\ud800'][i % 9] as string
  return unit.repeat(Math.ceil(LONG / unit.length)).slice(0, LONG)
}

/** Whether a place lies within a grapheme or a pair of surrogates. */
function splits(text: string, at: number): boolean {
  if (at <= 0 || at >= text.length) return false
  const from = Math.max(0, at - 40)
  const near = text.slice(from, at + 40)
  const segment = new Intl.Segmenter().segment(near).containing(at - from)
  // Near the edges of the window nothing is known for certain; pairs of surrogates always are.
  const isPair = /[\ud800-\udbff]/.test(text[at - 1] as string) && /[\udc00-\udfff]/.test(text[at] as string)
  return isPair || (segment !== undefined && segment.index !== at - from && segment.index > 0)
}

/** Whether a place lies within a word or a number of Latin letters, if that is not overly long. */
function cutsWord(text: string, at: number): boolean {
  const [before, after] = [
    /[A-Za-z0-9]{1,256}$/.exec(text.slice(Math.max(0, at - 256), at)),
    /^[A-Za-z0-9]{1,256}/.exec(text.slice(at, at + 256)),
  ]
  return before !== null && after !== null && before[0].length + after[0].length < 256
}

/** Rules that a result breaks. */
function brokenRules(
  text: string,
  result: Compressed,
  options: CompressOptions,
  count: (text: string) => number,
): string[] {
  const broken: string[] = []
  const is = (holds: boolean, rule: string): void => {
    if (!holds) broken.push(rule)
  }
  let [last, at] = [0, 0]
  for (const { start, end } of result.kept) {
    is(start >= last && end > start && end <= text.length, 'slices ascend')
    is(!splits(text, start) && !splits(text, end), 'no grapheme is cut')
    is(!cutsWord(text, start) && !cutsWord(text, end), 'no word is cut')
    const found = result.text.indexOf(text.slice(start, end), at)
    is(found >= 0 && result.sourceMap.fromSource(start) !== undefined, 'slices stand as they are')
    is(result.sourceMap.toSource(result.sourceMap.fromSource(start) as number) === start, 'the map leads back')
    last = end
    at = Math.max(at, found)
  }
  if (options.joiner === 'none' && result.report.scorer !== 'html') {
    is(
      result.text === result.kept.map(({ start, end }) => text.slice(start, end)).join(''),
      'nothing else stands there',
    )
  }
  is(result.tokens === count(result.text), 'tokens are counted')
  const budget =
    'rate' in options.budget ? Math.floor(options.budget.rate * result.originalTokens) : options.budget.tokens
  is(result.tokens <= budget || result.report.overBudget, 'the budget is kept')
  is(result.text.length <= text.length, 'no text grows')
  if (result.report.scorer === 'json') {
    try {
      JSON.parse(result.text)
    } catch {
      is(false, 'JSON stays JSON')
    }
  }
  return broken
}

export async function acceptHostile(context: AcceptContext): Promise<void> {
  const random = new Random(7)
  const counter = await o200kCounter()
  const kinds = TEXT_KINDS.filter((kind) => kind !== 'passages')
  const broken = new Map<string, number>()
  let [inputs, refused] = [0, 0]
  const tell = (rule: string): void => void broken.set(rule, (broken.get(rule) ?? 0) + 1)
  const examine = async (text: string, kind: TextKind, options: CompressOptions): Promise<void> => {
    inputs++
    const passages = kind === 'passages' ? renderPassages([{ title: 'T', text }, { text: 'other' }]) : undefined
    const rank: Ranker | undefined =
      passages === undefined ? undefined : () => rankPassages(passages, options.query ?? '')
    const own = passages?.text ?? text
    const run = async (): Promise<Compressed> =>
      rank === undefined ? await compressText(own, { ...options, kind }) : await compressBy(rank, own, options)
    try {
      const result = await run()
      for (const rule of brokenRules(own, result, options, (of) => counter.count(of))) tell(rule)
      if (inputs % 10 === 0 && (await run()).text !== result.text) tell('the same again')
    } catch (error) {
      // What cannot be kept within the budget, and texts that are not of the kind, are refused.
      if (isPithError(error, 'PITH_BUDGET') || (kind === 'json' && isPithError(error, 'PITH_ARG'))) refused++
      else tell(`ends with ${error instanceof Error ? error.message : error}`)
    }
  }
  const optionsOf = (): CompressOptions => ({
    budget: random.integer(3) === 0 ? { tokens: random.integer(200) } : { rate: 0.05 + 0.9 * random.uniform() },
    joiner: (['none', 'ellipsis', 'marker'] as const satisfies Joiner[])[random.integer(3)] as Joiner,
    markerMinTokens: 1 + random.integer(40),
    onOverflow: random.integer(2) === 0 ? 'throw' : 'keep-protected',
    ...(random.integer(2) === 0 ? {} : { query: anyText(random).slice(0, 200) }),
  })
  for (let i = 0; i < INPUTS; i++) {
    const kind = [...kinds, 'passages' as const][random.integer(kinds.length + 1)] as TextKind
    await examine(anyText(random), random.integer(3) === 0 ? 'auto' : kind, optionsOf())
  }
  for (let i = 0; i < 9; i++) {
    await examine(longLine(i), i % 2 === 0 ? 'auto' : 'words', {
      budget: { rate: 0.3 },
      joiner: 'none',
      onOverflow: 'keep-protected',
    })
  }
  const found = [...broken].map(([rule, n]) => `${n} x ${rule}`)
  context.check(
    'rules broken in hostile texts',
    found.length === 0,
    `${inputs} texts, ${refused} refused, ${found.length === 0 ? 'none broken' : found.join('; ')}`,
  )
}
