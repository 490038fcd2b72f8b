import type * as Decoder from 'brotli-dec-wasm/web'
import { concatBytes } from '../bytes.ts'
import { PithError } from '../errors.ts'
import type { BrotliOptions } from './brotli-types.ts'

export type { BrotliOptions } from './brotli-types.ts'

/** The part of `brotli-wasm` that is used where an application brings it. */
interface Encoder {
  compress(bytes: Uint8Array, options: { quality: number }): Uint8Array
}

/** Bytes asked of the decoder at a time: large enough that calls do not show, small beside any block. */
const STEP = 1 << 18
const DONE = 1
const WANTS_INPUT = 2

let decoder: typeof Decoder | undefined
let loading: Promise<void> | undefined
let encoder: Encoder | undefined

/**
 * Make the synchronous calls ready: fetch the decoder once (about 200 KB of WebAssembly).
 *
 * @param module  the compiled module or its bytes, for hosts that load it themselves; default is the file beside its script
 */
export function loadBrotli(module?: WebAssembly.Module | BufferSource): Promise<void> {
  loading ??= start(module).catch((error) => {
    loading = undefined
    throw error
  })
  return loading
}

async function start(module?: WebAssembly.Module | BufferSource): Promise<void> {
  const loaded = await import('brotli-dec-wasm/web')
  if (module === undefined) await loaded.default()
  else loaded.initSync({ module })
  decoder = loaded
}

/** Give the page a compressor, such as the module `brotli-wasm`; none is loaded by itself, since it weighs 1 MB. */
export function useBrotliEncoder(module: Encoder): void {
  encoder = module
}

/** Whether bytes can be compressed here: always on Node, on the web once the page gave a compressor. */
export function canCompressBrotli(): boolean {
  return encoder !== undefined
}

/** Compress an array to one brotli stream. @throws PithError `PITH_CAPABILITY` no compressor was given */
export function brotliCompressSync(bytes: Uint8Array, options: BrotliOptions): Uint8Array<ArrayBuffer> {
  if (encoder === undefined) {
    throw new PithError('PITH_CAPABILITY', 'this page has no brotli compressor', {
      hint: 'Load brotli-wasm and hand it to useBrotliEncoder.',
    })
  }
  return new Uint8Array(encoder.compress(bytes, { quality: options.quality }))
}

/** As {@link brotliCompressSync}; the work runs on the calling thread, so call it in a worker. */
export async function brotliCompress(
  bytes: Uint8Array,
  options: BrotliOptions & { signal?: AbortSignal | undefined },
): Promise<Uint8Array<ArrayBuffer>> {
  options.signal?.throwIfAborted()
  return brotliCompressSync(bytes, options)
}

/**
 * Decode one brotli stream that fills `bytes` exactly; {@link loadBrotli} must have resolved.
 *
 * @param bytes      u8[m], not kept
 * @param maxOutput  bytes that may come out; memory grows with what really comes, never ahead of it
 * @throws PithError `PITH_LIMIT` more would come out · `PITH_TRUNCATED` the stream does not end · `PITH_CORRUPT` it is none, or bytes follow it
 */
export function brotliDecompressSync(bytes: Uint8Array, maxOutput: number): Uint8Array<ArrayBuffer> {
  if (decoder === undefined) {
    throw new PithError('PITH_CAPABILITY', 'the brotli decoder is not loaded', { hint: 'Await loadBrotli() first.' })
  }
  const stream = new decoder.BrotliDecStream()
  try {
    return drain(stream, bytes, maxOutput)
  } finally {
    stream.free()
  }
}

/** As {@link brotliDecompressSync}, loading the decoder where needed. */
export async function brotliDecompress(bytes: Uint8Array, maxOutput: number): Promise<Uint8Array<ArrayBuffer>> {
  if (decoder === undefined) await loadBrotli()
  return brotliDecompressSync(bytes, maxOutput)
}

function drain(stream: Decoder.BrotliDecStream, bytes: Uint8Array, maxOutput: number): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = []
  let total = 0
  let at = 0
  for (;;) {
    const input = bytes.subarray(at, at + STEP)
    let code: number
    let part: Uint8Array
    let used: number
    try {
      // One byte over the limit tells "exactly full" from "more would come".
      const result = stream.dec(input, Math.min(STEP, maxOutput + 1 - total))
      code = result.code
      part = result.buf
      used = result.input_offset
      result.free()
    } catch (error) {
      throw new PithError('PITH_CORRUPT', 'not a valid brotli stream', { cause: error })
    }
    at += used
    total += part.length
    if (total > maxOutput) {
      throw new PithError('PITH_LIMIT', `a brotli stream holds more than the ${maxOutput} bytes allowed here`)
    }
    if (part.length > 0) parts.push(part)
    if (code === DONE) break
    if (code === WANTS_INPUT && at >= bytes.length)
      throw new PithError('PITH_TRUNCATED', 'a brotli stream does not end')
  }
  if (at !== bytes.length) {
    throw new PithError('PITH_CORRUPT', `a brotli stream ends ${bytes.length - at} bytes early`)
  }
  return concatBytes(parts)
}
