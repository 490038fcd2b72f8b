/** Which two token bytes stand side by side in texts: a small filter, for logs to which that of runs of three is too large. */

/** Of cased letters, digits and one symbol for all bytes above 127: a bit for each two of 63. */
export const PAIR_BYTES: number = 497
/** Letters without case: a bit for each two of 37. */
export const FOLDED_PAIR_BYTES: number = 172

const CASED = 63
const FOLDED = 37
const NONE = 64

/** Number of each byte among 63 symbols, {@link NONE} for others. */
const SYMBOLS: Uint8Array = /* @__PURE__ */ (() => {
  const symbols = new Uint8Array(256).fill(NONE)
  for (let i = 0; i < 26; i++) {
    symbols[97 + i] = i
    symbols[65 + i] = 26 + i
  }
  for (let i = 0; i < 10; i++) symbols[48 + i] = 52 + i
  symbols.fill(62, 128)
  return symbols
})()

/** The set of pairs of texts. */
export function pairsOf(texts: readonly Uint8Array[]): Uint8Array {
  const pairs = new Uint8Array(PAIR_BYTES)
  for (const text of texts) {
    let last = NONE
    for (let i = 0; i < text.length; i++) {
      const symbol = SYMBOLS[text[i] as number] as number
      if ((symbol | last) < NONE) addBit(pairs, last * CASED + symbol)
      last = symbol
    }
  }
  return pairs
}

/** The same with one symbol for both cases of a letter. */
export function foldPairs(pairs: Uint8Array): Uint8Array {
  const folded = new Uint8Array(FOLDED_PAIR_BYTES)
  for (let pair = 0; pair < CASED * CASED; pair++) {
    if (hasBit(pairs, pair)) addBit(folded, fold(Math.floor(pair / CASED)) * FOLDED + fold(pair % CASED))
  }
  return folded
}

/** Whether all pairs of a word are in a set of either kind. */
export function holdsPairs(pairs: Uint8Array, word: Uint8Array, ignoreCase: boolean): boolean {
  for (let i = 0; i + 2 <= word.length; i++) {
    const first = SYMBOLS[word[i] as number] as number
    const second = SYMBOLS[word[i + 1] as number] as number
    if ((first | second) >= NONE) continue
    if (pairs.length === FOLDED_PAIR_BYTES) {
      if (!hasBit(pairs, fold(first) * FOLDED + fold(second))) return false
    } else if (
      !casesOf(first, ignoreCase).some((a) => casesOf(second, ignoreCase).some((b) => hasBit(pairs, a * CASED + b)))
    ) {
      return false
    }
  }
  return true
}

function casesOf(symbol: number, ignoreCase: boolean): number[] {
  return ignoreCase && symbol < 52 ? [symbol % 26, (symbol % 26) + 26] : [symbol]
}

function fold(symbol: number): number {
  return symbol < 26 ? symbol : symbol - 26
}

function addBit(bits: Uint8Array, bit: number): void {
  bits[bit >> 3] = (bits[bit >> 3] as number) | (1 << (bit & 7))
}

function hasBit(bits: Uint8Array, bit: number): boolean {
  return (((bits[bit >> 3] as number) >> (bit & 7)) & 1) === 1
}
