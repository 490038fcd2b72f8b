/** Measures of one ranking, with the semantics of trec_eval 9.0.8. */
import { PithError } from '@pith/core'

/** A returned document that nobody judged, as a gain. */
export const UNJUDGED = -1

/** A ranking by what its documents are worth. */
export interface JudgedRanking {
  /** f64[returned]: gains, best rank first; {@link UNJUDGED} and other gains below 0 count as not judged. */
  readonly gains: Float64Array
  /** f64[relevant]: all gains above 0 that were judged for the query, greatest first. */
  readonly ideal: Float64Array
  /** Documents that were judged to be worth nothing. */
  readonly worthless: number
}

/** A measure by name. */
export interface Measure {
  /** Name that trec_eval prints. */
  readonly trecName: string
  of(ranking: JudgedRanking): number
}

type Kind = 'map' | 'ndcg' | 'p' | 'recall' | 'success' | 'recip_rank' | 'bpref' | 'rprec'

const KINDS: Readonly<Record<string, Kind>> = {
  map: 'map',
  map_cut: 'map',
  mrr: 'recip_rank',
  recip_rank: 'recip_rank',
  rprec: 'rprec',
  bpref: 'bpref',
  ndcg: 'ndcg',
  ndcg_cut: 'ndcg',
  p: 'p',
  r: 'recall',
  recall: 'recall',
  success: 'success',
}

/** Measures with a cut, and the name of the cut one; `whole` names what stands without one. */
const NAMES: Readonly<Record<Kind, { whole?: string; cut?: string }>> = {
  map: { whole: 'map', cut: 'map_cut' },
  ndcg: { whole: 'ndcg', cut: 'ndcg_cut' },
  p: { cut: 'P' },
  recall: { cut: 'recall' },
  success: { cut: 'success' },
  recip_rank: { whole: 'recip_rank' },
  bpref: { whole: 'bpref' },
  rprec: { whole: 'Rprec' },
}

/**
 * A measure by its name in trec_eval (`ndcg_cut_10`, `P_5`, `recall_100`, `map`, `recip_rank`, `bpref`, `Rprec`,
 * `success_1`, `map_cut_10`, `ndcg`) or in papers (`nDCG@10`, `P@5`, `R@100`, `MAP`, `MRR`, `MAP@10`).
 *
 * @throws PithError `PITH_ARG` no such measure
 */
export function measureOf(name: string): Measure {
  const match = /^([a-z_]+?)(?:[@_](\d{1,9}))?$/i.exec(name)
  const key = match?.[1]?.toLowerCase() ?? ''
  const kind = Object.hasOwn(KINDS, key) ? KINDS[key] : undefined
  const cut = match?.[2] === undefined ? undefined : Number(match[2])
  const trec = kind === undefined ? undefined : NAMES[kind][cut === undefined ? 'whole' : 'cut']
  if (kind === undefined || trec === undefined || cut === 0 || (cut === undefined && key.endsWith('_cut'))) {
    throw new PithError('PITH_ARG', `${JSON.stringify(name.slice(0, 40))} is no measure`, {
      hint: 'Use nDCG@10, MAP, MRR, P@10, R@100, success@1, Rprec or bpref, with any cut.',
    })
  }
  const compute = COMPUTE[kind]
  return {
    trecName: cut === undefined ? trec : `${trec}_${cut}`,
    of: (ranking) => compute(ranking, cut ?? Number.POSITIVE_INFINITY),
  }
}

const COMPUTE: Readonly<Record<Kind, (ranking: JudgedRanking, cut: number) => number>> = {
  map({ gains, ideal }, cut) {
    let sum = 0
    let found = 0
    for (let i = 0; i < gains.length && i < cut; i++) if (isRelevant(gains[i] as number)) sum += ++found / (i + 1)
    return ideal.length === 0 ? 0 : sum / ideal.length
  },
  ndcg({ gains, ideal }, cut) {
    const best = discounted(ideal, cut)
    return best === 0 ? 0 : discounted(gains, cut) / best
  },
  p: ({ gains }, cut) => countRelevant(gains, cut) / cut,
  recall: ({ gains, ideal }, cut) => (ideal.length === 0 ? 0 : countRelevant(gains, cut) / ideal.length),
  success: ({ gains }, cut) => (countRelevant(gains, cut) > 0 ? 1 : 0),
  recip_rank({ gains }) {
    const first = gains.findIndex(isRelevant)
    return first < 0 ? 0 : 1 / (first + 1)
  },
  rprec: ({ gains, ideal }) => (ideal.length === 0 ? 0 : countRelevant(gains, ideal.length) / ideal.length),
  bpref({ gains, ideal, worthless }) {
    const counted = Math.min(worthless, ideal.length)
    let sum = 0
    let before = 0
    for (const gain of gains) {
      if (gain === 0) before++
      else if (gain > 0) sum += before === 0 ? 1 : 1 - Math.min(before, ideal.length) / counted
    }
    return ideal.length === 0 ? 0 : sum / ideal.length
  },
}

function isRelevant(gain: number): boolean {
  return gain >= 1
}

function countRelevant(gains: Float64Array, cut: number): number {
  let count = 0
  for (let i = 0; i < gains.length && i < cut; i++) if (isRelevant(gains[i] as number)) count++
  return count
}

function discounted(gains: Float64Array, cut: number): number {
  let sum = 0
  for (let i = 0; i < gains.length && i < cut; i++) {
    const gain = gains[i] as number
    if (gain > 0) sum += gain / Math.log2(i + 2)
  }
  return sum
}
