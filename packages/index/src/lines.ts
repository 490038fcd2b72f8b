/** Lines of a file that may be long. */
import { type ByteSource, isSource, PithError, type Source, throwIfAborted, toSource } from '@pith/core'

/** Longest line that is read, in characters. */
const MAX_LINE = 2 ** 26

/** How a file of text is read, and what errors call it. */
export interface TextOptions {
  /** Name of the file in errors; default the name of the source. */
  name?: string
  signal?: AbortSignal
}

/** Lines that came at once. */
export interface Lines {
  /** Number of the first of them, from 1. */
  readonly first: number
  readonly lines: readonly string[]
}

/**
 * Lines without their ends (`\n` or `\r\n`), as many at a time as a chunk of the source holds. The text is UTF-8, or UTF-16
 * where a byte-order mark says so; bytes that are neither become U+FFFD.
 *
 * @throws PithError `PITH_LIMIT` a line above 2^26 characters; what the source gives; the abort reason
 */
export async function* readLines(
  input: ByteSource | Source,
  options: TextOptions = {},
): AsyncGenerator<Lines, void, undefined> {
  const { signal } = options
  const source = isSource(input) ? input : toSource(input, signal === undefined ? {} : { signal })
  const name = nameOf(source, options)
  const decoder = new TextDecoder(encodingOf(await source.head(2)))
  let first = 1
  let open: string[] = []
  let length = 0
  const take = (text: string): string[] => {
    const lines = text.split('\n')
    const rest = lines.pop() as string
    if (lines.length > 0) {
      lines[0] = open.join('') + lines[0]
      open = []
      length = 0
    }
    open.push(rest)
    length += rest.length
    if (length > MAX_LINE)
      throw lineError('PITH_LIMIT', name, first + lines.length, `is longer than ${MAX_LINE} characters`)
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] as string
      if (line.endsWith('\r')) lines[i] = line.slice(0, -1)
    }
    return lines
  }
  for await (const chunk of source.stream()) {
    throwIfAborted(signal)
    const lines = take(decoder.decode(chunk, { stream: true }))
    if (lines.length === 0) continue
    yield { first, lines }
    first += lines.length
  }
  const lines = take(`${decoder.decode()}\n`)
  if (lines.length > 1 || lines[0] !== '') yield { first, lines }
}

/** What errors call a file. */
export function nameOf(source: { readonly name?: string } | undefined, options: TextOptions): string {
  return options.name ?? source?.name ?? 'the input'
}

/** An error in a line of a file, numbered from 1. */
export function lineError(
  code: 'PITH_CORRUPT' | 'PITH_LIMIT' | 'PITH_TRUNCATED',
  name: string,
  line: number,
  what: string,
  hint?: string,
): PithError {
  const detail = { at: { entry: name }, ...(hint === undefined ? {} : { hint }) }
  return new PithError(code, `line ${line} of ${name} ${what}`, detail)
}

/** The start of what a user wrote, to show in an error. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text)
}

/** The encoding that a byte-order mark names, else UTF-8. */
export function encodingOf(head: Uint8Array): string {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
  return head[0] === 0xfe && head[1] === 0xff ? 'utf-16be' : 'utf-8'
}
