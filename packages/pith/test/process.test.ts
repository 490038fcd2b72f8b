import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolder } from './host.ts'

const tmp = makeFolder()
const cli = join(import.meta.dirname, '../src/cli.ts')
const node = [process.execPath, '--conditions=pith-dev', cli]
const env = { ...process.env, XDG_CACHE_HOME: join(tmp, 'cache') }

function pith(...words: string[]): ReturnType<typeof spawn> {
  return spawn(node[0]!, [...node.slice(1), ...words], { env, stdio: ['pipe', 'pipe', 'pipe'] })
}

/** How a process ends, as a shell tells it: one that a Ctrl-C ended while native code ran has the signal in place of the code. */
function ended(child: ReturnType<typeof spawn>): Promise<{ code: number | null; err: string }> {
  let err = ''
  child.stderr?.on('data', (part: Buffer) => (err += part.toString()))
  child.stdout?.resume()
  return new Promise((resolve) =>
    child.on('close', (code, signal) => resolve({ code: signal === 'SIGINT' ? 130 : code, err })),
  )
}

/** Wait for something that another process brings about. */
async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 1500) throw new Error('it did not happen')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

test('Ctrl-C ends with 130 and leaves nothing behind', async () => {
  const folder = join(tmp, 'interrupted')
  mkdirSync(folder)
  const child = pith('compress', '-', '-o', join(folder, 'out.pith'), '--method', 'general')
  const end = ended(child)
  child.stdin?.on('error', () => undefined)
  child.stdin?.write(Buffer.alloc(100_000, 'a line that goes on and on\n'))
  await until(() => readdirSync(folder).some((name) => name.includes('.tmp-')))
  child.kill('SIGINT')
  expect(await end).toEqual({ code: 130, err: '' })
  expect(readdirSync(folder)).toEqual([])
})

test('Ctrl-C ends the work of a single thread, which leaves nothing behind', async () => {
  const folder = join(tmp, 'single')
  mkdirSync(folder)
  const input = join(tmp, 'long.log')
  const line = (i: number): string => `2024-05-01 10:00:00 app[${i % 97}]: job ${Math.imul(i, 2654435761) >>> 0} done\n`
  writeFileSync(input, Array.from({ length: 400_000 }, (_, i) => line(i)).join(''))
  const child = pith('compress', input, '-o', join(folder, 'out.pith'), '--level', 'max', '--threads', '1')
  const end = ended(child)
  await until(() => readdirSync(folder).some((name) => name.includes('.tmp-')))
  child.kill('SIGINT')
  expect(await end).toEqual({ code: 130, err: '' })
  expect(readdirSync(folder)).toEqual([])
})

test('Ctrl-C on a stream that is flushed leaves a whole file with all that came in', async () => {
  const out = join(tmp, 'flushed.pith')
  const child = pith('compress', '-', '-o', out, '--flush', '10ms', '--method', 'general')
  const end = ended(child)
  child.stdin?.on('error', () => undefined)
  child.stdin?.write('first line\n')
  await until(() => spawnSync(node[0]!, [...node.slice(1), 'cat', out], { env }).stdout.toString() === 'first line\n')
  child.stdin?.write('second line\n')
  child.kill('SIGINT')
  expect((await end).code).toBe(130)
  const shown = spawnSync(node[0]!, [...node.slice(1), 'cat', out], { env }).stdout.toString()
  expect(['first line\n', 'first line\nsecond line\n']).toContain(shown)
  expect(spawnSync(node[0]!, [...node.slice(1), 'verify', out], { env }).status).toBe(0)
})

test('a reader that stops early ends the command without a word', async () => {
  const input = join(tmp, 'long.txt')
  writeFileSync(input, 'a line\n'.repeat(500_000))
  const line = `"$0" --conditions=pith-dev ${cli} grep a ${input} | head -n 2; echo "\${PIPESTATUS[0]}"`
  const { stdout, stderr } = spawnSync('bash', ['-c', line, process.execPath], { env, encoding: 'utf8' })
  expect({ stdout, stderr }).toEqual({ stdout: 'a line\na line\n0\n', stderr: '' })
})

test('the exit code, stdout and stderr of a process are those of the call', () => {
  const { status, stdout, stderr } = spawnSync(node[0]!, [...node.slice(1), 'list', join(tmp, 'none.pith')], { env })
  expect({ status, out: stdout.toString(), err: stderr.toString().replaceAll(tmp, 'TMP') }).toEqual({
    status: 1,
    out: '',
    err: 'pith: error PITH_IO: TMP/none.pith does not exist\nhint: Check the path.\n',
  })
})

test('a pipe from compress to decompress gives every byte', () => {
  const input = join(tmp, 'long.txt')
  const run = `"$0" --conditions=pith-dev ${cli}`
  const line = `${run} compress - -q <${input} | ${run} decompress - -o - | cmp - ${input}`
  expect(
    spawnSync('bash', ['-c', `set -o pipefail; ${line}`, process.execPath], { env, encoding: 'utf8' }),
  ).toMatchObject({
    status: 0,
    stdout: '',
    stderr: '',
  })
  expect(readFileSync(input).length).toBe(3_500_000)
})

test('an older Node is told what is needed', () => {
  const older = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'22.17.9'}})`
  const bin = join(import.meta.dirname, '../bin/pith.js')
  const { status, stderr } = spawnSync(process.execPath, ['--import', older, bin, '--version'], {
    env,
    encoding: 'utf8',
  })
  expect(status).toBe(1)
  expect(stderr).toContain('pith needs Node 22.18 or newer, and this is 22.17.9\n')
})
