/** A Web Worker that searches a log: whole reading stays off the page's thread. */
import { blobAccess, countAccess, httpSource } from '@pith/core'
import { type GrepQuery, openLog } from '@pith/text/logzip'

export interface SearchCall {
  target: File | string
  query: GrepQuery
}

export interface SearchAnswer {
  lines: number[]
  text: string
  /** Of the file. */
  size: number
  requests: number
  bytes: number
}

self.addEventListener('message', ({ data }: MessageEvent<SearchCall>) => {
  const { target, query } = data
  void (async () => {
    const source = typeof target === 'string' ? await httpSource(target) : countAccess(blobAccess(target))
    const reader = await openLog(source)
    const lines: number[] = []
    let text = ''
    for await (const batch of reader.grep(query)) {
      lines.push(...batch.lines)
      text += new TextDecoder().decode(batch.bytes)
    }
    await reader.close()
    const { size, requests, bytes } = source
    self.postMessage({ lines, text, size, requests, bytes } satisfies SearchAnswer)
  })()
})
