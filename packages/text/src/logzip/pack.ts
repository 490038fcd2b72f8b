/** The last step for byte streams: stored, or one brotli stream, whichever is smaller. */

import { ByteReader, ByteWriter, PithError } from '@pith/core'
import { brotliCompressSync, brotliDecompressSync, canCompressBrotli } from '@pith/core/brotli'
import { decodeRansAdaptive, decodeText, encodeRansAdaptive, encodeText } from '@pith/core/entropy'

/** How a packed stream is coded. */
export const METHOD: { readonly stored: 0; readonly brotli: 1; readonly mixed: 2; readonly adaptive: 3 } = {
  stored: 0,
  brotli: 1,
  mixed: 2,
  adaptive: 3,
}

/** Quality of brotli by level; `max` has coders of its own, which give the same bytes everywhere. */
export const QUALITY: Readonly<Record<'fast' | 'default', number>> = { fast: 5, default: 11 }

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
    const coded = brotliCompressSync(bytes, { quality, lgwin: windowLog(bytes.length, quality) })
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

/** Pack bytes that are nearly random with the adaptive rANS coder. */
export function packAdaptive(bytes: Uint8Array): Uint8Array {
  return framed(METHOD.adaptive, bytes.length, encodeRansAdaptive(bytes, 0))
}

/** Pack a text with the context-mixing coder. */
export function packText(bytes: Uint8Array): Uint8Array {
  return framed(METHOD.mixed, bytes.length, encodeText(bytes))
}

function framed(method: number, length: number, data: Uint8Array): Uint8Array {
  const out = new ByteWriter(data.length + 16)
  out.u8(method)
  out.varint(length)
  out.bytes(data)
  return out.view()
}

/**
 * Smallest window that holds `bytes`, so that a decoder needs no more memory than that. At the highest quality brotli keeps
 * eight bytes for each of the window: 4 MiB are its most there.
 */
function windowLog(bytes: number, quality: number): number {
  return Math.min(quality > 9 ? 22 : 24, Math.max(16, 33 - Math.clz32(bytes)))
}

/** A packed stream as one that is stored, for who unpacks it more than once. */
export function packStored(packed: Uint8Array, most: number): Uint8Array {
  const bytes = unpackBytes(packed, most)
  const out = new ByteWriter(bytes.length + 16)
  out.u8(METHOD.stored | (formOf(packed) << 4))
  out.varint(bytes.length)
  out.bytes(bytes)
  return out.view()
}

/** How a packed stream, or a chunk, is coded. */
export function methodOf(packed: Uint8Array): number {
  return (packed[0] ?? 0) & 15
}

/** The form of a packed stream. */
export function formOf(packed: Uint8Array): number {
  return (packed[0] ?? 0) >> 4
}

/**
 * Unpack what {@link packBytes}, {@link packAdaptive} or {@link packText} packed.
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
  else if (method === METHOD.adaptive) bytes = decodeRansAdaptive(data, length)
  else if (method === METHOD.mixed) bytes = decodeText(data, length)
  else throw new PithError('PITH_CORRUPT', `a stream has the unknown method ${method}`)
  if (bytes.length !== length) {
    throw new PithError('PITH_CORRUPT', `a stream holds ${bytes.length} bytes where ${length} are declared`)
  }
  return bytes
}
