import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Random } from '@pith/core'
import { startVerb, type VerbOptions, type VerbOutcome } from '@pith/core/testing'
import type { Tensor } from '@pith/engine'
import { type EncodeOptions, readNpz } from '@pith/engine/io'
import { generateTokens } from '@pith/lm'
import { manifest as lmManifest } from '@pith/lm/manifest'
import { loadLm } from '@pith/lm/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FILE_CONFIG as config, modelBytes, tokenizerBytes } from '../../test/files.ts'
import { verb } from '../../test/verb.ts'
import { KvFile, readProfileFile } from '../cachegen/index.ts'

const tmp = mkdtempSync(join(tmpdir(), 'pith-kv-'))
afterAll(() => rmSync(tmp, { recursive: true }))
const model = join(tmp, 'net.gguf')
const tokenizer = join(tmp, 'tokenizer.bin')
const at = (name: string): string => join(tmp, name)
let lm: Awaited<ReturnType<typeof loadLm>>

function letters(count: number, seed: number): string {
  const random = new Random(seed)
  return Array.from({ length: count }, () => 'abcdefgh '[random.integer(9)]).join('')
}

beforeAll(async () => {
  writeFileSync(model, await modelBytes(4))
  writeFileSync(tokenizer, tokenizerBytes())
  writeFileSync(at('train.txt'), letters(600, 1))
  writeFileSync(at('more.txt'), letters(300, 2))
  writeFileSync(at('doc.txt'), letters(100, 3))
  lm = await loadLm(model, { tokenizer })
  const made = await verb('profile', {
    model,
    text: [at('train.txt'), at('more.txt')],
    window: '40',
    out: at('net.kvp'),
    json: true,
  })
  expect(made.code).toBe(0)
  expect(JSON.parse(made.out)).toMatchObject({ out: at('net.kvp'), preset: 'pca', windows: 16 })
  const options = {
    model,
    tokenizer,
    text: at('doc.txt'),
    profile: at('net.kvp'),
    level: '2,4',
    chunk: '16',
    out: at('doc.pith'),
  }
  expect((await verb('encode', options)).code).toBe(0)
})
afterAll(() => lm.close())

test('a profile is a file that names its model', async () => {
  const profile = await readProfileFile(readFileSync(at('net.kvp')))
  expect(profile).toMatchObject({ preset: 'pca', arch: lm.fingerprint.arch, weights: lm.fingerprint.weights })
  const { out } = await verb('info', { json: true }, [at('net.kvp')])
  expect(JSON.parse(out)).toMatchObject({ kind: 'profile', preset: 'pca', layers: config.layers })
  expect((await verb('info', {}, [at('net.kvp')])).out).toMatch(
    /^profile [0-9a-f]{16}, pca, .*\n[\s\S]*level 4: .* nats/,
  )
  expect(
    await verb('profile', { model, tokenizer, text: at('doc.txt'), out: at('x.kvp'), window: '64' }),
  ).toMatchObject({
    error: expect.stringMatching(/^PITH_ARG: there are . windows of 64 tokens, 2 are needed/),
  })
  expect(await verb('profile', { model, tokenizer, text: at('train.txt'), out: at('net.kvp') })).toMatchObject({
    error: expect.stringContaining('exists'),
  })
})

test('a cache comes back from its file as the model had it, near to it', async () => {
  const ids = lm.tokenizer.encode(readFileSync(at('doc.txt'), 'utf8'), { special: true })
  const { code } = await verb('decode', { tokens: '2:20', layers: '1', kind: 'v', out: at('v.npz') }, [at('doc.pith')])
  expect(code).toBe(0)
  const arrays = await readNpz(readFileSync(at('v.npz')))
  expect(Object.keys(arrays).sort()).toEqual(['positions', 'tokens', 'v.1'])
  expect([...(arrays['tokens'] as Tensor).data]).toEqual([...ids.subarray(2, 20)])
  expect(arrays['v.1']?.shape).toEqual([18, config.kvHeads, config.headDim])
  const session = lm.session()
  await session.prefill(ids)
  const exact = session
    .kv()
    .values[1]?.subarray(2 * config.kvHeads * config.headDim, 20 * config.kvHeads * config.headDim)
  let [error, size] = [0, 0]
  for (const [i, value] of (exact as Float32Array).entries()) {
    error += (value - Number((arrays['v.1'] as Tensor).data[i])) ** 2
    size += value ** 2
  }
  expect(error).toBeLessThan(0.2 * size)
  expect(error).toBeGreaterThan(0)
})

test('info and verify say what is there', async () => {
  const ids = lm.tokenizer.encode(readFileSync(at('doc.txt'), 'utf8'), { special: true })
  const info = JSON.parse((await verb('info', { json: true }, [at('doc.pith')])).out)
  const bytes = readFileSync(at('doc.pith'))
  expect(info).toMatchObject({
    kind: 'cache',
    tokens: ids.length,
    chunk: 16,
    sinks: 4,
    preset: 'pca',
    bytes: bytes.length,
  })
  expect(info.levels.map((own: { level: number }) => own.level)).toEqual([2, 4])
  expect(info.levels[0].bytes).toBeLessThan(info.levels[1].bytes)
  for (const { bytes: own, bitsPerElem } of info.levels) {
    expect(bitsPerElem).toBeCloseTo((8 * own) / (2 * ids.length * config.layers * config.kvHeads * config.headDim))
  }
  const sum = info.levels[0].bytes + info.levels[1].bytes + info.profile
  expect(sum).toBeLessThan(2 * bytes.length)
  expect((await verb('info', {}, [at('doc.pith')])).out).toContain('level 4: ')
  expect(await verb('verify', {}, [at('doc.pith')])).toMatchObject({
    code: 0,
    out: `ok: ${ids.length} tokens, levels 2, 4\n`,
  })
  const bad = Uint8Array.from(bytes)
  bad[Math.floor(bad.length / 2)]! ^= 4
  writeFileSync(at('bad.pith'), bad)
  const found = await verb('verify', { json: true }, [at('bad.pith')])
  expect(found.code).toBe(1)
  expect(JSON.parse(found.out)).toMatchObject({ ok: false, levels: [] })
})

test('without a profile, one of the text stands in the file; apart, it is asked for', async () => {
  const own = await verb('encode', {
    model,
    tokenizer,
    text: at('doc.txt'),
    preset: 'cachegen',
    out: at('own.pith'),
    json: true,
  })
  expect(own).toMatchObject({ code: 0, err: expect.stringContaining('learned from the text itself') })
  expect(JSON.parse(own.out)).toMatchObject({ preset: 'cachegen', levels: [{ level: 3 }] })
  const other = { model, tokenizer, text: at('doc.txt'), profile: at('net.kvp') }
  expect((await verb('encode', { ...other, apart: true, out: at('apart.pith') })).code).toBe(0)
  expect(readFileSync(at('apart.pith')).length).toBeLessThan(readFileSync(at('doc.pith')).length)
  expect(await verb('info', {}, [at('apart.pith')])).toMatchObject({
    error: expect.stringContaining('the profile of the cache stands elsewhere'),
  })
  expect((await verb('verify', { profile: at('doc.pith') }, [at('apart.pith')])).code).toBe(0)
  const file = await KvFile.open(readFileSync(at('apart.pith')), {
    profile: await readProfileFile(readFileSync(at('net.kvp'))),
  })
  expect((await file.cache(lm.fingerprint)).length).toBe(file.info.tokens)
})

test('a model goes on behind the cache of a file', async () => {
  const ask = { model, tokenizer, past: at('doc.pith'), temperature: '0', 'max-tokens': '6', json: true } as const
  const write = (options: VerbOptions): Promise<VerbOutcome> => startVerb(lmManifest, 'lm generate', options).done
  const file = await KvFile.open(readFileSync(at('doc.pith')))
  const session = lm.session()
  session.attachKv(await file.cache(lm.fingerprint, { level: 2 }))
  const pastTokens = session.length
  const ids = lm.tokenizer.encode('abab', { prefix: false } as EncodeOptions)
  const logits = await session.prefill(ids)
  const written: number[] = []
  const own = generateTokens(session, lm.tokenizer, logits, lm.config.ctx, { temperature: 0, maxTokens: 6 })
  for await (const { id } of own) written.push(id)
  const { code, out } = await write({ ...ask, prompt: 'abab', level: '2' })
  expect(code).toBe(0)
  expect(JSON.parse(out)).toMatchObject({ pastTokens, promptTokens: ids.length, tokens: written })
  const bare = JSON.parse((await write(ask)).out)
  expect(bare).toMatchObject({ pastTokens, promptTokens: 0 })
  expect(bare.tokens.length).toBeGreaterThan(0)
  expect((await write({ ...ask, quant: 'q4' })).error).toMatch(/^PITH_MODEL: the cache was made in f32/)
  expect((await write({ ...ask, prompt: 'abcdefgh '.repeat(20) })).error).toMatch(/^PITH_LIMIT: the past has/)
  expect((await write({ ...ask, past: at('doc.txt') })).error).toMatch(/^PITH_/)
})

describe('measurements', () => {
  test('bench prints each preset, a verdict and a plot', async () => {
    const options = {
      model,
      text: at('train.txt'),
      window: '40',
      windows: '3',
      presets: 'q8,cachegen,kivi',
      plot: at('rates.svg'),
    }
    const { code, out } = await verb('bench', { ...options, json: true })
    expect(code).toBe(0)
    const { presets, verdict } = JSON.parse(out)
    expect(Object.keys(presets)).toEqual([
      'q8',
      'cachegen@1',
      'cachegen@2',
      'cachegen',
      'cachegen@4',
      'kivi',
      'kivi@3',
      'kivi@4',
    ])
    for (const { bitsPerElem, vs8bit, dNLL, interval } of Object.values(presets) as Record<
      string,
      number | number[]
    >[]) {
      expect([bitsPerElem, vs8bit, dNLL, ...(interval as number[])].every(Number.isFinite)).toBe(true)
    }
    expect(verdict).toMatch(/safe/)
    expect(readFileSync(at('rates.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\n$/)
    const timed = {
      ...options,
      presets: 'pca',
      plot: at('third.svg'),
      arrivals: at('arrivals.svg'),
      within: '0.5',
      html: at('bench.html'),
    }
    expect((await verb('bench', timed)).code).toBe(0)
    const drawn = readFileSync(at('arrivals.svg'), 'utf8')
    for (const name of ['text', 'q8', 'pca, best level', 'pca, as planned']) expect(drawn).toContain(`>${name}</text>`)
    expect(drawn).not.toMatch(/NaN|undefined|Infinity/)
    const page = readFileSync(at('bench.html'), 'utf8')
    expect(page).toContain(drawn)
    expect(page.match(/<svg /g)).toHaveLength(2)
    expect(page).toMatch(/<tr><td>pca<\/td>/)
    const unlike = await verb('bench', {
      ...{ ...timed, presets: 'q8', plot: at('fourth.svg') },
      ...{ arrivals: at('more.svg'), html: at('more.html') },
    })
    expect(unlike.error).toContain('--arrivals needs the preset pca')
    const text = await verb('bench', { ...options, presets: 'q8', plot: at('other.svg') })
    expect(text.out).toMatch(/^ +bits +vs 8 bit [\s\S]*\nq8 +9\.000 +1\.0 [\s\S]*\nq8 is safe here: /)
    expect(text.err).toContain('measured on 3 others')
  })

  test('quant compares methods at equal bits', async () => {
    const options = { model, tokenizer, text: at('train.txt'), window: '40', windows: '3', json: true } as const
    const { methods, advice } = JSON.parse((await verb('quant', options)).out)
    expect(Object.keys(methods)).toEqual([
      'q8',
      ...['kivi', 'had-kivi', 'gear-l', 'gear', 'kcvt'].flatMap((own) => [2, 3, 4].map((bits) => `${own}-${bits}`)),
    ])
    expect(advice).toMatch(/^(Take|Smallest)/)
    const one = JSON.parse(
      (await verb('quant', { ...options, method: 'gear', bits: '2', group: '8', rank: '1', sparse: '0' })).out,
    )
    expect(Object.keys(one.methods)).toEqual(['q8', 'gear-2'])
    expect(one.methods['gear-2'].bitsPerElem).toBeLessThan(methods['gear-2'].bitsPerElem)
    expect(one.advice).toMatch(/^Take gear at 2 bits/)
  })
})

test.each([
  ['profile', { model, tokenizer, text: 'x' }, [], 'option --out is missing'],
  ['encode', { model, tokenizer, prompt: 'ab', out: 'x', level: '5' }, [], '--level must be such as'],
  [
    'encode',
    { model, tokenizer, prompt: 'ab', out: 'x', profile: 'net.kvp', preset: 'cachegen' },
    [],
    'of the preset pca, not cachegen',
  ],
  ['encode', { model, tokenizer, prompt: 'ab', out: 'x' }, [], 'too few to learn a profile from'],
  ['decode', {}, ['doc.pith'], 'option --out is missing'],
  ['decode', { out: 'x', tokens: '3' }, ['doc.pith'], '--tokens must be such as'],
  ['decode', { out: 'x', tokens: '0:900' }, ['doc.pith'], 'PITH_ARG: there are'],
  ['decode', { out: 'x', level: '3' }, ['doc.pith'], 'there is no level 3'],
  ['info', {}, ['doc.txt'], 'PITH_'],
  ['bench', { model, tokenizer, prompt: 'ab' }, [], 'are needed'],
  ['bench', { model, tokenizer, prompt: 'ab', presets: 'zip' }, [], 'there is no preset zip'],
] as const)('%s refuses what it cannot do: %o %o', async (name, options, operands, wanted) => {
  const own = { ...options, ...('profile' in options ? { profile: at(options.profile) } : {}) }
  const { error } = await verb(name, own, operands.map(at))
  expect(error).toContain(wanted)
})
