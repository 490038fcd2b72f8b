import { sentencesOf, wordsOf } from '../safe/pieces.ts'
import type { Ranking } from '../types.ts'
import { type Background, backgroundWeights, bm25Scores, byScore, localWeights } from './bm25.ts'
import { termsOf } from './terms.ts'

/** What helps to rank words and sentences. */
export interface ProseOptions {
  /** How common terms are in general. */
  background?: Background
}

/**
 * Rank the sentences of a text: by the question where there is one, else by what they say for the text: the terms that come again in it
 * and are rare elsewhere, less of what was said before.
 */
export function rankSentences(text: string, query: string, { background }: ProseOptions = {}): Ranking {
  const pieces = sentencesOf(text)
  const terms = pieces.map(({ start, end }) => termsOf(text.slice(start, end)))
  const asked = bm25Scores(termsOf(query), terms, localWeights(terms))
  const central = centrality(terms, background)
  const scores = asked.map((score, i) => score + 0.5 * (central[i] as number))
  return { scorer: 'sentences', pieces, groups: byScore(scores).map((sentence) => [sentence]) }
}

/** How much of what a text is about each of its parts says: mean weight of its terms, those that come again counting more. */
export function centrality(parts: readonly (readonly string[])[], background?: Background): Float64Array {
  const counts = new Map<string, number>()
  for (const part of parts) for (const term of new Set(part)) counts.set(term, (counts.get(term) ?? 0) + 1)
  const rare = background === undefined ? undefined : backgroundWeights(background)
  const weightOf = (term: string): number =>
    Math.log1p((counts.get(term) ?? 0) - 1 + 0.5) * (rare === undefined ? 1 : rare(term))
  return Float64Array.from(parts, (part) => {
    const own = new Set(part)
    let sum = 0
    for (const term of own) sum += weightOf(term)
    return sum / (own.size + 6)
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

/**
 * Rank the single words of a text, without a question (a stand-in for a trained classifier): words that can be guessed go first, then
 * what was said shortly before; names and long words stay longest. What is protected must be pinned.
 */
export function rankWords(text: string, { background }: ProseOptions = {}): Ranking {
  const pieces = wordsOf(text)
  const own = pieces.map(({ start, end }) => text.slice(start, end))
  const terms = own.map((word) => termsOf(word))
  const weigh = background === undefined ? localWeights(terms) : backgroundWeights(background)
  const recent = new Map<string, number>()
  const scores = own.map((word, i) => {
    const bare = word
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}'’]+/gu, '')
    const all = terms[i] as string[]
    if (bare === '' && /\S/.test(word)) return 20
    const isRepeat = all.length > 0 && all.every((term) => i - (recent.get(term) ?? Number.NEGATIVE_INFINITY) < 40)
    for (const term of all) recent.set(term, i)
    const weight = all.reduce((most, term) => Math.max(most, weigh(term)), 0)
    const isName = /^\p{Lu}/u.test(word.trim()) && i > 0 && !/[.!?]\s*$/.test(own[i - 1] as string)
    const isGuessed = FUNCTION_WORDS.has(bare)
    return (isGuessed ? 0 : 2 + weight) + (isName ? 0.5 : 0) - (isRepeat ? 0.7 : 0) + endOf(word)
  })
  return { scorer: 'words', pieces, groups: byScore(scores).map((word) => [word]), dropsWords: true }
}

/** The end of a sentence or line stays a little longer, so that what is left does not run together. */
function endOf(word: string): number {
  return /\n/.test(word) ? 1 : /[.!?:]["')\]]?\s*$/.test(word) ? 0.6 : 0
}
