/**
 * Bodies of quoted texts without their backslashes, so that a log in a JSON string reads like a log: `\"` is a quote, `\\` a
 * backslash, and a backslash before anything else a {@link MARK}. Each byte says by itself what it was.
 */
import { PithError } from '@pith/core'

const QUOTE = 34
const BACKSLASH = 92
const NEWLINE = 10
/** Stands for a backslash that escapes neither a quote nor a backslash. */
const MARK = 16

/**
 * Take the backslashes out of texts, each closed by a newline, in place.
 *
 * @returns the bytes that are left, or -1, with nothing changed, where no quote is escaped or not all could be put back
 */
export function unescapeQuotes(texts: Uint8Array): number {
  let quotes = 0
  for (let at = texts.indexOf(BACKSLASH); at >= 0; at = texts.indexOf(BACKSLASH, at + 2)) {
    const next = texts[at + 1]
    if (next === undefined || next === NEWLINE) return -1
    if (next === QUOTE) quotes++
  }
  if (quotes === 0 || texts.includes(MARK)) return -1
  // Every quote has a backslash before it.
  for (let at = texts.indexOf(QUOTE); at >= 0; at = texts.indexOf(QUOTE, at + 1)) quotes--
  if (quotes !== 0) return -1
  let to = 0
  for (let from = 0; from < texts.length; from++) {
    let c = texts[from] as number
    if (c === BACKSLASH) {
      c = texts[++from] as number
      if (c !== QUOTE && c !== BACKSLASH) texts[to++] = MARK
    }
    texts[to++] = c
  }
  return to
}

/**
 * Put back what {@link unescapeQuotes} took out.
 *
 * @param most bytes that may come out
 * @throws PithError `PITH_CORRUPT` more than `most`
 */
export function escapeQuotes(texts: Uint8Array, most: number): Uint8Array {
  const { length } = texts
  let longer = length
  for (let i = 0; i < length; i++) {
    const c = texts[i] as number
    if (c === QUOTE || c === BACKSLASH) longer++
  }
  if (longer > most) throw new PithError('PITH_CORRUPT', 'the texts of a column are longer than their chunk')
  const out = new Uint8Array(longer)
  let to = 0
  for (let i = 0; i < length; i++) {
    const c = texts[i] as number
    if (c !== QUOTE && c !== BACKSLASH && c !== MARK) out[to++] = c
    else {
      out[to++] = BACKSLASH
      if (c !== MARK) out[to++] = c
    }
  }
  return out
}
