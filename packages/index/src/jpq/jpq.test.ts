import { Random } from '@pith/core'
import { expect, test } from 'vitest'
import { colourModel, colourTokenizer } from '../../test/text-models.ts'
import { AdamW } from '../adamw.ts'
import { openOnnxEncoder } from '../dense/index.ts'
import { marginLoss } from '../margin-loss.ts'
import { encodePq, type Pq, type PqCodes, PqIndex, partCodes, trainPq } from '../pq/index.ts'
import { ndcgAt10, rankQuality } from '../rank-quality.ts'
import type { DenseMatrix } from '../types.ts'
import { AdapterTower, adaptQueries, identityAdapter } from './adapter.ts'
import { type JpqTargets, trainJpq, trainJpqTower } from './jpq.ts'
import { openOnnxTower } from './onnx-tower.ts'
import { rankLoss } from './rank-loss.ts'
import { Student } from './student.ts'

function randomRows(n: number, dim: number, seed: number): DenseMatrix {
  const random = new Random(seed)
  return { n, dim, data: Float32Array.from({ length: n * dim }, () => random.normal()) }
}

/** A quantiser with an odd number of numbers a vector, so that it pads. */
async function smallCodes(bits: 4 | 8, metric: 'ip' | 'cos'): Promise<{ pq: Pq; codes: PqCodes; rows: DenseMatrix }> {
  const rows = randomRows(300, 11, 1)
  const pq = await trainPq(rows, { m: 4, bits, metric, rounds: 3, seed: 2 })
  return { pq, codes: await encodePq(pq, rows), rows }
}

/** Derivative of `of` by a value, by central differences. */
function slopeAt(values: Float32Array | Float64Array, i: number, of: () => number, step: number): number {
  const held = values[i] as number
  values[i] = held + step
  const above = of()
  values[i] = held - step
  const below = of()
  values[i] = held
  return (above - below) / (2 * step)
}

test('losses have the gradients of central differences', () => {
  const random = new Random(5)
  const scores = Float64Array.from({ length: 9 }, () => 3 * random.normal())
  const labels = Float64Array.from({ length: 9 }, () => random.normal())
  const relevant = Uint8Array.of(0, 1, 0, 0, 1, 0, 0, 0, 0)
  for (const loss of [
    (gradient: Float64Array) => rankLoss(scores, relevant, 1.7, gradient),
    (gradient: Float64Array) => marginLoss(scores, labels, gradient),
  ]) {
    const gradient = new Float64Array(9)
    loss(gradient)
    for (let i = 0; i < 9; i++) {
      const wanted = slopeAt(scores, i, () => loss(new Float64Array(9)), 1e-5)
      expect(Math.abs((gradient[i] as number) - wanted)).toBeLessThan(1e-6)
    }
  }
})

test('the rank loss by hand, and where there is nothing to rank', () => {
  const gradient = new Float64Array(2)
  // One pair, ranks 1 and 2, of scores that differ by 1: (1 - 1/2) log(1 + e^1).
  expect(rankLoss([2, 1], [0, 1], 1, gradient)).toBeCloseTo(0.5 * Math.log1p(Math.E), 12)
  expect(gradient[0]).toBeCloseTo(0.5 / (1 + Math.exp(-1)), 12)
  expect(rankLoss([2, 1], [1, 1], 1, gradient)).toBe(0)
  expect(rankLoss([1e4, 0], [0, 1], 1, gradient)).toBeCloseTo(5000, 6)
  expect(rankLoss([0, 1e4], [0, 1], 1, gradient)).toBe(0)
  expect(gradient[0]).toBe(0)
})

test('scores of the student are those of the index, and its gradients those of central differences', async () => {
  for (const [bits, metric] of [
    [4, 'ip'],
    [8, 'ip'],
    [8, 'cos'],
  ] as const) {
    const { pq, codes } = await smallCodes(bits, metric)
    const student = new Student(pq, codes)
    const query = randomRows(1, 11, 7)
    const rows = Uint32Array.of(3, 100, 299, 3)
    const index = new PqIndex(pq, codes)
    const scores = student.scores(student.turn(query.data, 0), rows)
    const asked = index.scoreRows(query.data, rows)
    const offset = (asked[0] as number) - (scores[0] as number)
    for (let i = 0; i < rows.length; i++) expect((asked[i] as number) - (scores[i] as number)).toBeCloseTo(offset, 3)
    const labels = [0.5, -1, 0.3, 0.1]
    const loss = (): number =>
      marginLoss(student.scores(student.turn(query.data, 0), rows), labels, new Float64Array(rows.length))
    const slopes = new Float64Array(rows.length)
    const turned = student.turn(query.data, 0)
    marginLoss(student.scores(turned, rows), labels, slopes)
    const own = new Float64Array(11)
    student.backward(query.data, 0, turned, rows, slopes, own)
    for (let i = 0; i < 11; i++) expect(own[i]).toBeCloseTo(slopeAt(query.data, i, loss, 0.0078125), 4)
    const touched = new Set<number>()
    const width = pq.padded / pq.m
    for (const row of rows)
      for (let p = 0; p < pq.m; p++) touched.add((p << bits) + (partCodes(pq, codes)[row * pq.m + p] as number))
    for (let cell = 0; cell < student.scoring.length / width; cell++) {
      const at = cell * width
      if (touched.has(cell)) expect(student.gradients[at]).toBeCloseTo(slopeAt(student.scoring, at, loss, 0.0078125), 4)
      else expect(student.gradients[at]).toBe(0)
    }
    const before = student.scoring.slice()
    student.step(0.01)
    for (let cell = 0; cell < before.length / width; cell++) {
      if (!touched.has(cell)) expect(student.scoring[cell * width]).toBe(before[cell * width])
    }
    expect(student.snapshot().encoding).toBe(pq.encoding)
  }
})

test('an adapter learns along its gradient', async () => {
  const queries = randomRows(3, 4, 9)
  const tower = new AdapterTower(queries, 0)
  const which = Uint32Array.of(2, 0)
  const wanted = Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0)
  const lossOf = async (): Promise<number> =>
    (await tower.embed(which)).reduce((sum, value, i) => sum + (value - (wanted[i] as number)) ** 2, 0)
  const first = await lossOf()
  expect(await tower.embed(which)).toEqual(Float32Array.from([...queries.data.slice(8), ...queries.data.slice(0, 4)]))
  for (let i = 0; i < 200; i++) {
    const now = await tower.embed(which)
    await tower.step(
      which,
      Float64Array.from(now, (value, j) => 2 * (value - (wanted[j] as number))),
      0.02,
    )
  }
  expect(await lossOf()).toBeLessThan(first / 100)
  expect(tower.adapter).toEqual(identityAdapter(4))
  tower.keep()
  expect(adaptQueries(tower.adapter, queries).data.slice(8)).toEqual((await tower.embed(which)).slice(0, 4))
})

test('AdamW moves by its rate at first, and is pulled home', () => {
  const values = Float32Array.of(1, 2, 3, 4)
  const gradients = Float64Array.of(5, -5, 0, 0)
  const steps = new AdamW(4, 2)
  steps.step(values, gradients, 0.1)
  expect([...values]).toEqual([Math.fround(0.9), Math.fround(2.1), 3, 4])
  expect([...gradients]).toEqual([0, 0, 0, 0])
  gradients.set([1e-30, 0, 1, 0])
  new AdamW(4).step(values, gradients, 0.5, 1, Float32Array.of(0.9, 0.1, 0, 0))
  expect(values[1]).toBeCloseTo(1.1, 5)
  expect(values[3]).toBeCloseTo(2, 5)
})

/** Queries that are turned against the rows that answer them: a map has to be learned. */
async function turnedTask(): Promise<{ pq: Pq; codes: PqCodes; queries: DenseMatrix; answers: Uint32Array }> {
  const rows = randomRows(200, 8, 11)
  for (let row = 0; row < 200; row++) {
    const own = rows.data.subarray(row * 8, (row + 1) * 8)
    const length = Math.hypot(...own)
    for (let j = 0; j < 8; j++) own[j] = (own[j] as number) / length
  }
  const pq = await trainPq(rows, { m: 4, rounds: 2, seed: 1 })
  const answers = Uint32Array.from({ length: 200 }, (_, i) => (i * 37) % 200)
  const data = new Float32Array(200 * 8)
  for (const [q, row] of answers.entries()) {
    for (let j = 0; j < 8; j++)
      data[q * 8 + j] = (rows.data[row * 8 + ((j + 1) % 8)] as number) * (j % 2 === 0 ? 1 : -1)
  }
  return { pq, codes: await encodePq(pq, rows), queries: { n: 200, dim: 8, data }, answers }
}

const part = ({ dim, data }: DenseMatrix, from: number, to: number): DenseMatrix => ({
  n: to - from,
  dim,
  data: data.slice(from * dim, to * dim),
})

test('training finds how queries and rows belong together, the same each time', async () => {
  const { pq, codes, queries, answers } = await turnedTask()
  const lists = Array.from(answers, (row) => [row])
  const held = { queries: part(queries, 150, 200), relevant: lists.slice(150) }
  const labelled = lists.slice(0, 150).map(([row], i) => {
    const rows = Uint32Array.from(new Set([row as number, i, (i + 50) % 200, (i + 93) % 200]))
    return { rows, scores: Float64Array.from(rows, (own) => (own === row ? 2 : 0)) }
  })
  const all: JpqTargets[] = [
    { loss: 'rank', relevant: lists.slice(0, 150) },
    { loss: 'margin', labelled },
  ]
  for (const targets of all) {
    const options = { epochs: 6, batch: 16, queryRate: 0.08, centroidRate: 0.001, held, seed: 4 }
    const found = await trainJpq(pq, codes, part(queries, 0, 150), targets, options)
    expect(found.start?.ndcg10).toBeLessThan(0.2)
    expect(found.epochs[found.kept - 1]?.held?.ndcg10).toBeGreaterThan(0.6)
    const index = new PqIndex(found.pq, codes)
    const quality = rankQuality(index, adaptQueries(found.adapter, held.queries).data, held.relevant)
    expect(quality).toEqual(found.epochs[found.kept - 1]?.held)
    expect(found.pq.encoding).toBe(pq.encoding)
    expect(await trainJpq(pq, codes, part(queries, 0, 150), targets, options)).toEqual(found)
  }
})

test('what makes nothing better is not kept', async () => {
  const { pq, codes } = await turnedTask()
  const rows = randomRows(200, 8, 11)
  const relevant = Array.from({ length: 60 }, (_, i) => [i])
  // Trained for wrong answers, judged by right ones.
  const targets: JpqTargets = { loss: 'rank', relevant: relevant.map(([row]) => [((row as number) + 77) % 200]) }
  const held = { queries: part(rows, 0, 60), relevant }
  const found = await trainJpq(pq, codes, part(rows, 0, 60), targets, { epochs: 2, queryRate: 0.05, held })
  expect([found.kept, found.pq, found.adapter]).toEqual([0, pq, identityAdapter(8)])
})

test('documents that are the same, empty or alone leave losses finite', async () => {
  for (const rows of [
    { n: 1, dim: 2, data: Float32Array.of(0, 0) },
    { n: 3, dim: 2, data: Float32Array.of(1, 0, 1, 0, 1, 0) },
    { n: 2, dim: 2, data: Float32Array.of(0, 0, 0.6, 0.8) },
  ]) {
    const pq = await trainPq(rows, { m: 1, bits: 4 })
    const codes = await encodePq(pq, rows)
    const labelled = [{ rows: Uint32Array.from({ length: rows.n }, (_, i) => i), scores: new Float64Array(rows.n) }]
    for (const targets of [
      { loss: 'rank', relevant: [[0]] },
      { loss: 'margin', labelled },
    ] as JpqTargets[]) {
      const { adapter, epochs } = await trainJpq(pq, codes, part(rows, 0, 1), targets)
      expect(epochs.every(({ loss }) => Number.isFinite(loss))).toBe(true)
      expect(adapter.weight.every(Number.isFinite)).toBe(true)
    }
  }
})

test('what can not be trained is refused', async () => {
  const { pq, codes, queries } = await turnedTask()
  const targets: JpqTargets = { loss: 'rank', relevant: [[0]] }
  const one = part(queries, 0, 1)
  await expect(trainJpq(pq, codes, randomRows(1, 7, 0), targets)).rejects.toMatchObject({ code: 'PITH_SHAPE' })
  await expect(trainJpq({ ...pq, metric: 'l2' }, codes, one, targets)).rejects.toMatchObject({
    code: 'PITH_UNSUPPORTED',
  })
  await expect(trainJpq(pq, codes, one, { loss: 'rank', relevant: [[200]] })).rejects.toMatchObject({
    code: 'PITH_ARG',
  })
  await expect(trainJpq(pq, codes, one, targets, { epochs: 0 })).rejects.toMatchObject({ code: 'PITH_ARG' })
  const signal = AbortSignal.abort('enough')
  await expect(trainJpq(pq, codes, one, targets, { signal })).rejects.toBe('enough')
})

test('nDCG@10 of single answers', () => {
  expect(ndcgAt10([4, 5, 6], new Set([5]))).toBeCloseTo(1 / Math.log2(3), 12)
  expect(ndcgAt10([4, 5], new Set([4, 5]))).toBe(1)
  expect(ndcgAt10([], new Set([1]))).toBe(0)
  expect(ndcgAt10([1], new Set())).toBe(0)
})

test('a whole ONNX encoder is trained for what queries should find', async () => {
  const [model, tokenizer] = [colourModel(4), colourTokenizer()]
  const words = ['red', 'green', 'blue', 'warm', 'cold']
  const texts = words.flatMap((first) => words.map((second) => `${first} ${second}`))
  const encoder = await openOnnxEncoder({ model, tokenizer })
  const vectors = await encoder.encode(texts, 'document')
  const pq = await trainPq(vectors, { m: 2, seed: 1 })
  const codes = await encodePq(pq, vectors)
  // Who asks for one word means the text of the next one twice.
  const answers = words.map((_, i) => [6 * ((i + 1) % 5)])
  const tower = await openOnnxTower([...words, ...words], { model, tokenizer, maxTokens: 4, batch: 4 })
  const which = Uint32Array.of(0, 1, 2, 3, 4)
  const asked = await encoder.encode(words, 'query')
  for (const [i, value] of (await tower.embed(which)).entries()) expect(value).toBeCloseTo(asked.data[i] as number, 5)
  const found = await trainJpqTower(
    pq,
    codes,
    tower,
    { loss: 'rank', relevant: answers },
    {
      ...{ epochs: 12, batch: 5, depth: 25, queryRate: 0.3, centroidRate: 0, held: { relevant: answers } },
    },
  )
  const best = found.epochs[found.kept - 1]?.held?.ndcg10 as number
  expect(best).toBeGreaterThan(found.start?.ndcg10 as number)
  expect(found.epochs.at(-1)?.loss).toBeLessThan(0.6 * (found.epochs[0]?.loss as number))
  // The file that comes out is the encoder of queries.
  const trained = await openOnnxEncoder({ model: await tower.model(), tokenizer })
  const quality = rankQuality(new PqIndex(found.pq, codes), (await trained.encode(words, 'query')).data, answers)
  expect(quality.ndcg10).toBeCloseTo(best, 5)
  await Promise.all([encoder.close(), trained.close(), tower.close()])
})
