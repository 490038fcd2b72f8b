/** Small tokenizers in the layout of llama2.c, for tests. */
import { ByteWriter } from '@pith/core'

/** The bytes of a tokenizer.bin: special pieces, all bytes, and pieces that are worth less the later they come. */
export function llama2cTokenizerBytes(pieces: readonly string[]): Uint8Array {
  const writer = new ByteWriter(4096)
  const encoder = new TextEncoder()
  writer.i32(Math.max(...pieces.map((piece) => encoder.encode(piece).length)))
  const put = (text: string, score: number): void => {
    const bytes = encoder.encode(text)
    writer.f32(score)
    writer.i32(bytes.length)
    writer.bytes(bytes)
  }
  for (const text of ['<unk>', '\n<s>\n', '\n</s>\n']) put(text, 0)
  for (let byte = 0; byte < 256; byte++) put(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, 0)
  for (const [i, piece] of pieces.entries()) put(piece, -i)
  return writer.finish()
}

const MERGES = [' t', 'he', ' a', ' s', ' w', 'nd', ' the', 'ed', ' co', ' cod', 'an', 'ea', ' of', ' is', 'é']

/** A vocabulary of a few merges and a piece for each letter, digit and some signs except `=`. */
export function smallLlama2cTokenizer(): Uint8Array {
  return llama2cTokenizerBytes([...MERGES, ...' abcdefghijklmnopqrstuvwxyz0123456789.;?'])
}
