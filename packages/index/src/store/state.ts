import { PithError } from '@pith/core'
import { damaged } from './document.ts'
import { checkSettings, type IndexSettings } from './settings.ts'

/** Name of the file of a folder that tells which segments make up the index. */
export const STATE_FILE = 'index.json'
const FORMAT = 1

/** A segment of an index. */
export interface SegmentRow {
  /** Name of its file. */
  readonly name: string
  readonly rows: number
  /** Rows that were deleted or replaced since. */
  readonly deleted: number
  /** Name of the file with a bit for each row that is gone; absent without any. */
  readonly tombstones?: string
}

/** An index as one change left it. */
export interface IndexState {
  readonly format: 1
  readonly settings: IndexSettings
  /** Number of the log of what came after the segments. */
  readonly wal: number
  /** Number of the next file. */
  readonly next: number
  /** From the oldest to the newest. */
  readonly segments: readonly SegmentRow[]
  /** Name of the file of what was learned from the documents (encoder, centroids); absent without any. */
  readonly models?: string
}

export function encodeState(state: IndexState): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(state, undefined, 1)}\n`)
}

/** Check what stands in a file. @throws PithError `PITH_CORRUPT` · `PITH_VERSION` */
export function checkState(content: unknown): IndexState {
  if (typeof content !== 'object' || content === null) throw damaged(`${STATE_FILE} is damaged`)
  const { format, settings, wal, next, segments, models } = content as Record<string, unknown>
  if (format !== FORMAT) {
    throw new PithError('PITH_VERSION', `the index has version ${JSON.stringify(format)}, 1 is known`, {
      hint: 'Read it with a newer pith.',
    })
  }
  if (!isCount(wal) || !isCount(next) || !Array.isArray(segments)) throw damaged(`${STATE_FILE} is damaged`)
  if (models !== undefined && typeof models !== 'string') throw damaged(`${STATE_FILE} names no file of models`)
  const names = new Set<string>()
  const rows = segments.map((segment: unknown): SegmentRow => {
    const row = (segment ?? {}) as Partial<SegmentRow>
    const { name, rows: count, deleted, tombstones } = row
    const isRight = typeof name === 'string' && !names.has(name) && isCount(count) && isCount(deleted)
    if (!isRight || deleted > count || (tombstones === undefined) !== (deleted === 0)) {
      throw damaged(`${STATE_FILE} has a damaged segment`)
    }
    if (tombstones !== undefined && typeof tombstones !== 'string')
      throw damaged(`${STATE_FILE} has damaged tombstones`)
    names.add(name)
    return { name, rows: count, deleted, ...(tombstones === undefined ? {} : { tombstones }) }
  })
  return {
    format: FORMAT,
    settings: checkSettings(settings),
    wal,
    next,
    segments: rows,
    ...(models === undefined ? {} : { models }),
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** Segments that are merged next, by their places; undefined where all is well. */
export function planMerge(
  segments: readonly SegmentRow[],
  { factor, unit }: { factor: number; unit: number },
): number[] | undefined {
  const tiers = new Map<number, number[]>()
  for (const [i, { rows, deleted }] of segments.entries()) {
    const tier = tierOf(rows - deleted, unit, factor)
    const members = tiers.get(tier)
    if (members === undefined) tiers.set(tier, [i])
    else members.push(i)
  }
  for (const [, members] of [...tiers].sort((a, b) => a[0] - b[0])) if (members.length >= factor) return members
  const sparse = segments.flatMap(({ rows, deleted }, i) => (deleted * 4 > rows ? [i] : []))
  return sparse.length === 0 ? undefined : sparse
}

function tierOf(live: number, unit: number, factor: number): number {
  let tier = 0
  for (let most = unit; live > most; most *= factor) tier++
  return tier
}
