import { linesOf } from '../safe/pieces.ts'
import type { Ranking } from '../types.ts'
import { bm25Scores, byScore, localWeights } from './bm25.ts'
import { termsOf } from './terms.ts'

const HUNK = /^@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@/
const FILE = /^(?:diff |index |--- |\+\+\+ |old mode|new mode|new file|deleted file|rename |similarity |Binary files)/

/** Whether a text is what a comparison of files printed. */
export function isDiff(text: string): boolean {
  return /^(?:diff --git |--- [^\n]*\n\+\+\+ )/m.test(text.slice(0, 4000)) && /^@@ -\d/m.test(text)
}

/**
 * Rank the parts of a diff: hunks by the question, or the smaller the better; of each first the changed lines with the heads of file and
 * hunk, then the lines around them.
 */
export function rankDiff(text: string, query: string): Ranking {
  const pieces = linesOf(text)
  interface Hunk {
    readonly heads: readonly number[]
    readonly changed: number[]
    readonly around: number[]
  }
  const hunks: Hunk[] = []
  let file: number[] = []
  let isInFile = false
  for (const [i, { start, end }] of pieces.entries()) {
    const line = text.slice(start, end)
    const hunk = hunks.at(-1)
    if (HUNK.test(line)) {
      hunks.push({ heads: [...file, i], changed: [], around: [] })
      isInFile = false
    } else if (FILE.test(line) && (isInFile || hunk === undefined || /^(?:diff |--- )/.test(line))) {
      file = isInFile ? [...file, i] : [i]
      isInFile = true
    } else if (hunk === undefined) file.push(i)
    else if (/^[-+]/.test(line)) hunk.changed.push(i)
    else hunk.around.push(i)
  }
  const terms = hunks.map(({ heads, changed, around }) =>
    termsOf([...heads, ...changed, ...around].map((i) => text.slice(pieces[i]?.start, pieces[i]?.end)).join('')),
  )
  const asked = bm25Scores(termsOf(query), terms, localWeights(terms))
  const order = byScore(hunks.map(({ changed }, i) => (asked[i] as number) + 1 / (1 + changed.length)))
  const loose = file.length > 0 && hunks.every(({ heads }) => !file.some((i) => heads.includes(i))) ? [file] : []
  return {
    scorer: 'diff',
    pieces,
    groups: [
      ...order.map((i) => [...(hunks[i] as Hunk).heads, ...(hunks[i] as Hunk).changed]),
      ...order.flatMap((i) => (hunks[i] as Hunk).around.map((line) => [...(hunks[i] as Hunk).heads, line])),
      ...loose,
    ],
  }
}
