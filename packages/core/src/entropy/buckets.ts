/**
 * Buckets of previous bytes for rANS of order 1: which contexts share a table.
 *
 * @module
 */
import { PithError } from '../errors.ts'
import type { BitReader, BitWriter } from './bits.ts'
import { entropyOf, SYMBOLS } from './frequencies.ts'

/** Tables that one input may have. */
export const MAX_BUCKETS = 16
/** Contexts that are compared with each other; the rarer ones share a bucket from the start. */
const CANDIDATES = 40
/** Rough size of a table's entry in the file, in units of 2^-12 bits. */
const ENTRY_COST: number = 8 * 4096

export interface Buckets {
  /** u8[256]: the bucket of each previous byte. Numbers are given in order of first use, from 0. */
  readonly bucketOf: Uint8Array<ArrayBuffer>
  /** Per bucket u32[256] counts of the bytes that follow. */
  readonly counts: readonly Uint32Array[]
  /** Estimate of the coded size with its tables, in units of 2^-12 bits. */
  readonly cost: number
}

interface Group {
  readonly members: readonly number[]
  readonly counts: Uint32Array
  readonly cost: number
}

function makeGroup(members: readonly number[], counts: Uint32Array): Group {
  let symbols = 0
  for (let s = 0; s < SYMBOLS; s++) if (counts[s] > 0) symbols++
  return { members, counts, cost: entropyOf(counts) + symbols * ENTRY_COST }
}

function join(a: Group, b: Group): Group {
  return makeGroup(
    [...a.members, ...b.members],
    a.counts.map((count, s) => count + b.counts[s]),
  )
}

/** Group the previous bytes by what follows them: join the pair that costs least until joining no longer pays. */
export function chooseBuckets(data: Uint8Array): Buckets {
  const followers = new Uint32Array(SYMBOLS * SYMBOLS)
  const quarter = data.length >> 2
  for (let k = 0; k < 4; k++) {
    const end = k === 3 ? data.length : (k + 1) * quarter
    let previous = 0
    for (let i = k * quarter; i < end; i++) {
      followers[(previous << 8) | data[i]]++
      previous = data[i]
    }
  }
  const totals: { context: number; total: number }[] = []
  for (let c = 0; c < SYMBOLS; c++) {
    let total = 0
    for (let s = 0; s < SYMBOLS; s++) total += followers[(c << 8) | s]
    if (total > 0) totals.push({ context: c, total })
  }
  totals.sort((x, y) => y.total - x.total || x.context - y.context)
  const groups: Group[] = []
  for (const [rank, { context }] of totals.entries()) {
    const group = makeGroup([context], followers.slice(context << 8, (context + 1) << 8))
    if (rank <= CANDIDATES) groups.push(group)
    else groups[CANDIDATES] = join(groups[CANDIDATES], group)
  }
  mergeGroups(groups)
  const bucketOf = new Uint8Array(SYMBOLS)
  groups.sort((x, y) => Math.min(...x.members) - Math.min(...y.members))
  for (const [number, group] of groups.entries()) for (const context of group.members) bucketOf[context] = number
  return renumber(bucketOf, groups)
}

function mergeGroups(groups: Group[]): void {
  const rise = (a: Group, b: Group): number => join(a, b).cost - a.cost - b.cost
  const rises: number[][] = groups.map((a, i) => groups.slice(0, i).map((b) => rise(a, b)))
  while (groups.length > 1) {
    let best = Number.POSITIVE_INFINITY
    let first = 0
    let second = 0
    for (let i = 1; i < groups.length; i++) {
      for (let j = 0; j < i; j++) {
        if (rises[i][j] < best) {
          best = rises[i][j]
          first = j
          second = i
        }
      }
    }
    if (best >= 0 && groups.length <= MAX_BUCKETS) return
    groups[first] = join(groups[first], groups[second])
    groups.splice(second, 1)
    rises.splice(second, 1)
    for (const row of rises) if (row.length > second) row.splice(second, 1)
    for (let i = 0; i < groups.length; i++) {
      if (i < first) rises[first][i] = rise(groups[first], groups[i])
      else if (i > first) rises[i][first] = rise(groups[first], groups[i])
    }
  }
}

/** Give numbers in order of first use, bytes that precede nothing the bucket 0. */
function renumber(bucketOf: Uint8Array<ArrayBuffer>, groups: readonly Group[]): Buckets {
  const order: number[] = []
  for (let c = 0; c < SYMBOLS; c++) {
    if (!order.includes(bucketOf[c])) order.push(bucketOf[c])
  }
  const numbered = bucketOf.map((bucket) => order.indexOf(bucket))
  const counts = order.map((bucket) => groups[bucket].counts)
  let cost = 0
  for (const group of groups) cost += group.cost
  return { bucketOf: numbered, counts, cost: cost + SYMBOLS * 2048 }
}

/** Write the map as runs: a bucket that was used before or the next new one, then how many more bytes have it. */
export function writeBuckets(bucketOf: Uint8Array, to: BitWriter): void {
  let known = 0
  for (let c = 0; c < SYMBOLS; ) {
    const bucket = bucketOf[c]
    if (known > 0) to.putBelow(bucket, Math.min(known + 1, MAX_BUCKETS))
    if (bucket === known) known++
    let run = 1
    while (c + run < SYMBOLS && bucketOf[c + run] === bucket) run++
    c += run
    to.putGamma(run)
  }
}

/**
 * Read the map.
 *
 * @throws PithError `PITH_CORRUPT` its runs pass byte 255 · `PITH_TRUNCATED`
 */
export function readBuckets(from: BitReader): Uint8Array<ArrayBuffer> {
  const bucketOf = new Uint8Array(SYMBOLS)
  let known = 0
  for (let c = 0; c < SYMBOLS; ) {
    const bucket = known > 0 ? from.getBelow(Math.min(known + 1, MAX_BUCKETS)) : 0
    if (bucket === known) known++
    const run = from.getGamma()
    if (c + run > SYMBOLS) throw new PithError('PITH_CORRUPT', 'the buckets of rANS pass byte 255')
    bucketOf.fill(bucket, c, c + run)
    c += run
  }
  return bucketOf
}
