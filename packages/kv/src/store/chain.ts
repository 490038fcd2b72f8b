/** The names of chunks: each hangs on all tokens before it, on the model, and on a secret of whoever keeps it. */
import { ByteWriter, fromHex, PithError, Sha256 } from '@pith/core'
import type { ModelFingerprint } from '@pith/lm'

const MAGIC = new TextEncoder().encode('pith-kv/1')

/** What all chunks of one owner and model have in common. */
export interface ChainStart {
  readonly fp: ModelFingerprint
  /** Tokens of a chunk. */
  readonly chunk: number
  /** Of the owner; whoever does not know it can neither find nor guess what is kept. */
  readonly salt: string
}

/** The key before the first chunk, u8[32]. @throws PithError `PITH_MODEL` a fingerprint that is none */
export function startKey({ fp, chunk, salt }: ChainStart): Uint8Array {
  const encoder = new TextEncoder()
  const writer = new ByteWriter(256)
  writer.bytes(MAGIC)
  for (const hash of [fp.arch, fp.weights]) {
    if (!/^[0-9a-f]{64}$/.test(hash)) throw new PithError('PITH_MODEL', 'the model has no fingerprint')
    writer.bytes(fromHex(hash))
  }
  writer.u32(chunk)
  for (const text of [encoder.encode(fp.numerics), encoder.encode(salt)]) {
    writer.u32(text.length)
    writer.bytes(text)
  }
  return new Sha256().update(writer.view()).digest()
}

/** The key of the tokens that follow what `parent` stands for, u8[32]. */
export function nextKey(parent: Uint8Array, tokens: Int32Array): Uint8Array {
  const bytes = new Uint8Array(4 * tokens.length)
  const view = new DataView(bytes.buffer)
  for (const [i, id] of tokens.entries()) view.setInt32(4 * i, id, true)
  return new Sha256().update(parent).update(bytes).digest()
}

/** Keys of the whole chunks of a text, behind the key before the first one. */
export function chainKeys(tokens: Int32Array, start: ChainStart): Uint8Array[] {
  const keys = [startKey(start)]
  for (let at = 0; at + start.chunk <= tokens.length; at += start.chunk) {
    keys.push(nextKey(keys.at(-1) as Uint8Array, tokens.subarray(at, at + start.chunk)))
  }
  return keys
}
