import { concatBytes } from './bytes.ts'
import { throwIfAborted, untilAborted } from './cancel.ts'
import { PithError } from './errors.ts'
import type { ByteSource, RandomAccess, Source } from './io.ts'

/** Bytes that one step of a stream over random access reads. */
const STEP_BYTES = 256 * 1024

/** Name and cancellation of a source. */
export interface SourceOptions {
  name?: string
  signal?: AbortSignal
}

/**
 * A {@link Source} over anything that bytes can be taken from. `head` may be called any number of times before `stream`;
 * arrays, Blobs and random access can be streamed again, streams once.
 *
 * @throws PithError `PITH_ARG` for anything else
 */
export function toSource(input: ByteSource, options: SourceOptions = {}): Source {
  const access = accessOf(input)
  const name = options.name ?? (isBlob(input) && 'name' in input ? String(input.name) : undefined)
  const source =
    access === undefined
      ? streamSource(
          untilAborted(iterate(input as ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>), options.signal),
        )
      : accessSource(access, options.signal)
  return name === undefined ? source : { ...source, name }
}

/**
 * Random access to anything that allows it.
 *
 * @throws PithError `PITH_UNSUPPORTED` for streams, which pass once
 */
export function toRandomAccess(input: ByteSource): RandomAccess {
  const access = accessOf(input)
  if (access !== undefined) return access
  throw new PithError('PITH_UNSUPPORTED', 'a stream cannot be read at any place', {
    hint: 'Read the stream into memory or a file first.',
  })
}

/** Random access to a byte array; reads are views of it. */
export function bytesAccess(bytes: Uint8Array): RandomAccess {
  return {
    size: bytes.length,
    async read(offset, length, options) {
      throwIfAborted(options?.signal)
      return bytes.subarray(Math.min(offset, bytes.length), Math.min(offset + length, bytes.length))
    },
  }
}

/** Random access to a Blob or File. */
export function blobAccess(blob: Blob): RandomAccess {
  return {
    size: blob.size,
    async read(offset, length, options) {
      throwIfAborted(options?.signal)
      try {
        return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer())
      } catch (cause) {
        throw new PithError('PITH_IO', `${length} bytes at ${offset} of the blob cannot be read`, {
          hint: 'Choose the file again: it may have changed since it was opened.',
          at: { offset },
          cause,
        })
      }
    },
  }
}

/** Random access that counts what is read from it. */
export interface CountingAccess extends RandomAccess {
  readonly requests: number
  readonly bytes: number
}

/** Count the reads and bytes taken from `access`. */
export function countAccess(access: RandomAccess): CountingAccess {
  let requests = 0
  let bytes = 0
  return {
    size: access.size,
    remote: access.remote === true,
    get requests() {
      return requests
    },
    get bytes() {
      return bytes
    },
    async read(offset, length, options) {
      requests++
      const chunk = await access.read(offset, length, options)
      bytes += chunk.length
      return chunk
    },
    close: async () => access.close?.(),
  }
}

/** Stream random access from `start` (default 0) to `end` (default its size) in steps of 256 KiB. */
export async function* streamAccess(
  access: RandomAccess,
  options: { start?: number; end?: number; signal?: AbortSignal | undefined } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { start = 0, end = access.size, signal } = options
  const read = signal === undefined ? undefined : { signal }
  for (let at = start; at < end; ) {
    throwIfAborted(signal)
    const chunk = await access.read(at, Math.min(STEP_BYTES, end - at), read)
    if (chunk.length === 0) return
    at += chunk.length
    yield chunk
  }
}

/**
 * All bytes of an input in one array that owns its memory.
 *
 * @throws PithError `PITH_LIMIT` above `maxBytes`
 */
export async function readAll(
  input: ByteSource | Source,
  options: { maxBytes?: number; signal?: AbortSignal } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { maxBytes = Number.MAX_SAFE_INTEGER, signal } = options
  const source = isSource(input) ? input : toSource(input, signal === undefined ? {} : { signal })
  const parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of source.stream()) {
    throwIfAborted(signal)
    length += chunk.length
    if (length > maxBytes) {
      throw new PithError('PITH_LIMIT', `the input is longer than ${maxBytes} bytes`, {
        hint: 'Raise the limit outputBytes if you trust this input.',
      })
    }
    parts.push(chunk)
  }
  return concatBytes(parts)
}

/** Whether something is a {@link Source} already. */
export function isSource(input: unknown): input is Source {
  return typeof input === 'object' && input !== null && 'head' in input && typeof input.head === 'function'
}

function isBlob(input: unknown): input is Blob {
  return typeof Blob !== 'undefined' && input instanceof Blob
}

function accessOf(input: ByteSource): RandomAccess | undefined {
  if (input instanceof Uint8Array) return bytesAccess(input)
  if (input instanceof ArrayBuffer) return bytesAccess(new Uint8Array(input))
  if (isBlob(input)) return blobAccess(input)
  if (typeof input === 'object' && input !== null && 'read' in input && 'size' in input) return input
  return undefined
}

function iterate(input: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  if (typeof input === 'object' && input !== null) {
    if (Symbol.asyncIterator in input) return input
    // Safari has no async iteration over streams.
    if ('getReader' in input) return iterateStream(input)
  }
  throw new PithError('PITH_ARG', `bytes, a Blob, a stream or random access is needed, got ${typeof input}`)
}

async function* iterateStream(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader()
  let done = false
  try {
    for (;;) {
      const step = await reader.read()
      if (step.done) {
        done = true
        return
      }
      yield step.value
    }
  } finally {
    if (!done) await reader.cancel().catch(() => {})
    reader.releaseLock()
  }
}

function accessSource(access: RandomAccess, signal?: AbortSignal): Source {
  return {
    size: access.size,
    head: (length) => access.read(0, Math.min(length, access.size), signal === undefined ? undefined : { signal }),
    stream: () => streamAccess(access, { signal }),
  }
}

function streamSource(iterator: AsyncGenerator<Uint8Array, void, undefined>): Source {
  let held: Uint8Array[] = []
  let heldBytes = 0
  let ended = false
  let taken = false
  let failure: { error: unknown } | undefined
  const pull = async (): Promise<Uint8Array | undefined> => {
    // A generator that failed says that it is done: its failure is kept, so that no part passes for the whole.
    if (failure !== undefined) throw failure.error
    const step = await iterator.next().catch((error: unknown) => {
      failure = { error }
      throw error
    })
    if (!step.done) return step.value
    ended = true
    return undefined
  }
  async function* replay(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (const chunk of held) yield chunk
      held = []
      while (!ended) {
        const chunk = await pull()
        if (chunk !== undefined && chunk.length > 0) yield chunk
      }
    } finally {
      if (!ended) await iterator.return()
    }
  }
  return {
    async head(length) {
      if (taken) throw new PithError('PITH_ARG', 'the head must be read before the stream is taken')
      while (!ended && heldBytes < length) {
        const chunk = await pull()
        if (chunk === undefined || chunk.length === 0) continue
        held.push(chunk)
        heldBytes += chunk.length
      }
      const first = held[0]
      if (first !== undefined && first.length >= length) return first.subarray(0, length)
      held = held.length > 1 ? [concatBytes(held)] : held
      return (held[0] ?? new Uint8Array(0)).subarray(0, length)
    },
    stream() {
      if (taken) throw new PithError('PITH_ARG', 'a stream can be taken once')
      taken = true
      return replay()
    },
  }
}
