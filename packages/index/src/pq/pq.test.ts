import { Random } from '@pith/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { filterRows, isKept } from '../row-filter.ts'
import type { DenseMatrix, Hits } from '../types.ts'
import {
  BinaryIndex,
  decodePq,
  encodePq,
  encodeRabitq,
  flatIndex,
  int8Index,
  type Metric,
  makeRabitq,
  PqIndex,
  type PqOptions,
  packSigns,
  partCodes,
  RabitqIndex,
  trainPq,
  turnRows,
  withScoring,
} from './index.ts'

/** Rows around a few centres that are not at the origin. */
function clustered(n: number, dim: number, seed = 1): DenseMatrix {
  const random = new Random(seed)
  const centres = Array.from({ length: 12 }, () => Float32Array.from({ length: dim }, () => 0.5 + random.normal()))
  const data = new Float32Array(n * dim)
  for (let i = 0; i < n; i++) {
    const centre = centres[random.integer(12)] as Float32Array
    for (let j = 0; j < dim; j++) data[i * dim + j] = (centre[j] as number) + 0.4 * random.normal()
  }
  return { n, dim, data }
}

const row = (x: DenseMatrix, i: number): Float32Array => x.data.subarray(i * x.dim, (i + 1) * x.dim)

function likeness(a: Float32Array, b: Float32Array, metric: Metric): number {
  let [dot, gap, aa, bb] = [0, 0, 0, 0]
  for (const [j, value] of a.entries()) {
    const other = b[j] as number
    dot += value * other
    gap += (value - other) ** 2
    aa += value * value
    bb += other * other
  }
  return metric === 'ip' ? dot : metric === 'l2' ? -gap : dot / Math.sqrt(aa * bb)
}

function bruteForce(
  x: DenseMatrix,
  query: Float32Array,
  k: number,
  metric: Metric,
  keeps = (_: number) => true,
): number[] {
  return Array.from({ length: x.n }, (_, id) => ({ id, score: likeness(row(x, id), query, metric) }))
    .filter(({ id }) => keeps(id))
    .sort((a, b) => b.score - a.score || a.id - b.id)
    .slice(0, k)
    .map(({ id }) => id)
}

function overlap(hits: Hits, truth: readonly number[]): number {
  return truth.filter((id) => hits.ids.includes(id)).length / truth.length
}

const X = clustered(700, 22)
const METRICS: readonly Metric[] = ['ip', 'l2', 'cos']
const odd = filterRows(X.n, (id) => id % 2 === 1)
const few = filterRows(X.n, (id) => id % 50 === 3)

test('exact search is exact for each metric, with and without filters, on both targets', () => {
  for (const metric of METRICS) {
    for (const target of ['wasm', 'twin'] as const) {
      const flat = flatIndex(X, { metric, target })
      for (const id of [0, 5, 699]) {
        const query = row(X, id)
        const { ids, scores } = flat.search(query, 10)
        expect([...ids]).toEqual(bruteForce(X, query, 10, metric))
        expect(scores[0]).toBeCloseTo(likeness(row(X, ids[0] as number), query, metric), 3)
        expect([...flat.search(query, 10, { filter: odd }).ids]).toEqual(
          bruteForce(X, query, 10, metric, (i) => i % 2 === 1),
        )
        expect([...flat.search(query, 20, { filter: few }).ids]).toEqual(
          bruteForce(X, query, 20, metric, (i) => i % 50 === 3),
        )
        expect([...flat.scoreRows(query, ids)]).toEqual([...scores])
      }
      for (const near of [flatIndex(X, { metric, target, type: 'f16' }), int8Index(X, { metric, target })]) {
        expect(overlap(near.search(row(X, 3), 20), bruteForce(X, row(X, 3), 20, metric))).toBeGreaterThan(0.8)
        expect(near.vector(3)[4]).toBeCloseTo(flat.vector(3)[4] as number, 1)
      }
    }
  }
})

test('asking for more rows than there are gives all of them', () => {
  const flat = flatIndex({ ...clustered(5, 7) })
  expect(flat.search(new Float32Array(7), 100).ids).toHaveLength(5)
  expect([...flat.search(new Float32Array(7), 3).ids]).toEqual([0, 1, 2])
  expect(flatIndex({ n: 0, dim: 7, data: new Float32Array(0) }).search(new Float32Array(7), 3).ids).toHaveLength(0)
  const signs = new BinaryIndex(packSigns(clustered(40, 9)))
  for (const rerank of [0, 10, 50])
    expect(signs.search(new Float32Array(9), 100, { rerank }).ids.length).toBeGreaterThan(9)
})

const SHAPES: readonly PqOptions[] = [
  { m: 11, bits: 8, rounds: 3, iters: 6, metric: 'l2' },
  { m: 4, bits: 8, opq: false, iters: 6 },
  { m: 5, bits: 4, rounds: 3, iters: 6 },
  { m: 11, bits: 4, opq: false, iters: 6, metric: 'cos' },
]

test('codes score as what they stand for, alike on both targets', async () => {
  for (const options of SHAPES) {
    const { metric = 'ip' } = options
    const pq = await trainPq(X, options)
    const codes = await encodePq(pq, X)
    const decoded = decodePq(pq, codes)
    const [wasm, twin] = (['wasm', 'twin'] as const).map((target) => new PqIndex(pq, codes, { target }))
    for (const id of [1, 77]) {
      const query = row(X, id)
      const hits = (wasm as PqIndex).search(query, 25)
      expect(hits).toEqual((twin as PqIndex).search(query, 25))
      const own = metric === 'cos' ? flatIndex({ n: 1, dim: X.dim, data: query }, { metric }).vector(0) : query
      const exact = flatIndex(decoded, { metric: metric === 'ip' ? 'ip' : 'l2' }).search(own, X.n)
      const expected = exact.scores.map((score) => (metric === 'cos' ? 1 + score / 2 : score))
      expect(hits.scores[0]).toBeCloseTo(expected[0] as number, 3)
      expect(hits.scores[24]).toBeCloseTo(expected[24] as number, 3)
      const every = (wasm as PqIndex).scoreRows(query, hits.ids)
      expect([...every]).toEqual([...hits.scores])
      for (const filter of [odd, few]) {
        const some = (wasm as PqIndex).search(query, 9, { filter })
        expect(some).toEqual((twin as PqIndex).search(query, 9, { filter }))
        const all = (wasm as PqIndex).search(query, X.n)
        const kept = [...all.ids].filter((i) => (filter === odd ? i % 2 === 1 : i % 50 === 3))
        expect([...some.ids]).toEqual(kept.slice(0, 9))
      }
    }
    expect((wasm as PqIndex).codes()).toEqual(codes)
  }
})

test('a fast scan gives the rows that scoring every row gives, whatever the centroids', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 30 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 200 }),
      fc.constantFrom(0, 1, 1e-3, 1e15),
      fc.constantFrom<Metric>('ip', 'l2'),
      (seed, m, n, spread, metric) => {
        const random = new Random(seed)
        const draw = (): number => (random.integer(3) === 0 ? 1 : spread * random.normal())
        const encoding = Float32Array.from({ length: 16 * m }, draw)
        const mean = new Float32Array(m)
        const pq = {
          dim: m,
          padded: m,
          m,
          bits: 4,
          metric,
          mean,
          rotation: undefined,
          encoding,
          scoring: encoding,
        } as const
        const rowBytes = (m + 1) >> 1
        const data = Uint8Array.from({ length: n * rowBytes }, (_, i) =>
          random.integer(m % 2 === 1 && i % rowBytes === rowBytes - 1 ? 16 : 256),
        )
        const index = new PqIndex(pq, { n, rowBytes, data })
        const query = Float32Array.from({ length: m }, () => random.normal())
        const every = Uint32Array.from({ length: n }, (_, i) => i)
        const scores = index.scoreRows(query, every)
        const best = [...every].sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b)
        expect([...index.search(query, 7).ids]).toEqual(best.slice(0, 7))
      },
    ),
    { numRuns: 60 },
  )
})

test('vectors behind the codes rank the best rows anew', async () => {
  const pq = await trainPq(X, { m: 4, bits: 4, rounds: 2, iters: 4 })
  const codes = await encodePq(pq, X)
  const index = new PqIndex(pq, codes, { vectors: int8Index(X) })
  const truth = bruteForce(X, row(X, 9), 10, 'ip')
  const coarse = overlap(index.search(row(X, 9), 10, { rerank: 0 }), truth)
  const fine = overlap(index.search(row(X, 9), 10), truth)
  expect(fine).toBeGreaterThan(coarse)
  expect(fine).toBeGreaterThan(0.8)
  expect(() => new PqIndex(pq, codes).search(row(X, 9), 10, { rerank: 50 })).toThrow(/codes only/)
})

test('training gives the same for any threads, and codes do not depend on other rows', async () => {
  const options: PqOptions = { m: 6, bits: 8, rounds: 1, iters: 2, seed: 5 }
  const [one, two] = await Promise.all([trainPq(X, options), trainPq(X, { ...options, threads: 2 })])
  expect(two).toEqual(one)
  expect((await trainPq(X, { ...options, seed: 6 })).encoding).not.toEqual(one.encoding)
  const all = await encodePq(one, X)
  const alone = await encodePq(one, { n: 1, dim: X.dim, data: row(X, 456) })
  expect([...alone.data]).toEqual([...all.data.subarray(456 * all.rowBytes, 457 * all.rowBytes)])
})

test('a rotation is orthogonal and lowers what codes lose', async () => {
  // Numbers that depend on each other across parts.
  const random = new Random(3)
  const mix = Float32Array.from({ length: 16 * 16 }, () => random.normal())
  const plain = Float32Array.from({ length: 600 * 16 }, (_, i) => random.normal() / (1 + (i % 16)))
  const data = new Float32Array(600 * 16)
  for (let i = 0; i < 600; i++) {
    for (let j = 0; j < 16; j++) {
      for (let k = 0; k < 16; k++)
        data[16 * i + j] = (data[16 * i + j] as number) + (plain[16 * i + k] as number) * (mix[16 * k + j] as number)
    }
  }
  const x = { n: 600, dim: 16, data }
  const loss: number[] = []
  for (const opq of [false, true]) {
    const pq = await trainPq(x, { m: 8, bits: 4, opq, iters: 8, rounds: 10 })
    const decoded = decodePq(pq, await encodePq(pq, x))
    loss.push(data.reduce((sum, value, i) => sum + (value - (decoded.data[i] as number)) ** 2, 0))
    const r = pq.rotation
    if (r === undefined) continue
    let dot = 0
    let size = 0
    for (let j = 0; j < 16; j++) {
      dot += (r[j] as number) * (r[16 + j] as number)
      size += (r[j] as number) ** 2
    }
    expect(dot).toBeCloseTo(0, 5)
    expect(size).toBeCloseTo(1, 5)
  }
  expect(loss[1]).toBeLessThan(0.8 * (loss[0] as number))
})

test('few rows and equal rows are coded exactly', async () => {
  const x = clustered(30, 10)
  const pq = await trainPq(x, { m: 3, bits: 8, rounds: 2 })
  const decoded = decodePq(pq, await encodePq(pq, x))
  for (const [i, value] of x.data.entries()) expect(decoded.data[i]).toBeCloseTo(value, 4)
  const same = { n: 400, dim: 6, data: new Float32Array(2400).fill(0.25) }
  for (const bits of [4, 8] as const) {
    const flatPq = await trainPq(same, { m: 2, bits, rounds: 2 })
    const codes = await encodePq(flatPq, same)
    expect(codes.data.every((code) => code === 0)).toBe(true)
    const hits = new PqIndex(flatPq, codes).search(row(same, 0), 3)
    expect([...hits.ids]).toEqual([0, 1, 2])
    expect(hits.scores[0]).toBeCloseTo(6 / 16, 5)
  }
})

test('trained centroids change scores and not codes', async () => {
  const pq = await trainPq(X, { m: 11, bits: 8, opq: false, iters: 3 })
  const codes = await encodePq(pq, X)
  const trained = withScoring(
    pq,
    pq.scoring.map((value) => 2 * value),
  )
  expect(await encodePq(trained, X)).toEqual(codes)
  const index = new PqIndex(pq, codes)
  const before = index.search(row(X, 0), 1)
  index.use(trained)
  const constant = pq.mean.reduce((sum, value, j) => sum + value * (row(X, 0)[j] as number), 0)
  const after = index.scoreRows(row(X, 0), before.ids)
  expect((after[0] as number) - constant).toBeCloseTo(2 * ((before.scores[0] as number) - constant), 3)
  const turned = turnRows(pq, { n: 1, dim: X.dim, data: row(X, 0) })
  expect(turned.data[0]).toBeCloseTo((X.data[0] as number) - (pq.mean[0] as number), 6)
  expect(partCodes(pq, codes)).toEqual(codes.data)
  expect(() => withScoring(pq, new Float32Array(3))).toThrow(/3 numbers/)
  expect(() =>
    withScoring(
      pq,
      pq.scoring.map(() => Number.NaN),
    ),
  ).toThrow(/NaN/)
})

test('signs are searched by Hamming distance, then by the query as it is', () => {
  const x = { ...X, data: X.data.map((value) => value - 0.5) }
  const codes = packSigns(x)
  const [wasm, twin] = (['wasm', 'twin'] as const).map((target) => new BinaryIndex(codes, { target })) as [
    BinaryIndex,
    BinaryIndex,
  ]
  expect(wasm.codes()).toEqual(codes)
  const signs = { ...x, data: x.data.map((value) => (value >= 0 ? 1 : -1)) }
  for (const id of [0, 99]) {
    const query = row(x, id)
    const whole = row(signs, id)
    for (const filter of [undefined, odd, few]) {
      const keeps = (i: number): boolean => filter === undefined || (filter === odd ? i % 2 === 1 : i % 50 === 3)
      const byBits = wasm.search(query, 12, { rerank: 0, filter })
      expect([...byBits.ids]).toEqual(bruteForce(signs, whole, 12, 'ip', keeps))
      expect(byBits.scores[0]).toBe(likeness(row(signs, byBits.ids[0] as number), whole, 'ip'))
      for (const rerank of [0, 30, 5000]) {
        expect(twin.search(query, 12, { rerank, filter })).toEqual(wasm.search(query, 12, { rerank, filter }))
      }
      const all = wasm.search(query, 12, { rerank: 5000, filter })
      expect([...all.scores]).toEqual([...wasm.scoreRows(query, all.ids)])
      expect([...all.ids]).toEqual(bruteForce(signs, query, 12, 'ip', keeps))
    }
  }
})

test('a bit a number estimates products without bias, alike on both targets', () => {
  const x = clustered(300, 21)
  for (const metric of METRICS) {
    const code = makeRabitq(x, { metric })
    const codes = encodeRabitq(code, x)
    const vectors = flatIndex(x, { metric })
    const wasm = new RabitqIndex(code, codes, { vectors })
    const twin = new RabitqIndex(code, codes, { target: 'twin' })
    expect(wasm.codes()).toEqual(codes)
    for (const filter of [undefined, filterRows(x.n, (id) => id % 2 === 1), filterRows(x.n, (id) => id % 60 === 3)]) {
      const hits = wasm.search(row(x, 4), 9, { filter, rerank: 0 })
      expect(twin.search(row(x, 4), 9, { filter })).toEqual(hits)
      const all = wasm.search(row(x, 4), x.n, { rerank: 0 })
      const kept = [...all.ids].filter((id) => filter === undefined || isKept(filter, id))
      expect([...hits.ids]).toEqual(kept.slice(0, 9))
      expect([...hits.scores]).toEqual([...wasm.scoreRows(row(x, 4), hits.ids)])
    }
    const truth = bruteForce(x, row(x, 4), 10, metric)
    expect(overlap(wasm.search(row(x, 4), 10), truth)).toBeGreaterThan(0.9)
  }
  // Over rotations, the mean of estimates is what is estimated.
  const few = { n: 40, dim: 21, data: x.data.subarray(0, 840) }
  const rows = Uint32Array.of(0, 7, 33)
  const seeds = 120
  const estimates = Array.from({ length: seeds }, (_, seed) => {
    const code = makeRabitq(few, { seed })
    return new RabitqIndex(code, encodeRabitq(code, few)).scoreRows(row(x, 50), rows)
  })
  for (const [i, id] of rows.entries()) {
    const own = estimates.map((scores) => scores[i] as number)
    const mean = own.reduce((sum, value) => sum + value) / seeds
    const error = Math.sqrt(own.reduce((sum, value) => sum + (value - mean) ** 2, 0)) / seeds
    expect(Math.abs(mean - likeness(row(x, id), row(x, 50), 'ip'))).toBeLessThan(3 * error)
  }
})

test('what cannot be searched or learned from is refused by name', async () => {
  const bad = { ...X, data: X.data.slice() }
  bad.data[22 * 3 + 4] = Number.NaN
  await expect(trainPq(bad, { m: 2 })).rejects.toThrow(/row 3 column 4 is NaN/)
  expect(() => int8Index(bad)).toThrow(/row 3 column 4/)
  await expect(trainPq({ n: 0, dim: 4, data: new Float32Array(0) }, { m: 2 })).rejects.toThrow(/no rows/)
  await expect(trainPq(X, { m: 23 })).rejects.toThrow(/m must be a whole number in 1..22/)
  await expect(trainPq(X, { m: 2, bits: 6 as 8 })).rejects.toThrow(/bits must be 4 or 8/)
  await expect(trainPq(X, { m: 2, metric: 'dot' as 'ip' })).rejects.toThrow(/metric must be/)
  await expect(trainPq({ ...X, n: 701 }, { m: 2 })).rejects.toThrow(/15400 numbers for 701 rows/)
  await expect(trainPq(X, { m: 2, signal: AbortSignal.abort('stop') })).rejects.toBe('stop')
  const pq = await trainPq(X, { m: 2, bits: 4, opq: false, iters: 1 })
  await expect(encodePq(pq, clustered(3, 21))).rejects.toThrow(/rows of 21 numbers, the quantiser codes 22/)
  const flat = flatIndex(X)
  expect(() => flat.search(new Float32Array(21), 3)).toThrow(/21 numbers, the rows have 22/)
  expect(() => flat.search(new Float32Array(22).fill(Infinity), 3)).toThrow(/Infinity/)
  expect(() => flat.search(new Float32Array(22), 0)).toThrow(/k must be/)
  expect(() => flat.search(new Float32Array(22), 3, { filter: filterRows(40, () => true) })).toThrow(
    /filter has 2 words/,
  )
  expect(() => flat.scoreRows(new Float32Array(22), Uint32Array.of(700))).toThrow(/no row 700/)
  expect(() => flatIndex({ n: 1, dim: 1, data: Float32Array.of(1e6) }, { type: 'f16' })).toThrow(
    /f16 does not hold|f16/,
  )
  expect(() => new PqIndex(pq, { n: 3, rowBytes: 2, data: new Uint8Array(6) })).toThrow(/bytes of codes/)
})
