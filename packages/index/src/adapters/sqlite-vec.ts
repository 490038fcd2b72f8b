/** Documents and queries for SQLite with sqlite-vec. */
import { PithError } from '@pith/core'
import {
  checkRow,
  type ExportHit,
  type ExportQuery,
  type ExportRow,
  type ExportShape,
  hitCount,
  inBatches,
  plainName,
  sqlText,
} from './rows.ts'

/** Squares of lengths that differ by less than this share are the same. */
const SAME_LENGTH = 1e-5

const BATCH = 100

/** What `vec0` takes at most. */
const MOST_DIM = 8192

/** Which tables. */
export interface SqliteVecOptions {
  /** Table of the documents; that of the vectors is `TABLE_vectors`. Default `docs`. */
  readonly table?: string
}

/** A statement with its parameters, as `node:sqlite` and better-sqlite3 take them. */
export interface SqliteVecStatement {
  readonly text: string
  readonly values: readonly Uint8Array[]
}

/** A database, as `node:sqlite` and better-sqlite3 have it. */
export interface SqliteVecDatabase {
  prepare(text: string): { all(...values: Uint8Array[]): readonly unknown[] }
}

/**
 * SQL that makes a table of documents and a `vec0` table of their vectors. `vec0` knows distances, no inner products: where vectors are not of one
 * length they get one more component, so that the nearest is the one of the greatest inner product.
 *
 * @throws PithError `PITH_ARG` a bad name · `PITH_LIMIT` more than a column takes · `PITH_UNSUPPORTED` sparse vectors · `PITH_SHAPE`, `PITH_NONFINITE` a
 *   bad vector
 */
export async function* sqliteVecSql(
  rows: Iterable<ExportRow> | AsyncIterable<ExportRow>,
  shape: ExportShape,
  options: SqliteVecOptions = {},
): AsyncGenerator<string> {
  const table = plainName(options.table ?? 'docs')
  const { dim = 0, bits = 0, norm } = shape
  if (dim > MOST_DIM || bits > MOST_DIM) {
    throw new PithError('PITH_LIMIT', `sqlite-vec takes ${MOST_DIM} components at most`)
  }
  if (bits % 8 !== 0) throw new PithError('PITH_UNSUPPORTED', `sqlite-vec takes whole bytes of bits, not ${bits}`)
  yield `CREATE TABLE ${table} (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, title TEXT, text TEXT NOT NULL, fields TEXT NOT NULL);\n`
  const columns = [
    ...(dim > 0 ? [`vector float[${norm === undefined ? dim : dim + 1}] distance_metric=L2`] : []),
    ...(bits > 0 ? [`code bit[${bits}]`] : []),
  ]
  if (columns.length > 0) {
    yield `CREATE VIRTUAL TABLE ${table}_vectors USING vec0(row INTEGER PRIMARY KEY, ${columns.join(', ')});\n`
  }
  let serial = 0
  for await (const batch of inBatches(rows, BATCH)) {
    const documents: string[] = []
    const vectors: string[] = []
    for (const row of batch) {
      checkRow(row, shape, row.id)
      if (row.sparse !== undefined) throw noSparse()
      serial++
      const cells = [row.id, row.title, row.text, JSON.stringify(row.fields ?? {})].map(sqlText)
      documents.push(`(${serial}, ${cells.join(', ')})`)
      if (columns.length === 0) continue
      // A vec0 table takes no NULL: what has no vector is not in it.
      if ((dim > 0 && row.vector === undefined) || (bits > 0 && row.code === undefined)) continue
      const own = [
        ...(row.vector === undefined ? [] : [hex(floatBytes(longer(row.vector, norm)))]),
        ...(row.code === undefined ? [] : [`vec_bit(${hex(row.code)})`]),
      ]
      vectors.push(`(${serial}, ${own.join(', ')})`)
    }
    yield `INSERT INTO ${table} VALUES\n${documents.join(',\n')};\n`
    if (vectors.length > 0) yield `INSERT INTO ${table}_vectors VALUES\n${vectors.join(',\n')};\n`
  }
}

/**
 * The statement that asks for the `k` nearest: by inner product, or by different bits. Its rows are `{id, distance}`.
 *
 * @throws PithError `PITH_ARG` a bad name or k, or a query of no vector · `PITH_UNSUPPORTED` a sparse vector · `PITH_SHAPE`, `PITH_NONFINITE` a bad vector
 */
export function sqliteVecQuery(
  query: ExportQuery,
  k: number,
  shape: ExportShape,
  options: SqliteVecOptions = {},
): SqliteVecStatement {
  const table = plainName(options.table ?? 'docs')
  checkRow(query, shape, 'the query')
  const near = nearOf(query, shape)
  // The search stands alone: a vec0 table orders by distance only. MATERIALIZED keeps the two apart.
  const text =
    `WITH near AS MATERIALIZED (SELECT row, distance FROM ${table}_vectors WHERE ${near.match} AND k = ${hitCount(k)}) ` +
    `SELECT d.id AS id, near.distance AS distance FROM near JOIN ${table} d ON d.row = near.row ORDER BY 2, near.row`
  return { text, values: [near.value] }
}

/**
 * Ask a database for the `k` nearest.
 *
 * @throws PithError as {@link sqliteVecQuery}; what the database throws
 */
export function searchSqliteVec(
  database: SqliteVecDatabase,
  query: ExportQuery,
  k: number,
  shape: ExportShape,
  options: SqliteVecOptions = {},
): ExportHit[] {
  const { text, values } = sqliteVecQuery(query, k, shape, options)
  const rows = database.prepare(text).all(...values) as { id: string; distance: number }[]
  const { vector } = query
  // |q - x|^2 = |q|^2 + norm^2 - 2 q x
  let sum = (shape.norm ?? 1) ** 2
  for (const value of vector ?? []) sum += value * value
  return rows.map(({ id, distance }) => ({ id, score: vector === undefined ? -distance : (sum - distance ** 2) / 2 }))
}

function nearOf({ vector, sparse, code }: ExportQuery, { norm }: ExportShape): { match: string; value: Uint8Array } {
  if (sparse !== undefined) throw noSparse()
  if (vector !== undefined) {
    return { match: 'vector MATCH ?', value: floatBytes(norm === undefined ? vector : Float32Array.of(...vector, 0)) }
  }
  if (code !== undefined) return { match: 'code MATCH vec_bit(?)', value: code }
  throw new PithError('PITH_ARG', 'the query has no vector')
}

/** A vector with the component that makes its length `norm`; without one, its own length must be 1. */
function longer(vector: Float32Array, norm: number | undefined): Float32Array {
  let sum = 0
  for (const value of vector) sum += value * value
  const wanted = (norm ?? 1) ** 2
  const rest = wanted - sum
  if (rest < -SAME_LENGTH * wanted || (norm === undefined && rest > SAME_LENGTH)) {
    throw new PithError(
      'PITH_SHAPE',
      `a vector has length ${Math.sqrt(sum)}, not ${norm === undefined ? '' : 'at most '}${norm ?? 1}`,
      {
        hint: 'Give the greatest length as norm.',
      },
    )
  }
  return norm === undefined ? vector : Float32Array.of(...vector, Math.sqrt(Math.max(0, rest)))
}

function floatBytes(vector: Float32Array): Uint8Array {
  const bytes = new Uint8Array(4 * vector.length)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < vector.length; i++) view.setFloat32(4 * i, vector[i] as number, true)
  return bytes
}

function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return `X'${text}'`
}

function noSparse(): PithError {
  return new PithError('PITH_UNSUPPORTED', 'sqlite-vec knows no sparse vectors', {
    hint: 'Export dense vectors or codes.',
  })
}
