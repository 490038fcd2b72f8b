/**
 * One signature seen as tokens and runs: what the merge of signatures into templates works on.
 *
 * A run is a token, or tokens joined by single dots or hyphens of which one holds a letter: a host name, a class name, a
 * UUID. Runs are compared as a whole, so that `a.b.c` and `d.e` can stand in the same slot; numbers joined by dots or
 * hyphens stay tokens of their own.
 *
 * @module
 */
import { toLatin1 } from './latin1.ts'

/** A line cut into delimiters and tokens. Places are offsets in `text`. Plain lists: a chunk has thousands of short ones. */
export interface TokenLine {
  /** The line, one character a byte. */
  text: string
  /** Slot of each token, -1 where it is a word. */
  slots: readonly number[]
  from: readonly number[]
  to: readonly number[]
  /** Start and end of each slot in `text`. */
  slotStarts: readonly number[]
  slotEnds: readonly number[]
  /** First token of each run, and the number of tokens at last. */
  runs: readonly number[]
}

const DOT = 46
const HYPHEN = 45

/** Whether a byte belongs to a token. */
function isToken(c: number): boolean {
  return (c >= 48 && c <= 57) || ((c | 32) >= 97 && (c | 32) <= 122) || c >= 128
}

/**
 * Cut a line into tokens and runs.
 *
 * @param text the line, one character a byte
 * @param slots pairs of start and end of its slots, relative to the line
 */
export function tokenizeLine(text: string, slots: readonly number[]): TokenLine {
  const count = slots.length >> 1
  const slotStarts: number[] = []
  const slotEnds: number[] = []
  reserve(text.length)
  const { own, from, to, runs } = scratch
  let tokens = 0
  let done = 0
  for (let k = 0; k <= count; k++) {
    const stop = k < count ? (slots[2 * k] as number) : text.length
    for (let i = done; i < stop; ) {
      if (!isToken(text.charCodeAt(i))) {
        i++
        continue
      }
      let end = i + 1
      while (end < stop && isToken(text.charCodeAt(end))) end++
      own[tokens] = -1
      from[tokens] = i
      to[tokens++] = end
      i = end
    }
    if (k === count) break
    done = slots[2 * k + 1] as number
    slotStarts.push(stop)
    slotEnds.push(done)
    own[tokens] = k
    from[tokens] = stop
    to[tokens++] = done
  }

  let runCount = 0
  for (let i = 0; i < tokens; ) {
    let last = i
    while (last + 1 < tokens && joins(text, to[last] as number, from[last + 1] as number)) last++
    if (last > i && !hasLetter(text, from[i] as number, to[last] as number)) last = i
    runs[runCount++] = i
    i = last + 1
  }
  runs[runCount++] = tokens
  return {
    text,
    slots: own.slice(0, tokens),
    from: from.slice(0, tokens),
    to: to.slice(0, tokens),
    slotStarts,
    slotEnds,
    runs: runs.slice(0, runCount),
  }
}

/** Delimiters before each run of each line and behind the last, joined by newlines. */
export function skeletonsOf(lines: readonly TokenLine[]): string[] {
  let room = 0
  for (const { text, runs } of lines) room += text.length + runs.length
  const delimiters = new Uint8Array(room)
  const ends: number[] = []
  let bytes = 0
  for (const { text, from, to, runs } of lines) {
    let at = 0
    for (let run = 0; run + 1 < runs.length; run++) {
      const start = from[runs[run] as number] as number
      while (at < start) delimiters[bytes++] = text.charCodeAt(at++)
      delimiters[bytes++] = 10
      at = to[(runs[run + 1] as number) - 1] as number
    }
    while (at < text.length) delimiters[bytes++] = text.charCodeAt(at++)
    ends.push(bytes)
  }
  const all = toLatin1(delimiters, 0, bytes)
  return ends.map((end, i) => all.slice(i === 0 ? 0 : ends[i - 1], end))
}

/** Room for the tokens of one line, kept because thousands of lines are cut one after the other. */
let scratch = makeScratch(1024)

function makeScratch(capacity: number): Record<'own' | 'from' | 'to' | 'runs', number[]> {
  const words = (): number[] => new Array<number>(capacity + 2).fill(0)
  return { own: words(), from: words(), to: words(), runs: words() }
}

function reserve(length: number): void {
  // An empty quoted body is a token without a byte, between two quotes that have one each.
  if (scratch.own.length < length + 2) scratch = makeScratch(length * 2)
}

/** Text of each run with a NUL for each slot; undefined where it is one slot. */
export function runWords({ text, slots, from, to, runs }: TokenLine): (string | undefined)[] {
  const words: (string | undefined)[] = []
  for (let run = 0; run + 1 < runs.length; run++) {
    words.push(runWord(text, slots, from, to, runs[run] as number, (runs[run + 1] as number) - 1))
  }
  return words
}

function joins(text: string, end: number, next: number): boolean {
  if (next - end !== 1) return false
  const c = text.charCodeAt(end)
  return c === DOT || c === HYPHEN
}

function hasLetter(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i) | 32
    if ((c >= 97 && c <= 122) || c >= 128) return true
  }
  return false
}

function runWord(
  text: string,
  slots: readonly number[],
  from: readonly number[],
  to: readonly number[],
  first: number,
  last: number,
): string | undefined {
  if (first === last) return (slots[first] as number) >= 0 ? undefined : text.slice(from[first], to[first])
  let word = ''
  let done = from[first] as number
  for (let i = first; i <= last; i++) {
    if ((slots[i] as number) < 0) continue
    word += `${text.slice(done, from[i])}\0`
    done = to[i] as number
  }
  return word + text.slice(done, to[last])
}

/** Where a place is in each line of a signature: an offset from the line's start (base -1), or from the start (2k) or end (2k + 1) of slot k. */
export interface Anchor {
  base: number
  offset: number
}

/** Start of a token. */
export function startAnchor(line: TokenLine, token: number): Anchor {
  const slot = line.slots[token] as number
  return slot >= 0
    ? { base: 2 * slot, offset: 0 }
    : anchorAt(line, slotsBefore(line, token), line.from[token] as number)
}

/** End of a token. */
export function endAnchor(line: TokenLine, token: number): Anchor {
  const slot = line.slots[token] as number
  return slot >= 0
    ? { base: 2 * slot + 1, offset: 0 }
    : anchorAt(line, slotsBefore(line, token), line.to[token] as number)
}

/** End of the line. */
export function lineEnd(line: TokenLine): Anchor {
  return anchorAt(line, line.slotEnds.length, line.text.length)
}

/** Number of slots before a word, which is found from the end of the last of them. */
function slotsBefore({ slots }: TokenLine, token: number): number {
  let before = token - 1
  while (before >= 0 && (slots[before] as number) < 0) before--
  return before < 0 ? 0 : (slots[before] as number) + 1
}

function anchorAt(line: TokenLine, slots: number, at: number): Anchor {
  if (slots === 0) return { base: -1, offset: at }
  return { base: 2 * slots - 1, offset: at - (line.slotEnds[slots - 1] as number) }
}

/** Where an anchor is in the line itself. */
export function placeOf(line: TokenLine, base: number, offset: number): number {
  if (base < 0) return offset
  return ((base & 1) === 0 ? (line.slotStarts[base >> 1] as number) : (line.slotEnds[base >> 1] as number)) + offset
}
