/** What benches of prompts read: the folder `context` of PITH_DATA. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AnswerRow } from '../../packages/context/src/measure/index.ts'
import type { Span } from '../../packages/context/src/types.ts'

/** Rows of a file of JSON lines. */
export function rowsOf<T>(name: string): T[] {
  const text = readFileSync(join(process.env['PITH_DATA'] as string, 'context', name), 'utf8')
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T)
}

/** A question with its passages, one of which answers it. */
export interface QaRow extends AnswerRow {
  readonly gold: number
}

/** A meeting as text, its turns, and which of them each question is about. */
export interface Meeting {
  readonly id: string
  readonly text: string
  readonly turns: readonly Span[]
  readonly questions: readonly { readonly query: string; readonly spans: readonly Span[] }[]
}

/** The meetings of QMSum, one turn a line: NAME: what was said. */
export function meetings(): Meeting[] {
  interface Row {
    readonly id: string
    readonly turns: readonly (readonly [name: string, said: string])[]
    readonly specific: readonly { query: string; spans: readonly (readonly [from: unknown, to: unknown])[] }[]
  }
  return rowsOf<Row>('qmsum_meetings.jsonl').map(({ id, turns, specific }) => {
    const lines = turns.map(([name, said]) => `${name}: ${said.replace(/\s*\n\s*/g, ' ')}\n`)
    const places: Span[] = []
    let at = 0
    for (const line of lines) places.push({ start: at, end: (at += line.length) })
    const spanOf = (from: unknown, to: unknown): Span => ({
      start: (places[Number(from)] as Span).start,
      end: (places[Math.min(Number(to), places.length - 1)] as Span).end,
    })
    return {
      ...{ id, text: lines.join(''), turns: places },
      questions: specific.map(({ query, spans }) => ({ query, spans: spans.map(([from, to]) => spanOf(from, to)) })),
    }
  })
}
