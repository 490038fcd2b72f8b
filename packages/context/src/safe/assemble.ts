import type { DroppedPart, Joiner, SourceMap, Span } from '../types.ts'
import { sourceMapOf } from './source-map.ts'

/** A text made of slices of another one. */
export interface Assembled {
  readonly text: string
  readonly kept: readonly Span[]
  readonly sourceMap: SourceMap
}

/** What stands for a gap between slices. */
export type JoinGap = (gap: Span) => string

/** What lies between slices of a text of `length` code units, and at its ends. */
export function gapsOf(kept: readonly Span[], length: number): Span[] {
  const gaps: Span[] = []
  let at = 0
  for (const { start, end } of kept) {
    if (start > at) gaps.push({ start: at, end: start })
    at = end
  }
  if (at < length) gaps.push({ start: at, end: length })
  return gaps
}

/** Slices of a text in their order, with what `join` puts for each gap. */
export function assemble(text: string, kept: readonly Span[], join: JoinGap): Assembled {
  const parts: string[] = []
  const triples: number[] = []
  let [length, at] = [0, 0]
  const put = (part: string): void => {
    parts.push(part)
    length += part.length
  }
  for (const { start, end } of kept) {
    if (start > at) put(join({ start: at, end: start }))
    triples.push(length, start, end - start)
    put(text.slice(start, end))
    at = end
  }
  if (at < text.length && (kept.length > 0 || text.trim() !== '')) put(join({ start: at, end: text.length }))
  return { text: parts.join(''), kept, sourceMap: sourceMapOf(Uint32Array.from(triples)) }
}

/** What a joiner says of a gap; empty for nothing. `mark` names a gap where that is worth it. */
export function labelBy(joiner: Joiner, mark: (gap: Span) => DroppedPart | undefined, sentinel: string): JoinGap {
  if (joiner === 'none') return () => ''
  if (joiner === 'ellipsis') return () => '…'
  return (gap) => {
    const part = mark(gap)
    return part === undefined ? '' : `⟦${sentinel}:${part.id} +${part.tokens}⟧`
  }
}

/** A label in running text: with the line break or a space that the gap ends with. */
export function wrapInText(text: string): (gap: Span, label: string) => string {
  return (gap, label) => (label === '' ? '' : label + (text[gap.end - 1] === '\n' ? '\n' : ' '))
}

/** A word for markers that a text does not use itself. */
export function sentinelFor(text: string): string {
  let sentinel = 'pith'
  while (text.includes(`⟦${sentinel}:`)) sentinel += 'x'
  return sentinel
}
