/** When the pieces at the end of a growing log are coded again together. */

/** So many pieces of a tier become one. */
const FAN = 16
/** The smallest tier ends here; each further one is {@link FAN} times as large. */
const TIER_BYTES = 2 ** 6
/** The first piece is coded again once the others have this share of its bytes. */
const GROWTH = 0.5
/** ... and there are so many of them, or they are so large: what a merge gives back must hold what it writes. */
const MIN_OTHERS = 8
const MIN_BYTES = 2 ** 18
/** The same when the log is closed. */
const CLOSING_GROWTH = 0.125

function tierOf(bytes: number): number {
  let tier = 0
  for (let limit = TIER_BYTES; bytes >= limit; limit *= FAN) tier++
  return tier
}

/**
 * The piece from which on all pieces become one.
 *
 * @param sizes  raw bytes of the pieces, the new one last
 * @returns its place, that of the new piece where it stays alone
 */
export function mergeFrom(sizes: readonly number[]): number {
  if (hasGrown(sizes, GROWTH) && (sizes.length > MIN_OTHERS || othersOf(sizes) >= MIN_BYTES)) return 0
  let from = sizes.length - 1
  let merged = sizes.at(-1) ?? 0
  for (let start = from, tier = 0; start > 0; tier++) {
    let count = tierOf(merged) === tier ? 1 : 0
    let sum = merged
    for (let i = from - 1; i >= 0; i--) {
      const size = sizes[i] as number
      if (tierOf(size) > tier) break
      if (tierOf(size) === tier) count++
      sum += size
      start = i
    }
    if (count < FAN) continue
    from = start
    merged = sum
  }
  return from
}

/** Whether all pieces become one when nothing more follows. */
export function worthMerging(sizes: readonly number[]): boolean {
  return hasGrown(sizes, CLOSING_GROWTH)
}

function hasGrown(sizes: readonly number[], growth: number): boolean {
  return sizes.length > 1 && othersOf(sizes) >= (sizes[0] as number) * growth
}

function othersOf(sizes: readonly number[]): number {
  let sum = 0
  for (let i = 1; i < sizes.length; i++) sum += sizes[i] as number
  return sum
}
