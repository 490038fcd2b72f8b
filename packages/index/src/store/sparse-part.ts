import { PithError, type Run } from '@pith/core'
import type { SectionReader, SectionWriter } from '../sections.ts'
import { buildSeismic, openSeismic, type SeismicIndex, writeSeismic } from '../seismic/index.ts'
import {
  openSparse,
  openVocabulary,
  rowsOf,
  SparseIndex,
  SparseVocabulary,
  sparseMatrix,
  writeSparse,
  writeVocabulary,
} from '../sparse/index.ts'
import type { Hits, IndexDocument, RowFilter, SparseEncoder, SparseMatrix, SparseVector } from '../types.ts'
import { damaged, encodedText } from './document.ts'
import type { Origin, PartWriter } from './segment.ts'
import type { SparseSettings } from './settings.ts'

/** Documents whose texts are encoded at once. */
const TEXTS_AT_ONCE = 256
const MAX_ROW = 65_535

/** What a segment says of its sparse vectors. */
interface SparseInfo {
  /** Whether it has blocks of lists. */
  readonly seismic: boolean
}

/** The sparse vectors of a segment. */
export interface SparsePart {
  /** Names of components, ascending. */
  readonly names: readonly string[]
  readonly matrix: SparseMatrix
  /** The best rows for a query; blocks of lists are left out by their summaries, unless `exact`. */
  search(
    query: Readonly<Record<string, number>>,
    k: number,
    options: { exact: boolean; filter: RowFilter | undefined },
  ): Hits
}

/** What the sparse vectors of documents are made with. */
export interface SparsePlan {
  readonly settings: SparseSettings
  readonly encoder: SparseEncoder | undefined
  /** Segments that documents are taken from, in the order of {@link Origin}. */
  readonly sources: readonly { open(run?: Run): Promise<SparsePart | undefined> }[]
}

interface SparseRow {
  readonly components: Uint32Array
  readonly values: Float32Array
}

/** Takes documents and makes rows of their components, which have names. */
export class SparsePartWriter implements PartWriter {
  readonly #plan: SparsePlan
  readonly #run: Run | undefined
  readonly #numbers = new Map<string, number>()
  readonly #rows: SparseRow[] = []
  readonly #parts: Promise<SparsePart | undefined>[] = []
  #waiting: { readonly row: number; readonly text: string }[] = []

  constructor(plan: SparsePlan, run?: Run) {
    this.#plan = plan
    this.#run = run
  }

  async add(document: IndexDocument, row: number, origin?: Origin): Promise<void> {
    if (document.sparse !== undefined) {
      const entries = Object.entries(document.sparse)
      if (entries.length > MAX_ROW) {
        throw new PithError('PITH_LIMIT', `a sparse vector may have ${MAX_ROW} components, one has ${entries.length}`)
      }
      this.#rows[row] = this.#rowOf(
        entries.map(([name]) => name),
        entries.map(([, value]) => value),
      )
      return
    }
    this.#rows[row] = EMPTY
    if (origin !== undefined) {
      this.#parts[origin.from] ??= this.#plan.sources[origin.from]?.open(this.#run) ?? Promise.resolve(undefined)
      const part = await this.#parts[origin.from]
      if (part === undefined) return
      const { indptr, indices, values } = part.matrix
      const [from, to] = [indptr[origin.row], indptr[origin.row + 1]]
      const names = Array.from(indices.subarray(from, to), (component) => part.names[component])
      this.#rows[row] = this.#rowOf(names, values.subarray(from, to))
    } else if (this.#plan.encoder !== undefined) {
      this.#waiting.push({ row, text: encodedText(document) })
      if (this.#waiting.length >= TEXTS_AT_ONCE) await this.#encode(this.#plan.encoder)
    }
  }

  #rowOf(names: readonly string[], values: ArrayLike<number>): SparseRow {
    const components = Uint32Array.from(names, (name) => {
      let number = this.#numbers.get(name)
      if (number === undefined) {
        number = this.#numbers.size
        this.#numbers.set(name, number)
      }
      return number
    })
    return { components, values: Float32Array.from(values) }
  }

  async #encode(encoder: SparseEncoder): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = []
    const { indptr, indices, values } = await encoder.encode(
      waiting.map(({ text }) => text),
      'document',
      this.#run,
    )
    for (const [i, { row }] of waiting.entries()) {
      const names = Array.from(indices.subarray(indptr[i], indptr[i + 1]), String)
      this.#rows[row] = this.#rowOf(names, values.subarray(indptr[i], indptr[i + 1]))
    }
  }

  async finish(sections: SectionWriter): Promise<SparseInfo | undefined> {
    const { encoder, settings } = this.#plan
    if (encoder !== undefined && this.#waiting.length > 0) await this.#encode(encoder)
    if (this.#numbers.size === 0) return undefined
    const vocabulary = new SparseVocabulary([...this.#numbers.keys()].sort())
    const places = new Uint32Array(vocabulary.size)
    for (const [place, name] of vocabulary.names.entries()) places[this.#numbers.get(name) as number] = place
    const matrix = sparseMatrix(rowsBy(this.#rows, places), vocabulary.size)
    await writeSparse(matrix, sections, 'sparse/rows/')
    await writeVocabulary(vocabulary, sections, 'sparse/')
    const seismic = this.#rows.length >= settings.seismicFrom
    if (seismic) {
      const built = await buildSeismic(matrix, { ...this.#run, ...settings.seismic })
      await writeSeismic(built, sections, 'sparse/seismic/')
    }
    return { seismic }
  }
}

const EMPTY: SparseRow = /* @__PURE__ */ Object.freeze({
  components: /* @__PURE__ */ new Uint32Array(0),
  values: /* @__PURE__ */ new Float32Array(0),
})

function* rowsBy(rows: readonly SparseRow[], places: Uint32Array): Generator<SparseVector> {
  for (const { components, values } of rows) yield { indices: components.map((number) => places[number]), values }
}

/** Open the sparse vectors of a segment. @throws PithError damage */
export async function openSparsePart(
  info: unknown,
  rows: number,
  sections: SectionReader,
  run?: Run,
): Promise<SparsePart> {
  const { seismic } = (info ?? {}) as Partial<SparseInfo>
  if (typeof seismic !== 'boolean') throw damaged('what a segment says of its sparse vectors is damaged')
  const [vocabulary, matrix] = await Promise.all([
    openVocabulary(sections, 'sparse/', run),
    openSparse(sections, 'sparse/rows/', run),
  ])
  if (rowsOf(matrix) !== rows || matrix.dim !== vocabulary.size) {
    throw damaged(`${rowsOf(matrix)} sparse rows of ${matrix.dim} components for ${rows} of ${vocabulary.size}`)
  }
  const blocks = seismic ? await openSeismic(sections, 'sparse/seismic/', run) : undefined
  return { names: vocabulary.names, matrix, search: searcher(matrix, vocabulary, blocks) }
}

function searcher(
  matrix: SparseMatrix,
  vocabulary: SparseVocabulary,
  blocks: SeismicIndex | undefined,
): SparsePart['search'] {
  let exact: SparseIndex | undefined
  return (query, k, { exact: isExact, filter }) => {
    const vector = vocabulary.vectorOf(query)
    if (vector.indices.length === 0) return { ids: new Uint32Array(0), scores: new Float32Array(0) }
    if (blocks !== undefined && !isExact) return blocks.search(vector, k, filter === undefined ? {} : { filter })
    exact ??= new SparseIndex(matrix)
    return exact.search(vector, k, filter)
  }
}
