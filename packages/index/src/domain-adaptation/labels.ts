/** Rows that are hard to tell from the answer of a query, and what a teacher says of them. */
import { meterProgress, type Run, throwIfAborted } from '@pith/core'
import type { LabelledRows } from '../margin-loss.ts'
import type { Hits } from '../types.ts'
import type { GeneratedQuery } from './generator.ts'
import type { Teacher } from './teacher.ts'

/** Finds rows for a query by its number and text. */
export type Retriever = (query: number, text: string, k: number) => Hits | Promise<Hits>

/** The rows that retrievers find for each query, `n` of each, without the document that the query was made from. */
export async function mineNegatives(
  queries: readonly GeneratedQuery[],
  retrievers: readonly Retriever[],
  options: Run & { n?: number } = {},
): Promise<Uint32Array[]> {
  const { n = 50, signal } = options
  const meter = meterProgress(options, { stage: 'negatives', unit: 'rows', total: queries.length })
  const mined: Uint32Array[] = []
  for (const [number, { text, document }] of queries.entries()) {
    if (number % 64 === 0) await new Promise((resolve) => setTimeout(resolve))
    throwIfAborted(signal)
    const rows = new Set<number>()
    for (const retrieve of retrievers) {
      // One more, as the document itself may be among them.
      const { ids } = await retrieve(number, text, n + 1)
      let left = n
      for (const id of ids) if (id !== document && left-- > 0) rows.add(id)
    }
    mined.push(Uint32Array.from(rows))
    meter.update(number + 1)
  }
  meter.finish()
  return mined
}

/** What uncompressed vectors say themselves, and how much of a label it makes. */
export interface OwnView {
  /** 0..1 */
  readonly share: number
  score(query: number, rows: Uint32Array): ArrayLike<number>
}

/**
 * What a teacher says of the document of each query, which comes first, and of the rows that were mined for it.
 *
 * @param own  is mixed in: the vectors themselves know what a teacher of another kind does not
 */
export async function labelMargins(
  queries: readonly GeneratedQuery[],
  negatives: readonly Uint32Array[],
  teacher: Teacher,
  run: Run = {},
  own?: OwnView,
): Promise<LabelledRows[]> {
  const meter = meterProgress(run, { stage: 'labels', unit: 'rows', total: queries.length })
  const labelled: LabelledRows[] = []
  for (const [number, { text, document }] of queries.entries()) {
    if (number % 64 === 0) await new Promise((resolve) => setTimeout(resolve))
    throwIfAborted(run.signal)
    const rows = Uint32Array.from(new Set([document, ...(negatives[number] as Uint32Array)]))
    const scores = await teacher.score(text, rows, run)
    labelled.push({ rows, scores: own === undefined ? scores : mixed(scores, own.score(number, rows), own.share) })
    meter.update(number + 1)
  }
  meter.finish()
  return labelled
}

/** Both in deviations from their means. */
function mixed(scores: ArrayLike<number>, others: ArrayLike<number>, share: number): Float64Array {
  const [own, other] = [standardised(scores), standardised(others)]
  return own.map((value, i) => (1 - share) * value + share * (other[i] as number))
}

function standardised(values: ArrayLike<number>): Float64Array {
  const list = Float64Array.from(values)
  const mean = list.reduce((sum, value) => sum + value, 0) / list.length
  const deviation = Math.sqrt(list.reduce((sum, value) => sum + (value - mean) ** 2, 0) / list.length)
  return list.map((value) => (deviation > 0 ? (value - mean) / deviation : 0))
}
