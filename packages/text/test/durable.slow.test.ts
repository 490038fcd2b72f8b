import { spawn } from 'node:child_process'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { equalBytes, Random } from '@pith/core'
import { collectBytes } from '@pith/core/testing'
import { decompressLog } from '@pith/text/logzip'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sampleLog } from './log-inputs.ts'

const KILLS = 200
const COMMAND = join(import.meta.dirname, '../../pith/src/cli.ts')
const PITH = [process.execPath, '--conditions=pith-dev', '--no-warnings', COMMAND]
const old = sampleLog(100, 1)
const fresh = sampleLog(30_000, 2)

let root = ''

beforeAll(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'pith-durable-'))
})

afterAll(async () => {
  await fs.rm(root, { recursive: true })
})

const isOneOf = async (path: string): Promise<'old' | 'fresh' | 'broken'> => {
  const log = await collectBytes(decompressLog(await fs.readFile(path)))
  return equalBytes(log, old) ? 'old' : equalBytes(log, fresh) ? 'fresh' : 'broken'
}

/** Run a program to its end, or to its death after `killAfter` ms. */
async function run(words: readonly string[], killAfter?: number): Promise<{ code: number | null; said: string }> {
  const [program = '', ...rest] = words
  const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (piece) => {
    said += piece
  })
  const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  clearTimeout(timer)
  return { code, said }
}

/** Milliseconds that a program takes. */
async function duration(words: readonly string[]): Promise<number> {
  const start = performance.now()
  expect(await run(words)).toMatchObject({ code: 0 })
  return performance.now() - start
}

/** A folder with a compressed old log and a fresh one; returns the command that writes the fresh one over the old. */
async function prepare(name: string): Promise<{ folder: string; target: string; command: string[] }> {
  const folder = join(root, name)
  await fs.mkdir(folder)
  await fs.writeFile(join(folder, 'old.log'), old)
  await fs.writeFile(join(folder, 'fresh.log'), fresh)
  const target = join(folder, 'log.pith')
  const compress = [...PITH, 'compress', '--quiet', '--force', '--level', 'fast', '--chunk', '256KiB', '-o', target]
  expect(await run([...compress, join(folder, 'old.log')])).toMatchObject({ code: 0 })
  return { folder, target, command: [...compress, join(folder, 'fresh.log')] }
}

test(`kill -9 at ${KILLS} random points of a compress leaves the old file or the new one`, async () => {
  const seen = { old: 0, fresh: 0, broken: 0 }
  const work = async (name: string, seed: number): Promise<void> => {
    const { folder, target, command } = await prepare(name)
    const before = await fs.readFile(target)
    const random = new Random(seed)
    const idle = await duration([...PITH, '--version'])
    const whole = await duration(command)
    for (let kill = 0; kill < KILLS / 2; kill++) {
      await fs.writeFile(target, before)
      await run(command, idle * 0.8 + random.uniform() * (whole * 1.1 - idle * 0.8))
      seen[await isOneOf(target)]++
      // A killed process cannot take its temporary file with it.
      for (const file of await fs.readdir(folder)) if (file.includes('.tmp-')) await fs.rm(join(folder, file))
    }
  }
  await Promise.all([work('a', 1), work('b', 2)])
  expect(seen.broken).toBe(0)
  expect(seen.old).toBeGreaterThan(KILLS / 4)
})

test('a full disk is a typed error, leaves the old file and nothing beside it', async () => {
  const { folder, command, target } = await prepare('full')
  const disk = join(folder, 'disk')
  await fs.mkdir(disk)
  const placed = command.map((word) => (word === target ? join(disk, 'log.pith') : word))
  const quoted = placed.map((word) => `'${word}'`).join(' ')
  const script = [
    `mount -t tmpfs -o size=64k none '${disk}'`,
    `cp '${target}' '${disk}/log.pith'`,
    `! ${quoted}`,
    `cmp '${target}' '${disk}/log.pith'`,
    `[ "$(ls -A '${disk}')" = log.pith ]`,
  ].join(' && ')
  const { code, said } = await run(['unshare', '-rm', 'bash', '-c', script])
  expect(said).toMatch(/^pith: error PITH_IO/)
  expect(code).toBe(0)
})
