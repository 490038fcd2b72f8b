import { Random } from '@pith/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { smallModel, texts } from '../../test/model.ts'
import { roundGroups, unroundGroups } from './groups.ts'
import { halvesAbove, halvesBelow, nearestHalves } from './halves.ts'
import { type Block, type BlockOptions, blockBytes, compressBlock, decompressBlock, roundWithGear } from './index.ts'
import { rotateHeads } from './rotate.ts'
import { takeOutliers } from './sparse.ts'

const METHODS = ['gear', 'gear-l', 'kivi', 'kcvt', 'had-kivi'] as const

/** Rows with a few channels that are far from the others, as keys have. */
function rowsOf(tokens: number, heads: number, headDim: number, seed = 1) {
  const random = new Random(seed)
  const width = heads * headDim
  const data = new Float32Array(tokens * width)
  const shared = Array.from({ length: tokens }, () => random.normal())
  for (let i = 0; i < data.length; i++) {
    const c = i % width
    data[i] = random.normal() + (c % 7 === 0 ? 6 : 0) + 2 * (shared[Math.floor(i / width)] as number) * Math.sin(c)
  }
  return { data, tokens, heads, headDim }
}

function errorOf(rows: { data: Float32Array }, block: Block): number {
  const back = decompressBlock(block)
  let error = 0
  for (let i = 0; i < back.length; i++) error += ((back[i] as number) - (rows.data[i] as number)) ** 2
  return Math.sqrt(error / back.length)
}

const shapes = fc.record({
  tokens: fc.integer({ min: 0, max: 40 }),
  heads: fc.integer({ min: 1, max: 3 }),
  headDim: fc.constantFrom(2, 4, 8),
  bits: fc.integer({ min: 1, max: 8 }),
  group: fc.integer({ min: 1, max: 50 }),
  kind: fc.constantFrom('k' as const, 'v' as const),
  method: fc.constantFrom(...METHODS),
})

test('blocks have the shape of their rows, the same bytes again, and the size that is counted', () => {
  fc.assert(
    fc.property(shapes, ({ tokens, heads, headDim, bits, group, kind, method }) => {
      const rows = rowsOf(tokens, heads, headDim)
      const options: BlockOptions = { method, bits, group, rank: 2 }
      const block = compressBlock(rows, kind, options)
      expect(decompressBlock(block).length).toBe(rows.data.length)
      expect(decompressBlock(block).every(Number.isFinite)).toBe(true)
      expect(compressBlock(rows, kind, options)).toEqual(block)
      expect(blockBytes(block)).toBeGreaterThanOrEqual(Math.ceil((rows.data.length * bits) / 8))
    }),
  )
})

test('a rounded number is within half a step, and a whole step where the ends were moved', () => {
  fc.assert(
    fc.property(shapes, ({ tokens, heads, headDim, bits, group, kind }) => {
      const rows = rowsOf(tokens, heads, headDim)
      const rounded = roundGroups(rows, kind === 'k' ? 'channel' : 'token', bits, group)
      const back = unroundGroups(rounded, rows)
      const widest = Math.max(0, ...rounded.scales)
      for (let i = 0; i < back.length; i++) {
        expect(Math.abs((back[i] as number) - (rows.data[i] as number))).toBeLessThanOrEqual(widest / 2 + 1e-5)
      }
    }),
  )
})

test('bits per number are those of the formula', () => {
  // Spec of the paper: bits + 32 / group + 32 sparse + 16 rank (n + d) / (n d).
  const rows = rowsOf(128, 2, 64)
  const bits = (options: BlockOptions): number => (8 * blockBytes(compressBlock(rows, 'k', options))) / rows.data.length
  expect(bits({ method: 'kivi', bits: 2, group: 64 })).toBeCloseTo(2.5, 10)
  expect(bits({ method: 'had-kivi', bits: 3, group: 64 })).toBeCloseTo(3.5, 10)
  expect(bits({ method: 'gear-l', bits: 2, group: 64, rank: 4 })).toBeCloseTo(
    2.5 + (16 * 4 * (128 + 64)) / (128 * 64),
    10,
  )
  const sparse = (2 * Math.round((128 * 0.02) / 2)) / 128
  expect(bits({ method: 'gear', bits: 2, group: 64, rank: 4, sparse: 0.02 })).toBeCloseTo(
    2.5 + (16 * 4 * (128 + 64)) / (128 * 64) + 32 * sparse,
    10,
  )
})

test.each(['k', 'v'] as const)('each part lessens the error: %s', (kind) => {
  const rows = rowsOf(128, 2, 64)
  const error = (options: BlockOptions): number =>
    errorOf(rows, compressBlock(rows, kind, { bits: 2, group: 64, ...options }))
  expect(error({ method: 'gear-l' })).toBeLessThan(0.95 * error({ method: 'kivi' }))
  expect(error({ method: 'gear' })).toBeLessThan(error({ method: 'gear-l' }))
  expect(error({ method: 'kivi', bits: 4 })).toBeLessThan(0.4 * error({ method: 'kivi' }))
})

test('what is of low rank comes back whole', () => {
  const random = new Random(3)
  const [a, b] = [Array.from({ length: 32 }, () => random.normal()), Array.from({ length: 16 }, () => random.normal())]
  const data = Float32Array.from(
    { length: 32 * 16 },
    (_, i) => (a[Math.floor(i / 16)] as number) * (b[i % 16] as number),
  )
  const rows = { data, tokens: 32, heads: 1, headDim: 16 }
  const plain = errorOf(rows, compressBlock(rows, 'k', { method: 'kivi', bits: 1, group: 32 }))
  // What one bit leaves of a product is not of rank 1 itself, but rank 16 is everything.
  const whole = errorOf(rows, compressBlock(rows, 'k', { method: 'gear-l', bits: 1, group: 32, rank: 16, rounds: 5 }))
  expect(whole).toBeLessThan(0.01 * plain)
})

test('outliers are the largest and the smallest of their vectors', () => {
  const rows = rowsOf(50, 1, 8)
  const { sparse, rest } = takeOutliers(rows, 'channel', 0.08)
  expect(sparse.places.length).toBe(8 * 4)
  for (let c = 0; c < 8; c++) {
    const own = Array.from({ length: 50 }, (_, t) => rows.data[t * 8 + c] as number).sort((x, y) => x - y)
    const kept = [...sparse.places].filter((place) => place % 8 === c).map((place) => rows.data[place] as number)
    expect(kept.sort((x, y) => x - y)).toEqual([own[0], own[1], own[48], own[49]])
    const others = own.slice(2, 48)
    const mean = others.reduce((sum, x) => sum + x, 0) / 46
    for (const place of sparse.places) if (place % 8 === c) expect(rest[place]).toBeCloseTo(mean, 5)
  }
  const short = takeOutliers(rowsOf(5, 1, 8), 'channel', 0.1)
  expect(short.sparse.places.length).toBe(4)
})

test('a rotation keeps lengths, and turns back', () => {
  const { data } = rowsOf(3, 2, 8)
  const turned = rotateHeads(data, 8, 5, 1)
  const size = (x: Float32Array): number => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0))
  expect(size(turned.subarray(0, 8))).toBeCloseTo(size(data.subarray(0, 8)), 4)
  expect(turned).not.toEqual(data)
  for (const [i, value] of rotateHeads(turned, 8, 5, -1).entries()) expect(value).toBeCloseTo(data[i] as number, 4)
  expect(() => rotateHeads(new Float32Array(6), 6, 0, 1)).toThrow(/power of two/)
})

test('half precision is rounded to the side that is asked for', () => {
  fc.assert(
    fc.property(fc.array(fc.float({ noNaN: true, min: -65000, max: 65000 })), (numbers) => {
      const x = Float32Array.from(numbers)
      const [below, above] = [halvesBelow(x), halvesAbove(x.map(Math.abs))]
      for (let i = 0; i < x.length; i++) {
        expect(below[i]).toBeLessThanOrEqual(x[i] as number)
        expect(above[i]).toBeGreaterThanOrEqual(Math.abs(x[i] as number))
        expect(Math.abs((below[i] as number) - (x[i] as number))).toBeLessThanOrEqual(
          Math.abs(x[i] as number) / 1000 + 1e-7,
        )
        expect(nearestHalves(below)[i]).toBe(below[i])
      }
    }),
  )
})

test('options outside of their ranges, and numbers that are none, are refused', () => {
  const rows = rowsOf(4, 1, 4)
  for (const options of [{ bits: 0 }, { bits: 9 }, { group: 0 }, { rank: -1 }, { sparse: 0.6 }, { rounds: 0 }]) {
    expect(() => compressBlock(rows, 'k', options)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  }
  expect(() => compressBlock({ ...rows, tokens: 5 }, 'k')).toThrow(expect.objectContaining({ code: 'PITH_SHAPE' }))
  rows.data[3] = Number.NaN
  expect(() => compressBlock(rows, 'k')).toThrow(expect.objectContaining({ code: 'PITH_NONFINITE' }))
})

test('a model goes on from a cache of few bits', async () => {
  const lm = smallModel()
  const session = lm.session()
  await session.prefill(texts(1, 100, 7)[0] as Int32Array)
  const exact = await session.fork().decode(5)
  const distances: number[] = []
  for (const bits of [2, 4, 8]) {
    const { kv, bytes } = roundWithGear(session.kv(), { bits, group: 8 })
    expect(bytes).toBeLessThan(((bits + 4) / 8) * 2 * 100 * 3 * 16 + 100)
    const other = lm.session()
    other.attachKv(kv)
    const logits = await other.decode(5)
    distances.push(Math.sqrt(logits.reduce((sum, x, i) => sum + (x - (exact[i] as number)) ** 2, 0)))
  }
  expect(distances).toEqual([...distances].sort((a, b) => b - a))
  expect(distances[2]).toBeLessThan(0.1)
  await lm.close()
})
