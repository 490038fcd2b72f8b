/** How small each level makes each log, container included, against the peers at their best settings. */
import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchContext, Case } from '../measure/case.ts'
import type { DataFile } from '../measure/data.ts'
import { heldOutLogs, NO_DATA, realLogs } from '../measure/data.ts'
import { BROTLI, BZIP2, GZIP9, type Peer, versionOf, XZ, ZSTD } from '../measure/peers.ts'
import { mustRun } from '../measure/process.ts'
import { geometricMean, inParallel } from '../measure/statistics.ts'
import { textTable } from '../measure/table.ts'
import { cacheFolder, LEVELS, type Level, PithCommand } from './command.ts'

export const SIZE_PEERS: readonly Peer[] = [XZ, ZSTD, BROTLI, BZIP2, GZIP9]

/** What one file came to. */
export interface SizeRow {
  readonly file: DataFile
  readonly ours: Readonly<Record<Level, number>>
  /** Bytes by name of the peer. */
  readonly theirs: Readonly<Record<string, number>>
  /** Levels whose output did not come back as it was. */
  readonly broken: readonly Level[]
}

/** Measure files at all levels and with some peers; each of our outputs is decompressed and compared. */
export async function measureSizes(
  context: Pick<BenchContext, 'pith' | 'cache'>,
  files: readonly DataFile[],
  peers: readonly Peer[],
): Promise<SizeRow[]> {
  const pith = new PithCommand(context.pith)
  const folder = cacheFolder(context.cache, 'sizes')
  const tasks = files.map((file) => async (): Promise<SizeRow> => {
    const out = join(folder, `${file.name}.pith`)
    const back = join(folder, `${file.name}.back`)
    const ours: Record<Level, number> = { fast: 0, default: 0, max: 0 }
    const broken: Level[] = []
    for (const level of LEVELS) {
      ours[level] = (await pith.sizeOf(file.path, out, level, { threads: 1 })).bytes
      await mustRun(pith.decompress(out, back, 1))
      if (!(await sameBytes(file.path, back))) broken.push(level)
    }
    const theirs: Record<string, number> = {}
    for (const peer of peers) {
      await mustRun(peer.compress, { stdin: file.path, stdout: out })
      theirs[peer.name] = statSync(out).size
    }
    rmSync(out)
    rmSync(back)
    return { file, ours, theirs, broken }
  })
  // The largest first, so that no core waits for a late large one.
  const order = files.map((_, index) => index).sort((a, b) => files[b]!.bytes - files[a]!.bytes)
  const rows = await inParallel(
    order.map((index) => tasks[index]!),
    2,
  )
  return files.map((_, index) => rows[order.indexOf(index)]!)
}

export async function sameBytes(one: string, other: string): Promise<boolean> {
  const { runProcess } = await import('../measure/process.ts')
  return (await runProcess(['cmp', '-s', one, other])).code === 0
}

/** @throws Error the files differ */
export async function mustBeSame(one: string, other: string): Promise<void> {
  if (!(await sameBytes(one, other))) throw new Error(`${other} is not the same as ${one}`)
}

/** Geometric mean over rows of our bytes over theirs. */
export function meanSize(rows: readonly SizeRow[], level: Level, peer: string): number {
  return geometricMean(rows.map((row) => row.ours[level] / row.theirs[peer]!))
}

/** Groups under which means are told. */
export function groupsOf(rows: readonly SizeRow[]): [name: string, rows: readonly SizeRow[]][] {
  const of = (group: string) => rows.filter((row) => row.file.group === group)
  const real = rows.filter((row) => row.file.group !== 'heldout')
  const groups: [string, readonly SizeRow[]][] = [
    ['full-size', of('full')],
    ['2k', of('2k')],
    ['all real', real],
    ['held-out', of('heldout')],
  ]
  return groups.filter(([, members]) => members.length > 0)
}

/** Ours over theirs, by file and by group. */
export function sizeTable(rows: readonly SizeRow[], peers: readonly Peer[]): string {
  const head = ['file', 'bytes', ...LEVELS, ...peers.map((peer) => peer.tool), ...LEVELS.map((level) => `${level}/xz`)]
  const body = rows.map((row) => [
    row.file.name,
    String(row.file.bytes),
    ...LEVELS.map((level) => String(row.ours[level])),
    ...peers.map((peer) => String(row.theirs[peer.name])),
    ...LEVELS.map((level) => (row.ours[level] / row.theirs[XZ.name]!).toFixed(3)),
  ])
  const means = groupsOf(rows).map(([name, members]) => [
    `mean, ${name} (${members.length})`,
    '',
    ...LEVELS.map(() => ''),
    ...peers.map(() => ''),
    ...LEVELS.map((level) => meanSize(members, level, XZ.name).toFixed(3)),
  ])
  return textTable(head, [...body, ...means])
}

export async function benchSizes(context: BenchContext): Promise<void> {
  const real = realLogs()
  if (real.length === 0) context.say(`${NO_DATA}\n`)
  const rows = await measureSizes(context, [...real, ...heldOutLogs(context.cache)], SIZE_PEERS)
  const versions = Object.fromEntries(SIZE_PEERS.map((peer) => [peer.name, versionOf(peer.tool)]))
  for (const row of rows) {
    for (const level of LEVELS) {
      for (const peer of SIZE_PEERS) context.add(sizeCase(row, level, peer, versions[peer.name]!))
    }
    if (row.broken.length > 0) throw new Error(`${row.file.name} did not come back at ${row.broken.join(', ')}`)
  }
  context.say(sizeTable(rows, SIZE_PEERS))
}

function sizeCase(row: SizeRow, level: Level, peer: Peer, version: string): Case {
  const { name, group, bytes } = row.file
  const theirs = row.theirs[peer.name]!
  return {
    system: 'logzip',
    kind: 'sizes',
    peer: { name: peer.name, version },
    data: { name, group, bytes },
    params: { level },
    ours: { ratio: bytes / row.ours[level], bytes: row.ours[level] },
    theirs: { ratio: bytes / theirs, bytes: theirs },
    vs: { ratio: theirs / row.ours[level] },
    repeats: 1,
  }
}
