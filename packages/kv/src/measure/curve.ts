/** Rates and losses of one scheme at several settings. */
import type { Score } from './score.ts'

/**
 * Bits at which a scheme loses so many nats, between its settings on a line; undefined where they do not reach it from both
 * sides. Of several crossings, which noise can make, the one of most bits counts.
 */
export function bitsAtLoss(scores: readonly Pick<Score, 'bitsPerElem' | 'dNLL'>[], loss: number): number | undefined {
  const points = [...scores].sort((a, b) => b.bitsPerElem - a.bitsPerElem)
  for (let i = 0; i + 1 < points.length; i++) {
    const [near, far] = [points[i], points[i + 1]] as [Score, Score]
    if (near.dNLL > loss || far.dNLL < loss) continue
    const share = far.dNLL === near.dNLL ? 0 : (loss - near.dNLL) / (far.dNLL - near.dNLL)
    return near.bitsPerElem + share * (far.bitsPerElem - near.bitsPerElem)
  }
  return undefined
}
