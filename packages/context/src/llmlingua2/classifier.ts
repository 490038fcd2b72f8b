import { PithError, type Run, throwIfAborted } from '@pith/core'
import type { Session } from '@pith/engine'
import type { Tokenizer } from '@pith/engine/io'
import type { Ranking, Span } from '../types.ts'
import { type Window, windowsOf } from './windows.ts'
import { WordEncoder } from './words.ts'

/** A classifier of tokens, and how it is read. */
export interface ClassifierOptions {
  /** From `loadRuntime()`: takes input_ids and attention_mask (and token_type_ids), gives logits [batch, tokens, classes]. */
  session: Session
  tokenizer: Tokenizer
  /** Class that says that a token stays. Default 1. */
  keepIndex?: number
  /** Most tokens of a window, those around it counted. Default 192: longer ones cost more for each token, and tell little more. */
  maxLength?: number
  /** Windows that are read at once; more than one helps where there are threads. Default 1. */
  batch?: number
  /** Ids before and behind a window. Default those of [CLS] and [SEP], or <s> and </s>. */
  around?: readonly [number, number]
}

/** Words of a text, and how likely each should stay. */
export interface KeptWords {
  readonly words: readonly Span[]
  /** f32[words], 0..1; 1 for a word without tokens. */
  readonly keep: Float32Array
}

export const LENGTH = 192
/** Pieces that windows share. */
const OVERLAP = 24

/**
 * Says of each word of a text how likely it should stay, without a question (LLMLingua-2, arXiv 2403.12968): the mean over its tokens of
 * what a classifier of tokens says of them.
 */
export class TokenClassifier {
  readonly #session: Session
  readonly #encoder: WordEncoder
  readonly #keepIndex: number
  readonly #size: number
  readonly #batch: number
  readonly #around: readonly [number, number]
  readonly #pad: number

  /** @throws PithError `PITH_MODEL` the model takes something else, or the tokenizer has no tokens to put around a window */
  constructor({ session, tokenizer, keepIndex = 1, maxLength = LENGTH, batch = 1, around }: ClassifierOptions) {
    const named = (...names: string[]): number | undefined =>
      names.map((name) => tokenizer.special.get(name)).find((id) => id !== undefined)
    const own = around ?? [named('[CLS]', '<s>') ?? tokenizer.bos, named('[SEP]', '</s>') ?? tokenizer.eos]
    if (own[0] === undefined || own[1] === undefined) {
      throw new PithError('PITH_MODEL', 'the tokenizer names no tokens that stand around a text', {
        hint: 'Give their ids as around.',
      })
    }
    if (session.inputs['input_ids'] === undefined) {
      throw new PithError('PITH_MODEL', 'the model takes no input_ids', {
        hint: 'Export a token classifier of transformers.',
      })
    }
    this.#session = session
    this.#encoder = new WordEncoder(tokenizer)
    this.#keepIndex = keepIndex
    this.#size = maxLength - 2
    this.#batch = batch
    this.#around = [own[0], own[1]]
    this.#pad = named('[PAD]', '<pad>') ?? 0
  }

  /** How likely each word should stay. */
  async classify(text: string, run: Pick<Run, 'signal'> = {}): Promise<KeptWords> {
    const { words, ids, starts } = this.#encoder.encode(text)
    const keep = new Float32Array(words.length).fill(1)
    const windows = windowsOf(text, words, starts, {
      size: this.#size,
      overlap: Math.min(OVERLAP, this.#size >> 2),
    })
    const length = ({ from, to }: Window): number =>
      Math.min(this.#size, (starts[to] as number) - (starts[from] as number))
    // Windows of like length share a run, so that little is padding.
    const order = windows
      .map((_, i) => i)
      .sort((a, b) => length(windows[a] as Window) - length(windows[b] as Window) || a - b)
    for (let at = 0; at < order.length; at += this.#batch) {
      throwIfAborted(run.signal)
      const own = order.slice(at, at + this.#batch).map((i) => windows[i] as Window)
      const scores = await this.#run(
        own.map((window) => ids.subarray(starts[window.from], (starts[window.from] as number) + length(window))),
      )
      for (const [row, { from, keepFrom, keepTo }] of own.entries()) {
        for (let word = keepFrom; word < keepTo; word++) {
          const [start, end] = [starts[word] as number, starts[word + 1] as number]
          if (end > start)
            keep[word] = mean(
              scores[row] as Float32Array,
              start - (starts[from] as number),
              end - (starts[from] as number),
            )
        }
      }
    }
    return { words, keep }
  }

  /** A ranking of words: one order for the whole text, the likeliest first, equal ones by place. */
  async rank(text: string, run: Pick<Run, 'signal'> = {}): Promise<Ranking> {
    const { words, keep } = await this.classify(text, run)
    const order = words.map((_, i) => i).sort((a, b) => (keep[b] as number) - (keep[a] as number) || a - b)
    return { scorer: 'llmlingua2', pieces: words, groups: order.map((word) => [word]), dropsWords: true }
  }

  /** Probabilities that tokens stay, of each row. */
  async #run(rows: readonly Int32Array[]): Promise<Float32Array[]> {
    const { Tensor } = await import('@pith/engine')
    const width = Math.max(...rows.map((row) => row.length)) + 2
    const shape = [rows.length, width]
    const input = new BigInt64Array(rows.length * width).fill(BigInt(this.#pad))
    const mask = new BigInt64Array(rows.length * width)
    // Ids are not negative: their lower halves are all there is to write, without a BigInt for each.
    const [low, seen] = [new Int32Array(input.buffer), new Int32Array(mask.buffer)]
    for (const [i, row] of rows.entries()) {
      const start = i * width
      const end = start + row.length + 1
      low[2 * start] = this.#around[0]
      for (let j = 0; j < row.length; j++) low[2 * (start + 1 + j)] = row[j] as number
      low[2 * end] = this.#around[1]
      for (let j = start; j <= end; j++) seen[2 * j] = 1
    }
    const feeds: Record<string, InstanceType<typeof Tensor>> = { input_ids: new Tensor(input, shape) }
    for (const name of Object.keys(this.#session.inputs)) {
      if (name === 'attention_mask') feeds[name] = new Tensor(mask, shape)
      if (name === 'token_type_ids') feeds[name] = new Tensor(new BigInt64Array(rows.length * width), shape)
    }
    const outputs = await this.#session.run(feeds)
    const logits = outputs['logits'] ?? Object.values(outputs)[0]
    const classes = logits?.shape.at(-1) ?? 0
    if (logits === undefined || logits.shape.length !== 3 || logits.shape[1] !== width || this.#keepIndex >= classes) {
      throw new PithError('PITH_MODEL', `the model gives logits of ${logits?.shape.join(' x ')}`, {
        hint: 'A token classifier gives [batch, tokens, classes].',
      })
    }
    const data = logits.data as Float32Array
    return rows.map((row, i) =>
      Float32Array.from(row, (_, j) => softmaxAt(data, (i * width + 1 + j) * classes, classes, this.#keepIndex)),
    )
  }
}

/** softmax of `count` numbers from `at` on, at one of them. */
function softmaxAt(data: Float32Array, at: number, count: number, index: number): number {
  let most = Number.NEGATIVE_INFINITY
  for (let i = 0; i < count; i++) most = Math.max(most, data[at + i] as number)
  let sum = 0
  for (let i = 0; i < count; i++) sum += Math.exp((data[at + i] as number) - most)
  return Math.exp((data[at + index] as number) - most) / sum
}

/** Mean of scores within a window; a word longer than the window is judged by its beginning. */
function mean(scores: Float32Array, start: number, end: number): number {
  const own = scores.subarray(start, Math.min(end, scores.length))
  return own.length === 0 ? 1 : own.reduce((sum, value) => sum + value, 0) / own.length
}
