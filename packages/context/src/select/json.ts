import { wordsOf } from '../safe/pieces.ts'
import type { Ranking, Span } from '../types.ts'
import { bm25Scores, byScore, localWeights } from './bm25.ts'
import { termsOf } from './terms.ts'

/** Shorter texts in JSON stay whole. */
const LONG_STRING = 40
const MAX_DEPTH = 64

/** A place in JSON that can be left out so that the rest is still JSON. */
interface Item extends Span {
  /** What must stay with it: the pieces around it are always there, but an item may lie in another. */
  readonly within: number | undefined
  readonly kind: 'element' | 'words'
}

/**
 * Rank the parts of a JSON text that may go: elements of lists but for the first, and words of texts of more than 40 characters. Keys,
 * numbers, short texts and all that holds them together stay, so that the result is still JSON.
 *
 * @returns undefined where the text is no JSON
 */
export function rankJson(text: string, query: string): Ranking | undefined {
  const items = itemsOf(text)
  if (items === undefined) return undefined
  const pieces: Span[] = []
  const own: number[][] = items.map(() => [])
  const always: number[] = []
  // Cuts where items begin and end; each slice belongs to the innermost item around it.
  const cuts = [...new Set([0, text.length, ...items.flatMap(({ start, end }) => [start, end])])].sort((a, b) => a - b)
  const stack: number[] = []
  let next = 0
  for (let i = 1; i < cuts.length; i++) {
    const [start, end] = [cuts[i - 1] as number, cuts[i] as number]
    while (stack.length > 0 && (items[stack.at(-1) as number] as Item).end <= start) stack.pop()
    while (next < items.length && (items[next] as Item).start <= start) stack.push(next++)
    const inner = stack.at(-1)
    ;(inner === undefined ? always : (own[inner] as number[])).push(pieces.length)
    pieces.push({ start, end })
  }
  const terms = items.map(({ start, end }) => termsOf(text.slice(start, end)))
  const weigh = localWeights(terms)
  const asked = bm25Scores(termsOf(query), terms, weigh)
  const scores = terms.map((all, i) => {
    const said = all.reduce((sum, term) => sum + weigh(term), 0) / (all.length + 4)
    return (asked[i] as number) + 0.5 * said
  })
  // An element comes before the words in it, which need it.
  const groups = byScore(scores).map((i) => {
    const group: number[] = []
    for (let at: number | undefined = i; at !== undefined; at = items[at]?.within) group.push(...(own[at] as number[]))
    return group
  })
  return { scorer: 'json', pieces, groups, pinned: always, isSound: true, wrap: wrapIn(text, items) }
}

/** A label stands as an element of its own between elements, and in texts with a blank. */
function wrapIn(text: string, items: readonly Item[]): NonNullable<Ranking['wrap']> {
  const elements = new Set(items.flatMap(({ start, kind }) => (kind === 'element' ? [start] : [])))
  return (gap, label) => {
    if (label === '') return ''
    return elements.has(gap.start) ? `,"${label}"` : `${label}${/\s$/.test(text.slice(gap.start, gap.end)) ? ' ' : ''}`
  }
}

/** What may go, by its beginning, outer before inner; undefined where the text is no JSON. */
function itemsOf(text: string): Item[] | undefined {
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  const items: Item[] = []
  let at = 0
  const blank = (): void => {
    while (/[ \t\r\n]/.test(text[at] ?? '')) at++
  }
  const string = (): Span => {
    const start = at++
    while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
    return { start, end: ++at }
  }
  const value = (within: number | undefined, depth: number): void => {
    blank()
    const sign = text[at]
    if (sign === '"') words(string(), within)
    else if (sign === '{') object(within, depth)
    else if (sign === '[') list(within, depth)
    else while (at < text.length && !/[,\]}\s]/.test(text[at] as string)) at++
    blank()
  }
  const object = (within: number | undefined, depth: number): void => {
    at++
    blank()
    while (text[at] !== '}') {
      if (text[at] === ',') at++
      blank()
      string()
      blank()
      at++
      value(within, depth + 1)
    }
    at++
  }
  const list = (within: number | undefined, depth: number): void => {
    at++
    for (let i = 0; ; i++) {
      blank()
      if (text[at] === ']') break
      const start = at
      if (i > 0) at++
      // Blanks before the next comma stay with the element before it.
      const own =
        i > 0 && depth < MAX_DEPTH ? items.push({ start, end: start, within, kind: 'element' }) - 1 : undefined
      value(own ?? within, depth + 1)
      if (own !== undefined) items[own] = { ...(items[own] as Item), end: at }
    }
    at++
  }
  const words = ({ start, end }: Span, within: number | undefined): void => {
    if (end - start - 2 <= LONG_STRING) return
    const inside = text.slice(start + 1, end - 1)
    const spans = wordsOf(inside)
    // The first word stays, so that there is something to go on from.
    for (const span of spans.slice(1))
      items.push({ start: start + 1 + span.start, end: start + 1 + span.end, within, kind: 'words' })
  }
  if (depthOf(text) > 1000) return undefined
  value(undefined, 0)
  return items
}

/** Deepest nesting of brackets, those in texts counted as well. */
function depthOf(text: string): number {
  let [depth, most] = [0, 0]
  for (const sign of text) {
    if (sign === '{' || sign === '[') most = Math.max(most, ++depth)
    else if (sign === '}' || sign === ']') depth--
  }
  return most
}
