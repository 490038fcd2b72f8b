import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readNpz } from '@pith/engine/io'
import { loadLm } from '@pith/lm/node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { llama2cBytes, randomParams, SMALL } from '../../lm/test/models.ts'
import { tokenizerBytes } from '../../lm/test/tokenizer.ts'
import { makeFolder, pith } from './host.ts'

const tmp = makeFolder()
const PIECES = [' a', ' b', 'ab', 'ba', ' abab', ...' abcdefgh']
const config = { ...SMALL, vocab: 259 + PIECES.length }
const model = join(tmp, 'net.bin')
let lm: Awaited<ReturnType<typeof loadLm>>

beforeAll(async () => {
  writeFileSync(model, llama2cBytes(config, randomParams(config, 4)))
  writeFileSync(join(tmp, 'tokenizer.bin'), tokenizerBytes(PIECES))
  writeFileSync(join(tmp, 'text.txt'), 'ab abba baab abab cab')
  lm = await loadLm(model)
})
afterAll(() => lm.close())

test('help of lm ppl is exact', async () => {
  expect(await pith(tmp, 'lm ppl --help')).toMatchObject({
    code: 0,
    err: '',
    out: `Usage: pith lm ppl [OPTIONS]

Measure how well a model foresees a text.

A model is a folder with config.json and safetensors, a .safetensors file with a
config.json beside it, a GGUF file, or a checkpoint of llama2.c with its
tokenizer.bin.

The text is read in windows; each token is scored once, behind half a window or
more where there is as much.

Options:
  -m, --model PATH      a folder or a file of a model
      --tokenizer FILE  the tokenizer, if not beside the model
      --quant KIND      weights as f32 (default), q8, q4 or q2
      --threads N       threads to use; default 1
      --text FILE       the text; - is standard input
      --prompt TEXT     the text itself
      --window N        tokens read at once; default the context of the model
      --stride N        tokens scored of each window; default half of it
      --json            print one machine-readable report on stdout
  -q, --quiet           say nothing but errors
      --debug           print the stack of an error
  -h, --help            print help for this verb

Examples:
  pith lm ppl --model models/pith-recall --text story.txt --json
      nll, ppl, bitsPerByte and n

Exit codes: 0 done, 1 failed, 2 bad usage, 130 interrupted.
`,
  })
})

test('lm ppl prints what the library measures', async () => {
  const text = readFileSync(join(tmp, 'text.txt'), 'utf8')
  const wanted = await lm.perplexity(text)
  const { code, out } = await pith(tmp, 'lm ppl --model TMP/net.bin --text TMP/text.txt --json')
  expect({ code, ...JSON.parse(out) }).toEqual({ code: 0, ok: true, ...wanted })
  expect(Object.keys(wanted).sort()).toEqual(['bitsPerByte', 'n', 'nll', 'ppl'])
  const plain = await pith(tmp, 'lm ppl -m TMP/net.bin --text - -q', text)
  const { ppl, nll, bitsPerByte, n } = wanted
  expect(plain).toMatchObject({
    code: 0,
    err: '',
    out: `perplexity ${ppl.toFixed(3)}, ${nll.toFixed(4)} nats a token, ${bitsPerByte.toFixed(4)} bits a byte, ${n} tokens\n`,
  })
})

test('lm logprobs names each token', async () => {
  const { code, out, err } = await pith(tmp, ['lm', 'logprobs', '-m', 'TMP/net.bin', '--prompt', 'ab\n'])
  const ids = lm.tokenizer.encode('ab\n', { bos: true })
  const own = await lm.logprobs(ids)
  expect(code).toBe(0)
  expect(out.split('\n').slice(0, -1)).toEqual(
    Array.from(
      own,
      (x, i) => `${ids[i + 1]}\t${x.toFixed(4)}\t${JSON.stringify(lm.tokenizer.decode([ids[i + 1] as number]))}`,
    ),
  )
  expect(err).toMatch(/^pith: [\d,]+ parameters, about .* as f32; cache 256 B a token, context 64\n$/)
})

test('lm generate writes the same text for a seed', async () => {
  const line = 'lm generate -m TMP/net.bin --prompt ab --max-tokens 9 --seed 3 --json'
  const [a, b] = [await pith(tmp, line), await pith(tmp, line)]
  const first = JSON.parse(a.out) as { text: string; tokens: number[]; promptTokens: number }
  expect(a.code).toBe(0)
  expect(JSON.parse(b.out)).toMatchObject({ text: first.text, tokens: first.tokens })
  expect(first.promptTokens).toBe(lm.tokenizer.encode('ab', { bos: true }).length)
  const shown = await pith(tmp, 'lm generate -m TMP/net.bin --prompt ab --max-tokens 9 --seed 3 -q')
  expect(shown.out).toBe(`${first.text}\n`)
})

test('lm hidden and lm attn write arrays', async () => {
  const ids = lm.tokenizer.encode('abab', { bos: true })
  const n = ids.length
  const states = await pith(tmp, 'lm hidden -m TMP/net.bin --prompt abab --layers 0,2 -o TMP/h.npz -q')
  expect(states).toMatchObject({ code: 0, err: '', out: '' })
  const arrays = await readNpz(new Uint8Array(readFileSync(join(tmp, 'h.npz'))))
  expect(Object.keys(arrays).sort()).toEqual(['hidden.0', 'hidden.2', 'ids'])
  expect(arrays['hidden.2']?.shape).toEqual([n, 32])
  expect(arrays['hidden.2']?.data).toEqual((await lm.hidden(ids, { layers: [0, 2] })).get(2))
  const attention = await pith(tmp, 'lm attn -m TMP/net.bin --prompt abab --reduce full -o TMP/a.npz --json')
  expect(JSON.parse(attention.out)).toMatchObject({ tokens: n, arrays: { 'attention.1': [4, n, n] } })
  expect(await pith(tmp, 'lm attn -m TMP/net.bin --prompt abab -o TMP/a.npz')).toMatchObject({
    code: 1,
    err: expect.stringContaining('exists'),
  })
})

test.each([
  ['lm ppl --prompt ab', 2, '--model is missing'],
  ['lm ppl -m TMP/net.bin', 2, '--text FILE or by --prompt'],
  ['lm ppl -m TMP/net.bin --prompt ab --text TMP/text.txt', 2, '--text FILE or by --prompt'],
  ['lm ppl -m TMP/none --prompt ab', 1, 'PITH_IO'],
  ['lm ppl -m TMP/text.txt --prompt ab', 1, 'PITH_'],
  ['lm ppl -m TMP/net.bin --prompt ab --window 1', 2, '--window must be'],
  ['lm ppl -m TMP/net.bin --prompt ab --quant q3', 2, 'q3'],
  ['lm generate -m TMP/net.bin --prompt ab --temperature -1', 2, '--temperature must be'],
  ['lm hidden -m TMP/net.bin --prompt ab --layers 3 -o TMP/x.npz', 2, '--layers must be'],
  ['lm hidden -m TMP/net.bin --prompt ab', 2, '--out is missing'],
  [`lm hidden -m TMP/net.bin --prompt ${'h'.repeat(80)} -o TMP/x.npz`, 1, 'PITH_LIMIT'],
])('%s is refused', async (line, code, says) => {
  expect(await pith(tmp, line)).toMatchObject({ code, out: '', err: expect.stringContaining(says) })
})
