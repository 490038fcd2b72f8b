import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolder } from './host.ts'

const tmp = makeFolder()
const cli = join(import.meta.dirname, '../src/cli.ts')
const node = (...words: string[]): [string, string[]] => [process.execPath, ['--conditions=pith-dev', cli, ...words]]
const env = { ...process.env, XDG_CACHE_HOME: join(tmp, 'cache') }
const sample = readFileSync(join(import.meta.dirname, '../../../examples/sample/access.log'))

function decoded(path: string): Buffer | undefined {
  const [program, words] = node('decompress', path, '-o', '-')
  const { status, stdout } = spawnSync(program, words, { env, maxBuffer: 1 << 28 })
  return status === 0 ? stdout : undefined
}

/** Run a call, kill it -9 after some milliseconds, and wait for its end. */
async function killed(words: string[], ms: number, feed?: (stdin: NodeJS.WritableStream) => void): Promise<void> {
  const [program, all] = node(...words)
  const child = spawn(program, all, { env, stdio: ['pipe', 'ignore', 'ignore'] })
  child.stdin.on('error', () => undefined)
  feed?.(child.stdin)
  const end = new Promise((resolve) => child.on('close', resolve))
  const timer = setTimeout(() => child.kill('SIGKILL'), ms)
  await end
  clearTimeout(timer)
}

test('kill -9 while a file is replaced leaves the old one or the new one', async () => {
  const folder = join(tmp, 'replace')
  mkdirSync(folder)
  const input = join(folder, 'a.log')
  const output = join(folder, 'a.log.pith')
  writeFileSync(input, sample)
  const old = Buffer.from('old content\n')
  spawnSync(...node('compress', '-', '-o', join(folder, 'old.pith')), { env, input: old })
  for (let i = 0; i < 30; i++) {
    copyFileSync(join(folder, 'old.pith'), output)
    await killed(['compress', input, '-o', output, '--force', '--level', 'fast'], 60 + 23 * i)
    const got = decoded(output)
    expect([i, got?.equals(old) || got?.equals(sample)]).toEqual([i, true])
  }
}, 300_000)

test('kill -9 while a stream is flushed leaves a commit, and nothing that was committed is lost', async () => {
  const folder = join(tmp, 'flush')
  mkdirSync(folder)
  for (let i = 0; i < 30; i++) {
    const output = join(folder, `${i}.pith`)
    await killed(['compress', '-', '-o', output, '--flush', '20ms', '--level', 'fast'], 300 + 40 * i, (stdin) => {
      let at = 0
      const more = (): void => {
        if (stdin.writable) stdin.write(sample.subarray(at, (at += 3000)), () => setTimeout(more, 3))
      }
      more()
    })
    if (!readdirSync(folder).includes(`${i}.pith`)) continue
    const got = decoded(output)
    // Before the first commit there is nothing to read.
    if (got !== undefined) expect([i, got.equals(sample.subarray(0, got.length))]).toEqual([i, true])
    const lock = join(folder, `${i}.pith.lock`)
    // A later call takes the lock of the dead one over.
    const again = spawnSync(...node('compress', '--append', '-', '-o', output, '-q'), { env, input: 'one more line\n' })
    if (got !== undefined) {
      expect([i, again.status, again.stderr.toString()]).toEqual([i, 0, ''])
      expect(decoded(output)?.equals(Buffer.concat([got, Buffer.from('one more line\n')]))).toBe(true)
      expect(readdirSync(folder)).not.toContain(lock)
    }
  }
}, 300_000)
