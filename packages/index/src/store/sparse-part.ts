import { ByteReader, ByteWriter, compareText, f16FromF32, f32FromF16, PithError, type Run } from '@pith/core'
import type { SectionReader, SectionWriter } from '../sections.ts'
import { buildSeismic, openSeismic, type SeismicIndex, writeSeismic } from '../seismic/index.ts'
import { SparseIndex } from '../sparse/index.ts'
import type { Hits, IndexDocument, RowFilter, SparseEncoder, SparseMatrix } from '../types.ts'
import { damaged } from './document.ts'
import { openIds, writeIds } from './ids.ts'
import type { Origin, PartWriter } from './segment.ts'
import type { SparseSettings } from './settings.ts'

/** Documents whose texts are encoded at once. */
const TEXTS_AT_ONCE = 256
/** Least and greatest number that 16 bits hold. */
const LEAST_VALUE = 2 ** -24
const MOST_VALUE = 65_504
const MAX_ROW = 65_535

/** What a segment says of its sparse vectors. */
interface SparseInfo {
  /** Components that any document has. */
  readonly components: number
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
      this.#waiting.push({ row, text: textOf(document) })
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
    const names = [...this.#numbers.keys()].sort(compareText)
    const places = new Uint32Array(names.length)
    for (const [place, name] of names.entries()) places[this.#numbers.get(name) as number] = place
    const matrix = matrixOf(this.#rows, places)
    const rows = new ByteWriter(2 * matrix.indices.length)
    for (let row = 0; row < this.#rows.length; row++) {
      const [from, to] = [matrix.indptr[row], matrix.indptr[row + 1]]
      rows.varint(to - from)
      for (let at = from; at < to; at++) rows.varint(matrix.indices[at] - (at > from ? matrix.indices[at - 1] + 1 : 0))
    }
    await sections.write('sparse/rows', rows.view())
    const halves = f16FromF32(matrix.values)
    await sections.write('sparse/values', new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength))
    await writeIds(names, sections, 'sparse/names')
    const seismic = this.#rows.length >= settings.seismicFrom
    if (seismic) {
      const built = await buildSeismic(matrix, { ...this.#run, ...settings.seismic })
      await writeSeismic(built, sections, 'sparse/seismic/')
    }
    return { components: names.length, seismic }
  }
}

const EMPTY: SparseRow = /* @__PURE__ */ Object.freeze({
  components: /* @__PURE__ */ new Uint32Array(0),
  values: /* @__PURE__ */ new Float32Array(0),
})

function textOf({ title, text }: IndexDocument): string {
  return title === undefined || title === '' ? text : `${title}\n${text}`
}

/** Rows by the places of their components, values rounded to what is stored. */
function matrixOf(rows: readonly SparseRow[], places: Uint32Array): SparseMatrix {
  const indptr = new Uint32Array(rows.length + 1)
  for (const [row, { values }] of rows.entries()) indptr[row + 1] = indptr[row] + values.length
  const indices = new Uint32Array(indptr[rows.length])
  const values = new Float32Array(indptr[rows.length])
  for (const [row, own] of rows.entries()) {
    const order = Array.from(own.components, (number, i) => [places[number], own.values[i]] as const)
    order.sort((a, b) => a[0] - b[0])
    for (const [i, [place, value]] of order.entries()) {
      indices[indptr[row] + i] = place
      values[indptr[row] + i] = Math.min(MOST_VALUE, Math.max(LEAST_VALUE, value))
    }
  }
  return { dim: places.length, indptr, indices, values: f32FromF16(f16FromF32(values)) }
}

/** Open the sparse vectors of a segment. @throws PithError damage */
export async function openSparse(info: unknown, rows: number, sections: SectionReader, run?: Run): Promise<SparsePart> {
  const { components, seismic } = (info ?? {}) as Partial<SparseInfo>
  if (!(Number.isSafeInteger(components) && (components as number) > 0) || typeof seismic !== 'boolean') {
    throw damaged('what a segment says of its sparse vectors is damaged')
  }
  const [names, lists, values] = await Promise.all([
    openIds(sections, 'sparse/names', components as number).all(run),
    sections.read('sparse/rows', 0, undefined, run),
    sections.read('sparse/values', 0, undefined, run),
  ])
  const matrix = decodeMatrix(names.length, rows, lists, values)
  const placeOf = new Map(names.map((name, place) => [name, place]))
  const blocks = seismic ? await openSeismic(sections, 'sparse/seismic/', run) : undefined
  return { names, matrix, search: searcher(matrix, placeOf, blocks) }
}

function searcher(
  matrix: SparseMatrix,
  placeOf: ReadonlyMap<string, number>,
  blocks: SeismicIndex | undefined,
): SparsePart['search'] {
  let exact: SparseIndex | undefined
  return (query, k, options) => {
    const known = Object.entries(query).flatMap(([name, value]) => {
      const place = placeOf.get(name)
      return place === undefined ? [] : [[place, value] as const]
    })
    if (known.length === 0) return { ids: new Uint32Array(0), scores: new Float32Array(0) }
    known.sort((a, b) => a[0] - b[0])
    const vector = { indices: known.map(([place]) => place), values: known.map(([, value]) => value) }
    const { filter } = options
    if (blocks !== undefined && !options.exact) return blocks.search(vector, k, filter === undefined ? {} : { filter })
    exact ??= new SparseIndex(matrix)
    return exact.search(vector, k, filter)
  }
}

function decodeMatrix(dim: number, rows: number, lists: Uint8Array, bytes: Uint8Array<ArrayBuffer>): SparseMatrix {
  const total = bytes.length / 2
  const input = new ByteReader(lists)
  const indptr = new Uint32Array(rows + 1)
  const indices = new Uint32Array(Math.floor(total))
  let at = 0
  for (let row = 0; row < rows; row++) {
    const count = input.varint()
    if (count > MAX_ROW || at + count > total) throw damaged(`row ${row} has ${count} components`, input.offset)
    let component = -1
    for (let i = 0; i < count; i++) {
      component += 1 + input.varint()
      if (component >= dim) throw damaged(`row ${row} has component ${component} of ${dim}`, input.offset)
      indices[at++] = component
    }
    indptr[row + 1] = at
  }
  input.finish()
  if (at !== total) throw damaged(`${total} values for ${at} components`)
  const values = f32FromF16(new Uint16Array(bytes.buffer))
  if (!values.every((value) => value > 0 && value < Number.POSITIVE_INFINITY))
    throw damaged('a component is not above 0')
  return { dim, indptr, indices, values }
}
