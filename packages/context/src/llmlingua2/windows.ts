import type { Span } from '../types.ts'

/** Words of one window, and those whose scores are taken from it. */
export interface Window {
  readonly from: number
  readonly to: number
  readonly keepFrom: number
  readonly keepTo: number
}

/** How words are cut into windows. */
export interface WindowOptions {
  /** Most pieces of a window. */
  readonly size: number
  /** Pieces that a window shares with the next one, about. */
  readonly overlap: number
}

/**
 * Windows of words: each ends behind a sentence where there is one in its second half, and shares words with the next one. A word's score
 * is taken from the window in which it lies farthest from the edge.
 */
export function windowsOf(
  text: string,
  words: readonly Span[],
  starts: Uint32Array,
  { size, overlap }: WindowOptions,
): Window[] {
  const cuts: { from: number; to: number }[] = []
  for (let from = 0; from < words.length; ) {
    const first = starts[from] as number
    let to = from + 1
    while (to < words.length && (starts[to + 1] as number) - first <= size) to++
    if (to < words.length) {
      let end = to
      while (
        end > from + 1 &&
        (starts[end] as number) - first > size / 2 &&
        !endsSentence(text, words[end - 1] as Span)
      )
        end--
      if ((starts[end] as number) - first > size / 2) to = end
    }
    cuts.push({ from, to })
    if (to >= words.length) break
    let next = to
    while (next > from + 1 && (starts[to] as number) - (starts[next - 1] as number) <= overlap) next--
    from = next
  }
  return cuts.map(({ from, to }, i) => {
    const before = cuts[i - 1]
    const after = cuts[i + 1]
    return {
      ...{ from, to },
      keepFrom: before === undefined ? from : middle(from, before.to),
      keepTo: after === undefined ? to : middle(after.from, to),
    }
  })
}

function middle(from: number, to: number): number {
  return (from + to) >> 1
}

function endsSentence(text: string, { start, end }: Span): boolean {
  return /[.!?]["')\]]*\s*$|\n/.test(text.slice(start, end))
}
