/** Bodies of requests to Qdrant. Not tested against a server. */
import { PithError } from '@pith/core'
import {
  checkRow,
  type ExportQuery,
  type ExportRow,
  type ExportShape,
  hitCount,
  inBatches,
  numberText,
  plainName,
} from './rows.ts'

const BATCH = 100

/** Which collection. */
export interface QdrantOptions {
  /** Default `docs`. */
  readonly collection?: string
}

/** A request: path below the address of the server, and body. */
export interface QdrantRequest {
  readonly method: 'PUT' | 'POST'
  readonly path: string
  readonly body: object
}

/**
 * The requests that make a collection: one for it, then points in batches. Points are numbered; the id of a document stands in its payload beside
 * title, text and fields. Vectors are called `dense` and `sparse`. Not tested against a server.
 *
 * @throws PithError `PITH_ARG` a bad name · `PITH_UNSUPPORTED` binary codes · `PITH_SHAPE`, `PITH_NONFINITE` a bad vector
 */
export async function* qdrantRequests(
  rows: Iterable<ExportRow> | AsyncIterable<ExportRow>,
  shape: ExportShape,
  options: QdrantOptions = {},
): AsyncGenerator<QdrantRequest> {
  const path = `/collections/${plainName(options.collection ?? 'docs')}`
  if ((shape.bits ?? 0) > 0) throw noCodes()
  yield {
    method: 'PUT',
    path,
    body: {
      vectors: (shape.dim ?? 0) > 0 ? { dense: { size: shape.dim, distance: 'Dot' } } : {},
      ...((shape.sparseDim ?? 0) > 0 ? { sparse_vectors: { sparse: {} } } : {}),
    },
  }
  let serial = 0
  for await (const batch of inBatches(rows, BATCH)) {
    const points = batch.map((row) => {
      checkRow(row, shape, row.id)
      serial++
      const { id, title, text, fields, vector, sparse } = row
      return {
        id: serial,
        vector: {
          ...(vector === undefined ? {} : { dense: numbers(vector) }),
          ...(sparse === undefined
            ? {}
            : { sparse: { indices: Array.from(sparse.indices), values: numbers(sparse.values) } }),
        },
        payload: { ...fields, id, ...(title === undefined ? {} : { title }), text },
      }
    })
    yield { method: 'PUT', path: `${path}/points`, body: { points } }
  }
}

/**
 * The request that asks for the `k` nearest, exactly, with their payloads. Not tested against a server.
 *
 * @throws PithError `PITH_ARG` a bad name or k, or a query of no vector · `PITH_UNSUPPORTED` a binary code · `PITH_SHAPE`, `PITH_NONFINITE` a bad vector
 */
export function qdrantQuery(
  query: ExportQuery,
  k: number,
  shape: ExportShape,
  options: QdrantOptions = {},
): QdrantRequest {
  const { vector, sparse, code } = query
  if (code !== undefined) throw noCodes()
  checkRow(query, shape, 'the query')
  const own =
    sparse !== undefined
      ? { query: { indices: Array.from(sparse.indices), values: numbers(sparse.values) }, using: 'sparse' }
      : vector === undefined
        ? undefined
        : { query: numbers(vector), using: 'dense' }
  if (own === undefined) throw new PithError('PITH_ARG', 'the query has no vector')
  return {
    method: 'POST',
    path: `/collections/${plainName(options.collection ?? 'docs')}/points/query`,
    body: { ...own, limit: hitCount(k), with_payload: true, params: { exact: true } },
  }
}

/** Numbers that read back as the same ones of single precision, without more digits than that takes. */
function numbers(values: ArrayLike<number>): number[] {
  return Array.from(values, (value) => Number(numberText(value)))
}

function noCodes(): PithError {
  return new PithError('PITH_UNSUPPORTED', 'Qdrant takes no binary codes, it makes its own of vectors', {
    hint: 'Export dense or sparse vectors.',
  })
}
