import {
  constants,
  createBrotliCompress,
  type BrotliOptions as ZlibOptions,
  brotliCompressSync as zlibCompressSync,
  brotliDecompress as zlibDecompress,
  brotliDecompressSync as zlibDecompressSync,
} from 'node:zlib'
import { PithError } from '../errors.ts'
import type { BrotliOptions } from './brotli-types.ts'

export type { BrotliOptions } from './brotli-types.ts'

/** Bytes given to the encoder at a time: at the highest effort about half a second of work that an abort must wait for. */
const FEED = 1 << 18

/**
 * Bytes of the pieces that the decoder writes to. One that is larger than what comes is not joined with others, and its
 * pages are no memory before they are written to.
 */
const ROOM = 1 << 24

/** Bytes of room that tell an output of the expected length from a longer one. */
const SPARE = 1

/** Make the synchronous calls ready; on Node they always are, on the web this fetches the decoder once. */
export function loadBrotli(): Promise<void> {
  return Promise.resolve()
}

/** Whether bytes can be compressed here: always on Node, on the web once the page gave a compressor. */
export function canCompressBrotli(): boolean {
  return true
}

/**
 * Compress an array to one brotli stream.
 *
 * @param bytes  u8[n], not kept
 * @returns u8[m] that owns its memory
 */
export function brotliCompressSync(bytes: Uint8Array, options: BrotliOptions): Uint8Array<ArrayBuffer> {
  return own(zlibCompressSync(bytes, encoderOptions(bytes, options)))
}

/** As {@link brotliCompressSync}, off the calling thread. @throws the abort reason */
export async function brotliCompress(
  bytes: Uint8Array,
  options: BrotliOptions & { signal?: AbortSignal | undefined },
): Promise<Uint8Array<ArrayBuffer>> {
  const { signal } = options
  signal?.throwIfAborted()
  const stream = createBrotliCompress(encoderOptions(bytes, options))
  const parts: Buffer[] = []
  stream.on('data', (part: Buffer) => parts.push(part))
  const ended = new Promise<void>((resolve, reject) => {
    stream.on('end', resolve)
    stream.on('error', reject)
  })
  ended.catch(() => undefined)
  try {
    let at = 0
    for (; at + FEED < bytes.length; at += FEED) {
      const piece = bytes.subarray(at, at + FEED)
      await new Promise<void>((resolve, reject) => stream.write(piece, (error) => (error ? reject(error) : resolve())))
      signal?.throwIfAborted()
    }
    // The last piece comes with the end, so that the stream is the same as from one call.
    stream.end(bytes.subarray(at))
    await ended
    signal?.throwIfAborted()
  } finally {
    stream.destroy()
  }
  return own(parts.length === 1 ? parts[0]! : Buffer.concat(parts))
}

/**
 * Decode one brotli stream that fills `bytes` exactly.
 *
 * @param bytes      u8[m], not kept
 * @param maxOutput  bytes that may come out; memory grows with what really comes, never ahead of it
 * @throws PithError `PITH_LIMIT` more would come out · `PITH_TRUNCATED` the stream does not end · `PITH_CORRUPT` it is none, or bytes follow it
 */
export function brotliDecompressSync(bytes: Uint8Array, maxOutput: number): Uint8Array<ArrayBuffer> {
  let result: Decoded
  try {
    result = zlibDecompressSync(bytes, decoderOptions(maxOutput)) as unknown as Decoded
  } catch (error) {
    throw decodeError(error, maxOutput)
  }
  return checked(result, bytes, maxOutput)
}

/** As {@link brotliDecompressSync}, off the calling thread. */
export async function brotliDecompress(bytes: Uint8Array, maxOutput: number): Promise<Uint8Array<ArrayBuffer>> {
  const result = await new Promise<Decoded>((resolve, reject) => {
    zlibDecompress(bytes, decoderOptions(maxOutput), (error, value) => {
      if (error) reject(decodeError(error, maxOutput))
      else resolve(value as unknown as Decoded)
    })
  })
  return checked(result, bytes, maxOutput)
}

/** What zlib gives back with `info: true`. */
interface Decoded {
  buffer: Buffer
  engine: { bytesWritten: number }
}

function encoderOptions(bytes: Uint8Array, options: BrotliOptions): ZlibOptions {
  return {
    chunkSize: Math.min(1 << 18, Math.max(1 << 10, bytes.length)),
    params: {
      [constants.BROTLI_PARAM_QUALITY]: options.quality,
      [constants.BROTLI_PARAM_LGWIN]: options.lgwin ?? 22,
      [constants.BROTLI_PARAM_SIZE_HINT]: options.sizeHint ?? bytes.length,
      [constants.BROTLI_PARAM_MODE]: options.text ? constants.BROTLI_MODE_TEXT : constants.BROTLI_MODE_GENERIC,
    },
  }
}

function decoderOptions(maxOutput: number): ZlibOptions {
  // One byte over the limit tells "exactly full" from "more would come"; zlib refuses a limit of 0.
  const limit = Math.min(maxOutput + SPARE, 2 ** 31 - 1)
  return { info: true, maxOutputLength: limit, chunkSize: Math.min(ROOM, Math.max(1 << 10, limit)) }
}

function checked(result: Decoded, bytes: Uint8Array, maxOutput: number): Uint8Array<ArrayBuffer> {
  if (result.buffer.length > maxOutput) throw overLimit(maxOutput)
  if (result.engine.bytesWritten !== bytes.length) {
    throw new PithError('PITH_CORRUPT', `a brotli stream ends ${bytes.length - result.engine.bytesWritten} bytes early`)
  }
  return own(result.buffer)
}

function decodeError(error: unknown, maxOutput: number): PithError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ERR_BUFFER_TOO_LARGE') return overLimit(maxOutput)
  if (code === 'Z_BUF_ERROR') return new PithError('PITH_TRUNCATED', 'a brotli stream does not end', { cause: error })
  return new PithError('PITH_CORRUPT', 'not a valid brotli stream', { cause: error })
}

function overLimit(maxOutput: number): PithError {
  return new PithError('PITH_LIMIT', `a brotli stream holds more than the ${maxOutput} bytes allowed here`)
}

/** The bytes of a Buffer as an array of their own; copied where the Buffer is a part of something that is larger by much. */
function own(buffer: Buffer): Uint8Array<ArrayBuffer> {
  const whole = buffer.byteOffset === 0 && buffer.length + SPARE >= buffer.buffer.byteLength
  return whole ? new Uint8Array(buffer.buffer as ArrayBuffer, 0, buffer.length) : new Uint8Array(buffer)
}
