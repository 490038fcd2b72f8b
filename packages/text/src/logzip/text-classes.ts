/** Classes of texts by the bytes that they are made of: texts of one class stand together, and a search reads only those that can hold it. */
import { addByte, type ByteSet, emptySet, fullSet, removeByte } from './search/byte-set.ts'

/** Digits, `-` and spaces. */
export const DIGIT_TEXTS: number = 0
/** Letters, digits, bytes above 127, `-` and `_`. */
export const WORD_TEXTS: number = 1
/** No letters, bytes above 127 or `_`. */
export const SIGN_TEXTS: number = 2
/** Any bytes. */
export const ANY_TEXTS: number = 3

export const TEXT_CLASSES: number = 4

/** Texts of logs within columns: any bytes too, behind all others of that class. */
export const INNER_TEXTS: number = 4

/** What a byte may be, as bits. */
const SPACE = 1
const LETTER = 2
const SIGN = 4

const BITS: Uint8Array = /* @__PURE__ */ (() => {
  const bits = new Uint8Array(256).fill(SIGN)
  for (let c = 128; c < 256; c++) bits[c] = LETTER
  for (let c = 65; c <= 90; c++) bits[c] = bits[c | 32] = LETTER
  for (let c = 48; c <= 57; c++) bits[c] = 0
  bits[95] = LETTER
  bits[45] = 0
  bits[10] = 0
  bits[32] = SPACE
  return bits
})()

/** The least class that has all bytes of `[from, to)`; line feeds count for none. */
export function classOf(bytes: Uint8Array, from: number, to: number): number {
  let found = 0
  for (let i = from; i < to; i++) {
    found |= BITS[bytes[i] as number] as number
    if (found === LETTER + SPACE || found > SIGN + SPACE) return ANY_TEXTS
  }
  if (found === LETTER) return WORD_TEXTS
  return found < SIGN ? DIGIT_TEXTS : SIGN_TEXTS
}

/** Bytes of the texts of each class. */
export const CLASS_BYTES: readonly ByteSet[] = /* @__PURE__ */ [DIGIT_TEXTS, WORD_TEXTS, SIGN_TEXTS, ANY_TEXTS].map(
  (wanted) => {
    const all = fullSet()
    removeByte(all, 10)
    if (wanted === ANY_TEXTS) return all
    const own = emptySet()
    for (let c = 0; c < 256; c++) if (c !== 10 && fits(wanted, BITS[c] as number)) addByte(own, c)
    return own
  },
)

function fits(wanted: number, bits: number): boolean {
  const allowed = wanted === DIGIT_TEXTS ? SPACE : wanted === WORD_TEXTS ? LETTER : SPACE | SIGN
  return (bits & ~allowed) === 0
}
