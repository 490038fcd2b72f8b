/** The last step for byte streams: stored, or one brotli stream, whichever is smaller. */

import { ByteReader, ByteWriter, PithError } from '@pith/core'
import { brotliCompressSync, brotliDecompressSync, canCompressBrotli } from '@pith/core/brotli'

/** How a packed stream is coded. */
export const METHOD: { readonly stored: 0; readonly brotli: 1; readonly mixed: 2 } = { stored: 0, brotli: 1, mixed: 2 }

/** Quality of brotli by level. */
export const QUALITY: Readonly<Record<'fast' | 'default' | 'max', number>> = { fast: 5, default: 11, max: 11 }

/** Below this many bytes brotli has nothing to gain. */
const MIN_BROTLI = 24

/**
 * Pack bytes: u8 method + 16 * form, varint length, data.
 *
 * @param quality of brotli, 0..11
 * @param form a number below 16 that the caller finds again with {@link formOf}
 */
export function packBytes(bytes: Uint8Array, quality: number, form: number = 0): Uint8Array {
  const out = new ByteWriter(bytes.length + 16)
  if (bytes.length >= MIN_BROTLI && canCompressBrotli()) {
    const coded = brotliCompressSync(bytes, { quality, lgwin: windowLog(bytes.length) })
    if (coded.length < bytes.length) {
      out.u8(METHOD.brotli | (form << 4))
      out.varint(bytes.length)
      out.bytes(coded)
      return out.view()
    }
  }
  out.u8(METHOD.stored | (form << 4))
  out.varint(bytes.length)
  out.bytes(bytes)
  return out.view()
}

/** Smallest window that holds `bytes`, so that a decoder needs no more memory than that. */
function windowLog(bytes: number): number {
  return Math.min(24, Math.max(16, 33 - Math.clz32(bytes)))
}

/** The form of a packed stream. */
export function formOf(packed: Uint8Array): number {
  return (packed[0] ?? 0) >> 4
}

/**
 * Unpack what {@link packBytes} packed.
 *
 * @param most bytes that the caller is ready to hold
 * @throws PithError `PITH_LIMIT` more than `most` declared · `PITH_CORRUPT` not such a stream, or of another length
 */
export function unpackBytes(packed: Uint8Array, most: number): Uint8Array {
  const reader = new ByteReader(packed)
  const method = reader.u8() & 15
  const length = reader.varint()
  if (length > most) {
    throw new PithError('PITH_LIMIT', `a stream declares ${length} bytes, ${most} are allowed`, {
      hint: 'Raise the limit memoryBytes if you trust the file.',
    })
  }
  const data = reader.take(reader.remaining)
  let bytes: Uint8Array
  if (method === METHOD.stored) bytes = data
  else if (method === METHOD.brotli) bytes = brotliDecompressSync(data, length)
  else throw new PithError('PITH_CORRUPT', `a stream has the unknown method ${method}`)
  if (bytes.length !== length) {
    throw new PithError('PITH_CORRUPT', `a stream holds ${bytes.length} bytes where ${length} are declared`)
  }
  return bytes
}
