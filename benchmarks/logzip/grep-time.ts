/** Wall clock of the installed command on a large compressed log, against `zstd -dc | grep`. */
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { randomWords } from '../generate-log.ts'
import type { BenchContext } from '../measure/case.ts'
import { mustRun, pipe, runProcess } from '../measure/process.ts'
import { interleave, median } from '../measure/statistics.ts'
import { cacheFolder, type Level, PithCommand } from './command.ts'
import { makeQueries, type Query, type QueryKind } from './queries.ts'

/** One query, timed on both sides; medians in ms. */
export interface TimedQuery {
  readonly kind: QueryKind
  readonly flags: readonly string[]
  readonly pattern: string
  readonly lines: number
  readonly oursMs: number
  readonly pipeMs: number
}

/** How many queries of each kind are timed on a large log. */
const PLAN: Readonly<Partial<Record<QueryKind, number>>> = {
  rare: 10,
  none: 6,
  frequent: 5,
  span: 4,
  expression: 6,
  case: 3,
  invert: 1,
  only: 2,
  context: 3,
  count: 2,
  word: 2,
}

/** Queries for a large file, drawn from stretches over all of it; at most `most`, each kind in turn. */
export function largeQueries(path: string, seed: number, most: number): Query[] {
  const random = randomWords(seed)
  const size = statSync(path).size
  const file = openSync(path, 'r')
  const piece = Buffer.alloc(1 << 20)
  let text = ''
  for (let i = 0; i < 12; i++) {
    const read = readSync(
      file,
      piece,
      0,
      piece.length,
      Math.floor((random() / 2 ** 32) * Math.max(0, size - piece.length)),
    )
    const stretch = piece.toString('latin1', 0, read)
    text += stretch.slice(stretch.indexOf('\n') + 1, stretch.lastIndexOf('\n') + 1)
  }
  closeSync(file)
  const drawn = makeQueries(text, 400, seed).filter((query) => !query.inFile)
  const kinds = Object.entries(PLAN).map(([kind, count]) =>
    drawn.filter((query) => query.kind === kind).slice(0, count),
  )
  const queries: Query[] = []
  for (let row = 0; row < 10; row++) for (const kind of kinds) if (kind[row]) queries.push(kind[row])
  return queries.slice(0, most)
}

/** A large log in the forms in which both sides keep it. */
export interface PackedLog {
  readonly packed: string
  readonly zstd: string
  /** Bytes of both. */
  readonly bytes: { readonly ours: number; readonly zstd: number; readonly raw: number }
  readonly peakBytes: number
}

/** Compress a large file with both, two threads. */
export async function packBoth(
  context: Pick<BenchContext, 'pith' | 'cache'>,
  file: string,
  level: Level,
): Promise<PackedLog> {
  const folder = cacheFolder(context.cache, 'large')
  const packed = join(folder, `${level}.pith`)
  const zstd = join(folder, 'log.zst')
  const cost = await mustRun(new PithCommand(context.pith).compress(file, packed, level, { threads: 2 }))
  await mustRun(['zstd', '-3', '-q', '-f', '-T2', '-o', zstd, file])
  const bytes = { ours: statSync(packed).size, zstd: statSync(zstd).size, raw: statSync(file).size }
  return { packed, zstd, bytes, peakBytes: cost.peakBytes }
}

const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`

/**
 * Time queries on both sides in turns. Output goes to files, since grep stops early where it goes to /dev/null. What is
 * left when `budgetMs` are spent is not timed.
 */
export async function timeQueries(
  context: Pick<BenchContext, 'pith' | 'cache'>,
  log: PackedLog,
  queries: readonly Query[],
  repeats: number,
  budgetMs: number = Number.POSITIVE_INFINITY,
): Promise<TimedQuery[]> {
  const pith = new PithCommand(context.pith)
  const until = performance.now() + budgetMs
  const folder = cacheFolder(context.cache, 'large')
  const [mine, other] = [join(folder, 'ours'), join(folder, 'theirs')]
  const timed: TimedQuery[] = []
  for (const { kind, flags, pattern } of queries) {
    if (performance.now() > until) break
    const words = [...flags, '-e', pattern]
    const line = `zstd -dc -q ${quote(log.zstd)} | LC_ALL=C grep -a ${words.map(quote).join(' ')}`
    const times = await interleave(
      {
        ours: async () => await runProcess(pith.line('grep', ...words, log.packed), { stdout: mine }),
        pipe: async () => await runProcess(pipe(line), { stdout: other }),
      },
      repeats,
    )
    const codes = [times['ours']![0]!, times['pipe']![0]!].map((cost) => cost.code)
    if (codes[0]! > 1) throw new Error(`pith grep ${words.join(' ')}: ${times['ours']![0]!.stderr.slice(-300)}`)
    // `-m` ends grep before zstd, which then fails: only what was printed tells.
    if ((await runProcess(['cmp', '-s', mine, other])).code !== 0) {
      throw new Error(`pith grep ${words.join(' ')} prints other lines than the pipe`)
    }
    const { stdout } = spawnSync('wc', ['-l', mine])
    timed.push({
      kind,
      flags,
      pattern,
      lines: Number.parseInt(stdout.toString(), 10),
      oursMs: median(times['ours']!.map((cost) => cost.wallMs)),
      pipeMs: median(times['pipe']!.map((cost) => cost.wallMs)),
    })
  }
  rmSync(mine)
  rmSync(other)
  return timed
}
