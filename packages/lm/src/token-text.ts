/** The text of tokens that come one by one. */
import type { Tokenizer } from '@pith/engine/io'

/** Tokens that may hang on those before them; their text is not looked at again. */
const CONTEXT = 16

/** What stands for bytes that are no character, or not yet. */
const INCOMPLETE = '�'

/** Gives the text of each token when it is certain. What a token costs does not grow with the text before it. */
export class TokenText {
  readonly #tokenizer: Pick<Tokenizer, 'decode'>
  /** Tokens whose text is out but needed to read the next, and then those whose text is not out. */
  #ids: number[]
  /** Of the first `#out` ids. */
  #known: string
  #out: number

  /** @param before tokens that stand in front */
  constructor(tokenizer: Pick<Tokenizer, 'decode'>, before: Int32Array) {
    this.#tokenizer = tokenizer
    this.#ids = [...before.subarray(Math.max(0, before.length - CONTEXT))]
    this.#known = tokenizer.decode(this.#ids)
    this.#out = this.#ids.length
  }

  /** Take the next token. @returns text that is certain with it; characters of several tokens come with the last of them */
  push(id: number): string {
    this.#ids.push(id)
    const whole = this.#tokenizer.decode(this.#ids)
    if (!whole.endsWith(INCOMPLETE)) return this.#give(whole, this.#ids.length)
    const before = this.#tokenizer.decode(this.#ids.slice(0, -1))
    // Bytes that are no character yet never become one, if this token begins another.
    const isSettled = whole.length > before.length && whole.startsWith(before)
    return isSettled ? this.#give(before, this.#ids.length - 1) : ''
  }

  /** What is left, where nothing follows. */
  finish(): string {
    return this.#give(this.#tokenizer.decode(this.#ids), this.#ids.length)
  }

  #give(text: string, count: number): string {
    const fresh = text.slice(this.#known.length)
    // Tokens that gave text are enough to read the next ones.
    const gone = fresh === '' ? Math.max(0, this.#out - CONTEXT) : this.#out
    this.#ids.splice(0, gone)
    this.#out = count - gone
    this.#known = this.#tokenizer.decode(this.#ids.slice(0, this.#out))
    return fresh
  }
}
