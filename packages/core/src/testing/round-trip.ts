import { concatBytes } from '../bytes.ts'
import type { Codec } from '../codec.ts'
import { createContainer } from '../container/create.ts'
import { openContainer } from '../container/reader.ts'
import { PithError } from '../errors.ts'
import type { ByteSource, RandomAccess } from '../io.ts'
import type { Report } from '../report.ts'
import type { Run } from '../run.ts'
import { MemorySink } from '../sink.ts'
import { toSource } from '../source.ts'

/** A container made of one input. */
export interface Packed {
  file: Uint8Array<ArrayBuffer>
  report: Report
}

/** Where and how {@link packEntry} writes. */
export interface PackInto {
  sink?: MemorySink
  /** Whether a small file may take the solo form of the container; default true. */
  solo?: boolean
}

/** Code one input into a container of its own. */
export async function packEntry<O extends object>(
  codec: Codec<O>,
  input: ByteSource,
  options: O & Run,
  { sink = new MemorySink(), solo = true }: PackInto = {},
): Promise<Packed> {
  const container = createContainer(sink, { solo, ...(options.signal === undefined ? {} : { signal: options.signal }) })
  try {
    const entry = await container.entry({ codec: codec.id, version: codec.version })
    const report = await codec.encode(toSource(input), entry, options)
    await entry.finish()
    await container.finish()
    return { file: sink.bytes(), report }
  } catch (error) {
    await container.abort(error)
    throw error
  }
}

/** Decode the first entry of a container. */
export async function unpackEntry<O extends object>(
  codec: Codec<O>,
  file: Uint8Array | RandomAccess,
  run: Run = {},
): Promise<Uint8Array> {
  const container = await openContainer(file, run.limits === undefined ? {} : { limits: run.limits })
  try {
    for await (const entry of container.entries(run)) {
      if (entry.codec !== codec.id) throw new PithError('PITH_UNSUPPORTED', `an entry is coded by ${entry.codec}`)
      return await collectBytes(codec.decode(entry, run))
    }
    throw new PithError('PITH_UNSUPPORTED', 'the container has no entry')
  } finally {
    await container.close()
  }
}

/** All bytes of a stream. */
export async function collectBytes(
  stream: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of toSource(stream).stream()) parts.push(part)
  return concatBytes(parts)
}
