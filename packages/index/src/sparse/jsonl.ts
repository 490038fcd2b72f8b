/** Sparse vectors from lines of JSON, as Seismic, Qdrant and OpenSearch write them. */
import { PithError } from '@pith/core'
import type { SparseMatrix, SparseVector } from '../types.ts'
import { sparseMatrix } from './matrix.ts'
import { type NamedVector, type SparseVocabulary, sparseFromNames } from './vocabulary.ts'

/** Vectors with their ids; a vocabulary where components have names. */
export interface SparseCollection {
  readonly ids: readonly string[]
  readonly matrix: SparseMatrix
  readonly vocabulary?: SparseVocabulary
}

/**
 * Read vectors, one of a line: `{"id": 1, "vector": {"token": 0.5}}` or `{"id": 1, "indices": [3], "values": [0.5]}`, also with the
 * last two within `vector`. Empty lines are skipped, empty vectors kept.
 *
 * @param dim  components of vectors of numbers; default one more than the greatest
 * @throws PithError `PITH_CORRUPT` a line is no such object · `PITH_ARG` a value is below 0, both forms in one file · `PITH_SHAPE`
 * `PITH_NONFINITE`
 */
export async function readSparseJsonl(
  lines: AsyncIterable<string> | Iterable<string>,
  dim?: number,
): Promise<SparseCollection> {
  const ids: string[] = []
  const named: NamedVector[] = []
  const numbered: SparseVector[] = []
  let number = 0
  for await (const line of lines) {
    number++
    if (line.trim() === '') continue
    const { id, vector } = parseLine(line, number)
    ids.push(id)
    if ('indices' in vector) numbered.push(vector as SparseVector)
    else named.push(vector as NamedVector)
    if (named.length > 0 && numbered.length > 0) {
      throw new PithError('PITH_ARG', `line ${number}: vectors of names and of numbers stand in one file`)
    }
  }
  if (numbered.length === 0) {
    const { vocabulary, matrix } = sparseFromNames(named)
    return { ids, matrix, vocabulary }
  }
  let most = -1
  for (const { indices } of numbered)
    for (let i = 0; i < indices.length; i++) most = Math.max(most, indices[i] as number)
  return { ids, matrix: sparseMatrix(numbered, dim ?? most + 1) }
}

function parseLine(line: string, number: number): { id: string; vector: NamedVector | SparseVector } {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (cause) {
    throw wrong(number, 'is no JSON', cause)
  }
  if (!isObject(value)) throw wrong(number, 'is no object')
  const id = value['id'] ?? value['_id']
  if (typeof id !== 'string' && typeof id !== 'number') throw wrong(number, 'has no id')
  const own = isObject(value['vector']) ? value['vector'] : value
  if (Array.isArray(own['indices']) && Array.isArray(own['values'])) {
    const { indices, values } = own as { indices: unknown[]; values: unknown[] }
    if (![...indices, ...values].every((item) => typeof item === 'number'))
      throw wrong(number, 'has what are no numbers')
    return { id: String(id), vector: { indices: indices as number[], values: values as number[] } }
  }
  if (own === value) throw wrong(number, 'has no vector')
  for (const [name, weight] of Object.entries(own)) {
    if (typeof weight !== 'number') throw wrong(number, `gives ${JSON.stringify(name.slice(0, 80))} no number`)
  }
  return { id: String(id), vector: own as NamedVector }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wrong(number: number, what: string, cause?: unknown): PithError {
  return new PithError('PITH_CORRUPT', `line ${number} of sparse vectors ${what}`, {
    hint: 'Each line is {"id": ..., "vector": {"token": weight}} or {"id": ..., "indices": [...], "values": [...]}.',
    ...(cause === undefined ? {} : { cause }),
  })
}
