/** Bodies of requests to OpenSearch. Not tested against a server. */
import { PithError } from '@pith/core'
import {
  checkRow,
  type ExportQuery,
  type ExportRow,
  type ExportShape,
  hitCount,
  numberText,
  plainName,
} from './rows.ts'

/** What a `knn_vector` takes at most. */
const MOST_DIM = 16_000

/** Which index. */
export interface OpensearchOptions {
  /** Default `docs`. */
  readonly index?: string
}

/**
 * The body of `PUT /INDEX`: title and text as text, fields as they come, vectors as `knn_vector`, sparse ones as `rank_features` whose names are `c` and
 * the number of the component. Not tested against a server.
 *
 * @throws PithError `PITH_LIMIT` more components than a column takes · `PITH_UNSUPPORTED` binary codes
 */
export function opensearchMapping(shape: ExportShape): object {
  const { dim = 0, sparseDim = 0, bits = 0 } = shape
  if (bits > 0) throw noCodes()
  if (dim > MOST_DIM) throw new PithError('PITH_LIMIT', `OpenSearch takes ${MOST_DIM} components at most, not ${dim}`)
  const method = { name: 'hnsw', engine: 'faiss', space_type: 'innerproduct' }
  return {
    settings: { index: { knn: dim > 0 } },
    mappings: {
      properties: {
        title: { type: 'text' },
        text: { type: 'text' },
        fields: { type: 'object' },
        ...(dim > 0 ? { vector: { type: 'knn_vector', dimension: dim, method } } : {}),
        ...(sparseDim > 0 ? { sparse: { type: 'rank_features' } } : {}),
      },
    },
  }
}

/**
 * Lines for `POST /_bulk`: two for each document, whose id is its own. Not tested against a server.
 *
 * @throws PithError `PITH_ARG` a bad name · `PITH_UNSUPPORTED` binary codes · `PITH_SHAPE`, `PITH_NONFINITE` a bad vector
 */
export async function* opensearchBulk(
  rows: Iterable<ExportRow> | AsyncIterable<ExportRow>,
  shape: ExportShape,
  options: OpensearchOptions = {},
): AsyncGenerator<string> {
  const index = plainName(options.index ?? 'docs')
  if ((shape.bits ?? 0) > 0) throw noCodes()
  for await (const row of rows) {
    checkRow(row, shape, row.id)
    const { id, title, text, fields, vector, sparse } = row
    const document = {
      ...(title === undefined ? {} : { title }),
      text,
      ...(fields === undefined ? {} : { fields }),
      ...(vector === undefined ? {} : { vector: Array.from(vector, (value) => Number(numberText(value))) }),
      ...(sparse === undefined
        ? {}
        : {
            sparse: Object.fromEntries(
              Array.from(sparse.indices, (component, i) => [
                `c${component}`,
                Number(numberText(sparse.values[i] as number)),
              ]),
            ),
          }),
    }
    yield `${JSON.stringify({ index: { _index: index, _id: id } })}\n${JSON.stringify(document)}\n`
  }
}

/**
 * The body of `POST /INDEX/_search` that asks for the `k` nearest, exactly for dense vectors; `rank_features` keep 9 bits of a number, so scores of
 * sparse vectors are near to ours only. Not tested against a server.
 *
 * @throws PithError `PITH_ARG` a bad k, or a query of no vector · `PITH_UNSUPPORTED` a binary code · `PITH_SHAPE`, `PITH_NONFINITE` a bad vector
 */
export function opensearchQuery(query: ExportQuery, k: number, shape: ExportShape): object {
  const { vector, sparse, code } = query
  if (code !== undefined) throw noCodes()
  checkRow(query, shape, 'the query')
  const size = hitCount(k)
  if (sparse !== undefined) {
    const should = Array.from(sparse.indices, (component, i) => ({
      rank_feature: {
        field: `sparse.c${component}`,
        linear: {},
        boost: Number(numberText(sparse.values[i] as number)),
      },
    }))
    return { size, query: { bool: { should } } }
  }
  if (vector === undefined) throw new PithError('PITH_ARG', 'the query has no vector')
  const params = {
    field: 'vector',
    query_value: Array.from(vector, (value) => Number(numberText(value))),
    space_type: 'innerproduct',
  }
  return {
    size,
    query: {
      script_score: { query: { exists: { field: 'vector' } }, script: { source: 'knn_score', lang: 'knn', params } },
    },
  }
}

function noCodes(): PithError {
  return new PithError('PITH_UNSUPPORTED', 'OpenSearch gets no binary codes from here', {
    hint: 'Export dense or sparse vectors.',
  })
}
