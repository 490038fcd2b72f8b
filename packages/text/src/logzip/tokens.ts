/**
 * One signature seen as tokens: what the merge of signatures into templates works on.
 *
 * @module
 */

/** Where a token's bytes begin or end in a line: at the line's start (-1), the start (2k) or end (2k + 1) of slot k, plus an offset. */
export interface Anchor {
  base: number
  offset: number
}

/** A line cut into delimiters and tokens: `delimiters[i]` stands before token i, the last one behind all. */
export interface TokenLine {
  /** The line, one character a byte. */
  text: string
  delimiters: string[]
  /** Text of a token, undefined where it is a slot. */
  words: (string | undefined)[]
  /** Place of each token in `text`. */
  from: number[]
  to: number[]
  /** The same relative to the slots, valid for every line of the signature. */
  starts: Anchor[]
  ends: Anchor[]
}

const WORD = /[0-9A-Za-z\x80-\xff]+/g

/**
 * Cut a line into tokens.
 *
 * @param text the line, one character a byte
 * @param slots pairs of start and end of its slots, relative to the line
 */
export function tokenizeLine(text: string, slots: ArrayLike<number>): TokenLine {
  const line: TokenLine = { text, delimiters: [], words: [], from: [], to: [], starts: [], ends: [] }
  let done = 0
  let pending = 0
  const addWords = (stop: number, base: number, origin: number): void => {
    WORD.lastIndex = done
    for (let match = WORD.exec(text); match !== null && match.index < stop; match = WORD.exec(text)) {
      // Text between two slots holds whole words only, but a quoted body may end inside a run of letters.
      const word = match[0].slice(0, stop - match.index)
      const end = match.index + word.length
      line.delimiters.push(text.slice(pending, match.index))
      line.words.push(word)
      line.from.push(match.index)
      line.to.push(end)
      line.starts.push({ base, offset: match.index - origin })
      line.ends.push({ base, offset: end - origin })
      pending = end
      WORD.lastIndex = end
      if (end >= stop) break
    }
  }
  const count = slots.length >> 1
  for (let k = 0; k < count; k++) {
    const from = slots[2 * k] as number
    const to = slots[2 * k + 1] as number
    addWords(from, k === 0 ? -1 : 2 * k - 1, done)
    line.delimiters.push(text.slice(pending, from))
    line.words.push(undefined)
    line.from.push(from)
    line.to.push(to)
    line.starts.push({ base: 2 * k, offset: 0 })
    line.ends.push({ base: 2 * k + 1, offset: 0 })
    done = to
    pending = to
  }
  addWords(text.length, count === 0 ? -1 : 2 * count - 1, done)
  line.delimiters.push(text.slice(pending))
  return line
}
