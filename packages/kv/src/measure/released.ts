/**
 * CacheGen as its authors released it: no anchors, each token of a layer rounded against its largest number to a few bins, a
 * distribution for each channel that is counted on the chunk and sent with it. Sizes are code lengths.
 *
 * @module
 */
import type { KvCache } from '@pith/lm'
import type { Kind } from '../cachegen/index.ts'
import { nearestHalves } from '../gear/halves.ts'
import { codeLengths, countCode, entropyBits, type Histogram, makeHistogram } from './histogram.ts'
import { type Scheme, withRows } from './scheme.ts'

/** Bits of the table of a channel as shipped, 33 numbers of 16 bits, for each token of a chunk of 256. */
const TABLE_BITS = (33 * 16) / 256
/** Bits of the scale of a token. */
const SCALE_BITS = 16
/** The layers that the bins were set for. */
const SET_FOR = 32

/** Bins of the layers up to a share of them. */
type Bins = readonly (readonly [bins: number, before: number])[]

/** Settings by name: three of the released code, and two with fewer bins. */
const SETTINGS: Readonly<Record<string, { readonly k: Bins; readonly v: Bins }>> = {
  '3': { k: [[32, SET_FOR]], v: [[32, SET_FOR]] },
  '2': {
    k: [
      [32, 10],
      [16, SET_FOR],
    ],
    v: [
      [32, 2],
      [16, SET_FOR],
    ],
  },
  '1': {
    k: [
      [16, 20],
      [12, SET_FOR],
    ],
    v: [
      [16, 2],
      [12, SET_FOR],
    ],
  },
  '12-10': { k: [[12, SET_FOR]], v: [[10, SET_FOR]] },
  '10-8': { k: [[10, SET_FOR]], v: [[8, SET_FOR]] },
}

/** Names of the settings, from many bins to few. */
export const RELEASED_SETTINGS: readonly string[] = ['3', '2', '1', '12-10', '10-8']

/** With tables that are learned once for a model, as they might have been. */
export function fitReleased(caches: readonly KvCache[], setting: string): Scheme {
  const first = caches[0] as KvCache
  const lengths = { k: [] as Float64Array[][], v: [] as Float64Array[][] }
  for (const kind of ['k', 'v'] as const) {
    for (let layer = 0; layer < first.layers; layer++) {
      const reach = reachOf(setting, kind, layer, first.layers)
      const counts = Array.from({ length: first.width }, () => makeHistogram(reach))
      for (const kv of caches) round(rowsOf(kv, kind)[layer] as Float32Array, first.width, reach, counts)
      lengths[kind].push(counts.map((own) => codeLengths(own, reach / 3)))
    }
  }
  return scheme('released-static', setting, (counts, kind, layer) =>
    counts.reduce(
      (sum, own, c) => sum + bitsUnder(own, (lengths[kind][layer] as Float64Array[])[c] as Float64Array),
      0,
    ),
  )
}

/** As shipped: the tables of each chunk of 256 tokens stand in it. */
export function releasedScheme(setting: string): Scheme {
  return scheme('released', setting, (counts, _kind, _layer, tokens) =>
    counts.reduce((sum, own) => sum + entropyBits(own) + TABLE_BITS * tokens, 0),
  )
}

function scheme(
  name: string,
  setting: string,
  size: (counts: readonly Histogram[], kind: Kind, layer: number, tokens: number) => number,
): Scheme {
  return {
    name,
    setting,
    async change(kv) {
      let bits = 2 * kv.layers * kv.length * SCALE_BITS
      const each = (kind: Kind): Float32Array[] =>
        rowsOf(kv, kind).map((rows, layer) => {
          const reach = reachOf(setting, kind, layer, kv.layers)
          const counts = Array.from({ length: kv.width }, () => makeHistogram(reach))
          const out = round(rows, kv.width, reach, counts)
          bits += size(counts, kind, layer, kv.length)
          return out
        })
      const keys = each('k')
      const values = each('v')
      return { kv: withRows(kv, keys, values), bits }
    },
  }
}

function rowsOf(kv: KvCache, kind: Kind): readonly Float32Array[] {
  return kind === 'k' ? kv.keys : kv.values
}

function reachOf(setting: string, kind: Kind, layer: number, layers: number): number {
  const bins = (SETTINGS[setting] as (typeof SETTINGS)[string])[kind]
  const [own] = bins.find(([, before]) => (layer * SET_FOR) / layers < before) as readonly [number, number]
  return own / 2 - 1
}

function round(rows: Float32Array, width: number, reach: number, counts: readonly Histogram[]): Float32Array {
  const out = new Float32Array(rows.length)
  for (let at = 0; at < rows.length; at += width) {
    let most = 0
    for (let c = 0; c < width; c++) most = Math.max(most, Math.abs(rows[at + c] as number))
    const scale = nearestHalves([most])[0] as number
    for (let c = 0; c < width; c++) {
      const code =
        scale === 0 ? 0 : Math.max(-reach, Math.min(reach, Math.round(((rows[at + c] as number) / scale) * reach)))
      countCode(counts[c] as Histogram, code)
      out[at + c] = (code / reach) * scale
    }
  }
  return out
}

function bitsUnder({ counts }: Histogram, lengths: Float64Array): number {
  let bits = 0
  for (const [s, count] of counts.entries()) if (count > 0) bits += count * (lengths[s] as number)
  return bits
}
