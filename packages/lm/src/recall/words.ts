/** The pieces of text that recall tasks are made of, as ids of a tokenizer. */
import { PithError } from '@pith/core'

/** Words of one syllable that things are named with. */
export const NOUNS: readonly string[] = (
  'ant axe bag ball bat bear bed bee bell bird boat book box bread brush bus cake cap car cart cat chair clock cloud coat cow ' +
  'cup dog door dress drum duck egg fish flag fork fox frog goat hat hen horse house jar key kite lamp leaf moon mouse nest owl ' +
  'park pen pig plane plant ring road rock roof rope rose sea sheep ship shoe snake spoon star stone sun tree wheel'
).split(' ')

const LETTERS: readonly string[] = Array.from('abcdefghijklmnopqrstuvwxyz')

/** Ids of the pieces; texts that are put together of them tokenize to the same ids. */
export interface RecallWords {
  readonly bos: number
  readonly newline: number
  readonly equals: number
  readonly end: number
  readonly ask: number
  readonly stop: number
  readonly space: number
  /** Ids of `0` to `9`. */
  readonly digits: readonly number[]
  readonly nouns: readonly (readonly number[])[]
  readonly letters: readonly (readonly number[])[]
  /** ` the code of the ` and the noun, for each noun. */
  readonly codeOf: readonly (readonly number[])[]
  /** ` is `, without what follows. */
  readonly is: readonly number[]
  /** Ids that sequences to copy are drawn from: those of whole pieces, without bytes. */
  readonly symbols: { readonly from: number; readonly count: number }
}

/** The part of a tokenizer that tasks need. */
export interface TaskTokenizer {
  readonly size: number
  readonly bos: number | undefined
  encode(text: string): ArrayLike<number>
}

/** First id that stands for text, not for a byte or a mark, in vocabularies of sentencepiece. */
const TEXT_FROM = 259

/** @throws PithError `PITH_MODEL` a digit or a sign is more than one token, or nothing begins a text */
export function recallWords(tokenizer: TaskTokenizer): RecallWords {
  const { bos, size } = tokenizer
  if (bos === undefined || size <= TEXT_FROM) {
    throw new PithError('PITH_MODEL', 'recall tasks need a token that begins a text, and pieces beside the bytes')
  }
  // Some tokenizers put a space in front of a text: behind a new line, which merges with nothing, pieces are as within one.
  const lead = tokenizer.encode('\n').length
  const encode = (text: string): number[] => Array.from(tokenizer.encode(`\n${text}`)).slice(lead)
  const one = (text: string): number => {
    const ids = encode(text)
    if (ids.length === 1) return ids[0] as number
    throw new PithError('PITH_MODEL', `${JSON.stringify(text)} is ${ids.length} tokens, recall tasks need one`, {
      hint: 'Answers are counted digit by digit: take a tokenizer whose digits are single tokens.',
    })
  }
  return {
    bos,
    newline: one('\n'),
    equals: one('='),
    end: one(';'),
    ask: one('?'),
    stop: one('.'),
    space: one(' '),
    digits: Array.from('0123456789', one),
    nouns: NOUNS.map(encode),
    letters: LETTERS.map(encode),
    codeOf: NOUNS.map((noun) => encode(` the code of the ${noun}`)),
    is: encode(' is'),
    symbols: { from: TEXT_FROM, count: size - TEXT_FROM },
  }
}
