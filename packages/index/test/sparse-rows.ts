import { Random } from '@pith/core'
import type { Hits, SparseMatrix, SparseVector } from '../src/index.ts'
import { rowsOf, sparseMatrix, sparseRow } from '../src/sparse/index.ts'

/** How random rows look. */
export interface RowsOptions {
  readonly rows: number
  readonly dim: number
  readonly most: number
  readonly seed: number
  /** Groups of rows that share most of their components. Default 1. */
  readonly topics?: number
  /** Different values; few make ties. Default 1000. */
  readonly values?: number
}

/** Random rows; some are empty. */
export function randomRows({ rows, dim, most, seed, topics = 1, values = 1000 }: RowsOptions): SparseMatrix {
  const random = new Random(seed)
  const width = Math.max(1, Math.floor(dim / topics))
  const row = (): SparseVector => {
    const from = random.integer(topics) * width
    const weights = new Map<number, number>()
    for (let left = random.integer(most + 1); left > 0; left--) {
      const index = random.integer(5) === 0 ? random.integer(dim) : (from + random.integer(width)) % dim
      weights.set(index, (1 + random.integer(values)) / 64)
    }
    return { indices: [...weights.keys()], values: [...weights.values()] }
  }
  return sparseMatrix(Array.from({ length: rows }, row), dim)
}

/** The best rows by looking at each: sums of singles by ascending component. */
export function bruteForce(matrix: SparseMatrix, query: SparseVector, k: number): Hits {
  const weights = new Map(Array.from(query.indices, (index, i) => [index, Math.fround(query.values[i] as number)]))
  const scored = Array.from({ length: rowsOf(matrix) }, (_, id) => {
    const { indices, values } = sparseRow(matrix, id)
    let score = 0
    for (let i = 0; i < indices.length; i++) {
      const weight = weights.get(indices[i] as number)
      if (weight !== undefined) score = Math.fround(score + Math.fround(weight * (values[i] as number)))
    }
    return { id, score }
  })
  const best = scored.filter(({ score }) => score > 0).sort((a, b) => b.score - a.score || a.id - b.id)
  return {
    ids: Uint32Array.from(best.slice(0, k), ({ id }) => id),
    scores: Float32Array.from(best.slice(0, k), ({ score }) => score),
  }
}
