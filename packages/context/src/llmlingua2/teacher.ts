import { makeAnalyzer } from '@pith/core/lexical'
import { sentencesOf, wordsOf } from '../safe/pieces.ts'

/** Words within which a sentence counts as said before. */
const REPEAT = 200

const analyzer = /* @__PURE__ */ makeAnalyzer()

/**
 * Labels of a text by rules, where there is no language model to learn from: words that only hold a sentence together go, and so do
 * sentences that were said before in the last 200 words.
 *
 * @returns u8[words], 1 for what stays
 */
export function ruleLabels(text: string): Uint8Array {
  const words = wordsOf(text)
  const keep = new Uint8Array(words.length)
  const said = new Map<string, number>()
  const dropped = new Set<string>()
  const sentences = sentencesOf(text)
  let at = 0
  for (const [i, { start, end }] of words.entries()) {
    while (at < sentences.length && (sentences[at]?.end ?? 0) <= start) at++
    const sentence = sentences[at]
    const isFirst = sentence === undefined || start <= sentence.start
    const key =
      sentence === undefined
        ? ''
        : text
            .slice(sentence.start, sentence.end)
            .toLowerCase()
            .replace(/[^\p{L}\p{N}]+/gu, ' ')
            .trim()
    if (isFirst && key !== '') {
      const last = said.get(key)
      said.set(key, i)
      if (last !== undefined && i - last <= REPEAT) dropped.add(key)
      else dropped.delete(key)
    }
    const bare = text.slice(start, end).replace(/[^\p{L}\p{N}'’]+/gu, '')
    keep[i] = bare === '' || analyzer.isStop(bare) || dropped.has(key) ? 0 : 1
  }
  return keep
}
