import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Random } from '@pith/core'
import type { VerbOptions, VerbOutcome } from '@pith/core/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { modelBytes, tokenizerBytes } from '../../test/files.ts'
import { verb } from '../../test/verb.ts'

const tmp = mkdtempSync(join(tmpdir(), 'pith-kv-evict-'))
afterAll(() => rmSync(tmp, { recursive: true }))
const at = (name: string): string => join(tmp, name)

beforeAll(async () => {
  writeFileSync(at('net.gguf'), await modelBytes(4))
  writeFileSync(at('tokenizer.bin'), tokenizerBytes())
  const random = new Random(1)
  writeFileSync(at('doc.txt'), Array.from({ length: 700 }, () => 'abcdefgh '[random.integer(9)]).join(''))
})

const run = (options: VerbOptions): Promise<VerbOutcome> =>
  verb('evict', { model: at('net.gguf'), text: at('doc.txt'), window: '48', windows: '6', ...options })

test('policies are measured at budgets, and one is named', async () => {
  const { out, code } = await run({ budget: '0.5,12', json: true })
  expect(code).toBe(0)
  const result = JSON.parse(out)
  expect(Object.keys(result.policies)).toEqual(
    ['0.5', '12'].flatMap((budget) =>
      ['streaming', 'h2o', 'snapkv', 'pyramidkv', 'adakv', 'uncomp', 'uncomp+ada'].map((name) => `${name}@${budget}`),
    ),
  )
  for (const [name, { share, bytes, interval, verdict }] of Object.entries<never>(result.policies)) {
    expect(share, name).toBeCloseTo(0.5, 10)
    expect(bytes).toBe(result.bytes / 2)
    expect(verdict).toBe(interval[1] <= 0.02 ? 'safe' : 'not safe')
  }
  expect(result).toMatchObject({
    window: 48,
    windows: 4,
    limit: 0.02,
    entropy: { learnedOn: 2, layers: expect.anything() },
  })
  expect(result.verdict).toMatch(/^(Safe here|None is safe here): /)
})

test('entropies are kept and read again', async () => {
  const first = await run({ policy: 'uncomp', budget: '0.5', out: at('net.entropy.json') })
  expect(first.code).toBe(0)
  expect(first.out).toMatch(/^ +bytes.*\nuncomp@0.5 /)
  expect(JSON.parse(readFileSync(at('net.entropy.json'), 'utf8'))).toMatchObject({ kind: 'pith-entropy', texts: 2 })
  const again = await run({
    policy: 'auto',
    budget: '0.5',
    profile: at('net.entropy.json'),
    staged: true,
    bounded: true,
    json: true,
  })
  expect(JSON.parse(again.out)).toMatchObject({ windows: 6, entropy: { learnedOn: 0 } })
  writeFileSync(at('bad.json'), '{}')
  expect((await run({ policy: 'auto', profile: at('bad.json') })).error).toMatch(
    /^PITH_CORRUPT: this is no entropy profile/,
  )
  expect((await run({ policy: 'uncomp', budget: '0.5', out: at('net.entropy.json') })).error).toMatch(/exists/)
  const plain = await run({ policy: 'snapkv', budget: '12', judges: '4', kernel: '3', json: true })
  expect(JSON.parse(plain.out).entropy).toBeUndefined()
})

test('options outside of their ranges are refused', async () => {
  expect((await run({ policy: 'best' })).error).toMatch(/^PITH_ARG: there is no policy best/)
  for (const budget of ['0', 'x', '1.5', '0.1,', '-1', '1e30']) {
    expect((await run({ budget })).error, budget).toMatch(/^PITH_ARG: --budget/)
  }
  expect((await run({ policy: 'uncomp', classes: '3' })).error).toMatch(/classes/)
  expect((await run({ judges: '0' })).error).toMatch(/judges/)
  expect((await run({ limit: '-1' })).error).toMatch(/limit/)
})
