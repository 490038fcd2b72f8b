/** Eigenvectors of symmetric matrices as work that stops and goes on: reduction, its reflectors, diagonalisation. */

import { isCountTo, type LongKind, type LongWork } from './long-work.ts'
import { type Diagonalization, diagonalize, noiseOf, roomForRotations } from './ql.ts'
import { formReflectors, type Reduction, tridiagonalize } from './tridiagonal.ts'

type Fields = Reduction & Diagonalization

/** Work for a symmetric matrix in double precision, which is overwritten. @param matrix tells it from others */
export function beginEigh(a: Float64Array, n: number, matrix: number): LongWork {
  return {
    kind: 'eigh',
    n,
    place: { matrix, stage: 0, at: 0, tries: 0, noise: 0, sweeps: 0, filled: 0, row: 0 },
    arrays: {
      a,
      d: new Float64Array(n),
      e: new Float64Array(n),
      taus: new Float64Array(n),
      v: new Float64Array(n),
      q: new Float64Array(n),
      z: new Float64Array(n * n),
      ...roomForRotations(n),
    },
  }
}

/** Three stages of n steps. */
export const EIGH: LongKind = {
  totalOf: (n) => 3 * n,
  doneOf: ({ n, place }) => Math.min((place['stage'] as number) * n + (place['at'] as number), 3 * n),
  advance({ n, place, arrays }, isOver) {
    const own = { n, ...place, ...arrays } as unknown as Fields
    let stage = place['stage'] as number
    let isDone = false
    for (;;) {
      if (stage === 0) isDone = tridiagonalize(own, isOver)
      else if (stage === 1) isDone = formReflectors(own, isOver)
      else isDone = diagonalize(own, isOver)
      if (!isDone || stage === 2) break
      stage++
      own.at = 0
      if (stage === 2) {
        own.e.copyWithin(0, 1)
        own.e[n - 1] = 0
        own.noise = noiseOf(own.d, own.e)
      }
    }
    for (const name of Object.keys(place)) place[name] = (own as unknown as Record<string, number>)[name] as number
    place['stage'] = stage
    arrays['v'] = own.v
    return isDone && stage === 2
  },
  isSound({ n, place, arrays }) {
    const { low, high } = arrays as Record<string, Int32Array>
    const sweeps = place['sweeps'] as number
    if (!isCountTo(place['stage'], 2) || !isCountTo(place['at'], n) || !isCountTo(place['row'], n)) return false
    if (!isCountTo(sweeps, low.length) || !isCountTo(place['tries'], 1000)) return false
    let filled = 0
    for (let s = 0; s < sweeps; s++) {
      if (!(low[s] >= 0 && low[s] <= high[s] && high[s] < n)) return false
      filled += high[s] - low[s]
    }
    return place['filled'] === filled
  },
}
