import { meterProgress, type Run, throwIfAborted } from '@pith/core'
import { LexicalBuilder, type LexicalOptions } from './builder.ts'
import { LexicalIndex } from './lexical.ts'

/**
 * Index documents in the order in which they come; the first is row 0.
 *
 * @throws PithError `PITH_LIMIT`; what the source throws; the abort reason
 */
export async function buildLexical(
  documents:
    | Iterable<{ readonly title?: string; readonly text: string }>
    | AsyncIterable<{ readonly title?: string; readonly text: string }>,
  options: LexicalOptions = {},
  run?: Run,
): Promise<LexicalIndex> {
  const builder = new LexicalBuilder(options)
  const progress = meterProgress(run, { stage: 'documents', unit: 'rows' })
  const add = (document: { readonly title?: string; readonly text: string }): void => {
    throwIfAborted(run?.signal)
    progress.update(builder.add(document) + 1)
  }
  // Waiting for each of a list that is there would take longer than indexing it.
  if (Symbol.iterator in documents) for (const document of documents) add(document)
  else for await (const document of documents) add(document)
  progress.finish()
  return new LexicalIndex(builder, builder.analyzer)
}
