/**
 * The first look at a chunk that is searched: whether its tables and texts can hold the words of the query at all, from the
 * filter that the summary has of them. Nothing of the chunk itself is read for it.
 *
 * A token of a line lies whole in a static text or in one value. A token with a letter can't come from a column of numbers;
 * unless it can be part of a time, it stands in the tables, in the texts, or in the prior.
 */

import { FOLDED_PAIR_BYTES, holdsPairs, PAIR_BYTES } from './pair-set.ts'
import { LiteralFinder } from './search/byte-search.ts'
import { leavesOf, possible } from './search/formula.ts'
import type { Literal } from './search/literals.ts'
import type { Matcher } from './search/matcher.ts'
import { splitLiteral } from './search/tokens.ts'
import { GRAM_BYTES } from './summary.ts'

/** Words of a query that a line needs, ready to be looked for. */
export class TextFilter {
  readonly #matcher: Matcher
  readonly #finders: Map<Literal, LiteralFinder[]> = new Map()
  /** Words that the prior holds, by the prior. */
  #inPrior: { prior: Uint8Array | undefined; words: Set<LiteralFinder> } | undefined

  constructor(matcher: Matcher) {
    this.#matcher = matcher
    for (const literal of leavesOf(matcher.required.needs)) this.#finders.set(literal, wordsOf(literal))
  }

  /** Whether a line of a chunk may be selected, from the set of runs or pairs of its tables and texts; false is certain. */
  mayHit(set: Uint8Array, prior: Uint8Array | undefined): boolean {
    // Sets of other kinds may come with later versions.
    const isPairs = set.length === PAIR_BYTES || set.length === FOLDED_PAIR_BYTES
    if (this.#matcher.inverted || !(isPairs || set.length === GRAM_BYTES)) return true
    const holds = isPairs ? holdsPairs : holdsGrams
    return possible(this.#matcher.required.needs, (literal) => {
      const words = this.#finders.get(literal) as LiteralFinder[]
      return words.every((word) => this.#priorHas(prior, word) || holds(set, word.literal, literal.ignoreCase))
    })
  }

  #priorHas(prior: Uint8Array | undefined, word: LiteralFinder): boolean {
    if (prior === undefined) return false
    if (this.#inPrior?.prior !== prior) {
      const words = new Set<LiteralFinder>()
      for (const own of [...this.#finders.values()].flat()) if (found(prior, own)) words.add(own)
      this.#inPrior = { prior, words }
    }
    return this.#inPrior.words.has(word)
  }
}

/** Whether all runs of three bytes of a word are in a set; as kernels/grams.ts numbers them. */
function holdsGrams(grams: Uint8Array, word: Uint8Array): boolean {
  for (let i = 0; i + 3 <= word.length; i++) {
    const gram =
      (symbolOf(word[i] as number) * 37 + symbolOf(word[i + 1] as number)) * 37 + symbolOf(word[i + 2] as number)
    if ((((grams[gram >> 3] as number) >> (gram & 7)) & 1) === 0) return false
  }
  return true
}

function symbolOf(c: number): number {
  const letter = c | 32
  if (c < 128 && letter >= 97 && letter <= 122) return letter - 97
  return c >= 128 ? 36 : c - 22
}

function found(bytes: Uint8Array, word: LiteralFinder): boolean {
  return word.find(bytes, 0, bytes.length) >= 0
}

/** Longest digits that a column of numbers may hold. */
const NUMBER_DIGITS = 20
const TIME_WORDS = 'jan feb mar apr may jun jul aug sep oct nov dec mon tue wed thu fri sat sun'

function wordsOf({ bytes, ignoreCase }: Literal): LiteralFinder[] {
  const words: LiteralFinder[] = []
  for (const { from, to, token } of splitLiteral(bytes)) {
    const word = bytes.subarray(from, to)
    if (token && !mayBeValue(word)) words.push(new LiteralFinder(word, ignoreCase))
  }
  return words
}

/** Whether a token, or a part of one, may come from a column of numbers or times. */
function mayBeValue(word: Uint8Array): boolean {
  let letters = ''
  for (const byte of word) if (byte < 48 || byte > 57) letters += String.fromCharCode(byte)
  if (letters === '') return word.length <= NUMBER_DIGITS
  const folded = letters.toLowerCase()
  return folded === 't' || folded === 'z' || folded === 'tz' || TIME_WORDS.includes(folded)
}
