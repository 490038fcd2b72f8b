import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serveFiles } from '@pith/core/node/http'
import { readHfTokenizer } from '@pith/engine/io'
import { afterAll, expect, test } from 'vitest'
import { colourModel, colourRow, colourTokenizer } from '../../test/text-models.ts'
import { askEndpoint } from './endpoint.ts'
import { embeddingsOf, openEndpointEncoder } from './endpoint-encoder.ts'
import { openOnnxEncoder } from './index.ts'
import { openOnnxEncoderFolder } from './node/index.ts'
import { pairRow, tokenRow } from './transformer.ts'

const tmp = mkdtempSync(join(tmpdir(), 'pith-encoders-'))
afterAll(() => rmSync(tmp, { recursive: true }))

/** The mean of rows of the table, brought to length 1. */
function meanOf(ids: readonly number[], dim: number): number[] {
  const rows = ids.map((id) => colourRow(id, dim))
  const sum = Array.from(
    { length: dim },
    (_, j) => rows.reduce((total, row) => total + (row[j] as number), 0) / ids.length,
  )
  const length = Math.hypot(...sum)
  return sum.map((value) => (length > 0 ? value / length : 0))
}

test('vectors of tokens become one, whatever stands beside a text in its batch', async () => {
  const encoder = await openOnnxEncoder({
    ...{ model: colourModel(5), tokenizer: colourTokenizer(), batch: 2, queryPrefix: 'warm ', maxTokens: 4 },
  })
  expect(encoder.dim).toBe(5)
  const { data } = await encoder.encode(['red', 'green blue cold red', ''], 'document')
  const expected = [
    [1, 3, 2],
    [1, 4, 5, 2],
    [1, 2],
  ].flatMap((ids) => meanOf(ids, 5))
  for (const [i, value] of expected.entries()) expect(data[i]).toBeCloseTo(value, 6)
  const asked = await encoder.encode(['red'], 'query')
  for (const [i, value] of meanOf([1, 6, 3, 2], 5).entries()) expect(asked.data[i]).toBeCloseTo(value, 6)
  await encoder.close()
  const first = await openOnnxEncoder({
    model: colourModel(5),
    tokenizer: colourTokenizer(),
    pooling: 'cls',
    normalize: false,
  })
  expect([...(await first.encode(['red'], 'query')).data]).toEqual(colourRow(1, 5))
  expect(first.id).not.toBe(encoder.id)
  await first.close()
  const summed = await openOnnxEncoder({ model: colourModel(3, 'sum'), tokenizer: colourTokenizer(), normalize: false })
  const sums = colourRow(1, 3).map(
    (value, j) => value + (colourRow(3, 3)[j] as number) + (colourRow(2, 3)[j] as number),
  )
  expect([...(await summed.encode(['red'], 'query')).data]).toEqual(sums)
  await summed.close()
})

test('encoders open from folders as model hubs have them', async () => {
  const folder = join(tmp, 'encoder')
  mkdirSync(join(folder, 'onnx'), { recursive: true })
  mkdirSync(join(folder, '1_Pooling'))
  await expect(openOnnxEncoderFolder(folder)).rejects.toMatchObject({
    code: 'PITH_IO',
    message: expect.stringMatching('model.onnx'),
  })
  writeFileSync(join(folder, 'onnx/model.onnx'), colourModel(4))
  await expect(openOnnxEncoderFolder(folder)).rejects.toMatchObject({
    code: 'PITH_IO',
    message: expect.stringMatching('tokenizer.json'),
  })
  writeFileSync(join(folder, 'tokenizer.json'), colourTokenizer())
  const encoder = await openOnnxEncoderFolder(folder, { normalize: false })
  const means = (await encoder.encode(['red'], 'query')).data
  await encoder.close()
  writeFileSync(join(folder, '1_Pooling/config.json'), JSON.stringify({ pooling_mode_cls_token: true }))
  const first = await openOnnxEncoderFolder(folder, { normalize: false })
  expect([...(await first.encode(['red'], 'query')).data]).toEqual(colourRow(1, 4))
  expect([...means]).not.toEqual(colourRow(1, 4))
  await first.close()
  writeFileSync(join(folder, '1_Pooling/config.json'), JSON.stringify({ pooling_mode_max_tokens: true }))
  await expect(openOnnxEncoderFolder(folder)).rejects.toMatchObject({ code: 'PITH_UNSUPPORTED' })
})

test('pairs are read as one text of two parts', async () => {
  const tokenizer = await readHfTokenizer(colourTokenizer())
  expect(tokenRow(tokenizer, 'red blue', 8)).toEqual({ ids: Int32Array.of(1, 3, 5, 2), second: 4 })
  expect(pairRow(tokenizer, 'red', 'blue cold', 16)).toEqual({ ids: [1, 3, 2, 5, 7, 2], second: 3 })
  expect(pairRow(tokenizer, 'red red red red', 'blue cold blue cold', 8)).toEqual({
    ids: [1, 3, 3, 2, 5, 7, 5, 2],
    second: 4,
  })
})

test('options and models that do not fit are refused', async () => {
  const own = { model: colourModel(2), tokenizer: colourTokenizer() }
  for (const wrong of [{ pooling: 'max' as 'mean' }, { maxTokens: 1 }, { batch: 0 }]) {
    await expect(openOnnxEncoder({ ...own, ...wrong })).rejects.toMatchObject({ code: 'PITH_ARG' })
  }
})

test('answers of endpoints are taken as they say, not as they come', () => {
  const answer = {
    data: [
      { index: 1, embedding: [3, 4] },
      { index: 0, embedding: [1, 2] },
    ],
  }
  expect(embeddingsOf(answer, 2)).toEqual([Float32Array.of(1, 2), Float32Array.of(3, 4)])
  expect(embeddingsOf({ data: [{ embedding: [1] }] }, 1)).toEqual([Float32Array.of(1)])
  for (const [wrong, count] of [
    [null, 0],
    [{}, 0],
    [answer, 3],
    [{ data: [answer.data[0], answer.data[0]] }, 2],
    [{ data: [{ index: 7, embedding: [1] }] }, 1],
    [{ data: [{ embedding: ['1'] }] }, 1],
    [{ data: [{ embedding: [] }] }, 1],
    [{ data: [null] }, 1],
  ] as const) {
    expect(() => embeddingsOf(wrong, count)).toThrow(expect.objectContaining({ code: 'PITH_NETWORK' }))
  }
})

test('endpoints that are not there, or others, are told by their code', async () => {
  const nowhere = { url: 'http://127.0.0.1:1/v1', model: 'any', retries: 0 }
  await expect(openEndpointEncoder(nowhere)).rejects.toMatchObject({ code: 'PITH_NETWORK' })
  const server = await serveFiles({ root: tmp })
  await expect(askEndpoint({ url: server.url, model: 'any' }, 'embeddings', {})).rejects.toMatchObject({
    code: 'PITH_NETWORK',
    message: expect.stringMatching(/status 4/),
  })
  await server.close()
  // What is told beforehand is not asked for.
  const encoder = await openEndpointEncoder({ ...nowhere, dim: 3 })
  expect([encoder.dim, (await encoder.encode([], 'query')).n]).toEqual([3, 0])
  expect((await openEndpointEncoder({ ...nowhere, dim: 4 })).id).not.toBe(encoder.id)
  await expect(openEndpointEncoder({ ...nowhere, batch: 0 })).rejects.toMatchObject({ code: 'PITH_ARG' })
  await expect(openEndpointEncoder({ ...nowhere, shorten: true })).rejects.toMatchObject({ code: 'PITH_ARG' })
  const signal = AbortSignal.abort('enough')
  await expect(encoder.encode(['red'], 'query', { signal })).rejects.toBe('enough')
})
