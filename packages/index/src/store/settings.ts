import { PithError } from '@pith/core'
import { type AnalyzerOptions, analyzerOf, makeAnalyzer } from '@pith/core/lexical'
import { damaged } from './document.ts'

/** What an index finds documents by; it is chosen when the index is made. */
export interface IndexOptions {
  /** Words of title and text, ranked by BM25. Default on, with English stems. */
  lexical?: boolean | LexicalSettingsOptions
}

/** How words are indexed. */
export interface LexicalSettingsOptions extends AnalyzerOptions {
  /** What a word of the title counts for, against 1 in the text: an integer 1..16. Default 2. */
  titleWeight?: number
}

/** The same as it is stored. */
export interface IndexSettings {
  readonly lexical?: { readonly analyzer: string; readonly titleWeight: number }
}

/** Options as they are stored. @throws PithError `PITH_ARG` */
export function makeSettings(options: IndexOptions = {}): IndexSettings {
  checkKeys(options, ['lexical'], 'an option of an index')
  const { lexical = true } = options
  if (lexical === false) return {}
  const { titleWeight = 2, ...analyzer } = lexical === true ? {} : lexical
  checkKeys(analyzer, ['stem', 'accents', 'stop'], 'an option of lexical')
  if (!(Number.isInteger(titleWeight) && titleWeight >= 1 && titleWeight <= 16)) {
    throw new PithError('PITH_ARG', `titleWeight must be an integer 1..16, got ${titleWeight}`)
  }
  return { lexical: { analyzer: makeAnalyzer(analyzer).id, titleWeight } }
}

/** Check stored settings. @throws PithError `PITH_CORRUPT` · `PITH_VERSION` an analyzer that is not known here */
export function checkSettings(content: unknown): IndexSettings {
  if (typeof content !== 'object' || content === null) throw damaged('the settings of the index are damaged')
  const { lexical } = content as Record<string, unknown>
  if (lexical === undefined) return {}
  const { analyzer, titleWeight } = (lexical ?? {}) as Record<string, unknown>
  if (typeof analyzer !== 'string' || typeof titleWeight !== 'number') {
    throw damaged('the settings of the lexical part are damaged')
  }
  analyzerOf(analyzer)
  return { lexical: { analyzer, titleWeight } }
}

function checkKeys(options: object, known: readonly string[], what: string): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue
    throw new PithError('PITH_ARG', `${JSON.stringify(key.slice(0, 40))} is not ${what}`, {
      hint: `Use ${known.join(', ')}.`,
    })
  }
}
