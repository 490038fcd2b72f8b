import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeModel } from '@pith/engine/onnx'
import { llama2cTokenizerBytes } from '@pith/engine/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { llama2cBytes, SMALL } from '../../test/models.ts'
import { readWeights } from '../checkpoint/checkpoint.ts'
import { writeGgufModel } from '../checkpoint/gguf-write.ts'
import { hfConfigJson, hfSafetensors } from '../checkpoint/hf-write.ts'
import { onnxModelOf } from '../checkpoint/onnx-write.ts'
import { randomParams } from '../testing/index.ts'
import { openModel } from './index.ts'

const params = randomParams(SMALL, 1)
let folder = ''

async function put(path: string, content: string | Uint8Array): Promise<string> {
  const whole = join(folder, path)
  await mkdir(join(whole, '..'), { recursive: true })
  await writeFile(whole, content)
  return whole
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pith-models-'))
  const tensors = hfSafetensors(SMALL, params, { dtype: 'f32' })
  await put('hf/config.json', hfConfigJson(SMALL))
  await put('hf/model.safetensors', tensors)
  await put('named/config.json', hfConfigJson(SMALL))
  await put('named/small.safetensors', tensors)
  await put('named/tokenizer.bin', llama2cTokenizerBytes([...'abc']))
  await put('gguf/small.gguf', await writeGgufModel(SMALL, params))
  await put('onnx/small.onnx', writeModel(onnxModelOf(SMALL, params)))
  await put('c/stories.bin', llama2cBytes(SMALL, params))
  await put('c/tokenizer.bin', llama2cTokenizerBytes([...'abc']))
  await put('two/a.gguf', '')
  await put('two/b.gguf', '')
  await put('none/readme.txt', '')
})

afterAll(() => rm(folder, { recursive: true, force: true }))

test.each([
  ['hf', 'safetensors', false],
  ['hf/model.safetensors', 'safetensors', false],
  ['named', 'safetensors', true],
  ['gguf', 'gguf', false],
  ['gguf/small.gguf', 'gguf', false],
  ['onnx', 'onnx', false],
  ['c', 'llama2c', true],
  ['c/stories.bin', 'llama2c', true],
] as const)('%s', async (path, format, hasTokenizer) => {
  const { checkpoint, tokenizer } = await openModel(join(folder, path))
  expect(checkpoint.format).toBe(format)
  expect(checkpoint.config.layers).toBe(SMALL.layers)
  const weights = await readWeights(checkpoint)
  expect(weights['norm.scale']).toEqual(params['norm.scale'])
  await checkpoint.close()
  expect(tokenizer !== undefined).toBe(hasTokenizer)
})

test('a tokenizer from elsewhere', async () => {
  const { checkpoint, tokenizer } = await openModel(join(folder, 'gguf'), {
    tokenizer: join(folder, 'c/tokenizer.bin'),
  })
  await checkpoint.close()
  expect(tokenizer?.own.size).toBe(262)
})

test('what is not there, or is no model', async () => {
  await expect(openModel(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'PITH_IO' })
  await expect(openModel(join(folder, 'none'))).rejects.toMatchObject({ code: 'PITH_ARG' })
  await expect(openModel(join(folder, 'two'))).rejects.toMatchObject({ code: 'PITH_ARG' })
  await expect(openModel(join(folder, 'two/a.gguf'))).rejects.toMatchObject({ code: 'PITH_TRUNCATED' })
  await expect(openModel(join(folder, 'hf'), { tokenizer: join(folder, 'none.bin') })).rejects.toMatchObject({
    code: 'PITH_IO',
  })
})
