/** Holds the opened log and answers the page, so that the page never waits. */
import { blobAccess, type CountingAccess, countAccess, httpSource, isPithError } from '@pith/core'
import { type LogReader, openLog } from '@pith/text/logzip'
import type { Answer, Question } from './messages.ts'

/** Lines that are shown of a search; all are counted. */
const MOST_LINES = 500
const MOST_TEMPLATES = 500

let log: { reader: LogReader; source: CountingAccess } | undefined
let search: AbortController | undefined

function say(answer: Answer): void {
  self.postMessage(answer)
}

async function open(target: File | string): Promise<void> {
  search?.abort()
  await log?.reader.close()
  log = undefined
  const source = typeof target === 'string' ? await httpSource(target) : countAccess(blobAccess(target))
  const reader = await openLog(source)
  log = { reader, source }
  const name = typeof target === 'string' ? target : target.name
  say({ say: 'opened', name, size: source.size, lines: reader.lines, rawBytes: reader.rawBytes })
  // Templates of a file that lies elsewhere would cost all of it.
  if (typeof target === 'string') return
  const templates = await reader.templates()
  say({ say: 'templates', templates: templates.slice(0, MOST_TEMPLATES).map(({ text, count }) => ({ text, count })) })
}

async function find(question: Question & { ask: 'search' }): Promise<void> {
  if (log === undefined) return
  search?.abort()
  search = new AbortController()
  const { signal } = search
  const { id, pattern, fixed, ignoreCase } = question
  const { reader, source } = log
  const before = { requests: source.requests, bytes: source.bytes }
  const decoder = new TextDecoder()
  let count = 0
  for await (const batch of reader.grep({ patterns: [pattern], fixed, ignoreCase }, { signal })) {
    const room = Math.max(0, MOST_LINES - count)
    const lines = [...batch.lines.subarray(0, room)].map((line, i) => {
      const text = decoder.decode(batch.bytes.subarray(batch.offsets[i], (batch.offsets[i + 1] ?? 1) - 1))
      return { line: line + 1, text }
    })
    count += batch.lines.length
    say({ say: 'lines', id, lines })
  }
  const requests = source.requests - before.requests
  say({ say: 'searched', id, count, requests, bytes: source.bytes - before.bytes, size: source.size })
}

self.addEventListener('message', ({ data }: MessageEvent<Question>) => {
  const work = data.ask === 'open' ? open(data.target) : find(data)
  work.catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') return
    const hint = isPithError(error) && error.hint !== undefined ? ` ${error.hint}` : ''
    say({ say: 'failed', message: `${error instanceof Error ? error.message : String(error)}.${hint}` })
  })
})
