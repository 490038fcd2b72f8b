/** Texts in pieces that lie behind each other without gaps and split no word, surrogate pair or grapheme. */
import type { Span } from '../types.ts'

/** Longest run without white space that stays one word; longer ones are cut between graphemes. */
const LONGEST_WORD = 512

/** Scripts that write words without spaces between them. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u

/** What continues a grapheme: marks, joiners, tones of skin. */
const LOOSE_MARK = /^[\p{M}\p{Emoji_Modifier}\u200c\u200d]/u

const WORD = /\s*\S+\s*/gu
const SENTENCE_END = /(?:[.!?]["')\]]{0,2}(?=\s)|[。！？]["」』）]?|\n)\s*/gu

/** Words, each with the white space behind it; the first also has that before it. */
export function wordsOf(text: string): Span[] {
  const words: Span[] = []
  WORD.lastIndex = 0
  let start = 0
  for (const match of text.matchAll(WORD)) {
    const end = match.index + match[0].length
    addWord(words, text, start, end)
    start = end
  }
  if (start < text.length) words.push({ start, end: text.length })
  return withoutLooseMarks(words, text)
}

function addWord(words: Span[], text: string, start: number, end: number): void {
  const own = text.slice(start, end)
  if (own.length <= LONGEST_WORD && !UNSPACED.test(own)) {
    words.push({ start, end })
    return
  }
  const granularity = UNSPACED.test(own) ? 'word' : 'grapheme'
  let from = start
  let last = start
  for (const { index, segment } of new Intl.Segmenter(undefined, { granularity }).segment(own)) {
    const to = start + index + segment.length
    const isFull = granularity === 'word' || to - from >= LONGEST_WORD
    if (isFull && /\S/u.test(segment)) {
      words.push({ start: from, end: to })
      from = to
    }
    last = to
  }
  if (from < last) {
    const before = words.at(-1)
    if (before !== undefined && before.end === from && before.start >= start) {
      words[words.length - 1] = { start: before.start, end: last }
    } else words.push({ start: from, end: last })
  }
}

/** Sentences, each with the white space behind it; a line break ends one too. */
export function sentencesOf(text: string): Span[] {
  const sentences: Span[] = []
  let start = 0
  for (const match of text.matchAll(SENTENCE_END)) {
    const end = match.index + match[0].length
    if (end === start) continue
    sentences.push({ start, end })
    start = end
  }
  if (start < text.length) sentences.push({ start, end: text.length })
  return withoutLooseMarks(sentences, text)
}

/** Marks join with the character before them, even if that is a space. */
function withoutLooseMarks(pieces: readonly Span[], text: string): Span[] {
  const whole: { start: number; end: number }[] = []
  for (const { start, end } of pieces) {
    const last = whole.at(-1)
    if (last !== undefined && LOOSE_MARK.test(text.slice(start, start + 2))) last.end = end
    else whole.push({ start, end })
  }
  return whole
}

/** Lines, each with its line break. */
export function linesOf(text: string): Span[] {
  const lines: Span[] = []
  let start = 0
  while (start < text.length) {
    const at = text.indexOf('\n', start)
    const end = at < 0 ? text.length : at + 1
    lines.push({ start, end })
    start = end
  }
  return lines
}

/** Spans in order, those that touch or overlap joined. */
export function joinSpans(spans: readonly Span[]): Span[] {
  const sorted = spans.filter(({ start, end }) => end > start).sort((a, b) => a.start - b.start || a.end - b.end)
  const joined: { start: number; end: number }[] = []
  for (const { start, end } of sorted) {
    const last = joined.at(-1)
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end)
    else joined.push({ start, end })
  }
  return joined
}
