import { compressBy } from './safe/compress.ts'
import { generalBackground } from './select/background.ts'
import type { Background } from './select/bm25.ts'
import { rankPassages, renderPassages } from './select/passages.ts'
import type { Compressed, CompressOptions, Passage, Span } from './types.ts'

/** What is left of a passage. */
export interface KeptPassage {
  /** Number of the passage among those given. */
  readonly index: number
  /** Slices of its text, joined; empty where only its title is left. */
  readonly text: string
  /** In its text. */
  readonly kept: readonly Span[]
}

/** Passages within a budget: as one text, and each. */
export interface CompressedPassages extends Compressed {
  /** Those of which something is left, in the order given. */
  readonly passages: readonly KeptPassage[]
}

/**
 * Cut passages that were retrieved for a question to a budget: the best stay whole, of the next its best sentences stay.
 *
 * The text that is cut is that of all passages: title, line break, text, empty line.
 *
 * @param options  `background` says how common terms are elsewhere: in general (default), in one's own texts (`backgroundOf`), or `none`
 * @throws PithError `PITH_BUDGET`, `PITH_ARG`
 */
export async function compressPassages(
  passages: readonly Passage[],
  question: string,
  { background, ...options }: Omit<CompressOptions, 'query'> & { background?: Background | 'none' },
): Promise<CompressedPassages> {
  const rendered = renderPassages(passages)
  const own = background === 'none' ? {} : { background: background ?? (await generalBackground()) }
  const result = await compressBy(() => rankPassages(rendered, question, own), rendered.text, {
    ...options,
    query: question,
  })
  const left = rendered.places.flatMap(({ title, body }, index): KeptPassage[] => {
    const end = body.start + (passages[index] as Passage).text.length
    const kept = within(result.kept, { start: body.start, end })
    const hasTitle = within(result.kept, title).length > 0
    if (kept.length === 0 && !hasTitle) return []
    const text = kept.map((span) => rendered.text.slice(span.start, span.end)).join('')
    return [{ index, text, kept: kept.map((span) => ({ start: span.start - body.start, end: span.end - body.start })) }]
  })
  return { ...result, passages: left }
}

/** Parts of spans that lie in a place. */
function within(spans: readonly Span[], place: Span): Span[] {
  return spans.flatMap(({ start, end }) => {
    const own = { start: Math.max(start, place.start), end: Math.min(end, place.end) }
    return own.end > own.start ? [own] : []
  })
}
