import { isPithError, Random, Sha256, toHex } from '@pith/core'
import { expect, test } from 'vitest'
import { holdSections } from '../../test/held-sections.ts'
import { bruteForce, randomRows } from '../../test/sparse-rows.ts'
import { filterRows, isKept } from '../row-filter.ts'
import type { SectionReader } from '../sections.ts'
import { rowsOf, sparseMatrix, sparseRow } from '../sparse/index.ts'
import type { SparseMatrix } from '../types.ts'
import {
  buildSeismic,
  explainSeismic,
  openSeismic,
  SEISMIC_SECTIONS,
  type SeismicIndex,
  tuneSeismic,
  writeSeismic,
} from './index.ts'

const rows = randomRows({ rows: 900, dim: 400, most: 60, seed: 1, topics: 12 })
const queries = randomRows({ rows: 20, dim: 420, most: 20, seed: 2, topics: 12 })
const asked = Array.from({ length: rowsOf(queries) }, (_, row) => sparseRow(queries, row))
const codeOf = (code: string) => expect.toSatisfy((error: unknown) => isPithError(error, code as 'PITH_ARG'))

/** The rows with the values that an index keeps. */
function keptRows(index: SeismicIndex): SparseMatrix {
  return sparseMatrix(
    Array.from({ length: index.rows }, (_, row) => index.row(row)),
    index.dim,
  )
}

/** A hash of each of its arrays. */
function hashesOf(index: SeismicIndex): Record<string, string> {
  const { forward, lists, groups, blocks, postings, tablePlaces, tables, graph } = index.parts
  const { heads, tails } = forward
  const arrays = { lists, groups, blocks, postings, tablePlaces, graph, heads, tails, tables }
  const hash = (array: Uint8Array | Uint32Array): string =>
    toHex(new Sha256().update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength)).digest())
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, hash(array)]))
}

const hold = (index: SeismicIndex): Promise<SectionReader> =>
  holdSections((sections) => writeSeismic(index, sections, 'x/'))

test('an index that was written and opened again finds the same, in WebAssembly and in its twin', async () => {
  const many = randomRows({ rows: 60, dim: 2 ** 20, most: 3000, seed: 5 })
  for (const [matrix, keep] of [
    [rows, 0.3],
    [many, 0.02],
  ] as const) {
    const index = await buildSeismic(matrix, { knn: 3, maxFraction: 50, keep })
    expect(index.parts.forward.isWide).toBe(matrix === many)
    const held = await hold(index)
    expect(SEISMIC_SECTIONS.every((name) => held.has(`x/${name}`))).toBe(true)
    const opened = await openSeismic(held, 'x/')
    const twin = await openSeismic(held, 'x/', { target: 'twin' })
    expect(hashesOf(opened)).toEqual(hashesOf(index))
    expect([opened.dim, opened.settings, opened.effort]).toEqual([index.dim, index.settings, index.effort])
    for (const query of [...asked, ...[1, 7, 20].map((row) => sparseRow(matrix, row))]) {
      for (const options of [{}, { nKnn: 3 }, { cut: 20, heapFactor: 0, headFactor: 0 }, { exact: true }]) {
        const hits = index.search(query, 10, options)
        expect(opened.search(query, 10, options)).toEqual(hits)
        expect(twin.search(query, 10, options)).toEqual(hits)
      }
      expect(twin.counts).toEqual(opened.counts)
    }
  }
})

test('all rows looked at are those that brute force finds: empty rows, ties, more components than 16 bits tell apart', async () => {
  for (let seed = 0; seed < 60; seed++) {
    // The values are codes already, and their sums exact in singles.
    const dim = [1, 9, 500, 70_000][seed % 4] as number
    const random = new Random(seed)
    const plain = randomRows({ rows: 1 + (seed % 80), dim, most: seed % 60, seed, topics: 1 + (seed % 3) })
    const few = seed % 3 === 0 ? 2 : 255
    const values = plain.values.map(() => 1 + random.integer(few))
    if (values.length > 0) values[0] = 255
    const matrix = { ...plain, values }
    const index = await buildSeismic(matrix, { keep: 1, maxFraction: 1e9, energy: 1 })
    expect(keptRows(index)).toEqual(matrix)
    for (let i = 0; i < 4; i++) {
      const { indices } = sparseRow(plain, random.integer(rowsOf(plain)))
      // With 255 among them its codes are the query itself.
      const query = { indices, values: Array.from(indices, (_, at) => (at === 0 ? 255 : 1 + random.integer(few))) }
      const expected = bruteForce(matrix, query, 7)
      expect(index.search(query, 7, { exact: true })).toMatchObject(expected)
      expect(index.search(query, 7, { cut: 65535, heapFactor: 0, headFactor: 0 })).toMatchObject(expected)
    }
  }
})

test('most of the best rows are found with the least effort that tuning allows, and it stays with the index', async () => {
  const index = await buildSeismic(rows, { keep: 0.5, maxFraction: 10 })
  const result = await tuneSeismic(index, queries, { recall: 0.9, k: 5 })
  expect(result.reached).toBe(true)
  expect(index.effort).toEqual(result.effort)
  expect((await openSeismic(await hold(index), 'x/')).effort).toEqual(result.effort)
  let [found, wanted] = [0, 0]
  for (const query of asked) {
    const best = new Set(index.search(query, 5, { exact: true }).ids)
    wanted += best.size
    for (const id of index.search(query, 5).ids) if (best.has(id)) found++
  }
  expect(found / wanted).toBeCloseTo(result.recall, 10)
  expect(result.trials.every(({ recall, cost }) => recall < 0.9 || cost >= result.cost)).toBe(true)
  await expect(tuneSeismic(index, queries, { recall: 2 })).rejects.toThrow(codeOf('PITH_ARG'))
})

test('filters, fewer rows than asked for, batches', async () => {
  const index = await buildSeismic(rows, { keep: 0.5, knn: 4 })
  const kept = keptRows(index)
  for (const [share, options] of [
    [3, {}],
    [3, { nKnn: 4 }],
    [200, {}],
  ] as const) {
    const filter = filterRows(index.rows, (row) => row % share === 1)
    for (const query of asked) {
      const { ids } = index.search(query, 8, { ...options, filter })
      expect([...ids].every((id) => isKept(filter, id))).toBe(true)
      // A filter that keeps few rows is answered exactly.
      if (share < 200) continue
      const all = bruteForce(kept, query, index.rows).ids
      expect([...ids]).toEqual([...all].filter((id) => isKept(filter, id)).slice(0, 8))
    }
  }
  expect(index.search({ indices: [], values: [] }, 3)).toMatchObject({ ids: new Uint32Array(0), ignored: 0 })
  expect(index.search({ indices: [410, 415], values: [1, 1] }, 3)).toMatchObject({
    ids: new Uint32Array(0),
    ignored: 2,
  })
  const batch = index.searchBatch(queries, 6)
  expect(batch).toEqual(asked.map((query) => index.search(query, 6)))
  const tiny = await buildSeismic(
    sparseMatrix(
      [
        { indices: [], values: [] },
        { indices: [4], values: [2] },
      ],
      9,
    ),
  )
  expect([...tiny.search({ indices: [4], values: [3] }, 10).ids]).toEqual([1])
  expect(tiny.search({ indices: [4, 4, 1], values: [1, 2, 5] }, 10).scores[0]).toBeCloseTo(6, 5)
  const none = await buildSeismic(sparseMatrix([], 3))
  expect(none.search({ indices: [1], values: [1] }, 3).ids.length).toBe(0)
  expect((await openSeismic(await hold(none), 'x/')).rows).toBe(0)
})

test('what a row was found by, or why not, is explained', async () => {
  const index = await buildSeismic(rows, { keep: 0.2 })
  let [found, lost, promised] = [0, 0, 0]
  for (const query of asked.filter(({ indices }) => indices.length > 0)) {
    for (const row of index.search(query, 30, { exact: true }).ids) {
      const told = explainSeismic(index, query, row, 10, { cut: 3 })
      expect(told.score).toBeCloseTo(
        told.contributions.reduce((sum, { product }) => sum + product, 0),
        3,
      )
      expect(told.blocks.length + told.missing.length).toBe(told.contributions.length)
      expect(told.found).toBe(index.search(query, 10, { cut: 3 }).ids.includes(row))
      if (told.found) {
        found++
        expect(told.blocks.length).toBeGreaterThan(0)
        if ((told.blocks[0]?.promise ?? 0) > 0) promised++
      } else if (told.blocks.length === 0) lost++
    }
  }
  expect(found).toBeGreaterThan(20)
  expect(lost).toBeGreaterThan(20)
  // A few are found in blocks whose summaries have none of the query's larger components.
  expect(promised / found).toBeGreaterThan(0.9)
  expect(() => explainSeismic(index, asked[0] as never, 1e6)).toThrow(codeOf('PITH_ARG'))
})

test('any number of threads makes the same index, an abort ends the build', async () => {
  const alone = await buildSeismic(rows, { seed: 5, keep: 0.5 })
  expect(hashesOf(await buildSeismic(rows, { seed: 5, keep: 0.5, threads: 2 }))).toEqual(hashesOf(alone))
  expect(hashesOf(await buildSeismic(rows, { seed: 6, keep: 0.5 }))).not.toEqual(hashesOf(alone))
  const reason = new Error('enough')
  await expect(buildSeismic(rows, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  await expect(buildSeismic(rows, { keep: 0 })).rejects.toThrow(codeOf('PITH_ARG'))
})

test('damage is told or harmless, whatever byte it is in', async () => {
  const index = await buildSeismic(randomRows({ rows: 60, dim: 50, most: 40, seed: 3 }), { keep: 0.5, knn: 2 })
  const held = await hold(index)
  const random = new Random(8)
  let refused = 0
  for (const name of SEISMIC_SECTIONS) {
    const whole = await held.read(`x/${name}`)
    for (let turn = 0; turn < 150; turn++) {
      const changed = whole.slice()
      const at = random.integer(whole.length)
      if (turn % 10 === 0) changed.fill(255, at, at + 4)
      else changed[at] = random.integer(256)
      const bytes = turn % 7 === 0 ? changed.subarray(0, at) : changed
      const read = async (own: string) => (own === `x/${name}` ? bytes.slice() : held.read(own))
      try {
        const opened = await openSeismic({ ...held, read }, 'x/')
        for (const query of asked.slice(0, 4)) {
          const { ids, scores } = opened.search(query, 5, { nKnn: 2, cut: 50, heapFactor: 0, headFactor: 0 })
          expect([...ids].every((id) => id < opened.rows)).toBe(true)
          expect(scores.every((score) => score > 0 && score < Number.POSITIVE_INFINITY)).toBe(true)
        }
      } catch (error) {
        if (!isPithError(error)) throw error
        refused++
      }
    }
  }
  expect(refused).toBeGreaterThan(300)
})
