import { sentencesOf, wordsOf } from '../safe/pieces.ts'
import type { Ranking } from '../types.ts'
import {
  type Background,
  backgroundWeights,
  bm25Scores,
  byScore,
  localWeights,
  sumWeights,
  type Weigh,
} from './bm25.ts'
import { termsOf } from './terms.ts'

/** What helps to rank words and sentences. */
export interface ProseOptions {
  /** How common terms are in general. */
  background?: Background
}

/** What the sentences beside one add to its score, of theirs: an answer often stands behind the sentence that names the matter. */
const NEIGHBOURS = 0.5
/** What the paragraph of a sentence adds to its score, of its own. */
const PARAGRAPH = 2
/** What a number, a name and the beginning of a paragraph count for what a sentence says; chosen on questions about other texts. */
const PER_NUMBER = 5
const PER_NAME = 2
const FIRST_OF_PARAGRAPH = 1.4
/** Characters that a sentence costs beside its own. */
const BASE_LENGTH = 40

/**
 * Rank the sentences of a text: by the question where there is one, those beside a good one and its paragraph counting too; else by how much they say for
 * their length.
 */
export function rankSentences(text: string, query: string, options: ProseOptions = {}): Ranking {
  const pieces = sentencesOf(text)
  const scores = sentenceScores(
    pieces.map(({ start, end }) => text.slice(start, end)),
    query,
    options,
  )
  return {
    scorer: query === '' ? 'density' : 'sentences',
    pieces,
    groups: byScore(scores).map((sentence) => [sentence]),
  }
}

/**
 * Scores of sentences that stand behind each other.
 *
 * @param isFirst  whether a sentence begins a paragraph
 */
export function sentenceScores(
  sentences: readonly string[],
  query: string,
  { background }: ProseOptions = {},
  isFirst: (at: number) => boolean = (at) => beginsParagraph(sentences, at),
): Float64Array {
  const terms = sentences.map((sentence) => termsOf(sentence))
  const wanted = termsOf(query)
  const asked = bm25Scores(wanted, terms, sumWeights(terms, background))
  const paragraphs: string[][] = []
  const own = terms.map((all, at) => {
    if (at === 0 || isFirst(at)) paragraphs.push([])
    for (const term of all) paragraphs.at(-1)?.push(term)
    return paragraphs.length - 1
  })
  const around = bm25Scores(wanted, paragraphs, sumWeights(paragraphs, background), { pairs: 0.5 })
  const local = localWeights(terms)
  const says = densities(sentences, terms, background === undefined ? local : backgroundWeights(background, local))
  return asked.map((score, i) => {
    const beside = (asked[i - 1] ?? 0) + (asked[i + 1] ?? 0)
    const inAll = around[own[i] as number] as number
    return score + NEIGHBOURS * beside + PARAGRAPH * inAll + 0.5 * (says[i] as number)
  })
}

function beginsParagraph(sentences: readonly string[], at: number): boolean {
  return at === 0 || /\n\s*\n\s*$/.test((sentences[at - 1] as string).slice(-8))
}

/** How much each sentence says for its length: weights of its terms, numbers and names. */
function densities(sentences: readonly string[], terms: readonly (readonly string[])[], weigh: Weigh): Float64Array {
  return Float64Array.from(sentences, (sentence, i) => {
    let sum = PER_NUMBER * (sentence.match(/\d+/g)?.length ?? 0)
    sum += PER_NAME * (sentence.match(/(?<=[a-z,] )\p{Lu}/gu)?.length ?? 0)
    for (const term of new Set(terms[i])) sum += weigh(term)
    return ((beginsParagraph(sentences, i) ? FIRST_OF_PARAGRAPH : 1) * sum) / (sentence.trim().length + BASE_LENGTH)
  })
}

/** Words that hold sentences together and can be guessed. */
const FUNCTION_WORDS: ReadonlySet<string> = /* @__PURE__ */ new Set(
  (
    'a an the of to in on at for by with from as and or but if then than that this these those is are was were be been being am do does did ' +
    'has have had will would shall should may might can could it its he she they them his her their our your my we you i me us who which ' +
    'what when where how there here so such very really just also too quite rather please into onto over under up down out off about'
  ).split(' '),
)

const OPERATOR = /^\s*[-+*/=×÷<>±]+\s*$/

/** Numbers as words. */
const NUMBER_WORDS: ReadonlySet<string> = /* @__PURE__ */ new Set(
  (
    'one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty hundred thousand million billion dozen ' +
    'half quarter third once twice thrice double triple first second last each every per more less fewer times plus minus percent'
  ).split(' '),
)

/**
 * Rank the single words of a text (a stand-in for a trained classifier): words that can be guessed go first, then what was said shortly
 * before; names, rare words and those of the question stay longest. What is protected must be pinned.
 */
export function rankWords(text: string, query: string, { background }: ProseOptions = {}): Ranking {
  const asked = new Set(termsOf(query))
  const pieces = wordsOf(text)
  const own = pieces.map(({ start, end }) => text.slice(start, end))
  const terms = own.map((word) => termsOf(word))
  const local = localWeights(terms)
  const weigh = background === undefined ? local : backgroundWeights(background, local)
  const recent = new Map<string, number>()
  const scores = own.map((word, i) => {
    const bare = word
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}'’]+/gu, '')
    const all = terms[i] as string[]
    if (OPERATOR.test(word) || (bare === 'x' && isBetweenNumbers(own, i))) return 30
    if (bare === '' && /\S/.test(word)) return 20
    if (isLabel(word, own[i - 1])) return 18
    if (NUMBER_WORDS.has(bare)) return 15
    const isRepeat = all.length > 0 && all.every((term) => i - (recent.get(term) ?? Number.NEGATIVE_INFINITY) < 40)
    for (const term of all) recent.set(term, i)
    const weight = all.reduce((most, term) => Math.max(most, weigh(term)), 0)
    const isName = /^\p{Lu}/u.test(word.trim()) && i > 0 && !/[.!?]\s*$/.test(own[i - 1] as string)
    const isGuessed = FUNCTION_WORDS.has(bare)
    const isAsked = all.some((term) => asked.has(term))
    return (isGuessed ? 0 : 2 + weight) + (isName ? 0.5 : 0) - (isRepeat ? 0.7 : 0) + (isAsked ? 10 : 0) + endOf(word)
  })
  return { scorer: 'words', pieces, groups: byScore(scores).map((word) => [word]), dropsWords: true }
}

/** A word at the beginning of a line that says what stands behind it. */
function isLabel(word: string, before = '\n'): boolean {
  return /^\s*\p{L}{1,24}:\s+$/u.test(word) && /\n\s*$/.test(before)
}

function isBetweenNumbers(words: readonly string[], i: number): boolean {
  return /\d\S*\s*$/.test(words[i - 1] ?? '') && /^\S*\d/.test(words[i + 1] ?? '')
}

/** The end of a sentence or line stays a little longer, so that what is left does not run together. */
function endOf(word: string): number {
  return /\n/.test(word) ? 1 : /[.!?:]["')\]]?\s*$/.test(word) ? 0.6 : 0
}
