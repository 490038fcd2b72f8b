/** Sizes against the peers, on the logs that were tuned on and on those that were not. */
import { type AcceptContext, atMost } from '../../measure/accept.ts'
import { heldOutLogs, realLogs } from '../../measure/data.ts'
import { XZ, ZSTD } from '../../measure/peers.ts'
import { LEVELS } from '../command.ts'
import { groupsOf, meanSize, measureSizes, type SizeRow, sizeTable } from '../sizes.ts'

/** Geometric means of our size over that of xz -9e that are asked for, by group and level. */
const MEANS = [
  ['full-size', 'max', 0.48],
  ['full-size', 'default', 0.56],
  ['2k', 'max', 0.62],
  ['2k', 'default', 0.69],
] as const

function worst(rows: readonly SizeRow[], share: (row: SizeRow) => number): { name: string; share: number } {
  return rows.map((row) => ({ name: row.file.name, share: share(row) })).reduce((a, b) => (b.share > a.share ? b : a))
}

function checkWorst(
  context: AcceptContext,
  name: string,
  rows: readonly SizeRow[],
  share: (row: SizeRow) => number,
  limit: number,
): void {
  const { name: file, share: value } = worst(rows, share)
  context.check(name, value <= limit, `largest ${value.toFixed(3)}, ${file} (at most ${limit})`)
}

export async function acceptSizes(context: AcceptContext): Promise<void> {
  const rows = await measureSizes(context, realLogs(), [XZ, ZSTD])
  context.say(sizeTable(rows, [XZ, ZSTD]))
  checkBroken(context, 'every real log comes back at every level', rows)
  const groups = new Map(groupsOf(rows))
  for (const [group, level, limit] of MEANS) {
    atMost(
      context,
      `${level}: mean size over xz -9e, ${group} files`,
      meanSize(groups.get(group)!, level, XZ.name),
      limit,
    )
  }
  checkWorst(context, 'max: every file against xz -9e', rows, (row) => row.ours.max / row.theirs[XZ.name]!, 0.85)
  const nginx = rows.filter((row) => row.file.name === 'nginxplus_json')
  checkWorst(context, 'max: nginxplus_json against xz -9e', nginx, (row) => row.ours.max / row.theirs[XZ.name]!, 0.27)
  for (const level of ['default', 'fast'] as const) {
    for (const peer of [XZ, ZSTD]) {
      const share = (row: SizeRow) => row.ours[level] / row.theirs[peer.name]!
      checkWorst(context, `${level}: every file below ${peer.name}`, rows, share, 1)
    }
  }
  const all = groups.get('all real')!
  const aims = LEVELS.map((level) => `${level} ${meanSize(all, level, XZ.name).toFixed(3)}`)
  context.say(`mean over xz -9e of all 21: ${aims.join(', ')} (aims: max .57, default .65, fast .73)`)
}

export async function acceptHeldOut(context: AcceptContext): Promise<void> {
  const rows = await measureSizes(context, heldOutLogs(context.cache), [XZ])
  context.say(sizeTable(rows, [XZ]))
  checkBroken(context, 'every held-out log comes back at every level', rows)
  context.check(
    'held-out formats, each at least 1 MB',
    rows.length >= 8 && rows.every((row) => row.file.bytes >= 1e6),
    `${rows.length} (at least 8)`,
  )
  for (const level of LEVELS) {
    checkWorst(
      context,
      `${level}: no held-out log above xz -9e`,
      rows,
      (row) => row.ours[level] / row.theirs[XZ.name]!,
      1,
    )
  }
  atMost(context, 'max: mean size over xz -9e, held-out logs', meanSize(rows, 'max', XZ.name), 0.62)
}

function checkBroken(context: AcceptContext, name: string, rows: readonly SizeRow[]): void {
  const broken = rows
    .filter((row) => row.broken.length > 0)
    .map((row) => `${row.file.name} at ${row.broken.join(', ')}`)
  context.check(name, broken.length === 0, broken.length === 0 ? `${rows.length} files` : broken.join('; '))
}
