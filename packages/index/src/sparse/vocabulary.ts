/** Names of components: vectors of names become vectors of numbers. */
import { PithError } from '@pith/core'
import type { SparseMatrix } from '../types.ts'
import { sparseMatrix } from './matrix.ts'

/** A vector whose components are names. */
export type NamedVector = Readonly<Record<string, number>>

/** Names, ascending by their code units; component i is the name at i. */
export class SparseVocabulary {
  readonly names: readonly string[]
  readonly #ids: ReadonlyMap<string, number>

  /** @throws PithError `PITH_ARG` names do not ascend */
  constructor(names: readonly string[]) {
    for (let i = 1; i < names.length; i++) {
      if (!((names[i] as string) > (names[i - 1] as string))) {
        throw new PithError('PITH_ARG', `names must ascend, ${JSON.stringify(names[i]?.slice(0, 80))} does not`)
      }
    }
    this.names = names
    this.#ids = new Map(names.map((name, id) => [name, id]))
  }

  get size(): number {
    return this.names.length
  }

  /** The component of a name, or undefined. */
  idOf(name: string): number | undefined {
    return this.#ids.get(name)
  }

  /** The components of a vector that are known, ascending, and how many are not. */
  vectorOf(named: NamedVector): { indices: Uint32Array; values: Float32Array; unknown: number } {
    const known: [id: number, value: number][] = []
    let unknown = 0
    for (const [name, value] of Object.entries(named)) {
      const id = this.#ids.get(name)
      if (id === undefined) unknown++
      else known.push([id, value])
    }
    known.sort(([a], [b]) => a - b)
    return {
      indices: Uint32Array.from(known, ([id]) => id),
      values: Float32Array.from(known, ([, value]) => value),
      unknown,
    }
  }
}

/**
 * The names that vectors have, and the vectors as rows over them. Values of 0 are left out.
 *
 * @throws PithError `PITH_ARG` a value is below 0 · `PITH_NONFINITE` · `PITH_LIMIT` a vector has more than 65,535 components
 */
export function sparseFromNames(vectors: readonly NamedVector[]): {
  vocabulary: SparseVocabulary
  matrix: SparseMatrix
} {
  const names = new Set<string>()
  for (const vector of vectors) for (const [name, value] of Object.entries(vector)) if (value !== 0) names.add(name)
  const vocabulary = new SparseVocabulary([...names].sort())
  const rows = function* (): Generator<{ indices: Uint32Array; values: Float32Array }> {
    for (const vector of vectors) {
      const entries = Object.entries(vector).filter(([, value]) => value !== 0)
      yield vocabulary.vectorOf(Object.fromEntries(entries))
    }
  }
  return { vocabulary, matrix: sparseMatrix(rows(), vocabulary.size) }
}
