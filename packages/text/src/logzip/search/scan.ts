import { byteRank, LiteralFinder, lineEndAt, lineStartAt } from './byte-search.ts'
import type { LazyDfa } from './dfa.ts'
import type { Formula } from './formula.ts'
import type { Literal, LiteralPlan } from './literals.ts'

/** Gets a line `[from, to)` without its line feed; false ends the search. */
export type OnLine = (from: number, to: number) => unknown

/** The ways to search that a matcher has. */
export interface LineSearch {
  readonly selector: LazyDfa
  /** Whether a line matches, exactly. */
  readonly matches: (bytes: Uint8Array, start: number, end: number) => boolean
  /** Whether what `selector` accepts matches for sure. */
  readonly certain: boolean
  /** A literal that makes a line match. */
  readonly finder: LiteralFinder | undefined
  readonly required: LiteralPlan
}

/** Report the lines of `bytes[start, end)` that match, or those that don't if `invert`. */
export function forEachMatchingLine(
  search: LineSearch,
  invert: boolean,
  bytes: Uint8Array,
  start: number,
  end: number,
  onLine: OnLine,
): void {
  if (!invert) {
    forEachMatch(search, bytes, start, end, onLine)
    return
  }
  let next = start
  let stopped = false
  const between = (limit: number): void => {
    while (next < limit && !stopped) {
      const to = lineEndAt(bytes, next, limit)
      stopped = onLine(next, to) === false
      next = to + 1
    }
  }
  forEachMatch(search, bytes, start, end, (from, to) => {
    between(from)
    next = to + 1
    return !stopped
  })
  between(end)
}

function forEachMatch(search: LineSearch, bytes: Uint8Array, start: number, end: number, onLine: OnLine): void {
  const { selector, matches, certain } = search
  const certainFinder = search.finder
  const finder = certainFinder ?? bestFinder(search.required)
  let at = start
  let spent = 0
  // A literal that stands on most lines only adds work: then the automaton runs over all lines instead.
  while (finder !== undefined && at < end && (certainFinder !== undefined || spent <= 4096 || 2 * spent < at - start)) {
    const hit = finder.find(bytes, at, end)
    if (hit < 0) return
    const from = lineStartAt(bytes, hit, at)
    const to = lineEndAt(bytes, hit, end)
    if (certainFinder !== undefined || matches(bytes, from, to)) {
      if (onLine(from, to) === false) return
    }
    spent += to - from
    at = to + 1
  }
  while (at < end) {
    const hit = selector.search(bytes, at, end)
    if (hit < 0) return
    const from = lineStartAt(bytes, hit, at)
    const to = lineEndAt(bytes, hit, end)
    if (certain || matches(bytes, from, to)) {
      if (onLine(from, to) === false) return
    }
    at = to + 1
  }
}

/** The literal that every match holds and that is likely the rarest; undefined where none is worth a search of its own. */
function bestFinder(plan: LiteralPlan): LiteralFinder | undefined {
  const parts: readonly Formula<Literal>[] = plan.needs.op === 'and' ? plan.needs.of : [plan.needs]
  let best: Literal | undefined
  let bestScore = 0
  for (const part of parts) {
    if (part.op !== 'leaf') continue
    const { bytes } = part.leaf
    let score = 2 * bytes.length
    for (const byte of bytes) score = Math.max(score, 2 * bytes.length + (255 - byteRank(byte)) / 16)
    if (bytes.length >= 2 && score > bestScore) {
      best = part.leaf
      bestScore = score
    }
  }
  return best === undefined ? undefined : new LiteralFinder(best.bytes, best.ignoreCase)
}
