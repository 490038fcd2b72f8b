import { sentencesOf } from '../safe/pieces.ts'
import type { Ranking, Span } from '../types.ts'
import { type Background, byScore, localWeights } from './bm25.ts'
import { sentenceScores } from './prose.ts'
import { termsOf } from './terms.ts'

/** Tags, comments, and elements whose content is not read. */
const MARKUP =
  /<!--[\s\S]*?(?:-->|$)|<(script|style|svg|noscript|template|head)\b[^>]*>[\s\S]*?(?:<\/\1\s*>|$)|<\/?[a-z][^<>]{0,10000}>|<![a-z][^>]{0,1000}>/gi
const LOOSE_MARKS = /[\p{M}\p{Emoji_Modifier}\u200c\u200d]*/uy
const SECTIONS = /<(?:h[1-6]|section|article)\b/i
const BREAKS =
  /<\/?(?:p|div|li|ul|ol|h[1-6]|tr|table|br|section|article|header|footer|nav|main|pre|blockquote|dt|dd|title|body)\b/i

/** Whether a text is a page or a part of one. */
export function isHtml(text: string): boolean {
  const head = text.slice(0, 20_000)
  if (/^\s*(?:<!doctype html|<html\b)/i.test(head)) return true
  return (head.match(/<\/(?:p|div|li|span|a|td|h[1-6])>/gi)?.length ?? 0) > 5
}

/** What helps to rank a page. */
export interface HtmlOptions {
  /** How common terms are in general. */
  background?: Background
}

/** Rank what a page says: its sentences by the question and by what they say. Markup goes; a line break stands where a block ended. */
export function rankHtml(text: string, query: string, { background }: HtmlOptions = {}): Ranking {
  const pieces: Span[] = []
  const isText: boolean[] = []
  let at = 0
  const put = (end: number, own: boolean): void => {
    if (end <= at) return
    if (own) {
      for (const { start, end: stop } of sentencesOf(text.slice(at, end))) {
        pieces.push({ start: at + start, end: at + stop })
        isText.push(text.slice(at + start, at + stop).trim() !== '')
      }
    } else {
      pieces.push({ start: at, end })
      isText.push(false)
    }
    at = end
  }
  for (const match of text.matchAll(MARKUP)) {
    put(match.index, true)
    const end = match.index + match[0].length
    // A mark joins with what stands before it, even with a tag.
    LOOSE_MARKS.lastIndex = end
    put(end + (LOOSE_MARKS.exec(text)?.[0].length ?? 0), false)
  }
  put(text.length, true)
  const said = pieces.flatMap((_, i) => (isText[i] === true ? [i] : []))
  const sentences = said.map((i) => text.slice(pieces[i]?.start, pieces[i]?.end))
  const before = said.map((piece, at) => text.slice(pieces[said[at - 1] ?? 0]?.end, pieces[piece]?.start))
  const headings = before.map((markup) => SECTIONS.test(markup))
  // A page with few headings goes by its blocks.
  const begins = headings.filter(Boolean).length > 2 ? headings : before.map((markup) => BREAKS.test(markup))
  const own = background === undefined ? {} : { background }
  const scores = query === '' ? saidIn(sentences) : sentenceScores(sentences, query, own, (at) => begins[at] as boolean)
  return {
    scorer: 'html',
    pieces,
    groups: byScore(scores).map((i) => [said[i] as number]),
    wrap: (gap, label) => {
      const gone = text.slice(gap.start, gap.end)
      const end = BREAKS.test(gone) ? '\n' : ' '
      return label === '' || gone.replace(MARKUP, '').trim() === '' ? end : `${label}${end}`
    },
  }
}

/** How much sentences say for their length. Links of menus are short; what says something is longer. */
function saidIn(sentences: readonly string[]): Float64Array {
  const terms = sentences.map((sentence) => termsOf(sentence))
  const weigh = localWeights(terms)
  return Float64Array.from(terms, (own) => {
    const weight = own.reduce((sum, term) => sum + weigh(term), 0)
    return (0.5 * weight) / (own.length + 4) + (own.length > 6 ? 0.5 : 0)
  })
}
