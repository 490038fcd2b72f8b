/** Streams of server-sent events. */
import { PithError } from '@pith/core'

/** Longest event that is read. */
const MAX_EVENT = 1 << 24

/**
 * The data of each event of a stream.
 *
 * @throws PithError `PITH_LIMIT` an event of 16 MiB or more
 */
export async function* eventData(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  let data: string[] = []
  try {
    for (;;) {
      const step = await reader.read()
      rest += step.done ? decoder.decode() : decoder.decode(step.value, { stream: true })
      // A lone CR at the end may be the first half of CRLF.
      const end = step.done || !rest.endsWith('\r') ? rest.length : rest.length - 1
      const lines = rest.slice(0, end).split(/\r\n|\n|\r/)
      rest = (lines.pop() ?? '') + rest.slice(end)
      if (step.done && rest !== '') lines.push(rest)
      if (rest.length + data.length > MAX_EVENT) throw new PithError('PITH_LIMIT', 'an event is longer than 16 MiB')
      for (const line of lines) {
        if (line === '') {
          if (data.length > 0) yield data.join('\n')
          data = []
        } else if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5))
      }
      if (step.done) {
        if (data.length > 0) yield data.join('\n')
        return
      }
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}
