/** Rows that a model can only continue by remembering what stood before: copies, tables, codes within a story, chains of names. */
import { PithError, type Random } from '@pith/core'
import type { RecallWords } from './words.ts'

/** Kinds of rows. */
export type RecallTask = 'copy' | 'lookup' | 'needle' | 'chain'

/** All of them. */
export const RECALL_TASKS: readonly RecallTask[] = ['copy', 'lookup', 'needle', 'chain']

/** Tokens within a row, from `start` on, before `end`. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** One row of a task. */
export interface RecallRow {
  readonly task: RecallTask
  /** As many as were asked for; the first is `bos`. */
  readonly ids: Int32Array
  /** What each token counts as a target: 1 in answers, less or 0 elsewhere. */
  readonly weights: Float32Array
  /** First token that is no context: what stands before it may be compressed. */
  readonly question: number
  /** What is asked for, each counted as right or wrong as a whole. */
  readonly answers: readonly Span[]
}

/** Ids of running text, as many as asked for. */
export type TextSource = (random: Random, count: number) => Int32Array

/** How rows are made. */
export interface RecallOptions {
  /** What needles are hidden in. */
  readonly text?: TextSource
  /** Weight of the text around needles. Default 0.3. */
  readonly textWeight?: number
  /** Names between a name and its value at most. Default 2. */
  readonly hops?: number
  /** Needles at most. Default 4. */
  readonly needles?: number
  /** Tokens of a copied sequence at most. Default 256. */
  readonly copied?: number
}

/** Shortest rows. */
export const MIN_ROW = 64

/** Collects a row; what goes beyond its length is cut off. */
class RowWriter {
  readonly ids: Int32Array
  readonly weights: Float32Array
  readonly answers: Span[] = []
  question = 0
  at = 0

  constructor(length: number, filler: number) {
    this.ids = new Int32Array(length).fill(filler)
    this.weights = new Float32Array(length)
  }

  get room(): number {
    return this.ids.length - this.at
  }

  put(ids: ArrayLike<number>, weight = 0): void {
    for (let i = 0; i < ids.length && this.at < this.ids.length; i++) {
      this.weights[this.at] = weight
      this.ids[this.at++] = ids[i] as number
    }
  }

  /** An answer is only put where all of it fits. */
  answer(ids: ArrayLike<number>): void {
    const start = this.at
    this.put(ids, 1)
    if (this.at - start === ids.length) this.answers.push({ start, end: this.at })
  }

  done(task: RecallTask): RecallRow {
    const { ids, weights, question, answers } = this
    return { task, ids, weights, question, answers }
  }
}

/**
 * A row of a task.
 *
 * @param length tokens, 64 or more
 * @throws PithError `PITH_ARG` too short, or needles without text to hide them in
 */
export function recallRow(
  task: RecallTask,
  random: Random,
  length: number,
  words: RecallWords,
  options: RecallOptions = {},
): RecallRow {
  if (!(Number.isInteger(length) && length >= MIN_ROW)) {
    throw new PithError('PITH_ARG', `rows have ${MIN_ROW} tokens or more, got ${length}`)
  }
  const row = new RowWriter(length, words.newline)
  row.put([words.bos])
  WRITERS[task](row, random, words, options)
  return row.done(task)
}

const WRITERS: Readonly<
  Record<RecallTask, (row: RowWriter, random: Random, words: RecallWords, options: RecallOptions) => void>
> = { copy, lookup, needle, chain }

/** n random ids, a new line, and the same again until the row is full. Each token of the first repeat is an answer. */
function copy(row: RowWriter, random: Random, words: RecallWords, { copied = 256 }: RecallOptions): void {
  const most = Math.min(copied, Math.floor((row.room - 2) / 2))
  const n = random.uniform() < 0.75 ? between(random, Math.ceil(most / 4), most) : between(random, 3, most)
  const ids = drawSymbols(random, words, n)
  row.put(ids)
  row.put([words.newline])
  row.question = row.at
  for (const id of ids) row.answer([id])
  while (row.room > 0) {
    row.put([words.newline], 1)
    row.put(ids, 1)
  }
}

/** Rows of short sequences that are repeated two or three times: what a model learns to repeat on. */
export function repeatsRow(random: Random, length: number, words: RecallWords, longest = 13): RecallRow {
  const row = new RowWriter(length, words.newline)
  while (row.room > 0) {
    const ids = drawSymbols(random, words, between(random, 3, longest))
    row.put([words.bos])
    row.put(ids)
    for (let left = between(random, 1, 2); left > 0; left--) {
      row.put([words.newline])
      for (const id of ids) if (row.room > 0) row.answer([id])
    }
  }
  return row.done('copy')
}

/** `cat=1234;` for some nouns, a new line, and `?cat=1234;` until the row is full. */
function lookup(row: RowWriter, random: Random, words: RecallWords): void {
  const most = Math.max(3, Math.min(words.nouns.length, Math.floor(row.room / 12)))
  const count = between(random, random.uniform() < 0.5 ? 2 : Math.ceil(most / 2), most)
  const table = shuffled(random, words.nouns)
    .slice(0, count)
    .map((noun) => {
      const value = drawDigits(random, words, 4)
      return { noun, value, shown: value }
    })
  putTable(row, random, words, table)
}

interface Named {
  readonly noun: readonly number[]
  readonly value: readonly number[]
  /** What stands for the value in the table. */
  readonly shown: readonly number[]
}

/** A table, a new line, and questions about it. Its end is left out where no question would fit behind it. */
function putTable(row: RowWriter, random: Random, words: RecallWords, whole: readonly Named[]): void {
  let table = whole
  let order = shuffled(random, table)
  const sizeOf = ({ noun, shown }: Named): number => noun.length + shown.length + 2
  const needed = (): number => table.reduce((sum, own) => sum + sizeOf(own), 1) + questionSize(order[0] as Named)
  while (table.length > 1 && needed() > row.room) {
    table = table.slice(0, -1)
    order = order.filter((own) => table.includes(own))
  }
  for (const { noun, shown } of table) row.put([...noun, words.equals, ...shown, words.end])
  row.put([words.newline])
  row.question = row.at
  askAll(row, random, words, table, order)
}

function questionSize({ noun, value }: Named): number {
  return noun.length + value.length + 3
}

/**
 * Questions in random order, again and again in others, while they fit. Only the first time counts as an answer: later ones
 * stand in the row already.
 *
 * @param first order of the first time
 */
function askAll(
  row: RowWriter,
  random: Random,
  words: RecallWords,
  table: readonly Named[],
  first: readonly Named[],
): void {
  for (let round = 0; ; round++) {
    for (const own of round === 0 ? first : shuffled(random, table)) {
      const { noun, value } = own
      if (row.room < questionSize(own)) return
      row.put([words.ask, ...noun, words.equals])
      if (round === 0) row.answer(value)
      else row.put(value, 1)
      row.put([words.end])
    }
  }
}

/** Sentences ` the code of the cat is 12345.` within text, and the same at the end, where the digits are the answers. */
function needle(row: RowWriter, random: Random, words: RecallWords, options: RecallOptions): void {
  const { text, textWeight = 0.3, needles = 4 } = options
  if (text === undefined) throw new PithError('PITH_ARG', 'needles need text to be hidden in')
  const most = Math.max(1, Math.min(needles, Math.floor(row.room / 48)))
  const facts = shuffled(random, words.codeOf)
    .slice(0, between(random, 1, most))
    .map((noun) => ({ head: [...noun, ...words.is, words.space], value: drawDigits(random, words, 5) }))
  const sizeOfAll = (): number => facts.reduce((sum, { head, value }) => sum + head.length + value.length + 1, 0)
  // Long names may leave no room for a story.
  while (facts.length > 1 && sizeOfAll() > row.room / 3) facts.pop()
  const size = sizeOfAll()
  if (2 * size + 1 >= row.room) throw new PithError('PITH_ARG', `a code of ${size} tokens has no place in ${row.room}`)
  const around = text(random, row.room - 2 * size - 1)
  const places = facts.map(() => placeIn(around, random.integer(around.length), words)).sort((a, b) => a - b)
  let from = 0
  for (const [i, { head, value }] of facts.entries()) {
    row.put(around.subarray(from, places[i]), textWeight)
    from = places[i] as number
    row.put([...head, ...value, words.stop])
  }
  row.put(around.subarray(from), textWeight)
  row.put([words.newline])
  row.question = row.at
  for (const { head, value } of shuffled(random, facts)) {
    row.put(head)
    row.answer(value)
    row.put([words.stop])
  }
}

/** The end of the sentence at a place; the place itself where none ends near it. */
function placeIn(text: Int32Array, place: number, { stop, newline }: RecallWords): number {
  for (let i = place; i < Math.min(text.length, place + 60); i++) {
    if (text[i] === stop || text[i] === newline) return i + 1
  }
  return place
}

/** `a=12;b=a;c=b;`, a new line, and `?c=12;` until the row is full. */
function chain(row: RowWriter, random: Random, words: RecallWords, { hops = 2 }: RecallOptions): void {
  const most = Math.max(3, Math.min(words.nouns.length, Math.floor(row.room / 12)))
  const count = between(random, random.uniform() < 0.5 ? 3 : Math.max(3, Math.ceil(most / 2)), most)
  const names = count <= words.letters.length && random.uniform() < 0.5 ? words.letters : words.nouns
  const table: (Named & { readonly hops: number })[] = []
  for (const noun of shuffled(random, names).slice(0, count)) {
    const open = table.filter((other) => other.hops < hops)
    const from =
      open.length > 0 && random.uniform() < 0.6
        ? (open[random.integer(open.length)] as Named & { hops: number })
        : undefined
    const value = from?.value ?? drawDigits(random, words, 2)
    table.push({ noun, value, shown: from?.noun ?? value, hops: from === undefined ? 0 : from.hops + 1 })
  }
  putTable(row, random, words, table)
}

function drawSymbols(random: Random, { symbols }: RecallWords, count: number): number[] {
  return Array.from({ length: count }, () => symbols.from + random.integer(symbols.count))
}

function drawDigits(random: Random, { digits }: RecallWords, count: number): number[] {
  return Array.from({ length: count }, () => digits[random.integer(10)] as number)
}

/** An integer in low .. high. */
function between(random: Random, low: number, high: number): number {
  return low + random.integer(Math.max(1, high - low + 1))
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const out = [...items]
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.integer(i + 1)
    const kept = out[i] as T
    out[i] = out[j] as T
    out[j] = kept
  }
  return out
}
