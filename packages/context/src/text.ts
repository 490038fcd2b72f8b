import { PithError } from '@pith/core'
import { compressPassages } from './passages.ts'
import { compressBy } from './safe/compress.ts'
import { linesOf } from './safe/pieces.ts'
import { rankAny } from './select/any.ts'
import { rankTurns } from './select/transcript.ts'
import type { Compressed, CompressOptions, Passage, Span } from './types.ts'

/** What a text is. */
export type TextKind = 'auto' | 'text' | 'passages' | 'transcript'

/** A line that begins a turn: a name, a colon, a space. */
const TURN = /^[\p{L}\p{N}_ .'-]{1,40}: /u

/**
 * Cut a text to a budget by what it looks like.
 *
 * @param options  `kind` says what it is: `passages` are JSON lines of `title` and `text` and come back as their titles and texts; the
 * turns of a `transcript` begin with a name and a colon. A transcript and passages need a question.
 * @throws PithError `PITH_BUDGET`, `PITH_ARG`
 */
export async function compressText(
  text: string,
  { kind = 'auto', ...options }: CompressOptions & { kind?: TextKind },
): Promise<Compressed> {
  const { query } = options
  if (kind === 'passages') {
    if (query === undefined) throw noQuestion('passages')
    return await compressPassages(readPassages(text), query, options)
  }
  const turns = kind === 'text' ? [] : turnsOf(text)
  if (kind === 'transcript' && query === undefined) throw noQuestion('a transcript')
  const isTranscript = kind === 'transcript' || (kind === 'auto' && query !== undefined && turns.length >= 20)
  if (!isTranscript) return await compressBy(rankAny, text, options)
  return await compressBy((own, { share }) => rankTurns(own, turns, query as string, share), text, options)
}

/** Turns of a conversation; what stands before the first belongs to it. */
function turnsOf(text: string): Span[] {
  const turns: { start: number; end: number }[] = []
  for (const { start, end } of linesOf(text)) {
    const last = turns.at(-1)
    if (last !== undefined && !TURN.test(text.slice(start, Math.min(end, start + 50)))) last.end = end
    else turns.push({ start, end })
  }
  return turns
}

function readPassages(text: string): Passage[] {
  return linesOf(text).flatMap(({ start, end }, i) => {
    const line = text.slice(start, end).trim()
    if (line === '') return []
    let row: unknown
    try {
      row = JSON.parse(line)
    } catch {
      row = undefined
    }
    const { title, text: own } = (row ?? {}) as Record<string, unknown>
    if (typeof own !== 'string') {
      throw new PithError('PITH_ARG', `line ${i + 1} is no passage`, {
        hint: 'Write one JSON object a line: {"title": …, "text": …}.',
      })
    }
    return [typeof title === 'string' ? { title, text: own } : { text: own }]
  })
}

function noQuestion(what: string): PithError {
  return new PithError('PITH_ARG', `${what} cannot be ranked without a question`, {
    hint: 'Say what is asked: --question TEXT.',
  })
}
