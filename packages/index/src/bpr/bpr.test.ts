import { Random } from '@pith/core'
import { expect, test } from 'vitest'
import { holdSections } from '../../test/held-sections.ts'
import { BinaryIndex } from '../pq/index.ts'
import type { SectionReader } from '../sections.ts'
import type { DenseMatrix } from '../types.ts'
import { type BprTargets, trainBpr } from './bpr.ts'
import { openBpr, writeBpr } from './format.ts'
import { centredItq } from './itq.ts'
import { hashDocuments, hashQueries } from './layer.ts'
import { BprStep, type Candidates, crossEntropy, hinge } from './step.ts'

/** Rows of length 1 around a common direction. */
function unitRows(n: number, dim: number, seed: number, centre = 0.3): DenseMatrix {
  const random = new Random(seed)
  const data = new Float32Array(n * dim)
  for (let row = 0; row < n; row++) {
    const own = data.subarray(row * dim, (row + 1) * dim)
    for (let j = 0; j < dim; j++) own[j] = centre + random.normal()
    const length = Math.hypot(...own)
    for (let j = 0; j < dim; j++) own[j] = (own[j] as number) / length
  }
  return { n, dim, data }
}

test('ITQ turns centred rows, and brings them near to signs', async () => {
  const rows = unitRows(300, 8, 1)
  const layer = await centredItq(rows)
  for (let i = 0; i < 8; i++) {
    for (let j = 0; j < 8; j++) {
      let dot = 0
      for (let k = 0; k < 8; k++) dot += (layer.weight[k * 8 + i] as number) * (layer.weight[k * 8 + j] as number)
      const length = layer.weight.reduce((sum, value) => sum + value * value, 0) / 8
      expect(dot / length).toBeCloseTo(i === j ? 1 : 0, 3)
    }
  }
  const { data } = hashQueries(layer, rows)
  let [sum, square, loss] = [0, 0, 0]
  for (const [at, raw] of data.entries()) {
    const value = raw + (layer.bias[at % 8] as number)
    sum += value / data.length
    square += value ** 2 / data.length
    loss += (Math.abs(value) - 1) ** 2 / data.length
  }
  expect(sum).toBeCloseTo(0, 4)
  expect(square).toBeCloseTo(1, 4)
  const none = await centredItq(rows, { rounds: 0 })
  const before = hashQueries(none, rows).data.reduce(
    (total, value, at) => total + (Math.abs(value + (none.bias[at % 8] as number)) - 1) ** 2 / data.length,
    0,
  )
  expect(loss).toBeLessThan(before)
  expect(await centredItq(rows)).toEqual(layer)
  const few = await centredItq(rows, { bits: 3 })
  expect([few.bits, few.weight.length, hashDocuments(few, rows).data.length]).toEqual([3, 24, 300])
  for (const bits of [0, 9, 1.5]) await expect(centredItq(rows, { bits })).rejects.toMatchObject({ code: 'PITH_ARG' })
})

test('the step has the gradients of central differences', () => {
  const [documents, queries] = [unitRows(9, 6, 2), unitRows(3, 6, 3)]
  const random = new Random(4)
  const [dim, bits] = [6, 5]
  const weight = Float32Array.from({ length: dim * bits }, () => random.normal())
  const bias = Float32Array.from({ length: bits }, () => 0.3 * random.normal())
  const which = Uint32Array.of(2, 0)
  const rows = [Uint32Array.of(1, 4, 8), Uint32Array.of(4, 0, 1, 3)]
  const labelled: Candidates[] = rows.map((own) => ({
    rows: own,
    labels: Float64Array.from(own, () => random.normal()),
  }))
  for (const [candidates, spread] of [
    [rows.map((own) => ({ rows: own })), undefined],
    [labelled, { ranks: 2, codes: 0.7 }],
  ] as const) {
    const loss = (): number =>
      new BprStep(documents, queries, bits).gradients(weight, bias, which, candidates, 1.3, spread) / which.length
    const step = new BprStep(documents, queries, bits)
    step.gradients(weight, bias, which, candidates, 1.3, spread)
    for (const [values, gradients] of [
      [weight, step.weightGradient],
      [bias, step.biasGradient],
    ] as const) {
      for (let i = 0; i < values.length; i++) {
        const held = values[i] as number
        values[i] = held + 0.01
        const above = loss()
        values[i] = held - 0.01
        const slope = (above - loss()) / ((held + 0.01 - (held - 0.01)) as number)
        values[i] = held
        expect(Math.abs((gradients[i] as number) - slope)).toBeLessThan(2e-3 * Math.max(1, Math.abs(slope)))
      }
    }
  }
})

test('losses by hand', () => {
  const gradient = new Float64Array(3)
  expect(hinge(Float64Array.of(1, 0, -4), gradient)).toBe(0.5)
  expect([...gradient]).toEqual([-0.5, 0.5, 0])
  expect(crossEntropy(Float64Array.of(0, 0), gradient)).toBeCloseTo(Math.LN2, 12)
  expect(crossEntropy(Float64Array.of(1000, 0), gradient)).toBeCloseTo(0, 12)
  expect(crossEntropy(Float64Array.of(0, 1e6), gradient)).toBeGreaterThan(700)
  expect(hinge(Float64Array.of(1), gradient)).toBe(0)
})

const part = ({ dim, data }: DenseMatrix, from: number, to: number): DenseMatrix => ({
  n: to - from,
  dim,
  data: data.slice(from * dim, to * dim),
})

test('training ranks better than the rotation, the same each time', async () => {
  const documents = unitRows(240, 16, 5)
  const random = new Random(6)
  // Queries know only the first half of the numbers: the rest is to be ignored.
  const queries: DenseMatrix = {
    n: 240,
    dim: 16,
    data: Float32Array.from(documents.data, (value, at) => (at % 16 < 8 ? value : 0.6 * random.normal())),
  }
  const held = { queries: part(queries, 180, 240), relevant: Array.from({ length: 60 }, (_, i) => [180 + i]) }
  const near = (query: number, row: number): number => {
    let sum = 0
    for (let j = 0; j < 8; j++)
      sum += (queries.data[query * 16 + j] as number) * (documents.data[row * 16 + j] as number)
    return sum
  }
  const labelled = Array.from({ length: 180 }, (_, query) => {
    const rows = Uint32Array.from({ length: 20 }, (_, i) => (query + 11 * i) % 240)
    return { rows, scores: Float64Array.from(rows, (row) => near(query, row)) }
  })
  const all: BprTargets[] = [
    { loss: 'softmax', relevant: Array.from({ length: 180 }, (_, i) => i) },
    { loss: 'margin', labelled },
  ]
  for (const targets of all) {
    const options = { epochs: 4, batch: 16, rate: 0.05, held, seed: 3 }
    const found = await trainBpr(documents, part(queries, 0, 180), targets, options)
    const last = found.epochs[found.kept - 1]?.held
    expect(last?.hamming.ndcg10).toBeGreaterThan(1.1 * (found.start?.hamming.ndcg10 as number))
    expect(last?.ranked.ndcg10).toBeGreaterThan(1.1 * (found.start?.ranked.ndcg10 as number))
    expect(await trainBpr(documents, part(queries, 0, 180), targets, options)).toEqual(found)
    const index = new BinaryIndex(hashDocuments(found.layer, documents))
    expect(index.search(hashQueries(found.layer, part(queries, 0, 1)).data, 5).ids.length).toBe(5)
  }
})

test('documents that are the same, empty or alone leave losses finite', async () => {
  for (const data of [
    [0, 0],
    [1, 0, 1, 0, 1, 0],
    [0, 0, 0.6, 0.8],
  ]) {
    const rows = { n: data.length / 2, dim: 2, data: Float32Array.from(data) }
    const labelled = [{ rows: Uint32Array.from({ length: rows.n }, (_, i) => i), scores: new Float64Array(rows.n) }]
    for (const targets of [
      { loss: 'softmax', relevant: [0] },
      { loss: 'margin', labelled },
    ] as BprTargets[]) {
      const { layer, epochs } = await trainBpr(rows, part(rows, 0, 1), targets)
      expect(epochs.every(({ loss }) => Number.isFinite(loss))).toBe(true)
      expect([...layer.weight, ...layer.bias].every(Number.isFinite)).toBe(true)
    }
  }
})

test('what can not be trained is refused', async () => {
  const rows = unitRows(4, 2, 1)
  const targets: BprTargets = { loss: 'softmax', relevant: [0, 1, 2, 3] }
  const train = (own: DenseMatrix, to: BprTargets, signal?: AbortSignal) =>
    trainBpr(own, rows, to, signal === undefined ? {} : { signal })
  await expect(train(unitRows(4, 3, 1), targets)).rejects.toMatchObject({ code: 'PITH_SHAPE' })
  await expect(train({ n: 0, dim: 2, data: new Float32Array(0) }, targets)).rejects.toMatchObject({ code: 'PITH_ARG' })
  await expect(train(rows, { loss: 'softmax', relevant: [0] })).rejects.toMatchObject({ code: 'PITH_SHAPE' })
  await expect(train(rows, { loss: 'softmax', relevant: [0, 1, 2, 4] })).rejects.toMatchObject({ code: 'PITH_ARG' })
  await expect(train(rows, targets, AbortSignal.abort('enough'))).rejects.toBe('enough')
})

test('layers open as they were written, damaged ones do not', async () => {
  const layer = await centredItq(unitRows(50, 6, 7), { bits: 4 })
  const held = await holdSections((sections) => writeBpr(layer, sections, 'signs'))
  expect(await openBpr(held, 'signs')).toEqual(layer)
  const altered = (change: (bytes: Uint8Array) => Uint8Array): SectionReader => ({
    has: (name) => held.has(name),
    size: (name) => held.size(name),
    read: async (name) => Uint8Array.from(change(await held.read(name))),
  })
  for (const change of [
    (bytes: Uint8Array) => bytes.subarray(0, 6),
    (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1),
    (bytes: Uint8Array) => bytes.fill(255),
    (bytes: Uint8Array) => bytes.fill(255, 12, 16),
  ]) {
    await expect(openBpr(altered(change), 'signs')).rejects.toMatchObject({ code: 'PITH_CORRUPT' })
  }
})
