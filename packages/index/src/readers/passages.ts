/** Pages cut into passages of a size that searching likes. */
import type { Block } from './html.ts'
import { countWords } from './text.ts'

/** Sizes of passages in words. */
export interface PassageSizes {
  /** Sections of less are joined with those behind them. Default 200. */
  min?: number
  /** Sections of more are cut. Default 400. */
  max?: number
  /** Share of a passage that the next one of its section repeats, 0..0.5. Default 0.15. */
  overlap?: number
}

export const PASSAGE_SIZES: Readonly<Required<PassageSizes>> = Object.freeze({ min: 200, max: 400, overlap: 0.15 })

/** A part of a page. */
export interface Passage {
  /** Headings that it stands under, outermost first. */
  readonly headings: readonly string[]
  /** What its innermost heading is called in links; absent before the first heading. */
  readonly anchor?: string
  /** Its number within a section that was cut, from 1. */
  readonly part: number
  readonly text: string
}

interface Section {
  readonly level: number
  readonly headings: readonly string[]
  readonly anchor: string | undefined
  readonly texts: string[]
  words: number
}

/**
 * Cut a page at its headings. Small sections are joined with the following ones as long as those stand no higher; large ones
 * are cut between sentences into parts of about equal size that overlap. Sections without text only name those below them.
 */
export function cutPassages(blocks: readonly Block[], sizes: PassageSizes = {}): Passage[] {
  const { min, max, overlap } = { ...PASSAGE_SIZES, ...sizes }
  return joinSmall(sectionsOf(blocks), min, max).flatMap(({ headings, anchor, texts, words }) => {
    const parts = words <= max ? [texts.join('\n')] : cutText(texts, max, overlap)
    return parts.map((text, i) => ({ headings, ...(anchor === undefined ? {} : { anchor }), part: i + 1, text }))
  })
}

function sectionsOf(blocks: readonly Block[]): Section[] {
  const slugs = new Map<string, number>()
  const path: { level: number; text: string }[] = []
  const sections: Section[] = [{ level: 0, headings: [], anchor: undefined, texts: [], words: 0 }]
  for (const { level, text, id } of blocks) {
    if (level === 0) {
      const section = sections.at(-1) as Section
      section.texts.push(text)
      section.words += countWords(text)
      continue
    }
    while (path.length > 0 && (path.at(-1)?.level as number) >= level) path.pop()
    path.push({ level, text })
    const anchor = uniqueSlug(id ?? slugOf(text), slugs)
    sections.push({ level, headings: path.map((own) => own.text), anchor, texts: [], words: 0 })
  }
  // A heading above others, with nothing of its own, is named by those.
  return sections.filter(
    ({ texts, level }, i) => texts.length > 0 || (level > 0 && (sections[i + 1]?.level ?? 0) <= level),
  )
}

function joinSmall(sections: readonly Section[], min: number, max: number): Section[] {
  const joined: Section[] = []
  for (const section of sections) {
    const last = joined.at(-1)
    const heading = section.headings.at(-1) ?? ''
    const words = countWords(heading) + section.words
    if (last !== undefined && last.words < min && section.level >= last.level && last.words + words <= max) {
      last.texts.push(heading, ...section.texts)
      last.words += words
    } else {
      joined.push({ ...section, texts: [...section.texts] })
    }
  }
  return joined
}

/** Cut texts into parts of about the same size, at most `max` words, that repeat about `overlap` of each other. */
function cutText(texts: readonly string[], max: number, overlap: number): string[] {
  const shared = Math.floor(max * Math.min(Math.max(overlap, 0), 0.5))
  const units = texts.flatMap((text) => sentencesOf(text, Math.max(1, shared || Math.floor(max / 4))))
  const parts: string[] = []
  let left = units.reduce((sum, { words }) => sum + words, 0)
  let from = 0
  let to = 0
  while (to < units.length) {
    const count = Math.max(1, Math.ceil((left - shared) / (max - shared)))
    const target = (left + (count - 1) * shared) / count
    const behind = to
    let words = 0
    for (to = from; to < units.length; to++) {
      const next = (units[to] as Unit).words
      // Each part has something new.
      if (to > behind && (words + next > max || words + next - target > target - words)) break
      words += next
    }
    parts.push(joinUnits(units.slice(from, to)))
    let repeated = 0
    for (from = to; from > behind + 1; from--) {
      const before = (units[from - 1] as Unit).words
      if (repeated + before > shared) break
      repeated += before
    }
    left += repeated - words
  }
  return parts
}

/** A sentence or a piece of one. */
interface Unit {
  readonly text: string
  readonly words: number
  /** Whether a new line follows it. */
  readonly ends: boolean
}

function joinUnits(units: readonly Unit[]): string {
  return units
    .map(({ text, ends }) => (ends ? `${text}\n` : text))
    .join('')
    .trim()
}

/** Sentences of a paragraph; those of more than `max` words in pieces. */
function sentencesOf(text: string, max: number): Unit[] {
  const parts = text.match(/[^.!?。！？\n]*(?:[.!?。！？]+\s*|\n+|$)/g) ?? []
  const units: Unit[] = []
  let open = ''
  for (const part of parts) {
    open += part
    // Full stops within numbers and names end nothing.
    if (part === '' || (/[.!?]$/.test(part) && !/[。！？]/.test(part))) continue
    units.push(...piecesOf(open, max))
    open = ''
  }
  if (open !== '') units.push(...piecesOf(open, max))
  const last = units.pop()
  if (last !== undefined) units.push({ ...last, ends: true })
  return units
}

function piecesOf(sentence: string, max: number): Unit[] {
  const words = countWords(sentence)
  if (words <= max) return [{ text: sentence, words, ends: false }]
  const pieces: Unit[] = []
  let text = ''
  let count = 0
  const runs =
    sentence.match(
      /\s*[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|\s*[^\s\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]+|\s+/gu,
    ) ?? []
  for (const run of runs) {
    const own = countWords(run)
    if (count > 0 && count + own > max) {
      pieces.push({ text, words: count, ends: false })
      text = ''
      count = 0
    }
    text += run
    count += own
  }
  if (text !== '') pieces.push({ text, words: count, ends: false })
  return pieces
}

/** The anchor that GitHub and most generators of pages make of a heading. */
function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-')
}

/** The slug, or the slug with the next number that is free. @param taken  names, and the numbers that were tried behind them */
function uniqueSlug(slug: string, taken: Map<string, number>): string {
  const base = slug === '' ? 'section' : slug
  let number = taken.get(base)
  let own = base
  if (number !== undefined) {
    do own = `${base}-${++number}`
    while (taken.has(own))
    taken.set(base, number)
  }
  taken.set(own, 0)
  return own
}
