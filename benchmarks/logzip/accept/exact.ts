/** Every input comes back byte for byte, whatever it is and however it is cut. */
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compressLog, decompressLog } from '@pith/text/logzip'
import { randomWords } from '../../generate-log.ts'
import type { AcceptContext } from '../../measure/accept.ts'
import { allTextFiles, realLogs } from '../../measure/data.ts'
import { ROOT } from '../../measure/machine.ts'
import { mustRun, pipe, runProcess } from '../../measure/process.ts'
import { inParallel } from '../../measure/statistics.ts'
import { cacheFolder, LEVELS, type Level, PithCommand } from '../command.ts'
import { hostileTexts, randomLog } from '../fuzz.ts'
import { sameBytes } from '../sizes.ts'

const FUZZ_CASES = 10_000

async function collect(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const part of parts) all.push(part.slice())
  return Buffer.concat(all)
}

async function* inPieces(bytes: Uint8Array, random: () => number, most: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; ) {
    const length = 1 + (random() % most)
    yield bytes.subarray(from, from + length)
    from += length
  }
}

/** Random and hostile inputs through the library, each in random pieces. */
export async function acceptFuzz(context: AcceptContext): Promise<void> {
  const random = randomWords(20_240_601)
  const bad: string[] = []
  const cases = Math.max(100, Math.round(FUZZ_CASES * Math.min(1, context.scale)))
  const tell = async (name: string, bytes: Uint8Array, level: Level) => {
    try {
      const packed = await collect(
        compressLog(inPieces(bytes, random, 1 + (random() % 5000)), {
          level,
          threads: 1,
          chunkBytes: 4096 << (random() % 6),
        }),
      )
      const back = await collect(decompressLog(new Uint8Array(packed)))
      if (Buffer.compare(back, bytes) !== 0) bad.push(`${name} at ${level} differs`)
    } catch (error) {
      bad.push(`${name} at ${level}: ${error instanceof Error ? error.message : error}`)
    }
  }
  for (let i = 0; i < cases; i++)
    await tell(`case ${i}`, randomLog(random), i % 20 === 0 ? 'max' : i % 4 === 0 ? 'default' : 'fast')
  context.check(
    `${cases} random inputs come back`,
    bad.length === 0,
    bad.length === 0 ? 'all' : `${bad.length} do not: ${bad.slice(0, 3).join('; ')}`,
  )
  bad.length = 0
  const texts = Object.entries(hostileTexts())
  for (const [name, bytes] of texts) for (const level of LEVELS) await tell(name, bytes, level)
  context.check(
    'hostile timestamps, encodings and line ends come back',
    bad.length === 0,
    bad.length === 0 ? `${texts.length} texts, 3 levels` : bad.slice(0, 3).join('; '),
  )
}

/** The command on all text files, with several chunk sizes and threads; output does not depend on the threads. */
export async function acceptExact(context: AcceptContext): Promise<void> {
  const pith = new PithCommand(context.pith)
  const folder = cacheFolder(context.cache, 'exact')
  const logs = new Set(realLogs().map((log) => log.path))
  // The logs at their default chunks come back in the section of sizes.
  const others = allTextFiles().filter((path) => !logs.has(path))
  const bad: string[] = []
  const tasks = others.flatMap((path, index) =>
    LEVELS.map((level) => async () => {
      const out = join(folder, `${index}-${level}`)
      await mustRun(pith.compress(path, out, level, { threads: 1 }))
      await mustRun(pith.decompress(out, `${out}.back`))
      if (!(await sameBytes(path, `${out}.back`))) bad.push(`${path} at ${level}`)
    }),
  )
  await inParallel(tasks, 2)
  context.check(
    'files that are no logs come back',
    bad.length === 0,
    bad.length === 0 ? `${others.length} files, 3 levels` : bad.join('; '),
  )
  bad.length = 0
  const uneven: string[] = []
  const chunked = realLogs().filter((log) => ['Linux_full', 'nginxplus_json', 'Thunderbird_2k'].includes(log.name))
  for (const log of chunked) {
    for (const chunk of ['4KiB', '100001', '1MiB']) {
      if (log.group === 'full' && chunk === '4KiB' && log.name !== 'Linux_full') continue
      const outputs = [1, 2, 3].map((threads) => join(folder, `${log.name}-${threads}`))
      for (const [index, out] of outputs.entries()) {
        await mustRun(pith.compress(log.path, out, index === 2 ? 'fast' : 'default', { threads: index + 1, chunk }))
      }
      const [one = '', two = '', three = ''] = outputs
      if (!(await sameBytes(one, two))) uneven.push(`${log.name} in chunks of ${chunk}`)
      for (const out of [two, three]) {
        await mustRun(pith.decompress(out, `${out}.back`))
        if (!(await sameBytes(log.path, `${out}.back`))) bad.push(`${log.name} in chunks of ${chunk}`)
      }
    }
  }
  context.check(
    'logs come back at any chunk size from 4 KiB',
    bad.length === 0,
    bad.length === 0 ? '3 logs, 3 sizes' : bad.join('; '),
  )
  context.check(
    'one thread and two write the same bytes',
    uneven.length === 0,
    uneven.length === 0 ? 'all' : uneven.join('; '),
  )
  const piped = join(folder, 'piped')
  const log = chunked[0]!
  const words = pith.line('compress', '--quiet', '-', '-o', '-').map((word) => `'${word}'`)
  await mustRun(pipe(`cat '${log.path}' | ${words.join(' ')} > '${piped}'`))
  await mustRun(
    pipe(
      `cat '${piped}' | ${pith
        .line('decompress', '-', '-o', '-')
        .map((word) => `'${word}'`)
        .join(' ')} > '${piped}.back'`,
    ),
  )
  context.check('stdin to stdout comes back', await sameBytes(log.path, `${piped}.back`), log.name)
  rmSync(folder, { recursive: true })
}

/** Test files whose passing is a promise of its own: the browser. */
export async function acceptBrowser(context: AcceptContext): Promise<void> {
  const files = globSync('packages/{text,pith}/test/browser/*.test.ts', { cwd: ROOT })
  if (files.length === 0) return context.check('Chromium decodes and searches', false, 'there is no browser test')
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
  const cost = await runProcess([process.execPath, vitest, 'run', '--silent=true', ...files], {
    cwd: ROOT,
    limitMs: 180_000,
  })
  context.check('Chromium decodes and searches what Node wrote', cost.code === 0, `${files.length} files of tests`)
}

/** The decoder that was written from the document alone. */
export async function acceptSecondDecoder(context: AcceptContext): Promise<void> {
  const [program] = globSync('scripts/second-decoder/{decode,pith_decode,__main__,main}.py', { cwd: ROOT })
  if (program === undefined) return context.check('second decoder', false, 'there is no scripts/second-decoder')
  const pith = new PithCommand(context.pith)
  const folder = cacheFolder(context.cache, 'second')
  const bad: string[] = []
  const logs = [...realLogs().filter((log) => log.group === '2k'), ...sampleLog(folder)]
  for (const log of logs) {
    for (const level of ['fast', 'default'] as const) {
      const out = join(folder, 'log.pith')
      await mustRun(pith.compress(log.path, out, level))
      const cost = await runProcess(['/usr/bin/python3', join(ROOT, program), out], {
        stdout: `${out}.back`,
        limitMs: 120_000,
      })
      if (cost.code !== 0 || !(await sameBytes(log.path, `${out}.back`))) bad.push(`${log.name} at ${level}`)
    }
  }
  rmSync(folder, { recursive: true })
  context.check(
    'the second decoder decodes fast and default',
    bad.length === 0,
    bad.length === 0 ? `${logs.length} logs` : bad.join('; '),
  )
}

function sampleLog(folder: string): { name: string; path: string }[] {
  const path = join(folder, 'sample.log')
  const [sample] = globSync('examples/sample/*.log', { cwd: ROOT })
  if (sample === undefined) return []
  writeFileSync(path, readFileSync(join(ROOT, sample)))
  return [{ name: 'the sample', path }]
}
