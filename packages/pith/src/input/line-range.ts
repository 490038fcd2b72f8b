import { PithError } from '@pith/core'

/** Lines `[from, to)`, counted from 0. */
export interface LineRange {
  readonly from: number
  readonly to: number
}

const LINE_END = 10

/**
 * A range of lines as the user counts them, from 1 and with both ends: `100-200`, `100-`, `-200`, `100`.
 *
 * @throws PithError `PITH_ARG`
 */
export function lineRange(text: string): LineRange {
  const [, first, dash, last] = /^(\d*)(-?)(\d*)$/.exec(text.trim()) ?? []
  const from = first === '' ? 1 : Number(first)
  const to = last !== '' ? Number(last) : dash === '-' ? Number.MAX_SAFE_INTEGER : from
  if (first === undefined || (first === '' && last === '') || from < 1 || to < from) {
    throw new PithError('PITH_ARG', `--lines must be a range such as 100-200, got ${text.slice(0, 80)}`, {
      hint: 'Lines count from 1; 100- and -200 leave an end open.',
    })
  }
  return { from: from - 1, to }
}

/** Those lines of a stream, as bytes; it is read no further than needed. */
export async function* linesOfStream(chunks: AsyncIterable<Uint8Array>, range: LineRange): AsyncGenerator<Uint8Array> {
  let line = 0
  for await (const chunk of chunks) {
    let at = 0
    while (line < range.from) {
      const end = chunk.indexOf(LINE_END, at)
      if (end < 0) break
      at = end + 1
      line++
    }
    if (line < range.from) continue
    const start = at
    while (line < range.to) {
      const end = chunk.indexOf(LINE_END, at)
      at = end < 0 ? chunk.length : end + 1
      if (end < 0) break
      line++
    }
    if (at > start) yield chunk.subarray(start, at)
    if (line >= range.to) return
  }
}
