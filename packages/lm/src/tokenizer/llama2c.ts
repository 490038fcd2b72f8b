/** What a language model asks of a tokenizer; that of llama2.c is one. */
export { readLlama2cTokenizer } from '@pith/engine/io'

/** Text to ids and back. */
export interface Tokenizer {
  readonly size: number
  /** Id that begins a text. */
  readonly bos: number
  /** Id that ends one. */
  readonly eos: number
  /** The ids of a text. `prefix`: a space is put in front, as llama2.c does. Default true. */
  encode(text: string, options?: { bos?: boolean; prefix?: boolean }): Int32Array
  /** The text of ids; the space after a first `bos` is left out. */
  decode(ids: ArrayLike<number>): string
}
