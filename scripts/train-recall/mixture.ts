/** What the reference model is trained on: running text and recall tasks, all from a seed. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Random } from '@pith/core'
import type { PieceTokenizer } from '@pith/engine/io'
import { type RecallTask, type RecallWords, recallRow, recallWords, repeatsRow, type TextSource } from '@pith/lm/recall'
import { ANSWER_WEIGHTS, TEXT_SHARES } from './settings.ts'

/** Tokens of the texts of one kind. */
export type Texts = Readonly<Record<string, Int32Array>>

/** Which part of the data. Methods are split by the last digit of their number; the rest by file. */
export type Part = 'train' | 'heldout'

/** Everything that rows are made of. */
export interface Sources {
  readonly words: RecallWords
  readonly texts: Texts
}

/**
 * Read the texts below the folder of the shared data. Trained on: TinyStories `train`, the first half of WikiText-2's
 * validation part, and the Java methods whose number does not end in 9; held out: TinyStories `valid`, WikiText-2's test part, and
 * the other methods. WikiText is in small letters.
 */
export async function loadSources(data: string, tokenizer: PieceTokenizer, part: Part): Promise<Sources> {
  const read = (path: string): Promise<string> => readFile(join(data, path), 'utf8')
  const isTrain = part === 'train'
  const stories = await read(`kv/text/tinystories.lower.${isTrain ? 'train' : 'valid'}.txt`)
  const wiki = await read(`weights/text/wikitext2.${isTrain ? 'valid.a' : 'test'}.txt`)
  const java = (await read('weights/bigclonebench/functions.jsonl')).split('\n').filter((line) => line !== '')
  const methods = java
    .map((line) => JSON.parse(line) as { id: number; code: string })
    .filter(({ id }) => (id % 10 !== 9) === isTrain)
    .map(({ code }) => code.replaceAll(/^ {4}/gm, ''))
  const encode = (parts: readonly string[]): Int32Array =>
    joinIds(parts.map((text) => tokenizer.encode(text, { prefix: false })))
  return {
    words: recallWords(tokenizer),
    texts: {
      stories: encode(stories.split(/(?<=\n\n)/)),
      wiki: encode(wiki.toLowerCase().split(/(?<=\n)/)),
      java: encode(methods.map((code) => `${code}\n\n`)),
    },
  }
}

function joinIds(parts: readonly Int32Array[]): Int32Array {
  const out = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** Tokens from a random place of a text. */
export function sourceOf(ids: Int32Array): TextSource {
  return (random, count) => {
    const start = random.integer(ids.length - count + 1)
    return ids.subarray(start, start + count)
  }
}

/** One row of a batch: `length` + 1 tokens, the last of which is only a target. */
export interface MixedRow {
  readonly kind: string
  readonly ids: Int32Array
  readonly weights: Float32Array
  /** Answers as in the rows of tasks; none in text. */
  readonly answers: readonly { readonly start: number; readonly end: number }[]
}

/** A row of text. */
export function textRow(kind: string, { words, texts }: Sources, random: Random, length: number): MixedRow {
  const ids = new Int32Array(length)
  ids[0] = words.bos
  ids.set(sourceOf(texts[kind] as Int32Array)(random, length - 1), 1)
  return { kind, ids, weights: new Float32Array(length).fill(1, 1), answers: [] }
}

/** A row of a task; its answers weigh as the settings say. */
export function taskRow(task: RecallTask, sources: Sources, random: Random, length: number): MixedRow {
  const row = recallRow(task, random, length, sources.words, { text: sourceOf(sources.texts['stories'] as Int32Array) })
  const factor = ANSWER_WEIGHTS[task] as number
  return { kind: task, ids: row.ids, weights: row.weights.map((w) => (w === 1 ? factor : w)), answers: row.answers }
}

/** A row of a kind that is drawn by shares: `text`, `repeats` or a task. */
export function mixedRow(
  shares: Readonly<Record<string, number>>,
  sources: Sources,
  random: Random,
  length: number,
): MixedRow {
  const kind = draw(shares, random)
  if (kind === 'text') return textRow(draw(TEXT_SHARES, random), sources, random, length)
  if (kind !== 'repeats') return taskRow(kind as RecallTask, sources, random, length)
  const { ids, weights, answers } = repeatsRow(random, length, sources.words)
  return { kind, ids, weights, answers }
}

function draw(shares: Readonly<Record<string, number>>, random: Random): string {
  let left = random.uniform()
  for (const [name, share] of Object.entries(shares)) {
    if (left < share) return name
    left -= share
  }
  return Object.keys(shares)[0] as string
}
