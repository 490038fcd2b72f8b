import { Random } from '@pith/core'
import { multiply } from '@pith/engine/linalg'
import { expect, test } from 'vitest'
import { holdSections } from '../../test/held-sections.ts'
import type { SectionReader } from '../sections.ts'
import type { DenseMatrix, SparseMatrix } from '../types.ts'
import { openLsa, writeLsa } from './format.ts'
import { trainLsa } from './lsa.ts'
import { orthonormalizeRows } from './orthonormal-rows.ts'
import { singularRows } from './singular-rows.ts'

const TOPICS = [
  'wing lift drag airflow turbulence boundary',
  'compiler parser syntax grammar token lexer',
  'protein enzyme plasma glucose insulin blood',
  'antenna signal filter frequency circuit noise',
].map((topic) => topic.split(' '))

/** Documents of five words of one of four topics, and which. */
function topicalTexts(n: number, seed = 0): { texts: string[]; topics: number[] } {
  const random = new Random(seed)
  const topics = Array.from({ length: n }, () => random.integer(TOPICS.length))
  const texts = topics.map((topic) => {
    const words = TOPICS[topic] as readonly string[]
    return Array.from({ length: 5 }, () => words[random.integer(words.length)]).join(' ')
  })
  return { texts, topics }
}

const row = ({ data, dim }: DenseMatrix, i: number): Float32Array => data.subarray(i * dim, (i + 1) * dim)
const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * (b[i] as number), 0)

function randomSparse(n: number, dim: number, seed: number): { sparse: SparseMatrix; dense: Float64Array } {
  const random = new Random(seed)
  const dense = Float64Array.from({ length: n * dim }, () => (random.uniform() < 0.3 ? 1 + random.integer(5) : 0))
  const indptr = new Uint32Array(n + 1)
  const indices: number[] = []
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < dim; j++) if (dense[i * dim + j] !== 0) indices.push(j)
    indptr[i + 1] = indices.length
  }
  const values = Float32Array.from(dense.filter((value) => value !== 0))
  return { sparse: { dim, indptr, indices: Uint32Array.from(indices), values }, dense }
}

test('singular vectors are those of the full decomposition', async () => {
  const { sparse, dense } = randomSparse(40, 23, 3)
  const { k, rows, values } = await singularRows(sparse, 23)
  expect(k).toBe(23)
  const gram = multiply({ rows: 40, cols: 23, data: dense }, { rows: 40, cols: 23, data: dense }, { ta: true })
  for (let i = 0; i < k; i++) {
    const vector = rows.subarray(i * 23, (i + 1) * 23)
    for (let r = 0; r < 23; r++) {
      const image = vector.reduce((sum, value, c) => sum + value * (gram.data[r * 23 + c] as number), 0)
      expect(image).toBeCloseTo((values[i] as number) ** 2 * (vector[r] as number), 6)
    }
  }
  const trace = values.reduce((sum, value) => sum + value ** 2, 0)
  expect(trace).toBeCloseTo(
    dense.reduce((sum, value) => sum + value ** 2, 0),
    6,
  )
})

test('matrices of low rank give fewer vectors, and none of nothing', async () => {
  const twice: SparseMatrix = {
    dim: 3,
    indptr: Uint32Array.of(0, 2, 4, 4),
    indices: Uint32Array.of(0, 2, 0, 2),
    values: Float32Array.of(1, 2, 2, 4),
  }
  const { k, values } = await singularRows(twice, 3)
  expect(k).toBe(1)
  expect(values[0]).toBeCloseTo(5, 9)
  const empty: SparseMatrix = {
    dim: 2,
    indptr: new Uint32Array(3),
    indices: new Uint32Array(0),
    values: new Float32Array(0),
  }
  expect((await singularRows(empty, 2)).k).toBe(0)
  await expect(singularRows(twice, 0)).rejects.toMatchObject({ code: 'PITH_ARG' })
})

test('rows become orthonormal, and those that depend on others 0', () => {
  const rows = Float64Array.of(3, 4, 0, 6, 8, 0, 1, 1, 1)
  orthonormalizeRows(rows, 3, 3)
  const expected = [0.6, 0.8, 0, 0, 0, 0]
  for (const [i, value] of expected.entries()) expect(rows[i]).toBeCloseTo(value, 12)
  const last = rows.subarray(6)
  expect(0.6 * (last[0] as number) + 0.8 * (last[1] as number)).toBeCloseTo(0, 12)
  expect(Math.hypot(...last)).toBeCloseTo(1, 12)
})

test('texts of a topic lie near each other, though they share no word', async () => {
  const { texts } = topicalTexts(120)
  const encoder = await trainLsa(texts, { dim: 4 })
  expect(encoder.dim).toBe(4)
  const found = await encoder.encode(['wing drag', 'lift airflow', 'parser token', 'of the unheard'], 'query')
  expect(dot(row(found, 0), row(found, 1))).toBeGreaterThan(0.95)
  expect(dot(row(found, 0), row(found, 2))).toBeLessThan(0.3)
  expect(dot(row(found, 0), row(found, 0))).toBeCloseTo(1, 6)
  expect([...row(found, 3)]).toEqual([0, 0, 0, 0])
})

test('the same documents and seed give the same encoder, which opens as it was written', async () => {
  const { texts } = topicalTexts(60, 1)
  const first = await trainLsa(texts, { dim: 6, seed: 3 })
  const again = await trainLsa(texts, { dim: 6, seed: 3 })
  expect(again.id).toBe(first.id)
  expect((await trainLsa(texts.slice(1), { dim: 6, seed: 3 })).id).not.toBe(first.id)
  const held = await holdSections((sections) => writeLsa(first, sections, 'encoder'))
  const opened = await openLsa(held, 'encoder')
  expect([opened.id, opened.dim]).toEqual([first.id, 6])
  const asked = [...texts.slice(0, 20), 'glucose parser']
  expect(await opened.encode(asked, 'document')).toEqual(await first.encode(asked, 'document'))
})

test('few or odd documents are learned from as well', async () => {
  for (const texts of [[], [''], ['a lone text'], ['same text', 'same text', 'same text'], ['the of', '']]) {
    const encoder = await trainLsa(texts, { dim: 16 })
    const { data, dim } = await encoder.encode(['a lone text', 'same', ''], 'document')
    expect(dim).toBe(1)
    expect([...data].every(Number.isFinite)).toBe(true)
  }
  const sampled = await trainLsa(topicalTexts(200).texts, { dim: 4, sample: 20, vocabulary: 10 })
  expect(sampled.parts.terms.length).toBe(10)
  for (const options of [{ dim: 0 }, { dim: 1.5 }, { vocabulary: 0 }, { sample: -1 }]) {
    await expect(trainLsa(['text'], options)).rejects.toMatchObject({ code: 'PITH_ARG' })
  }
  await expect(trainLsa(['text'], { signal: AbortSignal.abort('enough') })).rejects.toBe('enough')
})

test('damaged encoders are refused', async () => {
  const encoder = await trainLsa(topicalTexts(30).texts, { dim: 3 })
  const held = await holdSections((sections) => writeLsa(encoder, sections, 'e'))
  const altered = (name: string, change: (bytes: Uint8Array) => Uint8Array): SectionReader => ({
    has: (own) => held.has(own),
    size: (own) => held.size(own),
    read: async (own, from, to) =>
      own === `e.${name}` ? Uint8Array.from(change(await held.read(own))) : await held.read(own, from, to),
  })
  const cut = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, bytes.length - 1)
  const broken = { code: expect.stringMatching(/PITH_(CORRUPT|TRUNCATED|VERSION)/) }
  for (const name of ['head', 'terms', 'factors']) {
    await expect(openLsa(altered(name, cut), 'e')).rejects.toMatchObject(broken)
    await expect(
      openLsa(
        altered(name, (bytes) => bytes.fill(255)),
        'e',
      ),
    ).rejects.toMatchObject(broken)
  }
})
