/**
 * One signature seen as tokens and runs: what the merge of signatures into templates works on.
 *
 * A run is a token, or tokens joined by single dots or hyphens of which one holds a letter: a host name, a class name, a
 * UUID. Runs are compared as a whole, so that `a.b.c` and `d.e` can stand in the same slot; numbers joined by dots or
 * hyphens stay tokens of their own.
 *
 * @module
 */

/** A line cut into delimiters and tokens. Places are offsets in `text`. */
export interface TokenLine {
  /** The line, one character a byte. */
  text: string
  /** Slot of each token, -1 where it is a word. */
  slots: Int32Array
  from: Int32Array
  to: Int32Array
  /** Number of slots before each token; a word is found from the end of the last of them. */
  before: Int32Array
  /** End of each slot in `text`. */
  slotEnds: Int32Array
  /** First token of each run, and the number of tokens at last. */
  runs: Int32Array
  /** Text of each run with a NUL for each slot; undefined where it is one slot. */
  words: (string | undefined)[]
  /** Delimiters before each run and behind the last, joined by newlines. */
  skeleton: string
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
export function tokenizeLine(text: string, slots: Int32Array): TokenLine {
  const own: number[] = []
  const from: number[] = []
  const to: number[] = []
  const before: number[] = []
  const count = slots.length >> 1
  const slotEnds = new Int32Array(count)
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
      own.push(-1)
      from.push(i)
      to.push(end)
      before.push(k)
      i = end
    }
    if (k === count) break
    done = slots[2 * k + 1] as number
    slotEnds[k] = done
    own.push(k)
    from.push(stop)
    to.push(done)
    before.push(k)
  }

  const runs: number[] = []
  const words: (string | undefined)[] = []
  let skeleton = ''
  let pending = 0
  for (let i = 0; i < own.length; ) {
    let last = i
    while (last + 1 < own.length && joins(text, to[last] as number, from[last + 1] as number)) last++
    if (last > i && !hasLetter(text, from[i] as number, to[last] as number)) last = i
    runs.push(i)
    words.push(runWord(text, own, from, to, i, last))
    skeleton += `${text.slice(pending, from[i])}\n`
    pending = to[last] as number
    i = last + 1
  }
  runs.push(own.length)
  skeleton += text.slice(pending)
  return {
    text,
    slots: Int32Array.from(own),
    from: Int32Array.from(from),
    to: Int32Array.from(to),
    before: Int32Array.from(before),
    slotEnds,
    runs: Int32Array.from(runs),
    words,
    skeleton,
  }
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
    : anchorAt(line, line.before[token] as number, line.from[token] as number)
}

/** End of a token. */
export function endAnchor(line: TokenLine, token: number): Anchor {
  const slot = line.slots[token] as number
  return slot >= 0
    ? { base: 2 * slot + 1, offset: 0 }
    : anchorAt(line, line.before[token] as number, line.to[token] as number)
}

/** End of the line. */
export function lineEnd(line: TokenLine): Anchor {
  return anchorAt(line, line.slotEnds.length, line.text.length)
}

function anchorAt(line: TokenLine, slotsBefore: number, at: number): Anchor {
  if (slotsBefore === 0) return { base: -1, offset: at }
  return { base: 2 * slotsBefore - 1, offset: at - (line.slotEnds[slotsBefore - 1] as number) }
}
