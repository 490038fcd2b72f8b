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
/** Stands before what follows a word without a blank; tokens do not reach across it. */
const STOP = '.'

/**
 * Encodes word by word, so that each piece is known to be of one word. Special tokens in a text are ordinary text.
 *
 * A tokenizer that sees the blank before a word gets it, one that adds it itself does not. Words that follow each other without a blank, as
 * those of Chinese, get none.
 */
export class WordEncoder {
  readonly #tokenizer: Tokenizer
  readonly #special: ReadonlySet<number>
  readonly #blank: string
  #known = new Map<string, Int32Array>()

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer
    this.#special = new Set(tokenizer.special.values())
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
      const behind = i > 0 && /\S/.test(text[start - 1] as string) ? STOP : this.#blank
      const ids = this.#idsOf(text.slice(start, end).trim(), i === 0 ? '' : behind)
      own.push(ids)
      count += ids.length
      starts[i + 1] = count
    }
    const ids = new Int32Array(count)
    for (const [i, part] of own.entries()) ids.set(part, starts[i] as number)
    return { words, ids, starts }
  }

  /** Ids of a word with what stands before it. */
  #idsOf(word: string, before: string): Int32Array {
    // No word begins with a blank, and one that begins with a stop is told from one that follows one.
    const key = `${before} ${word}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const whole = before === STOP ? this.#behindStop(word) : this.#tokenizer.encode(before + word)
    // What looks like a special token must not become one: its signs are encoded apart.
    const ids = whole.some((id) => this.#special.has(id)) ? this.#apart(word) : whole
    if (this.#known.size >= MEMORY) this.#known = new Map()
    this.#known.set(key, ids)
    return ids
  }

  #behindStop(word: string): Int32Array {
    const [stop, whole] = [this.#tokenizer.encode(STOP), this.#tokenizer.encode(STOP + word)]
    return stop.every((id, i) => id === whole[i]) ? whole.subarray(stop.length) : this.#tokenizer.encode(word)
  }

  #apart(word: string): Int32Array {
    const parts = [...word].flatMap((sign) => [...this.#tokenizer.encode(sign)].filter((id) => !this.#special.has(id)))
    return Int32Array.from(parts)
  }
}
