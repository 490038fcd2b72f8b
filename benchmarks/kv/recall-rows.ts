/** Questions to a model about what stands in its context, one to a row. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '@pith/core'
import { readLlama2cTokenizer } from '@pith/lm'
import { NOUNS, type RecallTask, type RecallWords, recallRow, recallWords } from '@pith/lm/recall'

/** A prompt that ends with a question, and what is right behind it. */
export interface Question {
  readonly prompt: Int32Array
  readonly answer: Int32Array
}

/** Rows have nothing to do with those of the training, nor with those that settings were chosen on. */
export const ROWS_SEED = 7_100_001

/** Makes questions out of the folder of the shared data; stories are those that no model was trained on. */
export class QuestionSource {
  readonly #words: RecallWords
  readonly #stories: Int32Array

  /** @param model `recall-mini` was trained on rows of its own form: names behind spaces, codes that end with a line */
  constructor(data: string, model: string) {
    const tokenizer = readLlama2cTokenizer(new Uint8Array(readFileSync(join(data, 'kv/models/tok512.bin'))))
    const words = recallWords(tokenizer)
    const lead = tokenizer.encode('\n').length
    const [space = words.space, is = words.space] = words.is
    this.#words =
      model === 'recall-mini'
        ? {
            ...words,
            nouns: NOUNS.map((noun) => Array.from(tokenizer.encode(`\n ${noun}`)).slice(lead)),
            is: [space],
            space: is,
            stop: words.newline,
          }
        : words
    const text = readFileSync(join(data, 'kv/text/tinystories.lower.valid.txt'), 'utf8')
    const parts = text.split(/(?<=\n\n)/).map((story) => tokenizer.encode(story, { prefix: false }))
    this.#stories = Int32Array.from(parts.flatMap((part) => [...part]))
  }

  /** Questions of a task, each with a context of its own. */
  questions(task: RecallTask, count: number, length: number, seed: number = ROWS_SEED): Question[] {
    const random = new Random(seed).split(length)
    const text = (own: Random, n: number): Int32Array => this.#take(own, n)
    const out: Question[] = []
    for (let i = 0; out.length < count; i++) {
      const row = recallRow(task, random.split(i), length, this.#words, { text })
      const first = row.answers[0]
      if (first === undefined) continue
      out.push({ prompt: row.ids.slice(0, first.start), answer: row.ids.slice(first.start, first.end) })
    }
    return out
  }

  /** Texts that tasks have nothing to do with. */
  stories(count: number, length: number, seed: number): Int32Array[] {
    const random = new Random(seed)
    return Array.from({ length: count }, () => Int32Array.of(this.#words.bos, ...this.#take(random, length - 1)))
  }

  #take(random: Random, count: number): Int32Array {
    const start = random.integer(this.#stories.length - count + 1)
    return this.#stories.subarray(start, start + count)
  }
}
