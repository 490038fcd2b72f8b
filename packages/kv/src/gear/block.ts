/** One block of keys or values: rounded numbers, what they miss in low rank, and outliers. */
import { PithError, Random } from '@pith/core'
import { type Axis, type Rounded, type Rows, roundGroups, unroundGroups } from './groups.ts'
import { addLowRank, approximate, type LowRank } from './low-rank.ts'
import { rotateHeads } from './rotate.ts'
import { putOutliers, type Sparse, takeOutliers } from './sparse.ts'

/** How blocks are compressed. */
export type Method = 'gear' | 'gear-l' | 'kivi' | 'kcvt' | 'had-kivi'

/** Options of {@link compressBlock}. */
export interface BlockOptions {
  /** Default `had-kivi`: at equal bytes it loses least. */
  method?: Method
  /** Bits of a rounded number, 1..8. Default 3. */
  bits?: number
  /** Numbers that share a scale; for values at most the width of a head. Default 64; `kcvt` takes whole vectors. */
  group?: number
  /** Rank of what `gear` and `gear-l` add. Default 4. */
  rank?: number
  /** Share of numbers that `gear` keeps apart, 0..0.5. Default 0.02. */
  sparse?: number
  /** Rounds of the power iteration. Default 3. */
  rounds?: number
  seed?: number
}

/** A compressed block. */
export interface Block extends Omit<Rows, 'data'> {
  readonly rounded: Rounded
  /** By head. */
  readonly lowRank: readonly LowRank[]
  readonly sparse?: Sparse
  /** Seed of the rotation of each head, where there is one. */
  readonly rotation?: number
}

/**
 * Compress rows of keys or values.
 *
 * @throws PithError `PITH_ARG` options outside of their ranges · `PITH_NONFINITE` numbers that are not finite
 */
export function compressBlock(rows: Rows, kind: 'k' | 'v', options: BlockOptions = {}): Block {
  const { method = 'had-kivi', bits = 3, group = 64, rank = 4, sparse = 0.02, rounds = 3, seed = 0 } = options
  checkOptions(bits, group, rank, sparse, rounds)
  const { data, tokens, heads, headDim } = rows
  if (data.length !== tokens * heads * headDim)
    throw new PithError('PITH_SHAPE', `${data.length} numbers are not ${tokens} rows`)
  if (!data.every(Number.isFinite)) throw new PithError('PITH_NONFINITE', 'keys and values must be finite')
  const shape = { tokens, heads, headDim }
  const axis: Axis = kind === 'k' ? 'channel' : 'token'
  const turned = method === 'had-kivi' ? rotateHeads(data, headDim, seed, 1) : data
  const apart = method === 'gear' && sparse > 0 ? takeOutliers({ ...shape, data }, axis, sparse) : undefined
  const rest = apart?.rest ?? turned
  const span = method === 'kcvt' ? (kind === 'k' ? Math.max(1, tokens) : heads * headDim) : group
  const rounded = roundGroups({ ...shape, data: rest }, axis, bits, span)
  const lowRank: LowRank[] = []
  if ((method === 'gear' || method === 'gear-l') && rank > 0 && tokens > 0) {
    const back = unroundGroups(rounded, shape)
    if (apart !== undefined) putOutliers(apart.sparse, back)
    const random = new Random(seed)
    for (let head = 0; head < heads; head++)
      lowRank.push(approximate(missing(data, back, shape, head), tokens, headDim, rank, rounds, random))
  }
  return {
    ...shape,
    rounded,
    lowRank,
    ...(apart === undefined ? {} : { sparse: apart.sparse }),
    ...(method === 'had-kivi' ? { rotation: seed } : {}),
  }
}

/** The rows that a block stands for: f32[tokens, heads * headDim]. */
export function decompressBlock(block: Block): Float32Array {
  const { heads, headDim, rounded, lowRank, sparse, rotation } = block
  const out = unroundGroups(rounded, block)
  if (sparse !== undefined) putOutliers(sparse, out)
  for (let head = 0; head < lowRank.length; head++)
    addLowRank(lowRank[head] as LowRank, out, head * headDim, heads * headDim)
  return rotation === undefined ? out : rotateHeads(out, headDim, rotation, -1)
}

/** Bytes of all parts of a block; an outlier is two bytes of place and two of value. */
export function blockBytes({ rounded, lowRank, sparse }: Block): number {
  const factors = lowRank.reduce((sum, { a, b }) => sum + 2 * (a.length + b.length), 0)
  return (
    rounded.codes.length +
    2 * (rounded.scales.length + rounded.zeros.length) +
    factors +
    4 * (sparse?.places.length ?? 0)
  )
}

function missing(
  data: Float32Array,
  back: Float32Array,
  { tokens, heads, headDim }: Omit<Rows, 'data'>,
  head: number,
): Float64Array {
  const out = new Float64Array(tokens * headDim)
  for (let t = 0; t < tokens; t++) {
    for (let i = 0; i < headDim; i++) {
      const at = (t * heads + head) * headDim + i
      out[t * headDim + i] = (data[at] as number) - (back[at] as number)
    }
  }
  return out
}

function checkOptions(bits: number, group: number, rank: number, sparse: number, rounds: number): void {
  const check = (name: string, value: number, least: number, most: number): void => {
    if (!(Number.isInteger(value) && value >= least && value <= most)) {
      throw new PithError('PITH_ARG', `${name} must be ${least}..${most}, got ${value}`)
    }
  }
  check('bits', bits, 1, 8)
  check('group', group, 1, 65536)
  check('rank', rank, 0, 64)
  check('rounds', rounds, 1, 100)
  if (!(sparse >= 0 && sparse <= 0.5)) throw new PithError('PITH_ARG', `sparse must be 0..0.5, got ${sparse}`)
}
