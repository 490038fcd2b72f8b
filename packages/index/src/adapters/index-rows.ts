/** What an index holds as rows for other systems. */
import { PithError, type Run } from '@pith/core'
import { encodedText } from '../store/document.ts'
import type { IndexReader } from '../store/index.ts'
import type { DenseMatrix, Encoder, IndexDocument, SparseVector } from '../types.ts'
import type { ExportQuery, ExportRow, ExportShape } from './rows.ts'

/** Documents whose texts are encoded at once. */
const BATCH = 256

/** Which vectors of an index are taken. */
export interface IndexRowsOptions {
  /** Leave dense or sparse vectors out. Default false. */
  readonly withoutDense?: boolean
  readonly withoutSparse?: boolean
}

/** The rows of an index, and what is asked of another system for a text. */
export interface IndexRows {
  readonly shape: ExportShape
  /** May be called again. */
  rows(run?: Run): AsyncGenerator<ExportRow, void, undefined>
  /**
   * A text as the dense vector that finds the same.
   *
   * @throws PithError `PITH_CAPABILITY` the index has no encoder
   */
  query(text: string, run?: Run): Promise<ExportQuery>
}

/**
 * The documents of an index with exact vectors: those that came with them, others as the encoder makes them of their texts again.
 *
 * @throws PithError `PITH_CAPABILITY` vectors of an encoder that is not at hand; the abort reason
 */
export async function indexRows(reader: IndexReader, options: IndexRowsOptions = {}, run?: Run): Promise<IndexRows> {
  const { dense } = reader.info.settings
  const isDense = dense !== undefined && options.withoutDense !== true
  const { encoder } = isDense ? await reader.learned(run) : { encoder: undefined }
  const names = new Set<string>()
  let norm = 0
  let isUnit = true
  for await (const { vector, sparse } of reader.documents(run)) {
    if (vector !== undefined && isDense) {
      const own = lengthOf(vector)
      norm = Math.max(norm, own)
      isUnit &&= Math.abs(own - 1) < 1e-5
    }
    if (options.withoutSparse !== true) for (const name of Object.keys(sparse ?? {})) names.add(name)
  }
  const components = new Map([...names].sort().map((name, i) => [name, i]))
  const isCosine = dense?.metric === 'cos'
  const shape: ExportShape = {
    // What an encoder makes of a text without known words has length 0.
    ...(isDense ? { dim: encoder?.dim ?? dense.dim, norm: isCosine || isUnit ? 1 : Math.max(1, norm) } : {}),
    ...(components.size > 0 ? { sparseDim: components.size } : {}),
  }
  return {
    shape,
    async *rows(own) {
      for await (const batch of batches(reader.documents(own))) {
        const missing = isDense ? batch.filter(({ vector }) => vector === undefined) : []
        const made = missing.length === 0 ? undefined : await encode(encoder, missing.map(encodedText), 'document', own)
        let taken = 0
        for (const { sparse, vector, ...document } of batch) {
          const exact = vector ?? (made === undefined ? undefined : rowOf(made, taken++))
          yield {
            ...document,
            ...(isDense && exact !== undefined ? { vector: isCosine ? unit(exact) : exact } : {}),
            ...(sparse === undefined || components.size === 0 ? {} : { sparse: numbered(sparse, components) }),
          }
        }
      }
    },
    async query(text, own) {
      const made = rowOf(await encode(encoder, [text], 'query', own), 0)
      return { vector: isCosine ? unit(made) : made }
    },
  }
}

async function* batches(documents: AsyncIterable<IndexDocument>): AsyncGenerator<IndexDocument[]> {
  let batch: IndexDocument[] = []
  for await (const document of documents) {
    batch.push(document)
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

async function encode(
  encoder: Encoder | undefined,
  texts: readonly string[],
  kind: 'query' | 'document',
  run?: Run,
): Promise<DenseMatrix> {
  if (encoder !== undefined) return await encoder.encode(texts, kind, run)
  throw new PithError('PITH_CAPABILITY', 'the encoder of the index is not at hand', {
    hint: 'Open the index with its encoder, or leave dense vectors out.',
  })
}

function rowOf({ data, dim }: DenseMatrix, row: number): Float32Array {
  return data.slice(row * dim, (row + 1) * dim)
}

function lengthOf(vector: Float32Array): number {
  let sum = 0
  for (const value of vector) sum += value * value
  return Math.sqrt(sum)
}

function unit(vector: Float32Array): Float32Array {
  const length = lengthOf(vector)
  return length === 0 ? vector : vector.map((value) => value / length)
}

function numbered(sparse: Readonly<Record<string, number>>, components: ReadonlyMap<string, number>): SparseVector {
  const entries = Object.entries(sparse).map(([name, value]) => [components.get(name) as number, value] as const)
  entries.sort((a, b) => a[0] - b[0])
  return { indices: entries.map(([index]) => index), values: entries.map(([, value]) => value) }
}
