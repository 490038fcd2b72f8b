import { sentencesOf, wordsOf } from '../safe/pieces.ts'
import type { Ranking, Span } from '../types.ts'
import { type Background, bm25Scores, sumWeights } from './bm25.ts'
import { termsOf } from './terms.ts'

/** Shorter texts in JSON stay whole. */
const LONG_STRING = 40
/** Longer sentences go in parts. */
const LONG_SENTENCE = 240
const MAX_DEPTH = 64

/** A place in JSON that can be left out so that the rest is still JSON. */
interface Item extends Span {
  /** What must stay with it: the pieces around it are always there, but an item may lie in another. */
  readonly within: number | undefined
  readonly kind: 'element' | 'part'
  /** Where the whole stands that it is part of: an element, or a long text that lies in none. */
  readonly whole: number
}

/** What helps to rank JSON. */
export interface JsonOptions {
  /** How common terms are in general. */
  background?: Background
}

/**
 * Rank the parts of a JSON text that may go: elements of lists but for the first, and sentences of texts of more than 40 characters. The
 * elements that fit best come whole, one after the other. Keys, numbers, short texts and all that holds them together stay, so that the result is still JSON.
 *
 * @returns undefined where the text is no JSON
 */
export function rankJson(text: string, query: string, { background }: JsonOptions = {}): Ranking | undefined {
  const found = itemsOf(text)
  if (found === undefined) return undefined
  const { items, wholes } = found
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
  // An element comes before what lies in it, which needs it.
  const groups = inOrder(text, items, wholes, query, background).map((i) => {
    const group: number[] = []
    for (let at: number | undefined = i; at !== undefined; at = items[at]?.within) group.push(...(own[at] as number[]))
    return group
  })
  return { scorer: 'json', pieces, groups, pinned: always, isSound: true, wrap: wrapIn(text, items) }
}

/** Items by the whole that they are part of, in it the element first and its parts by what they say themselves. */
function inOrder(
  text: string,
  items: readonly Item[],
  wholes: readonly Span[],
  query: string,
  background: Background | undefined,
): number[] {
  const asked = termsOf(query)
  const scoresOf = (spans: readonly Span[]): Float64Array => {
    const terms = spans.map(({ start, end }) => termsOf(text.slice(start, end)))
    const weigh = sumWeights(terms, background)
    const says = (own: readonly string[]): number => own.reduce((sum, term) => sum + weigh(term), 0) / (own.length + 4)
    return bm25Scores(asked, terms, weigh, { pairs: 0.5 }).map((score, i) => score + 0.5 * says(terms[i] as string[]))
  }
  const [ofWhole, ofItem] = [scoresOf(wholes), scoresOf(items)]
  const order = items.map((_, i) => i)
  return order.sort((a, b) => {
    const [x, y] = [items[a] as Item, items[b] as Item]
    if (x.whole !== y.whole) return (ofWhole[y.whole] as number) - (ofWhole[x.whole] as number) || x.whole - y.whole
    if (x.kind !== y.kind) return x.kind === 'element' ? -1 : 1
    return (ofItem[b] as number) - (ofItem[a] as number) || a - b
  })
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
function itemsOf(text: string): { items: Item[]; wholes: Span[] } | undefined {
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  const items: Item[] = []
  const wholes: Span[] = []
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
        i > 0 && depth < MAX_DEPTH
          ? items.push({ start, end: start, within, kind: 'element', whole: wholes.push({ start, end: start }) - 1 }) -
            1
          : undefined
      value(own ?? within, depth + 1)
      if (own === undefined) continue
      const item = items[own] as Item
      items[own] = { ...item, end: at }
      wholes[item.whole] = { start, end: at }
    }
    at++
  }
  const words = ({ start, end }: Span, within: number | undefined): void => {
    if (end - start - 2 <= LONG_STRING) return
    const whole = within === undefined ? wholes.push({ start, end }) - 1 : (items[within] as Item).whole
    // The first word stays, so that there is something to go on from.
    for (const part of partsOf(text.slice(start + 1, end - 1)).slice(1))
      items.push({ start: start + 1 + part.start, end: start + 1 + part.end, within, kind: 'part', whole })
  }
  if (depthOf(text) > 1000) return undefined
  value(undefined, 0)
  return { items, wholes }
}

/** A text in JSON as its first word, sentences, and pieces of overly long ones; no escape is cut. */
function partsOf(inside: string): Span[] {
  const parts: { start: number; end: number }[] = []
  const put = (start: number, end: number): void => {
    const last = parts.at(-1)
    if (last !== undefined && /\\(?:u[\da-f]{0,3})?$/i.test(inside.slice(Math.max(0, start - 5), start))) last.end = end
    else parts.push({ start, end })
  }
  for (const [i, { start, end }] of sentencesOf(inside).entries()) {
    const isLong = end - start > LONG_SENTENCE
    if (i > 0 && !isLong) put(start, end)
    else {
      let from = start
      for (const word of wordsOf(inside.slice(start, end))) {
        const to = start + word.end
        if (to < end && to - from < LONG_SENTENCE && !(i === 0 && from === start)) continue
        put(from, to)
        from = to
      }
    }
  }
  return parts
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
