import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolder, pith } from './host.ts'

const tmp = makeFolder()

/** Wait until a file holds so much, read as somebody else reads it. */
async function until(name: string, content: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    const { code, out } = await pith(tmp, `cat TMP/${name}`)
    if (code === 0 && out === content) return
    if (tries > 500) throw new Error(`${name} holds ${JSON.stringify(out.slice(-80))}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

test('a pipe that says little and stays open is durable all the same, its unfinished line as well', async () => {
  async function* quietly(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('first line 1\n')
    await until('quiet.pith', 'first line 1\n')
    yield Buffer.from('second line 2\nno e')
    await until('quiet.pith', 'first line 1\nsecond line 2\nno e')
    yield Buffer.from('nd\n')
  }
  const words = 'compress - -o TMP/quiet.pith --flush 5ms --method logzip -q'
  expect((await pith(tmp, words, quietly())).code).toBe(0)
  expect((await pith(tmp, 'cat TMP/quiet.pith')).out).toBe('first line 1\nsecond line 2\nno end\n')
  expect((await pith(tmp, 'cat --lines 3-3 TMP/quiet.pith')).out).toBe('no end\n')
})

test('a stream that goes on with a file finds it as the last one left it', async () => {
  for (const part of ['one 1\n', 'two 2\n', 'three 3\n']) {
    const words = 'compress - --append -o TMP/again.pith --flush 1s --method logzip -q'
    expect((await pith(tmp, words, part)).code).toBe(0)
  }
  expect((await pith(tmp, 'cat TMP/again.pith')).out).toBe('one 1\ntwo 2\nthree 3\n')
})

test('a second writer is refused, and the first one goes on', async () => {
  async function* slowly(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('line 1\n')
    await until('locked.pith', 'line 1\n')
    const second = await pith(tmp, 'compress - --append -o TMP/locked.pith', 'line 2\n')
    expect([second.code, second.err.includes('PITH_LOCKED')]).toEqual([1, true])
    yield Buffer.from('line 3\n')
  }
  const words = 'compress - -o TMP/locked.pith --flush 5ms --method logzip -q'
  expect((await pith(tmp, words, slowly())).code).toBe(0)
  expect((await pith(tmp, 'cat TMP/locked.pith')).out).toBe('line 1\nline 3\n')
})

test('a small file that is appended to does not keep its bytes twice', async () => {
  const lines = Array.from(
    { length: 2000 },
    (_, i) => `job ${(i * 7919) % 100003} took ${(i * 31) % 977} units\n`,
  ).join('')
  writeFileSync(join(tmp, 'small.log'), lines)
  await pith(tmp, 'compress TMP/small.log --method logzip -q')
  const before = statSync(join(tmp, 'small.log.pith')).size
  await pith(tmp, 'compress - --append -o TMP/small.log.pith -q', 'job 1 took 2 units\n')
  expect((await pith(tmp, 'cat TMP/small.log.pith')).out).toBe(`${lines}job 1 took 2 units\n`)
  expect(statSync(join(tmp, 'small.log.pith')).size).toBeLessThan(before + 1000)
})
