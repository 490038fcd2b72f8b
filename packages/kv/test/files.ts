/** A model and a tokenizer as files that verbs load. */
import { ByteWriter } from '@pith/core'
import { writeGgufModel } from '@pith/lm'
import { CONFIG, randomParams } from './model.ts'

const PIECES = [' a', ' b', 'ab', 'ba', ' abab', ...' abcdefgh']

/** Sizes of the model in the file. */
export const FILE_CONFIG = { ...CONFIG, layers: 2, vocab: 259 + PIECES.length }

/** A GGUF file of random weights, without its tokenizer. */
export async function modelBytes(seed: number): Promise<Uint8Array> {
  return await writeGgufModel(FILE_CONFIG, randomParams(FILE_CONFIG, seed))
}

/** A tokenizer.bin of all bytes and a few pieces, which are worth less the later they come. */
export function tokenizerBytes(): Uint8Array {
  const writer = new ByteWriter(4096)
  const encoder = new TextEncoder()
  writer.i32(Math.max(...PIECES.map((piece) => piece.length)))
  const put = (text: string, score: number): void => {
    const bytes = encoder.encode(text)
    writer.f32(score)
    writer.i32(bytes.length)
    writer.bytes(bytes)
  }
  for (const text of ['<unk>', '\n<s>\n', '\n</s>\n']) put(text, 0)
  for (let byte = 0; byte < 256; byte++) put(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, 0)
  for (const [i, piece] of PIECES.entries()) put(piece, -i)
  return writer.finish()
}
