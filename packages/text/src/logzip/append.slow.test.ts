import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { concatBytes, isPithError, MemorySink, Random } from '@pith/core'
import { verify } from '@pith/core/container'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compressLog, decompressLog } from './api.ts'
import { openLogFile } from './log-file.ts'

const SAMPLE = join(import.meta.dirname, '../../../../examples/sample/access.log')

let folder: string
let log: Uint8Array
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pith-append-'))
  log = await readFile(SAMPLE)
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})

async function all(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const piece of pieces) parts.push(piece)
  return concatBytes(parts)
}

const COUNTS = [2, 3, 5, 10, 20, 30, 60, 100, 300, 1000]

test.each([
  { level: 'fast', chunkBytes: 2 ** 23, closed: 1.03 },
  { level: 'default', chunkBytes: 2 ** 23, closed: 1.03 },
  // Small chunks are sealed in places of their own: the flushes decide where.
  { level: 'fast', chunkBytes: 2 ** 17, closed: 1.1 },
] as const)(
  'any number of flushes at $level, chunks of $chunkBytes: at most 1.5 times one go when killed, $closed when closed',
  async ({ level, chunkBytes, closed }) => {
    const once = (await all(compressLog(log, { level, chunkBytes }))).length
    for (const count of COUNTS) {
      const file = new MemorySink()
      const writer = await openLogFile(file, { level, chunkBytes })
      for (let i = 0; i < count; i++) {
        await writer.write(log.subarray((log.length * i) / count, (log.length * (i + 1)) / count))
        await writer.flush()
      }
      expect(file.size / once, `${count} flushes`).toBeLessThanOrEqual(1.5)
      await writer.close()
      expect(file.size / once, `${count} flushes, closed`).toBeLessThanOrEqual(closed)
      expect(await all(decompressLog(file.bytes()))).toEqual(new Uint8Array(log))
    }
  },
  300_000,
)

/** Goes on with the log in a file from where it ends, and says after each flush how many bytes are durable. */
const PROGRAM = `
import { readFileSync } from 'node:fs'
import { fileSink } from '@pith/core/node'
import { openLogFile } from '@pith/text/logzip'
const [path, sample, start] = process.argv.slice(1)
const log = readFileSync(sample)
const writer = await openLogFile(await fileSink(path, { mode: 'either' }), { level: 'fast', chunkBytes: 1 << 16 })
for (let at = Number(start); at < log.length;) {
  const end = log.indexOf(10, Math.min(log.length - 1, at + 700)) + 1
  await writer.write(log.subarray(at, end))
  await writer.flush()
  process.stdout.write(end + '\\n')
  at = end
}
`

async function killedAfter(path: string, start: number, flushes: number, ms: number): Promise<number> {
  const words = ['--conditions=pith-dev', '--input-type=module', '-e', PROGRAM, path, SAMPLE, String(start)]
  const child = spawn(process.execPath, words, { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  let errors = ''
  let timer: ReturnType<typeof setTimeout> | undefined
  child.stderr.on('data', (part: Buffer) => (errors += part.toString()))
  child.stdout.on('data', (part: Buffer) => {
    said += part.toString()
    if (said.split('\n').length > flushes) timer ??= setTimeout(() => child.kill('SIGKILL'), ms)
  })
  await new Promise((resolve) => child.on('close', resolve))
  clearTimeout(timer)
  expect(errors).toBe('')
  return Number(said.split('\n').at(-2) ?? start)
}

test('kill -9 at random points of a log that grows leaves the last commit, and it can be gone on with', async () => {
  const random = new Random(11)
  const path = join(folder, 'killed.pith')
  let durable = 0
  for (let i = 0; i < 100; i++) {
    const before = durable
    const said = await killedAfter(path, durable, 1 + random.integer(20), random.integer(4))
    const file = await readFile(path)
    const got = await all(decompressLog(file)).catch((error: unknown) => {
      if (before === 0 && isPithError(error)) return new Uint8Array(0)
      throw error
    })
    expect(got.length).toBeGreaterThanOrEqual(Math.max(before, said))
    expect(got).toEqual(new Uint8Array(log.subarray(0, got.length)))
    expect((await verify(file)).ok).toBe(true)
    durable = got.length
    if (durable < log.length * 0.9) continue
    await rm(path)
    durable = 0
  }
}, 300_000)
