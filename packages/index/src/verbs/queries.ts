/** Queries from a file. */
import { type CommandContext, PithError, readAll } from '@pith/core'
import { inputSource } from '@pith/core/node'
import { asQueries, readJsonLines } from '../readers/index.ts'
import type { IndexQuery } from '../types.ts'

/** Bytes of a file of queries. */
const MOST_BYTES = 2 ** 28

/**
 * Queries of JSONL (`_id`, `text`) or of lines with a tab behind the id; lines without one are numbered.
 *
 * @param path  `-` is standard input
 */
export async function queriesOf(path: string, context: CommandContext): Promise<IndexQuery[]> {
  const { signal } = context
  const source = path === '-' ? undefined : await inputSource(path)
  try {
    const bytes = await readAll(source ?? context.stdin(), { maxBytes: MOST_BYTES, signal })
    const text = new TextDecoder().decode(bytes)
    if (!text.trimStart().startsWith('{')) return text.split(/\r?\n/).flatMap(queryOfLine)
    const queries: IndexQuery[] = []
    for await (const query of asQueries(readJsonLines(bytes, { name: path, signal }))) queries.push(query)
    return queries
  } finally {
    await source?.close()
  }
}

function queryOfLine(line: string, i: number): IndexQuery[] {
  if (line.trim() === '') return []
  const tab = line.indexOf('\t')
  if (tab === 0) throw new PithError('PITH_ARG', `line ${i + 1} of the queries has no id`)
  return tab < 0 ? [{ id: String(i + 1), text: line }] : [{ id: line.slice(0, tab), text: line.slice(tab + 1) }]
}
