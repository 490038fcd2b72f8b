import { wordsOf } from '../safe/pieces.ts'

/** What of an original a compressed text has, and how well the two match (LLMLingua-2, section 3.2). */
export interface Labels {
  /** u8[words of the original], 1 for what stays. */
  readonly keep: Uint8Array
  /** Share of the compressed words that the original does not have: what was made up. */
  readonly variation: number
  /** Share of the words of the original that stand anywhere in the compressed text. */
  readonly hitting: number
  /** Share of the words of the original that are labelled to stay. */
  readonly matching: number
  /** Hitting less matching: what could be meant more than once. */
  readonly gap: number
}

/** Words on either side of the last match that are searched. */
const REACH = 150

/**
 * Label the words of a text by a compressed form of it: compressed words are looked for one after the other around the last that was
 * found, the nearest unused one that is equal but for case.
 */
export function labelWords(original: string, compressed: string, reach: number = REACH): Labels {
  const words = bareWords(original)
  const wanted = bareWords(compressed).filter((word) => word !== '')
  const keep = new Uint8Array(words.length)
  const all = new Set(words)
  const asked = new Set(wanted)
  let last = -1
  let unknown = 0
  for (const word of wanted) {
    if (!all.has(word)) unknown++
    for (let step = 1; step <= reach; step++) {
      const at = [last + step, last - step + 1].find(
        (place) => place >= 0 && words[place] === word && keep[place] === 0,
      )
      if (at === undefined) continue
      keep[at] = 1
      last = at
      break
    }
  }
  const share = (count: number, of: number): number => (of === 0 ? 0 : count / of)
  const said = words.filter((word) => word !== '').length
  const hitting = share(words.filter((word) => word !== '' && asked.has(word)).length, said)
  const matching = share(
    keep.reduce((sum, value) => sum + value, 0),
    said,
  )
  return { keep, variation: share(unknown, wanted.length), hitting, matching, gap: hitting - matching }
}

/** Words in lower case, without the signs around them. */
function bareWords(text: string): string[] {
  return wordsOf(text).map(({ start, end }) =>
    text
      .slice(start, end)
      .toLowerCase()
      .replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, ''),
  )
}
