/** The part of a document that says why it was found. */
import type { Analyzer, Term } from '@pith/core/lexical'

/** Characters that a part has about. */
const LENGTH = 240
/** Characters of a document that are looked at. */
const LOOKED_AT = 100_000

/** A run of text; `hit` where it is a word that was asked for. */
export interface SnippetPart {
  readonly text: string
  readonly hit: boolean
}

/** The terms of a query, as words of documents are told by. */
export interface WantedTerms {
  readonly whole: ReadonlySet<string>
  /** What terms may begin with. */
  readonly beginnings: readonly string[]
}

/** The terms that a query asks for: stop words only where there is nothing else. */
export function wantedTerms(query: string, analyzer: Analyzer): WantedTerms {
  const terms = analyzer.analyze(query, 'query')
  const telling = terms.filter(({ stop }) => !stop)
  const own = telling.length > 0 ? telling : terms
  return {
    whole: new Set(own.map(({ text }) => text)),
    beginnings: own.filter(({ partial }) => partial).map(({ text }) => text),
  }
}

/**
 * The part of a text in which most of the wanted terms stand, as runs of one line; the beginning where none does.
 *
 * @param length  characters, about
 * @complexity O(text)
 */
export function makeSnippet(
  text: string,
  wanted: WantedTerms,
  analyzer: Analyzer,
  length: number = LENGTH,
): SnippetPart[] {
  const looked = text.slice(0, LOOKED_AT)
  const terms = analyzer.analyze(looked)
  const hits = hitsOf(terms, wanted)
  const [first, last] = bestRun(hits, length)
  const span = first === undefined || last === undefined ? 0 : last.end - first.start
  const wish = Math.max(0, (first?.start ?? 0) - Math.floor(Math.max(0, length - span) / 2))
  const from = wish === 0 ? 0 : (terms.find(({ start }) => start >= wish)?.start ?? 0)
  const till = endBelow(terms, looked.length, from, Math.max(from + length, last?.end ?? 0))
  const shown = hits.filter((hit) => hit.start >= from && hit.end <= till)
  return [
    ...(from > 0 ? [{ text: '… ', hit: false }] : []),
    ...marked(looked, from, till, shown).map(({ text: own, hit }) => ({ text: own.replace(/\s+/g, ' '), hit })),
    ...(till < text.length ? [{ text: ' …', hit: false }] : []),
  ]
}

/** A whole text, up to 100,000 characters, with the wanted terms marked. */
export function markTerms(text: string, wanted: WantedTerms, analyzer: Analyzer): SnippetPart[] {
  const looked = text.slice(0, LOOKED_AT)
  const parts = marked(looked, 0, looked.length, hitsOf(analyzer.analyze(looked), wanted))
  return looked.length < text.length ? [...parts, { text: ' …', hit: false }] : parts
}

function hitsOf(terms: readonly Term[], wanted: WantedTerms): Term[] {
  return terms.filter(
    ({ text }) => wanted.whole.has(text) || wanted.beginnings.some((beginning) => text.startsWith(beginning)),
  )
}

/** A part of a text, cut at the ends of hits. */
function marked(text: string, from: number, till: number, hits: readonly Term[]): SnippetPart[] {
  const parts: SnippetPart[] = []
  let at = from
  for (const [start, end] of ranges(hits)) {
    if (at < start) parts.push({ text: text.slice(at, start), hit: false })
    parts.push({ text: text.slice(start, end), hit: true })
    at = end
  }
  if (at < till) parts.push({ text: text.slice(at, till), hit: false })
  return parts
}

/** First and last hit of the run of `length` characters with most different terms, then with most terms. */
function bestRun(hits: readonly Term[], length: number): [first?: Term, last?: Term] {
  const counts = new Map<string, number>()
  let best: [Term?, Term?] = []
  let most = 0
  let at = 0
  for (const [i, hit] of hits.entries()) {
    counts.set(hit.text, (counts.get(hit.text) ?? 0) + 1)
    while (at < i && hit.end - (hits[at] as Term).start > length) {
      const { text } = hits[at++] as Term
      const left = (counts.get(text) as number) - 1
      if (left === 0) counts.delete(text)
      else counts.set(text, left)
    }
    const score = 1000 * counts.size + Math.min(999, i - at)
    if (score > most) {
      most = score
      best = [hits[at], hit]
    }
  }
  return best
}

/** The end of the last word that ends at or before a place. */
function endBelow(terms: readonly Term[], length: number, from: number, wish: number): number {
  if (wish >= length) return length
  let end = from
  for (const term of terms) if (term.start >= from && term.end <= wish) end = Math.max(end, term.end)
  return end === from ? Math.min(length, wish) : end
}

/** Places of terms, those that overlap as one. */
function ranges(terms: readonly Term[]): [start: number, end: number][] {
  const found: [number, number][] = []
  for (const { start, end } of terms) {
    const last = found.at(-1)
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end)
    else found.push([start, end])
  }
  return found
}
