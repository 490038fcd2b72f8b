/** A model and a tokenizer as files that verbs load. */
import { llama2cTokenizerBytes } from '@pith/engine/testing'
import { writeGgufModel } from '@pith/lm'
import { randomParams } from '@pith/lm/testing'
import { CONFIG } from './model.ts'

const PIECES = [' a', ' b', 'ab', 'ba', ' abab', ...' abcdefgh']

/** Sizes of the model in the file. */
export const FILE_CONFIG = { ...CONFIG, layers: 2, vocab: 259 + PIECES.length }

/** A GGUF file of random weights, without its tokenizer. */
export async function modelBytes(seed: number): Promise<Uint8Array> {
  return await writeGgufModel(FILE_CONFIG, randomParams(FILE_CONFIG, seed))
}

/** A tokenizer.bin of all bytes and a few pieces. */
export function tokenizerBytes(): Uint8Array {
  return llama2cTokenizerBytes(PIECES)
}
