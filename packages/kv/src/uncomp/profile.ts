/** What UNComp knows of a model: which heads see much, and where layers begin to see less. */
import { meterProgress, PithError, type Run, throwIfAborted } from '@pith/core'
import type { KvShape, Lm } from '@pith/lm'
import { checkKvShape } from '../shape.ts'
import { truncatedEntropy } from './entropy.ts'

/** Entropies of a model, measured on texts. */
export interface EntropyProfile extends KvShape {
  /** The model: SHA-256 of its sizes and tokenizer, and of its weights. */
  readonly arch: string
  readonly weights: string
  /** Texts and tokens that it was measured on. */
  readonly texts: number
  readonly tokens: number
  /** Mean entropy of what enters each layer. */
  readonly layerEntropy: readonly number[]
  /** Mean entropy of the queries of each head, by layer and head of keys. */
  readonly headEntropy: readonly (readonly number[])[]
  /** Mean rank of each head in its layer: 0 is the least entropy. */
  readonly headRank: readonly (readonly number[])[]
}

/** Shortest texts. */
const LEAST_TOKENS = 16

/** Fall of 100 times the entropy that begins a group of layers. */
const FALL = 1

/**
 * Measure the entropies of a model; some 50 texts settle the ranks.
 *
 * @param texts ids, each of 16 tokens or more
 * @throws PithError `PITH_ARG` none, or too short · `PITH_LIMIT` longer than the model's context
 */
export async function profileEntropy(
  lm: Lm,
  texts: readonly Int32Array[],
  run: Pick<Run, 'signal' | 'onProgress'> = {},
): Promise<EntropyProfile> {
  if (texts.length === 0 || texts.some((ids) => ids.length < LEAST_TOKENS)) {
    throw new PithError('PITH_ARG', `entropies need texts of ${LEAST_TOKENS} tokens or more`)
  }
  const { layers, heads, kvHeads, headDim, hidden } = lm.config
  const each = Array.from({ length: layers }, (_, layer) => layer)
  const layerEntropy = new Array<number>(layers).fill(0)
  const headEntropy = each.map(() => new Array<number>(kvHeads).fill(0))
  const headRank = each.map(() => new Array<number>(kvHeads).fill(0))
  const meter = meterProgress(run, { stage: 'entropy', unit: 'rows', total: texts.length })
  for (const [i, ids] of texts.entries()) {
    throwIfAborted(run.signal)
    const computed = await lm.session({ capacity: ids.length }).read(ids, { queries: each, hidden: each })
    for (const layer of each) {
      const x = computed.hidden.get(layer) as Float32Array
      layerEntropy[layer] = (layerEntropy[layer] as number) + (await truncatedEntropy(x, hidden)) / texts.length
      const queries = computed.queries.get(layer) as Float32Array
      const size = ids.length * headDim
      const group = heads / kvHeads
      const own = new Array<number>(kvHeads).fill(0)
      for (let head = 0; head < heads; head++) {
        const entropy = await truncatedEntropy(queries.subarray(head * size, (head + 1) * size), headDim)
        const key = Math.floor(head / group)
        own[key] = (own[key] as number) + entropy / group
      }
      const [sums, ranks] = [headEntropy[layer] as number[], headRank[layer] as number[]]
      for (const [head, entropy] of own.entries()) {
        sums[head] = (sums[head] as number) + entropy / texts.length
        const rank = own.filter((other, j) => other < entropy || (other === entropy && j < head)).length
        ranks[head] = (ranks[head] as number) + rank / texts.length
      }
    }
    meter.update(i + 1)
  }
  meter.finish()
  const { arch, weights } = lm.fingerprint
  const tokens = texts.reduce((sum, ids) => sum + ids.length, 0)
  return { layers, kvHeads, headDim, arch, weights, texts: texts.length, tokens, layerEntropy, headEntropy, headRank }
}

/** Class of each head by layer: 0 has the least entropy. Classes are equally large as far as the heads allow. */
export function headClasses({ headRank }: EntropyProfile, classes: number): number[][] {
  return headRank.map((ranks) => {
    const order = ranks.map((rank, head) => ({ rank, head })).sort((a, b) => a.rank - b.rank || a.head - b.head)
    const out = new Array<number>(ranks.length).fill(0)
    for (const [i, { head }] of order.entries()) out[head] = Math.floor((i * classes) / ranks.length)
    return out
  })
}

/** First layers of groups: a new one begins where the entropy falls. */
export function layerGroups({ layerEntropy }: EntropyProfile, fall: number = FALL): number[] {
  return layerEntropy.flatMap((entropy, layer) =>
    layer === 0 || 100 * (entropy - (layerEntropy[layer - 1] as number)) < -fall ? [layer] : [],
  )
}

/** A profile as text. */
export function writeEntropyProfile(profile: EntropyProfile): string {
  return `${JSON.stringify({ kind: 'pith-entropy', version: 1, ...profile }, undefined, 1)}\n`
}

/** @throws PithError `PITH_CORRUPT` no profile, or one that does not hold together · `PITH_LIMIT` · `PITH_UNSUPPORTED` a later version */
export function readEntropyProfile(text: string): EntropyProfile {
  let own: Record<string, unknown>
  try {
    own = JSON.parse(text) as Record<string, unknown>
  } catch (cause) {
    throw new PithError('PITH_CORRUPT', 'the entropy profile is not JSON', { cause })
  }
  if (own?.['kind'] !== 'pith-entropy') throw new PithError('PITH_CORRUPT', 'this is no entropy profile')
  if (own['version'] !== 1) {
    throw new PithError('PITH_UNSUPPORTED', `entropy profiles of version ${own['version']} are not known`)
  }
  const profile = own as unknown as EntropyProfile
  checkKvShape(profile)
  const { layers, kvHeads } = profile
  const isRow = (row: unknown, length: number): boolean =>
    Array.isArray(row) && row.length === length && row.every((x) => typeof x === 'number' && Number.isFinite(x))
  const isTable = (table: unknown): boolean =>
    Array.isArray(table) && table.length === layers && table.every((row) => isRow(row, kvHeads))
  const isWhole =
    isRow(profile.layerEntropy, layers) &&
    isTable(profile.headEntropy) &&
    isTable(profile.headRank) &&
    typeof profile.arch === 'string' &&
    typeof profile.weights === 'string'
  if (!isWhole) throw new PithError('PITH_CORRUPT', 'the entropy profile does not hold together')
  const { headDim, arch, weights, texts, tokens, layerEntropy, headEntropy, headRank } = profile
  return { layers, kvHeads, headDim, arch, weights, texts, tokens, layerEntropy, headEntropy, headRank }
}

/** @throws PithError `PITH_MODEL` the profile is of another model */
export function checkProfileOf(profile: EntropyProfile, { arch, weights }: { arch: string; weights: string }): void {
  if (profile.arch !== arch || profile.weights !== weights) {
    throw new PithError('PITH_MODEL', 'the entropy profile belongs to another model or tokenizer', {
      hint: 'Measure it anew with this model.',
    })
  }
}
