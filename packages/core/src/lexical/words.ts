/** Where the words of a text are, in any script. */

/** Longest word in UTF-16 code units; what goes beyond is no part of it. */
const MAX_WORD = 64

const OTHER = 1
const LETTER = 2
/** A sign of a script that writes no spaces between words. */
const SIGN = 3
/** A mark that belongs to the letter or sign before it. */
const MARK = 4
const APOSTROPHE = 5

/** Scripts whose words are found by pairs of signs. Hangul has spaces, but its words are long and change at their ends. */
const SIGNS =
  /^[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}\p{scx=Bopomofo}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}]$/u
const LETTERS = /^[\p{L}\p{N}]$/u
const MARKS = /^\p{M}$/u

/** Class of each UTF-16 code unit that is a letter by itself; 0 where it was not asked for yet. */
const classes: Uint8Array = /* @__PURE__ */ new Uint8Array(65536)

function classOf(text: string, at: number): number {
  const unit = text.charCodeAt(at)
  const known = classes[unit] as number
  if (known !== 0) return known
  if (unit >= 0xd800 && unit <= 0xdfff) return classOfSign(String.fromCodePoint(text.codePointAt(at) as number))
  return (classes[unit] = classOfSign(String.fromCharCode(unit)))
}

function classOfSign(sign: string): number {
  if (sign === "'" || sign === '\u2019' || sign === '\uff07') return APOSTROPHE
  // Voiced marks of half-width kana, and the parts of Hangul syllables behind their first.
  if (/^[\uff9e\uff9f\u1160-\u11ff]$/.test(sign) || MARKS.test(sign)) return MARK
  if (!LETTERS.test(sign)) return OTHER
  return SIGNS.test(sign) && !/^[\p{Nd}]$/u.test(sign) ? SIGN : LETTER
}

function width(text: string, at: number): number {
  return (text.codePointAt(at) as number) > 0xffff ? 2 : 1
}

/** Takes a word: its place in UTF-16 code units, its number in the text, and whether it is one sign of a script without spaces. */
export type WordVisitor = (start: number, end: number, position: number, alone: boolean) => void

/**
 * Visit the words of a text in order. Letters, digits and the apostrophes between letters make words; signs of scripts without spaces
 * come as overlapping pairs, and the last of a run, or a single one, alone.
 *
 * @param lastSigns  whether the last sign of a run comes alone as well, so that each sign begins something
 * @returns words and signs that were passed
 */
export function scanWords(text: string, lastSigns: boolean, visit: WordVisitor): number {
  let position = 0
  let at = 0
  const length = text.length
  while (at < length) {
    const kind = classOf(text, at)
    if (kind === LETTER) {
      const start = at
      at = endOfWord(text, at)
      visit(start, cut(text, start, at), position++, false)
    } else if (kind === SIGN) {
      let last = at
      at = endOfSign(text, at)
      let pairs = 0
      while (at < length && classOf(text, at) === SIGN) {
        const end = endOfSign(text, at)
        visit(last, end, position++, false)
        pairs++
        last = at
        at = end
      }
      if (lastSigns || pairs === 0) visit(last, at, position, true)
      position++
    } else {
      at += width(text, at)
    }
  }
  return position
}

/** The end of a word that is not too long, and no half of a letter. */
function cut(text: string, start: number, end: number): number {
  if (end <= start + MAX_WORD) return end
  const last = text.charCodeAt(start + MAX_WORD - 1)
  return start + MAX_WORD - (last >= 0xd800 && last <= 0xdbff ? 1 : 0)
}

function endOfWord(text: string, start: number): number {
  let at = start
  for (;;) {
    at += width(text, at)
    while (at < text.length && classOf(text, at) === MARK) at += width(text, at)
    if (at >= text.length) return at
    const kind = classOf(text, at)
    if (kind === LETTER) continue
    if (kind !== APOSTROPHE || at + 1 >= text.length || classOf(text, at + 1) !== LETTER) return at
    at++
  }
}

function endOfSign(text: string, start: number): number {
  let at = start + width(text, start)
  // Bounded, so that a run of marks makes no endless sign.
  while (at < text.length && at < start + 8 && classOf(text, at) === MARK) at += width(text, at)
  return at
}

/** Whether a text begins with a sign of a script without spaces. */
export function beginsWithSign(text: string): boolean {
  return text !== '' && classOf(text, 0) === SIGN
}
