import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readNpz } from '@pith/engine/io'
import { llama2cTokenizerBytes } from '@pith/engine/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { llama2cBytes, SMALL } from '../../test/models.ts'
import { verb } from '../../test/verb.ts'
import { loadLm } from '../node/load.ts'
import { randomParams } from '../testing/index.ts'

const tmp = mkdtempSync(join(tmpdir(), 'pith-lm-'))
afterAll(() => rmSync(tmp, { recursive: true }))
const PIECES = [' a', ' b', 'ab', 'ba', ' abab', ...' abcdefgh']
const config = { ...SMALL, vocab: 259 + PIECES.length }
const model = join(tmp, 'net.bin')
let lm: Awaited<ReturnType<typeof loadLm>>

beforeAll(async () => {
  writeFileSync(model, llama2cBytes(config, randomParams(config, 4)))
  writeFileSync(join(tmp, 'tokenizer.bin'), llama2cTokenizerBytes(PIECES))
  writeFileSync(join(tmp, 'text.txt'), 'ab abba baab abab cab')
  lm = await loadLm(model)
})
afterAll(() => lm.close())

const base = { model }

test('ppl prints what the library measures', async () => {
  const text = readFileSync(join(tmp, 'text.txt'), 'utf8')
  const wanted = await lm.perplexity(text)
  const { code, out } = await verb('ppl', { ...base, text: join(tmp, 'text.txt'), json: true })
  expect(code).toBe(0)
  expect(JSON.parse(out)).toEqual({ ...wanted })
  expect(Object.keys(wanted).sort()).toEqual(['bitsPerByte', 'n', 'nll', 'ppl'])
  const { ppl, nll, bitsPerByte, n } = wanted
  expect(await verb('ppl', { ...base, text: '-', quiet: true }, text)).toEqual({
    code: 0,
    err: '',
    out: `perplexity ${ppl.toFixed(3)}, ${nll.toFixed(4)} nats a token, ${bitsPerByte.toFixed(4)} bits a byte, ${n} tokens\n`,
  })
  const short = await lm.perplexity(text, { window: 8, stride: 3 })
  const windowed = await verb('ppl', { ...base, prompt: text, window: '8', stride: '3', json: true })
  expect(JSON.parse(windowed.out)).toEqual({ ...short })
})

test('logprobs names each token', async () => {
  const { code, out, err } = await verb('logprobs', { ...base, prompt: 'ab\n' })
  const ids = lm.tokenizer.encode('ab\n', { special: true })
  const own = await lm.logprobs(ids)
  const shown = (id: number): string => JSON.stringify(lm.tokenizer.decode([id]))
  expect(code).toBe(0)
  expect(out.split('\n').slice(0, -1)).toEqual(
    Array.from(own, (x, i) => `${ids[i + 1]}\t${x.toFixed(4)}\t${shown(ids[i + 1] as number)}`),
  )
  expect(err).toMatch(/^[\d,]+ parameters, about .* as f32; cache 256 B a token, context 64\n$/)
})

test('generate writes the same text for a seed', async () => {
  const options = { ...base, prompt: 'ab', 'max-tokens': '9', seed: '3', temperature: '4' }
  const [a, b] = [
    await verb('generate', { ...options, json: true }),
    await verb('generate', { ...options, json: true }),
  ]
  const first = JSON.parse(a.out) as { text: string; tokens: number[]; promptTokens: number }
  expect(JSON.parse(b.out)).toMatchObject({ text: first.text, tokens: first.tokens })
  expect(first.promptTokens).toBe(lm.tokenizer.encode('ab', { special: true }).length)
  expect((await verb('generate', { ...options, quiet: true })).out).toBe(`${first.text}\n`)
  const other = await verb('generate', { ...options, seed: '4', json: true })
  expect(JSON.parse(other.out).tokens).not.toEqual(first.tokens)
})

test('export writes files that are the same model', async () => {
  const wanted = (await verb('ppl', { ...base, prompt: 'ab abba', json: true })).out
  for (const name of ['net.onnx', 'net.gguf']) {
    const out = join(tmp, 'exported', name)
    mkdirSync(join(tmp, 'exported'), { recursive: true })
    const { code, out: text } = await verb('export', { ...base, out, json: true })
    expect(code).toBe(0)
    expect(JSON.parse(text)).toMatchObject({ out, quant: 'f32', hasTokenizer: true, bytes: expect.any(Number) })
    expect((await verb('ppl', { model: out, prompt: 'ab abba', json: true })).out).toBe(wanted)
    expect((await verb('export', { ...base, out })).error).toMatch(/^PITH_IO: .*exists/)
  }
  const small = { ...base, quant: 'q2', out: join(tmp, 'small.onnx') }
  expect((await verb('export', small)).out).toMatch(/small\.onnx: [\d,]+ parameters in .*, its tokenizer within\n$/)
  expect((await verb('export', { ...small, out: 'a.gguf' })).error).toContain('does not hold q2')
  expect((await verb('export', { ...base, out: 'a.bin' })).error).toContain('must name a file that ends with')
})

test('hidden and attn write arrays', async () => {
  const ids = lm.tokenizer.encode('abab', { special: true })
  const n = ids.length
  const out = join(tmp, 'h.npz')
  const states = await verb('hidden', { ...base, prompt: 'abab', layers: '0,2', out, quiet: true })
  expect(states).toEqual({ code: 0, err: '', out: '' })
  const arrays = await readNpz(new Uint8Array(readFileSync(out)))
  expect(Object.keys(arrays).sort()).toEqual(['hidden.0', 'hidden.2', 'ids'])
  expect(arrays['hidden.2']?.shape).toEqual([n, 32])
  expect(arrays['hidden.2']?.data).toEqual((await lm.hidden(ids, { layers: [0, 2] })).get(2))
  const attention = { ...base, prompt: 'abab', out: join(tmp, 'a.npz') }
  const full = await verb('attn', { ...attention, reduce: 'full', json: true })
  expect(JSON.parse(full.out)).toMatchObject({ tokens: n, arrays: { 'attention.1': [4, n, n] } })
  expect((await verb('attn', attention)).error).toMatch(/^PITH_IO: .*exists/)
  expect(await verb('attn', { ...attention, force: true, layers: '1', window: '2' })).toMatchObject({
    out: `ids  [${n}]\nattention.1  [2, ${n}]\n`,
  })
})

test.each([
  ['ppl', { prompt: 'ab' }, 'PITH_ARG: option --model is missing'],
  ['ppl', { ...base }, 'PITH_ARG: give the text'],
  ['ppl', { ...base, prompt: 'ab', text: '-' }, 'PITH_ARG: give the text'],
  ['ppl', { model: join(tmp, 'none'), prompt: 'ab' }, 'PITH_IO'],
  ['ppl', { model: join(tmp, 'text.txt'), prompt: 'ab' }, 'PITH_'],
  ['ppl', { ...base, text: join(tmp, 'none') }, 'PITH_IO'],
  ['ppl', { ...base, prompt: 'ab', window: '1' }, 'PITH_ARG: --window must be'],
  ['generate', { ...base, prompt: 'ab', temperature: '-1' }, 'PITH_ARG: --temperature must be'],
  ['generate', { ...base, prompt: 'ab', 'top-k': '1.5' }, 'PITH_ARG: --top-k must be'],
  ['hidden', { ...base, prompt: 'ab', layers: '3', out: join(tmp, 'x') }, 'PITH_ARG: --layers must be'],
  ['hidden', { ...base, prompt: 'ab' }, 'PITH_ARG: option --out is missing'],
  ['serve', {}, 'PITH_ARG: option --model is missing'],
  ['serve', { ...base, port: '65536' }, 'PITH_ARG: --port must be'],
  ['serve', { ...base, queue: '-1' }, 'PITH_ARG: --queue must be'],
  ['serve', { model: join(tmp, 'none') }, 'PITH_IO'],
  ['hidden', { ...base, prompt: 'h'.repeat(80), out: join(tmp, 'x') }, 'PITH_LIMIT'],
])('%s %o is refused', async (name, options, says) => {
  expect((await verb(name, options)).error).toContain(says)
})
