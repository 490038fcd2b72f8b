import { PithError } from '@pith/core'
import { type ByteSet, hasByte, isWordByte, lowerByte } from './byte-set.ts'
import { sideOf } from './dfa.ts'
import {
  assertHolds,
  OP_ASSERT,
  OP_BACK,
  OP_MATCH,
  OP_SAVE,
  OP_SET,
  OP_SPLIT,
  type Program,
  SIDE_CUT,
  SIDE_EDGE,
  SIDE_OTHER,
  SIDE_WORD,
} from './nfa.ts'

/** Steps that one line may take. */
const MAX_STEPS = 2_000_000

/** What is left of the steps for one line. */
export interface Budget {
  steps: number
}

export function lineBudget(): Budget {
  return { steps: MAX_STEPS }
}

/**
 * Ends of all matches of a program with back-references from one place.
 *
 * Every path is followed, none twice with the same captures: polynomial in the length of the line, its degree the number of groups
 * that are referred to (finding a match is NP-complete where that number grows).
 *
 * @param from within the line `bytes[start, end)`; a match may reach to `limit` <= `end`
 * @returns ends, ascending; the first that is found alone if `any`
 * @param budget what the line may still cost; each byte that is compared with a group counts as a step
 * @throws PithError `PITH_LIMIT` when the budget is spent
 */
export function matchEnds(
  program: Program,
  ignoreCase: boolean,
  bytes: Uint8Array,
  start: number,
  from: number,
  limit: number,
  end: number,
  any: boolean,
  budget: Budget,
): number[] {
  const { op, x, y, arg, sets } = program
  const ends = new Set<number>()
  // Capture vectors have numbers; for each, the places in program and line that were seen with it.
  const unset = new Array<number>(2 * program.groups.length).fill(-1)
  const vectors: (readonly number[])[] = [unset]
  const numbers = new Map([[unset.join(), 0]])
  const visited: (Set<number> | undefined)[] = []
  const span = limit - from + 1
  const pcs = [program.start]
  const places = [from]
  const captures = [0]
  while (pcs.length > 0) {
    let pc = pcs.pop() as number
    let at = places.pop() as number
    let saved = captures.pop() as number
    path: for (;;) {
      if (--budget.steps < 0) {
        throw new PithError('PITH_LIMIT', `back-references need more than ${MAX_STEPS} steps on one line`, {
          hint: 'Search without back-references, or make the group that is referred to more specific.',
        })
      }
      switch (op[pc]) {
        case OP_SET:
          if (at >= limit || !hasByte(sets[arg[pc] as number] as ByteSet, bytes[at] as number)) break path
          at++
          break
        case OP_SPLIT: {
          visited[saved] ??= new Set()
          const seen = visited[saved] as Set<number>
          const key = pc * span + (at - from)
          if (seen.has(key)) break path
          seen.add(key)
          pcs.push(y[pc] as number)
          places.push(at)
          captures.push(saved)
          break
        }
        case OP_ASSERT: {
          const right =
            at < limit
              ? isWordByte(bytes[at] as number)
                ? SIDE_WORD
                : SIDE_OTHER
              : limit === end
                ? SIDE_EDGE
                : SIDE_CUT
          if (!assertHolds(arg[pc] as number, sideOf(bytes, at - 1, start), right)) break path
          break
        }
        case OP_SAVE: {
          const vector = (vectors[saved] as readonly number[]).slice()
          vector[arg[pc] as number] = at
          const key = vector.join()
          saved = numbers.get(key) ?? vectors.push(vector) - 1
          numbers.set(key, saved)
          break
        }
        case OP_BACK: {
          const vector = vectors[saved] as readonly number[]
          const low = vector[2 * (arg[pc] as number)] as number
          const high = vector[2 * (arg[pc] as number) + 1] as number
          if (low < 0 || high < low || at + (high - low) > limit) break path
          budget.steps -= high - low
          for (let i = low; i < high; i++, at++)
            if (!sameByte(bytes[i] as number, bytes[at] as number, ignoreCase)) break path
          break
        }
        case OP_MATCH:
          ends.add(at)
          if (any) return [at]
          break path
      }
      pc = x[pc] as number
    }
  }
  return [...ends].sort((a, b) => a - b)
}

function sameByte(a: number, b: number, ignoreCase: boolean): boolean {
  return a === b || (ignoreCase && lowerByte(a) === lowerByte(b))
}
