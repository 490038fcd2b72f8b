import { type BrotliOptions, brotliCompress, brotliCompressSync, brotliDecompress, canCompressBrotli } from '#brotli'
import { PithError } from '../errors.ts'

/** First byte of a block: how the rest is coded. */
export const STORED = 0
export const BROTLI = 1

const PROBE_QUALITY = 2

/**
 * Code one block: one byte that names the method, then the smaller of brotli and the bytes themselves; on the web the
 * bytes themselves, unless the page gave a compressor.
 *
 * @param raw  u8[n]
 * @returns u8[m], m <= n + 1
 * @throws the abort reason
 */
export async function encodeBlock(
  raw: Uint8Array,
  options: BrotliOptions & { signal?: AbortSignal | undefined },
): Promise<Uint8Array<ArrayBuffer>> {
  if (!canCompressBrotli()) {
    options.signal?.throwIfAborted()
    return prefixed(STORED, raw)
  }
  if (looksRandom(raw) && brotliCompressSync(raw, { quality: PROBE_QUALITY }).length >= raw.length * 0.995) {
    return prefixed(STORED, raw)
  }
  const coded = await brotliCompress(raw, options)
  return coded.length < raw.length ? prefixed(BROTLI, coded) : prefixed(STORED, raw)
}

/**
 * Decode one block.
 *
 * @param payload   what {@link encodeBlock} gave
 * @param rawBytes  length that must come out
 * @throws PithError `PITH_TRUNCATED` or `PITH_CORRUPT`
 */
export async function decodeBlock(payload: Uint8Array, rawBytes: number): Promise<Uint8Array> {
  if (payload.length === 0) throw new PithError('PITH_TRUNCATED', 'a block without a method byte')
  const method = payload[0]
  const body = payload.subarray(1)
  if (method !== STORED && method !== BROTLI) {
    throw new PithError('PITH_CORRUPT', `a block is coded by method ${method}, expected 0 (stored) or 1 (brotli)`)
  }
  const raw = method === STORED ? body : await brotliDecompress(body, rawBytes)
  if (raw.length !== rawBytes) {
    throw new PithError('PITH_CORRUPT', `a block decodes to ${raw.length} bytes, expected ${rawBytes}`)
  }
  return raw
}

function prefixed(method: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(body.length + 1)
  payload[0] = method
  payload.set(body, 1)
  return payload
}

/** Whether single bytes are spread almost evenly: media, encrypted and compressed data, where high effort is lost time. */
function looksRandom(raw: Uint8Array): boolean {
  if (raw.length < 4096) return false
  const counts = new Uint32Array(256)
  for (let i = 0; i < raw.length; i++) counts[raw[i]!]!++
  let squares = 0
  for (const count of counts) squares += count * count
  // Even bytes give length^2 / 256; an eighth more is still within what no coder gains much from.
  return squares * 256 <= raw.length * raw.length * 1.125
}
