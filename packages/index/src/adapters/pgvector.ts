/** Documents and queries for PostgreSQL with pgvector. */
import { PithError } from '@pith/core'
import type { SparseVector } from '../types.ts'
import {
  checkRow,
  type ExportHit,
  type ExportQuery,
  type ExportRow,
  type ExportShape,
  hitCount,
  inBatches,
  numberText,
  plainName,
  sqlText,
} from './rows.ts'

/** What a column of pgvector holds at most. */
const MOST_DIM = 16_000
const MOST_BITS = 64_000
const MOST_NONZERO = 16_000

/** Rows of one INSERT. */
const BATCH = 100

/** Which table. */
export interface PgvectorOptions {
  /** Default `docs`. */
  readonly table?: string
}

/** A statement with its parameters, as `pg`, `postgres` and pglite take them. */
export interface PgvectorStatement {
  readonly text: string
  readonly values: readonly unknown[]
}

/** A connection, as `pg` and pglite have it. */
export interface PgvectorClient {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>
}

/**
 * SQL that makes a table of documents: id, title, text, fields as `jsonb`, and the columns `vector`, `code` (`bit`) and `sparse` (`sparsevec`) where
 * the rows have them. Without an index on them searches are exact.
 *
 * @throws PithError `PITH_ARG` a bad name · `PITH_LIMIT` more than a column takes · `PITH_SHAPE`, `PITH_NONFINITE` a bad vector
 */
export async function* pgvectorSql(
  rows: Iterable<ExportRow> | AsyncIterable<ExportRow>,
  shape: ExportShape,
  options: PgvectorOptions = {},
): AsyncGenerator<string> {
  const table = plainName(options.table ?? 'docs')
  const { dim = 0, sparseDim = 0, bits = 0 } = shape
  if (dim > MOST_DIM || bits > MOST_BITS) {
    throw new PithError('PITH_LIMIT', `pgvector takes ${MOST_DIM} components and ${MOST_BITS} bits at most`)
  }
  yield 'CREATE EXTENSION IF NOT EXISTS vector;\n'
  const columns = [
    'id text PRIMARY KEY',
    'title text',
    'text text NOT NULL',
    "fields jsonb NOT NULL DEFAULT '{}'",
    ...(dim > 0 ? [`vector vector(${dim})`] : []),
    ...(bits > 0 ? [`code bit(${bits})`] : []),
    ...(sparseDim > 0 ? [`sparse sparsevec(${sparseDim})`] : []),
  ]
  yield `CREATE TABLE ${table} (${columns.join(', ')});\n`
  for await (const batch of inBatches(rows, BATCH)) {
    const values = batch.map((row) => {
      checkRow(row, shape, row.id)
      const cells = [
        sqlText(row.id),
        sqlText(row.title),
        sqlText(row.text),
        sqlText(JSON.stringify(row.fields ?? {}).replaceAll('\\u0000', '\uFFFD')),
        ...(dim > 0 ? [row.vector === undefined ? 'NULL' : `'${vectorText(row.vector)}'`] : []),
        ...(bits > 0 ? [row.code === undefined ? 'NULL' : `B'${bitText(row.code, bits)}'`] : []),
        ...(sparseDim > 0 ? [row.sparse === undefined ? 'NULL' : `'${sparseText(row.sparse, sparseDim)}'`] : []),
      ]
      return `(${cells.join(', ')})`
    })
    yield `INSERT INTO ${table} VALUES\n${values.join(',\n')};\n`
  }
}

/**
 * The statement that asks for the `k` nearest: by inner product, or by different bits. Ties come by ascending id. Its rows are `{id, score}`.
 *
 * @throws PithError `PITH_ARG` a bad name or k, or a query of no vector · `PITH_SHAPE`, `PITH_NONFINITE` a bad vector
 */
export function pgvectorQuery(
  query: ExportQuery,
  k: number,
  shape: ExportShape,
  options: PgvectorOptions = {},
): PgvectorStatement {
  const table = plainName(options.table ?? 'docs')
  checkRow(query, shape, 'the query')
  const [distance, value] = distanceOf(query, shape)
  return {
    text: `SELECT id, -(${distance}) AS score FROM ${table} ORDER BY ${distance}, id COLLATE "C" LIMIT ${hitCount(k)}`,
    values: [value],
  }
}

/**
 * Ask a table for the `k` nearest.
 *
 * @throws PithError as {@link pgvectorQuery}; what the client throws
 */
export async function searchPgvector(
  client: PgvectorClient,
  query: ExportQuery,
  k: number,
  shape: ExportShape,
  options: PgvectorOptions = {},
): Promise<ExportHit[]> {
  const { text, values } = pgvectorQuery(query, k, shape, options)
  const { rows } = await client.query(text, [...values])
  return (rows as { id: string; score: number }[]).map(({ id, score }) => ({ id, score: Number(score) }))
}

function distanceOf({ vector, sparse, code }: ExportQuery, { bits = 0, sparseDim = 0 }: ExportShape): [string, string] {
  if (vector !== undefined) return ['vector <#> $1::vector', vectorText(vector)]
  if (sparse !== undefined) return ['sparse <#> $1::sparsevec', sparseText(sparse, sparseDim)]
  if (code !== undefined) return [`code <~> $1::bit(${bits})`, bitText(code, bits)]
  throw new PithError('PITH_ARG', 'the query has no vector')
}

function vectorText(vector: Float32Array): string {
  return `[${Array.from(vector, numberText).join(',')}]`
}

/** Components count from 1 there. */
function sparseText({ indices, values }: SparseVector, dim: number): string {
  if (indices.length > MOST_NONZERO) {
    throw new PithError('PITH_LIMIT', `pgvector takes ${MOST_NONZERO} components that are not 0, not ${indices.length}`)
  }
  const parts = Array.from(indices, (index, i) => `${index + 1}:${numberText(values[i] as number)}`)
  return `{${parts.join(',')}}/${dim}`
}

function bitText(code: Uint8Array, bits: number): string {
  return Array.from({ length: bits }, (_, i) => ((code[i >> 3] as number) >> (i & 7)) & 1).join('')
}
