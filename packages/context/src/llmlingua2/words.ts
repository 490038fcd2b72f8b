import type { Tokenizer } from '@pith/engine/io'
import { wordsOf } from '../safe/pieces.ts'
import type { Span } from '../types.ts'

/** A text as the pieces of its words. */
export interface EncodedWords {
  readonly words: readonly Span[]
  /** Ids of all pieces, word behind word. */
  readonly ids: Int32Array
  /** Where the pieces of each word begin, and behind the last one where they end; words may have none. */
  readonly starts: Uint32Array
}

/** Words that are remembered, since most come again. */
const MEMORY = 1 << 16

/**
 * Encodes word by word, so that each piece is known to be of one word. Special tokens in a text are ordinary text.
 *
 * A tokenizer that sees the blank before a word gets it, one that adds it itself does not.
 */
export class WordEncoder {
  readonly #tokenizer: Tokenizer
  readonly #blank: string
  #known = new Map<string, Int32Array>()

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer
    const whole = tokenizer.encode('word word')
    const bare = tokenizer.encode('word')
    const isSame = whole.length === 2 * bare.length && whole.every((id, i) => id === bare[i % bare.length])
    this.#blank = isSame ? '' : ' '
  }

  encode(text: string): EncodedWords {
    const words = wordsOf(text)
    const starts = new Uint32Array(words.length + 1)
    const own: Int32Array[] = []
    let count = 0
    for (const [i, { start, end }] of words.entries()) {
      const ids = this.#idsOf(text.slice(start, end).trim(), i > 0)
      own.push(ids)
      count += ids.length
      starts[i + 1] = count
    }
    const ids = new Int32Array(count)
    for (const [i, part] of own.entries()) ids.set(part, starts[i] as number)
    return { words, ids, starts }
  }

  #idsOf(word: string, isLater: boolean): Int32Array {
    const spelt = isLater && this.#blank !== '' ? this.#blank + word : word
    const known = this.#known.get(spelt)
    if (known !== undefined) return known
    const special = new Set(this.#tokenizer.special.values())
    // What looks like a special token must not become one: its signs are encoded apart.
    const whole = this.#tokenizer.encode(spelt)
    const ids = whole.some((id) => special.has(id)) ? this.#apart(spelt, special) : whole
    if (this.#known.size >= MEMORY) this.#known = new Map()
    this.#known.set(spelt, ids)
    return ids
  }

  #apart(word: string, special: ReadonlySet<number>): Int32Array {
    const parts = [...word].flatMap((sign) => [...this.#tokenizer.encode(sign)].filter((id) => !special.has(id)))
    return Int32Array.from(parts)
  }
}
