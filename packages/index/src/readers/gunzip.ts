/** Files that gzip packed. */
import { PithError, type Source, toSource } from '@pith/core'

/** The source, or what it unpacks to where gzip packed it. @throws PithError `PITH_CORRUPT` while it is read: it is damaged */
export async function gunzipped(source: Source): Promise<Source> {
  const head = await source.head(2)
  if (head[0] !== 0x1f || head[1] !== 0x8b) return source
  const { name } = source
  return toSource(unpack(source), name === undefined ? {} : { name: name.replace(/\.gz$/i, '') })
}

async function* unpack(source: Source): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = source.stream()[Symbol.asyncIterator]()
  const packed = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const step = await chunks.next()
        if (step.done) controller.close()
        // A copy: the stream may hold it longer than the source does.
        else controller.enqueue(step.value.slice())
      },
      async cancel() {
        await chunks.return?.()
      },
    },
    { highWaterMark: 0 },
  )
  const reader = packed.pipeThrough(new DecompressionStream('gzip')).getReader()
  let ended = false
  try {
    for (;;) {
      const step = await reader.read()
      if (step.done) break
      yield step.value
    }
    ended = true
  } catch (cause) {
    ended = true
    if (!isUnpacking(cause)) throw cause
    throw new PithError('PITH_CORRUPT', `${source.name ?? 'the input'} is damaged: gzip cannot unpack it`, { cause })
  } finally {
    if (!ended) await reader.cancel().catch(() => {})
  }
}

/** Whether the unpacking itself failed, not what it reads. */
function isUnpacking(error: unknown): boolean {
  return (
    error instanceof TypeError || (error instanceof Error && 'code' in error && /^Z_|ZLIB/.test(String(error.code)))
  )
}
