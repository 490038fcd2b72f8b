import { DatabaseSync } from 'node:sqlite'
import { PGlite } from '@electric-sql/pglite'
import { vector } from '@electric-sql/pglite-pgvector'
import { Random } from '@pith/core'
import { getLoadablePath } from 'sqlite-vec'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TopK } from '../top-k.ts'
import type { SparseVector } from '../types.ts'
import {
  type ExportHit,
  type ExportQuery,
  type ExportRow,
  type ExportShape,
  opensearchBulk,
  opensearchMapping,
  opensearchQuery,
  pgvectorQuery,
  pgvectorSql,
  qdrantQuery,
  qdrantRequests,
  searchPgvector,
  searchSqliteVec,
  sqliteVecQuery,
  sqliteVecSql,
} from './index.ts'

const [DOCUMENTS, QUERIES, K] = [1000, 50, 10]
const SHAPE: ExportShape = { dim: 32, sparseDim: 400, bits: 64 }
const random = new Random(7)

function denseVector(length = 1): Float32Array {
  const values = Float32Array.from({ length: 32 }, () => random.normal())
  const own = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
  return values.map((value) => (length * value) / own)
}

function sparseVector(count: number): SparseVector {
  const indices = [...new Set(Array.from({ length: count }, () => random.integer(400)))].sort((a, b) => a - b)
  return { indices, values: Float32Array.from(indices, () => random.uniform() + 0.01) }
}

const codeBytes = (): Uint8Array => Uint8Array.from({ length: 8 }, () => random.integer(256))

const ROWS: readonly ExportRow[] = Array.from({ length: DOCUMENTS }, (_, i) => ({
  // Ids ascend as rows do, so that ties come in one order.
  id: `d${String(i).padStart(4, '0')}`,
  ...(i % 3 === 0 ? { title: `It's "document" ${i}` } : {}),
  text: `text 'of' \\n ${i}\n\0; DROP TABLE docs; -- é漢`,
  fields: { year: 2000 + (i % 20), tags: ['a', `b${i % 5}`], open: i % 2 === 0 },
  vector: denseVector(),
  sparse: sparseVector(20),
  code: codeBytes(),
}))
const ASKED: readonly Required<ExportQuery>[] = Array.from({ length: QUERIES }, () => ({
  vector: denseVector(),
  sparse: sparseVector(8),
  code: codeBytes(),
}))

function exactly(score: (row: ExportRow) => number): ExportHit[] {
  const top = new TopK(K)
  for (const [i, row] of ROWS.entries()) top.push(i, score(row))
  const { ids, scores } = top.take()
  return Array.from(ids, (id, i) => ({ id: (ROWS[id] as ExportRow).id, score: scores[i] as number }))
}

const nearest = {
  vector: (query: Float32Array, rows = ROWS): ExportHit[] =>
    exactly((row) =>
      (rows === ROWS ? row.vector : rows[Number(row.id.slice(1))]?.vector)!.reduce(
        (sum, x, i) => sum + x * query[i]!,
        0,
      ),
    ),
  sparse: (query: SparseVector): ExportHit[] => {
    const weights = new Map(Array.from(query.indices, (index, i) => [index, query.values[i] as number]))
    return exactly(({ sparse }) =>
      Array.from(sparse!.indices).reduce((sum, index, i) => sum + (weights.get(index) ?? 0) * sparse!.values[i]!, 0),
    )
  },
  code: (query: Uint8Array): ExportHit[] =>
    exactly(
      (row) =>
        -row.code!.reduce(
          (sum, byte, i) => sum + [...(byte ^ query[i]!).toString(2)].filter((b) => b === '1').length,
          0,
        ),
    ),
}

function sameHits(got: readonly ExportHit[], wanted: readonly ExportHit[]): void {
  expect(got.map(({ id }) => id)).toEqual(wanted.map(({ id }) => id))
  for (const [i, { score }] of got.entries()) expect(score).toBeCloseTo(wanted[i]!.score, 4)
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

const shown = (text: string): string => text.replaceAll('\0', '\uFFFD')

describe('pgvector, on PostgreSQL', () => {
  let pg: PGlite
  beforeAll(async () => {
    pg = await PGlite.create({ extensions: { vector } })
    for await (const sql of pgvectorSql(ROWS, SHAPE)) await pg.exec(sql)
  })
  afterAll(() => pg.close())

  test('1,000 documents come back', async () => {
    const { rows } = await pg.query('SELECT id, title, text, fields FROM docs ORDER BY id')
    expect(rows).toEqual(
      ROWS.map(({ id, title, text, fields }) => ({ id, title: title ?? null, text: shown(text), fields })),
    )
  })

  test.each(['vector', 'sparse', 'code'] as const)('50 queries find what exact search finds: %s', async (kind) => {
    for (const asked of ASKED) {
      const wanted = nearest[kind](asked[kind] as never)
      sameHits(await searchPgvector(pg, { [kind]: asked[kind] }, K, SHAPE), wanted)
    }
  })
})

describe('sqlite-vec', () => {
  const open = async (rows: readonly ExportRow[], shape: ExportShape): Promise<DatabaseSync> => {
    const database = new DatabaseSync(':memory:', { allowExtension: true })
    database.loadExtension(getLoadablePath())
    for await (const sql of sqliteVecSql(rows, shape)) database.exec(sql)
    return database
  }
  const plain = ROWS.map(({ sparse: _, ...row }) => row)
  const shape: ExportShape = { dim: 32, bits: 64 }

  test('1,000 documents come back, and 50 queries find what exact search finds', async () => {
    const database = await open(plain, shape)
    const rows = database.prepare('SELECT id, title, text, fields FROM docs ORDER BY row').all()
    expect(rows.map((row) => ({ ...row, fields: JSON.parse(String(row['fields'])) }))).toEqual(
      ROWS.map(({ id, title, text, fields }) => ({ id, title: title ?? null, text: shown(text), fields })),
    )
    for (const { vector: own, code } of ASKED) {
      sameHits(searchSqliteVec(database, { vector: own }, K, shape), nearest.vector(own))
      const got = searchSqliteVec(database, { code }, K, shape)
      expect(got.map(({ score }) => score)).toEqual(nearest.code(code).map(({ score }) => score))
    }
    database.close()
  })

  test('vectors of several lengths are found by their inner product', async () => {
    const rows = plain.map(({ code: _, ...row }) => ({ ...row, vector: denseVector(1 + 2 * random.uniform()) }))
    const own: ExportShape = { dim: 32, norm: 3 }
    const database = await open(rows, own)
    for (const { vector: query } of ASKED) {
      sameHits(searchSqliteVec(database, { vector: query }, K, own), nearest.vector(query, rows))
    }
    database.close()
    const long = async () => {
      for await (const _ of sqliteVecSql(rows, { dim: 32 }));
    }
    await expect(long()).rejects.toThrow(/PITH_SHAPE|has length/)
  })
})

test('requests to Qdrant and OpenSearch hold each document once', async () => {
  const rows = ROWS.slice(0, 250).map(({ code: _, ...row }) => row)
  const { bits: _, ...shape } = SHAPE
  const requests = await all(qdrantRequests(rows, shape, { collection: 'papers' }))
  expect(requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'PUT /collections/papers',
    ...Array.from({ length: 3 }, () => 'PUT /collections/papers/points'),
  ])
  const points = requests.flatMap(({ body }) => (body as { points?: object[] }).points ?? [])
  expect(points).toHaveLength(250)
  expect(points[249]).toMatchObject({ id: 250, payload: { id: 'd0249', title: rows[249]?.title, year: 2009 } })
  const sent = (points[3] as { vector: { dense: number[] } }).vector.dense
  expect(Float32Array.from(sent)).toEqual(rows[3]?.vector)
  expect(qdrantQuery({ sparse: { indices: [3, 9], values: [0.5, 1] } }, 7, shape)).toEqual({
    method: 'POST',
    path: '/collections/docs/points/query',
    body: {
      query: { indices: [3, 9], values: [0.5, 1] },
      using: 'sparse',
      limit: 7,
      with_payload: true,
      params: { exact: true },
    },
  })

  const lines = (await all(opensearchBulk(rows, shape))).join('').trimEnd().split('\n')
  expect(lines).toHaveLength(500)
  expect(JSON.parse(lines[0] as string)).toEqual({ index: { _index: 'docs', _id: 'd0000' } })
  expect(JSON.parse(lines[1] as string)).toMatchObject({ text: rows[0]?.text, fields: rows[0]?.fields })
  expect(opensearchMapping(shape)).toMatchObject({ mappings: { properties: { vector: { dimension: 32 } } } })
  expect(opensearchQuery({ sparse: { indices: [3], values: [0.5] } }, 7, shape)).toEqual({
    size: 7,
    query: { bool: { should: [{ rank_feature: { field: 'sparse.c3', linear: {}, boost: 0.5 } }] } },
  })
  expect(opensearchQuery({ vector: ASKED[0]?.vector as Float32Array }, 7, shape)).toMatchObject({
    query: { script_score: { script: { source: 'knn_score', params: { space_type: 'innerproduct' } } } },
  })
})

test('what a system cannot take is refused before anything is written', async () => {
  const [row] = ROWS as [ExportRow]
  await expect(all(pgvectorSql([row], { dim: 31 }))).rejects.toThrow(/has size 32, not 31/)
  await expect(all(pgvectorSql([], { dim: 20_000 }))).rejects.toThrow(/16000/)
  await expect(all(pgvectorSql([], {}, { table: 'a; drop' }))).rejects.toThrow(/no name of a table/)
  await expect(all(sqliteVecSql([row], SHAPE))).rejects.toThrow(/no sparse vectors/)
  await expect(all(sqliteVecSql([], { bits: 12 }))).rejects.toThrow(/whole bytes/)
  await expect(all(qdrantRequests([row], SHAPE))).rejects.toThrow(/no binary codes/)
  await expect(all(opensearchBulk([row], SHAPE))).rejects.toThrow(/no binary codes/)
  const bad: ExportRow = { id: 'x', text: '', vector: new Float32Array(32).fill(Number.NaN) }
  await expect(all(pgvectorSql([bad], SHAPE))).rejects.toThrow(/component 0 of x is no number/)
  for (const ask of [pgvectorQuery, sqliteVecQuery, qdrantQuery, opensearchQuery]) {
    expect(() => ask({}, 10, { dim: 32 })).toThrow(/the query has no vector/)
    expect(() => ask({ vector: new Float32Array(32) }, 0, { dim: 32 })).toThrow(/k must be/)
    expect(() => ask({ sparse: { indices: [1, 1], values: [1, 1] } }, 1, { sparseDim: 9 })).toThrow()
  }
})
