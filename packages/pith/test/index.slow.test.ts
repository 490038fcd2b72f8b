import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolder, pith } from './host.ts'

const tmp = makeFolder()
const cli = join(import.meta.dirname, '../src/cli.ts')

/** Run a call and end it by a signal after some milliseconds. @returns its exit code, null where the signal ended it */
async function ended(words: readonly string[], ms: number, signal: NodeJS.Signals): Promise<number | null> {
  const child = spawn(process.execPath, ['--conditions=pith-dev', cli, ...words], { stdio: 'ignore' })
  const timer = setTimeout(() => child.kill(signal), ms)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  clearTimeout(timer)
  return code
}

test('Ctrl-C at any time of a build leaves the index that was there, or the new one, and nothing else', async () => {
  const folder = join(tmp, 'places')
  mkdirSync(folder)
  const lines = Array.from({ length: 1500 }, (_, i) => {
    const words = Array.from({ length: 20 }, (_, j) => `w${(i * 31 + j * j * 7) % 997}`)
    return `${JSON.stringify({ _id: `d${i}`, text: words.join(' ') })}\n`
  })
  writeFileSync(join(tmp, 'docs.jsonl'), lines.join(''))
  writeFileSync(join(tmp, 'one.jsonl'), '{"_id":"old","text":"w1"}\n')
  const out = join(folder, 'x.pith')
  await pith(tmp, ['index', 'build', join(tmp, 'one.jsonl'), '-o', out])
  const codes = new Set<number | null>()
  for (let i = 0; i < 24; i++) {
    const build = ['index', 'build', join(tmp, 'docs.jsonl'), '-o', out, '--force', '--dim', '32']
    codes.add(await ended([...build, ...(i % 2 === 0 ? ['--single'] : [])], 150 + 130 * i, 'SIGINT'))
    expect([i, readdirSync(folder)]).toEqual([i, ['x.pith']])
    const found = await pith(tmp, ['index', 'info', out, '--json'])
    expect([i, [1, 1500].includes(JSON.parse(found.out).documents)]).toEqual([i, true])
  }
  expect(codes).toContain(130)
}, 300_000)
