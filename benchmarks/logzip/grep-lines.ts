/** Whether `pith grep` prints what GNU grep prints, query by query. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { BenchContext } from '../measure/case.ts'
import type { DataFile } from '../measure/data.ts'
import { mustRun } from '../measure/process.ts'
import { cacheFolder, type Level, PithCommand } from './command.ts'
import { makeQueries, type Query } from './queries.ts'

/** A search whose output differs from GNU grep's. */
export interface Difference {
  readonly file: string
  readonly level: Level
  readonly query: Query
  readonly theirs: { readonly code: number; readonly bytes: number }
  readonly ours: { readonly code: number; readonly bytes: number; readonly message: string }
}

interface Answer {
  readonly code: number
  readonly bytes: Uint8Array
  readonly message: string
}

/** What the module of the built command offers, as far as it is called here. */
interface CommandModule {
  runCommand(words: readonly string[], version: string, host: object): Promise<number>
}

const MAX_OUTPUT = 2 ** 30

/** The command in this process, so that thousands of calls pay for one start; undefined where the build has no such module. */
export async function warmCommand(
  pith: readonly string[],
): Promise<((words: readonly string[]) => Promise<Answer>) | undefined> {
  const path = join(dirname(pith.at(-1)!), '../dist/command/main.js')
  if (!existsSync(path)) return undefined
  const { runCommand } = (await import(path)) as CommandModule
  return async (words) => {
    const out = gather()
    const err = gather()
    const stdin = async function* () {}
    const host = { stdout: out, stderr: err, stdinIsTerminal: false, stdin, env: {}, now: () => new Date() }
    const code = await runCommand(words, '0', host)
    return { code, bytes: out.bytes(), message: new TextDecoder().decode(err.bytes()) }
  }
}

function gather() {
  const parts: Uint8Array[] = []
  const encoder = new TextEncoder()
  return {
    isTerminal: false,
    columns: 80,
    write: async (data: string | Uint8Array) =>
      void parts.push(typeof data === 'string' ? encoder.encode(data) : data.slice()),
    flush: async () => undefined,
    bytes: () => Buffer.concat(parts),
  }
}

function coldCommand(pith: readonly string[]) {
  return async (words: readonly string[]): Promise<Answer> => {
    const [command = '', ...rest] = [...pith, ...words]
    const { status, stdout, stderr } = spawnSync(command, rest, { maxBuffer: MAX_OUTPUT })
    return { code: status ?? -1, bytes: stdout, message: stderr.toString() }
  }
}

function gnuGrep(words: readonly string[]): Answer {
  const env = { ...process.env, LC_ALL: 'C' }
  const { status, stdout, stderr } = spawnSync('grep', ['-a', ...words], { maxBuffer: MAX_OUTPUT, env })
  return { code: status ?? -1, bytes: stdout, message: stderr.toString() }
}

/** The words of a query behind `grep`, without the file. Patterns go to a file where no argument can carry them. */
export function wordsOf(query: Query, patternFile: string): string[] {
  if (!query.inFile) return [...query.flags, '-e', query.pattern]
  writeFileSync(patternFile, Buffer.from(query.pattern, 'latin1'))
  return [...query.flags, '-f', patternFile]
}

/** Compare `count` queries on one file that is compressed at one level. */
export async function compareWithGrep(
  context: Pick<BenchContext, 'pith' | 'cache'>,
  file: DataFile,
  level: Level,
  count: number,
  seed: number,
): Promise<{ queries: number; differences: Difference[] }> {
  const pith = new PithCommand(context.pith)
  const folder = cacheFolder(context.cache, 'grep')
  const packed = join(folder, `${file.name}-${level}.pith`)
  const patternFile = join(folder, 'pattern')
  await mustRun(pith.compress(file.path, packed, level))
  const run = (await warmCommand(context.pith)) ?? coldCommand(context.pith)
  const differences: Difference[] = []
  const queries = makeQueries(readFileSync(file.path, 'latin1'), count, seed)
  for (const query of queries) {
    const words = wordsOf(query, patternFile)
    const theirs = gnuGrep([...words, file.path])
    const ours = await run(['grep', '--threads', '1', ...words, packed])
    if (ours.code === theirs.code && Buffer.compare(ours.bytes, theirs.bytes) === 0) continue
    differences.push({
      file: file.name,
      level,
      query,
      theirs: { code: theirs.code, bytes: theirs.bytes.length },
      ours: { code: ours.code, bytes: ours.bytes.length, message: ours.message.trim().slice(0, 200) },
    })
  }
  return { queries: queries.length, differences }
}

/** Logs with NUL bytes, with CRLF line ends and without an end of the last line, made from a real one. */
export function oddLogs(cache: string, source: DataFile): DataFile[] {
  const folder = cacheFolder(cache, 'odd')
  const lines = readFileSync(source.path, 'latin1').split(/\r?\n/).slice(0, 2000)
  const nul = lines.map((line, i) => (i % 7 === 3 ? line.replaceAll(' ', '\0') : i % 50 === 9 ? '' : line))
  const texts = {
    'odd-nul': `${nul.join('\n')}\n`,
    'odd-crlf': lines.map((line, i) => line + (i % 9 === 0 ? '\n' : i % 31 === 0 ? '\r\r\n' : '\r\n')).join(''),
    'odd-open': lines.map((line, i) => (i % 11 === 0 ? `${line}\xff\xe9 ÿ` : line)).join('\n'),
  }
  return Object.entries(texts).map(([name, text]) => {
    const path = join(folder, `${name}.log`)
    writeFileSync(path, Buffer.from(text, 'latin1'))
    return { name, group: source.group, path, bytes: Buffer.byteLength(text, 'latin1') }
  })
}
