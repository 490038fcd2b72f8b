import type { PithError } from '@pith/core'
import { compile, type Params, Tensor } from '@pith/engine'
import { readLlama2cTokenizer } from '@pith/engine/io'
import { fromModel, type ModelProto, readModel, writeModel } from '@pith/engine/onnx'
import { llama2cTokenizerBytes } from '@pith/engine/testing'
import { expect, test } from 'vitest'
import { SMALL } from '../../test/models.ts'
import type { LmConfig } from '../config.ts'
import { Lm } from '../lm.ts'
import { ropeTables } from '../model/rope.ts'
import { randomParams } from '../testing/index.ts'
import { readWeights } from './checkpoint.ts'
import { hfConfigJson } from './hf-write.ts'
import { openOnnxModel } from './onnx.ts'
import { onnxModelOf } from './onnx-write.ts'

const config: LmConfig = { ...SMALL, tied: false, qkvBias: true }
const params = randomParams(config, 5)
const bytes = llama2cTokenizerBytes([...'abc'])
const nowhere = async (): Promise<undefined> => undefined
const IDS = [3, 7, 7, 30, 2]

function again(model: ModelProto): ModelProto {
  return readModel(writeModel(model))
}

test.each([true, false])('parameters, sizes and tokenizer come back as they were (tied: %s)', async (tied) => {
  const own = { ...config, tied, qkvBias: !tied }
  const given = randomParams(own, 6)
  const checkpoint = await openOnnxModel(again(onnxModelOf(own, given, { tokenizer: { bytes } })), nowhere)
  expect(checkpoint.config).toEqual(own)
  expect(await readWeights(checkpoint)).toEqual(given)
  expect((await checkpoint.tokenizer?.())?.bytes).toEqual(bytes)
  const a = new Lm({ config: own, params: given, tokenizer: { own: readLlama2cTokenizer(bytes), bytes } })
  const tokenizer = await checkpoint.tokenizer?.()
  const b = new Lm({
    config: checkpoint.config,
    params: await readWeights(checkpoint),
    ...(tokenizer && { tokenizer }),
  })
  expect(b.fingerprint).toEqual(a.fingerprint)
  await Promise.all([a.close(), b.close()])
})

test.each(['q8', 'q4', 'q2'] as const)('matrices of %s come back as what they stand for', async (quant) => {
  const checkpoint = await openOnnxModel(again(onnxModelOf(config, params, { quant })), nowhere)
  const lm = new Lm({ config, params }, { quant })
  const exact = new Lm({ config, params: await readWeights(checkpoint) })
  const [a, b] = [await lm.session().prefill(Int32Array.from(IDS)), await exact.session().prefill(Int32Array.from(IDS))]
  // Inputs are rounded to 8 bits beside codes.
  expect(Math.hypot(...a.map((x, i) => x - (b[i] as number))) / Math.hypot(...b)).toBeLessThan(0.05)
  await Promise.all([lm.close(), exact.close()])
})

test('a table of tokens that is the head too comes back exact, whatever the head is held in', async () => {
  const tied = { ...config, tied: true }
  const checkpoint = await openOnnxModel(again(onnxModelOf(tied, params, { quant: 'q4' })), nowhere)
  expect(await checkpoint.tensor('embed.tokens')).toEqual(params['embed.tokens'])
})

test('onnxruntime runs the file step by step to the same logits', async () => {
  const lm = new Lm({ config, params })
  const wanted = await lm.session().prefill(Int32Array.from(IDS))
  const model = fromModel(again(onnxModelOf(config, params)))
  const session = await compile(model.outputs)
  const { cos, sin } = ropeTables(config, 8)
  const { layers, kvHeads, headDim } = config
  const width = headDim / 2
  const past: Params = {}
  for (let layer = 0; layer < layers; layer++) {
    past[`pastK.${layer}`] = Tensor.zeros([kvHeads, headDim, 8])
    past[`pastV.${layer}`] = Tensor.zeros([kvHeads, 8, headDim])
  }
  const bias = new Tensor(new Float32Array(8).fill(-1e30), [1, 1, 8])
  const one = (t: Tensor, at: number): Tensor =>
    new Tensor((t.data as Float32Array).slice(at * width, (at + 1) * width), [1, width])
  let logits = new Float32Array(0)
  for (const [at, id] of IDS.entries()) {
    const out = await session.run({
      ...model.tensors,
      ...past,
      bias,
      ids: new Tensor(BigInt64Array.of(BigInt(id))),
      rows: new Tensor(BigInt64Array.of(0n)),
      cos: one(cos, at),
      sin: one(sin, at),
      causal: Tensor.zeros([config.heads / kvHeads, 1]),
      parts: new Tensor(BigInt64Array.of(8n, 1n)),
    })
    logits = out['logits']?.data as Float32Array<ArrayBuffer>
    for (let layer = 0; layer < layers; layer++) {
      const [k, v] = [out[`k.${layer}`]?.data as Float32Array, out[`v.${layer}`]?.data as Float32Array]
      for (let i = 0; i < kvHeads * headDim; i++) {
        const [head, channel] = [Math.floor(i / headDim), i % headDim]
        ;(past[`pastK.${layer}`]?.data as Float32Array)[i * 8 + at] = k[i] as number
        ;(past[`pastV.${layer}`]?.data as Float32Array)[(head * 8 + at) * headDim + channel] = v[i] as number
      }
    }
    ;(bias.data as Float32Array)[at] = 0
  }
  for (const [i, logit] of wanted.entries()) expect(logits[i]).toBeCloseTo(logit, 4)
  await session.dispose()
  await lm.close()
})

test('sizes come from a config.json where the metadata have none', async () => {
  const { metadataProps: _, ...model } = onnxModelOf(config, params)
  const json = new TextEncoder().encode(hfConfigJson(config))
  const checkpoint = await openOnnxModel(model, async (name) =>
    name === 'config.json' ? bytesSource(json) : undefined,
  )
  expect(checkpoint.config).toEqual(config)
  expect(await checkpoint.tokenizer?.()).toBeUndefined()
  await expect(openOnnxModel(model, nowhere)).rejects.toMatchObject({ code: 'PITH_ARG' })
})

async function* bytesSource(json: Uint8Array): AsyncGenerator<Uint8Array> {
  yield json
}

test('what is no model of ours, or damaged, is refused', async () => {
  const good = onnxModelOf(config, params, { quant: 'q4', tokenizer: { bytes } })
  const initializer = good.graph?.initializer ?? []
  const withGraph = (own: typeof initializer): ModelProto => ({ ...good, graph: { ...good.graph, initializer: own } })
  const withText = (key: string, value: string): ModelProto => ({
    ...good,
    metadataProps: (good.metadataProps ?? []).map((own) => (own.key === key ? { key, value } : own)),
  })
  const refused = async (model: ModelProto): Promise<string> => {
    try {
      const checkpoint = await openOnnxModel(model, nowhere)
      await readWeights(checkpoint)
      await checkpoint.tokenizer?.()
    } catch (error) {
      return (error as PithError).code
    }
    return 'none'
  }
  expect(await refused({ graph: {} })).toBe('PITH_UNSUPPORTED')
  expect(await refused(withGraph(initializer.filter(({ name }) => !name?.endsWith('wo.scales'))))).toBe('PITH_MODEL')
  expect(await refused(withGraph(initializer.filter(({ name }) => name !== 'norm.scale')))).toBe('PITH_MODEL')
  expect(await refused(withGraph([...initializer, { name: 'norm.more', dims: [1] }]))).toBe('PITH_MODEL')
  expect(await refused(withText('pith.lm.config', '{"layers":2'))).toBe('PITH_CORRUPT')
  expect(await refused(withText('pith.lm.config', JSON.stringify({ ...config, layers: 1e9 })))).toBe('PITH_MODEL')
  expect(await refused(withText('pith.lm.config', JSON.stringify({ ...config, ffn: 32 })))).toBe('PITH_MODEL')
  expect(await refused(withText('pith.lm.tokenizer.bin', '?'))).toBe('PITH_CORRUPT')
})
