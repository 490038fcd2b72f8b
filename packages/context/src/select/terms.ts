import { stemEnglish } from '@pith/core/lexical'

/** Words that say nothing about what a text is about. */
const STOP: ReadonlySet<string> = /* @__PURE__ */ new Set(
  (
    'a an and are as at be been but by can could did do does for from had has have how i if in into is it its me my no not of on or our ' +
    'she so than that the their them then there these they this to us was we were what when where which who why will with would you your'
  ).split(' '),
)

const ASCII = /^[a-z0-9]+$/
/** Parts of identifiers: runs of capitals before a word, words, digits; and words of any script. */
const PART = /\p{Lu}+(?=\p{Lu}\p{Ll})|\p{Lu}?[\p{Ll}\p{M}]+|\p{Lu}+|\p{N}+|[\p{Lo}\p{M}]+/gu

/**
 * Terms of a text or of code, in order: identifiers are split at case, digits and underscores, accents are folded, stop words are
 * left out, and English words are reduced to their stems.
 */
export function termsOf(text: string): string[] {
  const terms: string[] = []
  for (const [part] of text.matchAll(PART)) {
    let term = part.toLowerCase()
    if (!ASCII.test(term))
      term = term
        .normalize('NFKD')
        .replace(/\p{M}+/gu, '')
        .normalize('NFC')
    if (STOP.has(term)) continue
    if (UNSPACED.test(term)) for (let i = 0; i < Math.max(1, term.length - 1); i++) terms.push(term.slice(i, i + 2))
    else terms.push(ASCII.test(term) ? stemEnglish(term) : term)
  }
  return terms
}

const UNSPACED = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/u
