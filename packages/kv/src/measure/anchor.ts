/**
 * CacheGen as the paper describes it: groups of ten tokens, the first at 8 bits, the others as differences to it, each channel of
 * each layer with static distributions. Sizes are code lengths under these, so nothing is lost to a coder.
 *
 * @module
 */
import type { KvCache } from '@pith/lm'
import type { Kind } from '../cachegen/index.ts'
import { bitsOf, codeLengths, countCode, type Histogram, makeHistogram } from './histogram.ts'
import { type Scheme, withRows } from './scheme.ts'

/** Tokens of a group. */
const GROUP = 10
/** Steps of differences against their deviation, by thirds of the layers. */
const BY_THIRD = [0.5, 1, 1.5]
/** Largest magnitudes that have symbols. */
const ANCHOR_REACH = 127
const DELTA_REACH = 63

/** What is learned of one channel. */
interface Channel {
  readonly anchorStep: number
  readonly deltaStep: number
  readonly anchorBits: Float64Array
  readonly deltaBits: Float64Array
}

/**
 * Learn the scheme from caches.
 *
 * @param factor of the steps of differences; 1 is the paper's
 */
export function fitAnchor(caches: readonly KvCache[], factor: number): Scheme {
  const { layers, width } = caches[0] as KvCache
  const channels = { k: [] as Channel[][], v: [] as Channel[][] }
  for (const kind of ['k', 'v'] as const) {
    for (let layer = 0; layer < layers; layer++) {
      const third = BY_THIRD[Math.min(2, Math.floor((3 * layer) / layers))] as number
      channels[kind].push(Array.from({ length: width }, (_, c) => fitChannel(caches, kind, layer, c, factor * third)))
    }
  }
  return {
    name: 'anchor',
    setting: String(factor),
    async change(kv) {
      let bits = 0
      const each = (rows: readonly Float32Array[], kind: Kind): Float32Array[] =>
        rows.map((data, layer) => {
          const out = new Float32Array(data.length)
          for (let c = 0; c < width; c++) {
            const own = (channels[kind][layer] as Channel[])[c] as Channel
            bits += walk(data, out, width, c, own, (code, isAnchor) =>
              isAnchor ? bitsOf(own.anchorBits, ANCHOR_REACH, code) : bitsOf(own.deltaBits, DELTA_REACH, code),
            )
          }
          return out
        })
      const keys = each(kv.keys, 'k')
      const values = each(kv.values, 'v')
      return { kv: withRows(kv, keys, values), bits }
    },
  }
}

/** Steps are of all groups but the first of a text, whose tokens are far from all others; there, codes are long. */
function fitChannel(caches: readonly KvCache[], kind: Kind, layer: number, c: number, factor: number): Channel {
  const columns = caches.map((kv) => columnOf((kind === 'k' ? kv.keys : kv.values)[layer] as Float32Array, kv.width, c))
  let most = 0
  for (const column of columns) {
    for (let t = GROUP; t < column.length; t += GROUP) most = Math.max(most, Math.abs(column[t] as number))
  }
  const anchorStep = Math.max(most / ANCHOR_REACH, 1e-9)
  let squares = 0
  let count = 0
  const ignore = (): number => 0
  for (const column of columns) {
    const own = new Float32Array(column.length)
    // With steps beyond all differences what comes back is the anchor of each token.
    walk(column, own, 1, 0, { anchorStep, deltaStep: Number.POSITIVE_INFINITY }, ignore)
    for (let t = GROUP; t < column.length; t++) {
      if (t % GROUP === 0) continue
      squares += ((column[t] as number) - (own[t] as number)) ** 2
      count++
    }
  }
  const deltaStep = Math.max(factor * Math.sqrt(squares / Math.max(1, count)), 1e-9)
  const anchors = makeHistogram(ANCHOR_REACH)
  const deltas = makeHistogram(DELTA_REACH)
  for (const column of columns) {
    walk(column, new Float32Array(column.length), 1, 0, { anchorStep, deltaStep }, (code, isAnchor) => {
      countCode(isAnchor ? anchors : deltas, code)
      return 0
    })
  }
  return {
    anchorStep,
    deltaStep,
    anchorBits: codeLengths(anchors, deviationOf(anchors)),
    deltaBits: codeLengths(deltas, 1 / factor),
  }
}

function columnOf(rows: Float32Array, width: number, c: number): Float32Array {
  return Float32Array.from({ length: rows.length / width }, (_, t) => rows[t * width + c] as number)
}

/** Code a channel into `out`. @returns the sum of what `cost` says of each code */
function walk(
  rows: Float32Array,
  out: Float32Array,
  width: number,
  c: number,
  { anchorStep, deltaStep }: Pick<Channel, 'anchorStep' | 'deltaStep'>,
  cost: (code: number, isAnchor: boolean) => number,
): number {
  let sum = 0
  let anchor = 0
  for (let at = c, t = 0; at < rows.length; at += width, t++) {
    const isAnchor = t % GROUP === 0
    const step = isAnchor ? anchorStep : deltaStep
    const value = (rows[at] as number) - (isAnchor ? 0 : anchor)
    const code = step === Number.POSITIVE_INFINITY ? 0 : Math.round(value / step)
    sum += cost(code, isAnchor)
    const back = code === 0 ? 0 : code * step
    out[at] = isAnchor ? back : anchor + back
    if (isAnchor) anchor = back
  }
  return sum
}

function deviationOf({ counts, reach }: Histogram): number {
  let squares = 0
  let total = 0
  for (let s = 0; s <= 2 * reach; s++) {
    squares += (counts[s] as number) * (s - reach) ** 2
    total += counts[s] as number
  }
  return Math.sqrt(squares / Math.max(1, total))
}
