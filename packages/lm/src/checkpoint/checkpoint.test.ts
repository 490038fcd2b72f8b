import { isPithError } from '@pith/core'
import { i64, jit, nn, type Params, Tensor, type Value } from '@pith/engine'
import { writeSafetensors } from '@pith/engine/io'
import { describe, expect, test } from 'vitest'
import { llama2cBytes, SMALL } from '../../test/models.ts'
import { plainLogits } from '../../test/plain-llama.ts'
import type { LmConfig } from '../config.ts'
import { logitsOf } from '../model/network.ts'
import { randomParams } from '../testing/index.ts'
import { countParameters, type LmCheckpoint, parameterShapes, readWeights } from './checkpoint.ts'
import { openGgufModel } from './gguf.ts'
import { writeGgufModel } from './gguf-write.ts'
import { openHf } from './hf.ts'
import { hfConfigJson, hfNameOf, hfSafetensors } from './hf-write.ts'
import { openLlama2c } from './llama2c.ts'
import { halvesFromPairs, pairsFromHalves } from './rows.ts'

const UNTIED: LmConfig = { ...SMALL, tied: false }
const QWEN: LmConfig = { ...SMALL, qkvBias: true, kvHeads: 1 }
const IDS = [1, 5, 5, 39, 0, 7, 12, 13, 2, 2]

async function logits(config: LmConfig, params: Params): Promise<Float32Array> {
  const net = nn.module((scope: nn.Scope, ids: Value) => logitsOf(scope, config, ids))
  expect(Object.keys(net.init(0, i64(1, 2))).sort()).toEqual([...parameterShapes(config).keys()].sort())
  const run = jit(({ ids, ...own }) => ({ out: net.apply(own as Record<string, Value>, ids as Value) }))
  const { out } = await run({ ids: new Tensor(BigInt64Array.from(IDS, BigInt), [1, IDS.length]), ...params })
  await run.dispose()
  return (out as Tensor).data as Float32Array
}

async function logitsOfFile(file: LmCheckpoint): Promise<Float32Array> {
  const result = await logits(file.config, await readWeights(file))
  await file.close()
  return result
}

function furthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length)
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] as number))))
}

function openFolder(files: Readonly<Record<string, string | Uint8Array>>): Promise<LmCheckpoint> {
  return openHf(async (name) => {
    const file = files[name]
    return typeof file === 'string' ? new TextEncoder().encode(file) : file
  })
}

function hfFolder(config: LmConfig, params: Params): Promise<LmCheckpoint> {
  return openFolder({
    'config.json': hfConfigJson(config),
    'model.safetensors': hfSafetensors(config, params, { dtype: 'f32' }),
  })
}

describe('a model is the same', () => {
  test.each([
    ['version 0', SMALL, 0],
    ['version 0 with a head of its own', UNTIED, 0],
    ['version 1', SMALL, 1],
    ['version 1 with a head of its own', UNTIED, 1],
  ] as const)('from llama2.c: %s', async (_name, config, version) => {
    const params = randomParams(config, 1)
    const file = await openLlama2c(llama2cBytes(config, params, version))
    expect(file.config).toEqual(config)
    const wanted = plainLogits(config, params, IDS, 'pairs').flatMap((row) => [...row])
    expect(furthest(await logitsOfFile(file), wanted)).toBeLessThan(1e-4)
    // The order of rows is no detail.
    const other = plainLogits(config, params, IDS, 'halves').flatMap((row) => [...row])
    expect(furthest(other, wanted)).toBeGreaterThan(0.01)
  })

  test.each([
    ['llama', SMALL],
    ['llama with a head of its own', UNTIED],
    ['qwen2', QWEN],
  ])('from a folder of Hugging Face: %s', async (_name, config) => {
    const params = randomParams(config, 2)
    const file = await hfFolder(config, params)
    expect(file.config).toEqual(config)
    const wanted = plainLogits(config, params, IDS).flatMap((row) => [...row])
    expect(furthest(await logitsOfFile(file), wanted)).toBeLessThan(1e-4)
  })

  test.each([
    ['llama', SMALL],
    ['llama with a head of its own', UNTIED],
    ['qwen2', QWEN],
  ])('from GGUF: %s', async (_name, config) => {
    const params = randomParams(config, 3)
    const file = await openGgufModel(await writeGgufModel(config, params, { name: 'small' }))
    expect(file.config).toEqual({ ...config, normEps: Math.fround(config.normEps) })
    expect(await readWeights(file)).toEqual(params)
    const half = await openGgufModel(await writeGgufModel(config, params, { type: 'F16' }))
    const near = await readWeights(half)
    for (const [name, { data }] of Object.entries(params)) {
      expect(furthest((near[name] as Tensor).data as Float32Array, data as Float32Array)).toBeLessThan(3e-3)
    }
  })

  test('GGUF of llama has the rows of queries and keys in pairs, as llama2.c', async () => {
    const params = randomParams(SMALL, 4)
    const fromPairs = await openLlama2c(llama2cBytes(SMALL, params))
    const written = await writeGgufModel(SMALL, await readWeights(fromPairs))
    const { openGguf } = await import('@pith/engine/io')
    const raw = await openGguf(written)
    expect((await raw.tensor('blk.1.attn_q.weight')).data).toEqual(params['blocks.1.attn.wq']?.data)
    expect((await raw.tensor('blk.0.attn_k.weight')).data).toEqual(params['blocks.0.attn.wk']?.data)
  })

  test('in blocks of eight bits, nearly', async () => {
    const params = randomParams(SMALL, 5)
    const file = await openGgufModel(await writeGgufModel(SMALL, params, { type: 'Q8_0' }))
    expect(file.tensors.get('blocks.0.attn.wq')?.type).toBe('Q8_0')
    const exact = await logits(SMALL, params)
    const error = furthest(await logitsOfFile(file), exact)
    expect(error).toBeGreaterThan(0)
    expect(error).toBeLessThan(0.1 * Math.max(...exact.map(Math.abs)))
  })
})

test('rows go to halves and back', () => {
  const rows = new Tensor(
    Float32Array.from({ length: 12 }, (_, i) => i),
    [12, 1],
  )
  const halves = halvesFromPairs(rows, 6)
  expect([...(halves.data as Float32Array)]).toEqual([0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11])
  expect(pairsFromHalves(halves, 6)).toEqual(rows)
})

test('parameters are counted', () => {
  expect(countParameters(SMALL)).toBe(40 * 32 + 2 * (2 * 32 * 32 + 2 * 16 * 32 + 3 * 32 * 64 + 64) + 32)
})

describe('what is wrong is refused', () => {
  const params = randomParams(SMALL, 6)
  const config = hfConfigJson(SMALL)
  const tensors = (change: Params): Uint8Array =>
    writeSafetensors({
      ...Object.fromEntries(Object.entries(params).map(([name, tensor]) => [hfNameOf(name), tensor])),
      ...change,
    })

  test.each<[string, string, Record<string, string | Uint8Array>]>([
    ['no config.json', 'PITH_ARG', { 'model.safetensors': tensors({}) }],
    ['no tensors', 'PITH_ARG', { 'config.json': config }],
    [
      'too many layers',
      'PITH_MODEL',
      { 'config.json': hfConfigJson({ ...SMALL, layers: 1e9 }), 'model.safetensors': tensors({}) },
    ],
    [
      'too few layers',
      'PITH_UNSUPPORTED',
      { 'config.json': hfConfigJson({ ...SMALL, layers: 1 }), 'model.safetensors': tensors({}) },
    ],
    [
      'a wrong shape',
      'PITH_MODEL',
      { 'config.json': config, 'model.safetensors': tensors({ 'model.norm.weight': Tensor.zeros([31]) }) },
    ],
    [
      'whole numbers',
      'PITH_DTYPE',
      { 'config.json': config, 'model.safetensors': tensors({ 'model.norm.weight': Tensor.zeros([32], 'i32') }) },
    ],
    [
      'stretched positions',
      'PITH_UNSUPPORTED',
      {
        'config.json': config.replace('"head_dim"', '"rope_scaling": {"rope_type": "yarn"}, "head_dim"'),
        'model.safetensors': tensors({}),
      },
    ],
    [
      'another activation',
      'PITH_UNSUPPORTED',
      { 'config.json': config.replace('"silu"', '"gelu"'), 'model.safetensors': tensors({}) },
    ],
  ])('%s', async (_name, code, files) => {
    await expect((async () => await readWeights(await openFolder(files)))()).rejects.toMatchObject({ code })
  })

  test('llama2.c: every length but the right one, and sizes that cannot be', async () => {
    const bytes = llama2cBytes(SMALL, params)
    for (const length of [0, 3, 27, 28, 100, bytes.length - 1, bytes.length - 4]) {
      await expect(openLlama2c(bytes.subarray(0, length))).rejects.toMatchObject({ code: 'PITH_TRUNCATED' })
    }
    const longer = new Uint8Array(bytes.length + 4)
    longer.set(bytes)
    await expect(openLlama2c(longer)).rejects.toMatchObject({ code: 'PITH_CORRUPT' })
    for (let word = 0; word < 7; word++) {
      for (const value of [0, -1, 3, 2 ** 30, -(2 ** 31), 2 ** 31 - 1]) {
        const changed = bytes.slice()
        new DataView(changed.buffer).setInt32(4 * word, value, true)
        await expect(openLlama2c(changed)).rejects.toSatisfy((error) => isPithError(error))
      }
    }
    const second = llama2cBytes(SMALL, params, 1)
    new DataView(second.buffer).setInt32(4, 2, true)
    await expect(openLlama2c(second)).rejects.toMatchObject({ code: 'PITH_UNSUPPORTED' })
  })

  test('GGUF of another architecture', async () => {
    const bytes = await writeGgufModel(SMALL, params)
    const text = new TextEncoder().encode('llama')
    const at = bytes.findIndex((_, i) => text.every((letter, j) => bytes[i + j] === letter))
    const changed = bytes.slice()
    changed[at] = 'x'.charCodeAt(0)
    await expect(openGgufModel(changed)).rejects.toMatchObject({ code: 'PITH_UNSUPPORTED' })
  })
})
