import { bm25Scores, localWeights } from '../select/bm25.ts'
import { termsOf } from '../select/terms.ts'
import type { CodeUnit } from './outline.ts'

/** A unit with where it comes from. */
export interface RankedUnit {
  readonly path: string
  readonly unit: CodeUnit
  readonly code: string
}

/** How often the name of a function counts beside its code. */
const NAME_WEIGHT = 3

/**
 * BM25 of functions and what stands between them for a question: code, file name, and the name of the function three times.
 *
 * @returns f64[units.length]
 */
export function scoreUnits(units: readonly RankedUnit[], query: string): Float64Array {
  const terms = units.map(({ path, unit, code }) => {
    const name = termsOf(unit.name)
    const file = termsOf(/[^/\\]*$/.exec(path)?.[0].replace(/\.[a-z]+$/i, '') ?? '')
    return [...termsOf(code), ...file, ...Array.from({ length: NAME_WEIGHT }, () => name).flat()]
  })
  return bm25Scores(termsOf(query), terms, localWeights(terms))
}
