/** Files of judgements and of rankings, as trec_eval and BEIR write them. */
import type { ByteSource, Source } from '@pith/core'
import { lineError, nameOf, readLines, shown, type TextOptions } from '../lines.ts'
import type { Qrels, Rankings } from '../types.ts'

const SPACE = /[\t\n\v\f\r ]+/
const INTEGER = /^[+-]?\d{1,15}(\.0*)?$/
const REAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i
const ENDLESS = /^([+-]?)inf(inity)?$/i

/**
 * Read judgements. Three forms are told apart by their first line: trec_eval's `query iteration document gain`, BEIR's
 * `query-id <tab> corpus-id <tab> score` with or without its heading, and SMART's `query document 0 0.000000`, where every
 * pair has gain 1. Empty lines are passed over.
 *
 * @throws PithError `PITH_CORRUPT` a line of another form, or a document twice, with the line; as `readLines`
 */
export async function readQrels(source: ByteSource | Source, options: TextOptions = {}): Promise<Qrels> {
  const name = nameOf(source as Source, options)
  const qrels = new Map<string, Map<string, number>>()
  let form: QrelsForm | undefined
  for await (const { first, lines } of readLines(source, options)) {
    for (const [i, line] of lines.entries()) {
      if (line.trim() === '') continue
      if (form === undefined) {
        form = formOf(line)
        if (/^query-?_?id\tcorpus-?_?id\tscore\s*$/i.test(line)) continue
      }
      const parts = form.split(line)
      const gain = parts === undefined ? Number.NaN : gainOf(form, parts)
      if (parts === undefined || Number.isNaN(gain)) {
        throw lineError('PITH_CORRUPT', name, first + i, `is ${shown(line)}, expected ${form.expected}`)
      }
      addOnce(qrels, parts[0] as string, parts[form.document] as string, gain, () => [name, first + i])
    }
  }
  return qrels
}

interface QrelsForm {
  readonly expected: string
  /** Columns of the document and of the gain; every pair has gain 1 where there is none. */
  readonly document: number
  readonly gain?: number
  split(line: string): readonly string[] | undefined
}

const TREC: QrelsForm = {
  expected: 'query, iteration, document and a whole gain',
  document: 2,
  gain: 3,
  split: (line) => columns(line.trim().split(SPACE), 4),
}
const BEIR: QrelsForm = {
  expected: 'query, document and a whole gain with tabs between them',
  document: 1,
  gain: 2,
  split: (line) => columns(line.split('\t'), 3),
}
const SMART: QrelsForm = {
  expected: 'query, document and two numbers',
  document: 1,
  split: (line) => columns(line.trim().split(SPACE), 4),
}

function formOf(line: string): QrelsForm {
  if (line.split('\t').length === 3) return BEIR
  return /^\d+\.\d+$/.test(line.trim().split(SPACE)[3] ?? '') ? SMART : TREC
}

function columns(parts: readonly string[], count: number): readonly string[] | undefined {
  return parts.length === count && parts.every((part) => part !== '') ? parts : undefined
}

function gainOf({ gain }: QrelsForm, parts: readonly string[]): number {
  if (gain === undefined) return 1
  const text = (parts[gain] as string).trim()
  return INTEGER.test(text) ? Number(text) : Number.NaN
}

/**
 * Read a run: lines `query Q0 document rank score tag`. Rank and tag are ignored, as trec_eval does; empty lines are passed over.
 *
 * @throws PithError `PITH_CORRUPT` a line of another form, or a document twice for a query, with the line; as `readLines`
 */
export async function readRun(source: ByteSource | Source, options: TextOptions = {}): Promise<Rankings> {
  const name = nameOf(source as Source, options)
  const run = new Map<string, Map<string, number>>()
  for await (const { first, lines } of readLines(source, options)) {
    for (const [i, line] of lines.entries()) {
      const parts = line.trim().split(SPACE)
      if (parts.length === 1 && parts[0] === '') continue
      const score = scoreOf(parts[4] ?? '')
      if (parts.length < 6 || Number.isNaN(score)) {
        throw lineError(
          'PITH_CORRUPT',
          name,
          first + i,
          `is ${shown(line)}, expected query, Q0, document, rank, score and tag`,
        )
      }
      addOnce(run, parts[0] as string, parts[2] as string, score, () => [name, first + i])
    }
  }
  return run
}

function scoreOf(text: string): number {
  if (REAL.test(text)) return Number(text)
  const endless = ENDLESS.exec(text)
  if (endless === null) return Number.NaN
  return endless[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}

function addOnce(
  all: Map<string, Map<string, number>>,
  query: string,
  document: string,
  value: number,
  place: () => [name: string, line: number],
): void {
  let own = all.get(query)
  if (own === undefined) {
    own = new Map()
    all.set(query, own)
  }
  if (own.has(document)) {
    const [name, line] = place()
    throw lineError(
      'PITH_CORRUPT',
      name,
      line,
      `names document ${shown(document)} of query ${shown(query)} again`,
      'Keep one line for each query and document.',
    )
  }
  own.set(document, value)
}
