/** Searching an index (Seismic, section 6). */
import { PithError } from '@pith/core'
import type { KernelTarget } from '@pith/core/wasm'
import { sparseRow } from '../sparse/matrix.ts'
import { TopK } from '../top-k.ts'
import type { Hits, RowFilter, SparseMatrix, SparseVector } from '../types.ts'
import { RowReader } from './forward.ts'
import { LoadedQuery } from './loaded-query.ts'
import { type BuildSettings, type EffortSettings, effortSettings, type SearchOptions } from './options.ts'
import { NO_ROW, type SeismicParts } from './parts.ts'
import { Resident, SCAN_ROWS, STATE } from './resident.ts'

/** A filter that keeps a smaller share of the rows is answered by looking at each of them. */
const FEW_ROWS = 0.02

/** Components of a query with smaller codes, of 255, are not looked for in summaries. */
const LEAST_CODE = 20

/** The best rows, and what of the query no row has. */
export interface SeismicHits extends Hits {
  /** Components of the query that no row has. */
  readonly ignored: number
}

/** What a search looked at. */
export interface SearchCounts {
  /** Blocks that were visited. */
  readonly blocks: number
  /** Rows whose largest components were looked at. */
  readonly rows: number
  /** Rows all of whose components were. */
  readonly whole: number
}

/** Learned-sparse vectors, searched through blocks of similar rows. Calls are synchronous; one index serves one thread. */
export class SeismicIndex {
  readonly dim: number
  readonly settings: BuildSettings
  readonly components: Uint32Array
  readonly graph: Uint32Array
  /** Step of the codes of values. */
  readonly step: number
  #effort: EffortSettings
  readonly #memory: Resident
  readonly #query: LoadedQuery
  #reader: RowReader | undefined
  #readerBuffer: ArrayBufferLike | undefined
  #counts: SearchCounts = { blocks: 0, rows: 0, whole: 0 }

  /** @throws PithError `PITH_LIMIT` it does not fit into 2 GiB */
  constructor(parts: SeismicParts, options: { target?: KernelTarget | 'auto' } = {}) {
    this.dim = parts.dim
    this.settings = parts.settings
    this.components = parts.components
    this.graph = parts.graph
    this.step = parts.forward.step
    this.#effort = parts.effort
    this.#memory = new Resident(parts, options.target ?? 'auto')
    this.#query = new LoadedQuery(parts.components, parts.dim)
  }

  get rows(): number {
    return this.#memory.rows
  }

  /** Bytes of memory that it holds. */
  get bytes(): number {
    return this.#memory.bytes + this.graph.byteLength + this.components.byteLength
  }

  /** How it is searched where a call does not say. */
  get effort(): EffortSettings {
    return this.#effort
  }

  /** @throws PithError `PITH_ARG` out of range */
  set effort(effort: EffortSettings) {
    this.#effort = effortSettings(effort, effort)
  }

  /** Of the last search. */
  get counts(): SearchCounts {
    return this.#counts
  }

  /** All that it is, as views that live until the next search. */
  get parts(): SeismicParts {
    const { forward, lists, groups, blocks, postings, tablePlaces, tables } = this.#memory.views()
    const { dim, components, settings, graph } = this
    const arrays = { forward, lists, groups, blocks, postings, tablePlaces, tables }
    return { dim, components, settings, graph, effort: this.#effort, ...arrays }
  }

  /**
   * The k best rows, or fewer: rows that share no component with the query are never returned. Scores are inner products with the
   * values that the index keeps, of 8 bits each.
   *
   * @throws PithError `PITH_ARG` k is not 1..2^24, an option is out of range, or a value is not above 0 · `PITH_SHAPE` · `PITH_NONFINITE`
   */
  search(query: SparseVector, k: number, options: SearchOptions = {}): SeismicHits {
    const effort = effortSettings(this.#effort, options)
    const top = new TopK(k)
    this.#query.load(query)
    this.#setWeights(true)
    const { filter, nKnn = 0, exact = false, complete = false } = options
    if (filter !== undefined && filter.words.length < this.rows >>> 5) {
      throw new PithError('PITH_SHAPE', `a filter of ${this.rows} rows is needed, got ${32 * filter.words.length}`)
    }
    if (this.#query.terms > 0 && this.rows > 0) {
      if (exact || (filter !== undefined && filter.count < FEW_ROWS * this.rows)) this.#scan(top, filter)
      else {
        this.#visit(top, Math.min(k, this.rows), effort, filter)
        if (nKnn > 0) this.#addNeighbours(top, nKnn)
        if (complete && top.size < Math.min(k, filter?.count ?? this.rows)) {
          top.take()
          this.#scan(top, filter)
        }
      }
    }
    this.#setWeights(false)
    const { ids, scores } = top.take()
    return { ids, scores, ignored: this.#query.ignored }
  }

  /** The k best rows for each query; queries of the same largest component are answered one after another. */
  searchBatch(queries: SparseMatrix, k: number, options: SearchOptions = {}): SeismicHits[] {
    const rows = queries.indptr.length - 1
    const first = Float64Array.from({ length: rows }, (_, row) => {
      const { indices, values } = sparseRow(queries, row)
      let best = 0
      for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i
      return indices[best] ?? 0
    })
    const order = Uint32Array.from({ length: rows }, (_, row) => row)
    order.sort((a, b) => (first[a] as number) - (first[b] as number) || a - b)
    const hits = new Array<SeismicHits>(rows)
    for (const row of order) hits[row] = this.search(sparseRow(queries, row), k, options)
    return hits
  }

  /** Row `row`, as the index keeps it. */
  row(row: number): { indices: Uint32Array; values: Float32Array } {
    this.#checkRow(row)
    const reader = this.#rows()
    const n = reader.load(row)
    const at = Uint32Array.from({ length: n }, (_, i) => i)
    at.sort((a, b) => (reader.components[a] as number) - (reader.components[b] as number))
    return {
      indices: Uint32Array.from(at, (i) => this.components[reader.components[i] as number] as number),
      values: Float32Array.from(at, (i) => (reader.codes[i] as number) * this.step),
    }
  }

  #checkRow(row: number): void {
    if (Number.isInteger(row) && row >= 0 && row < this.rows) return
    throw new PithError('PITH_ARG', `the row must be 0..${this.rows - 1}, got ${row}`)
  }

  /** Put the weights of the query where the kernels find them, or take them away. */
  #setWeights(isOn: boolean): void {
    const { terms, places, weights } = this.#query
    const { f32 } = this.#memory.views()
    const at = this.#memory.get(STATE.weights) / 4
    for (let i = 0; i < terms; i++) f32[at + (places[i] as number)] = isOn ? (weights[i] as number) : 0
  }

  /** Look at blocks. */
  #visit(top: TopK, k: number, effort: EffortSettings, filter: RowFilter | undefined): void {
    const memory = this.#memory
    const query = this.#query
    const cut = query.rank(effort.cut)
    const { lists, groups } = memory.views()
    let blocks = 0
    for (let i = 0; i < cut; i++) {
      const list = query.places[query.order[i] as number] as number
      blocks += (groups[lists[list + 1] as number] as number) - (groups[lists[list] as number] as number)
    }
    const { terms, places, weights, order } = query
    const [queue, heap, wanted, pairs] = memory.takeScratch([16 * blocks, 8 * k, 4 * cut, 8 * terms]) as [
      number,
      number,
      number,
      number,
    ]
    memory.setFactors(effort.heapFactor, effort.headFactor)
    memory.set(STATE.order, queue)
    memory.set(STATE.heap, heap)
    memory.set(STATE.k, k)
    memory.set(STATE.wanted, wanted)
    memory.set(STATE.listCount, cut)
    memory.set(STATE.pairs, pairs)
    const { u32 } = memory.views()
    const { u8 } = memory.kernels.memory
    for (let i = 0; i < cut; i++) u32[wanted / 4 + i] = places[order[i] as number] as number
    const codes = memory.get(STATE.codes)
    const factor = 255 / (weights[order[0] as number] as number)
    let large = 0
    for (let i = 0; i < terms; i++) {
      const place = places[i] as number
      const code = Math.max(1, Math.round((weights[i] as number) * factor))
      u8[codes + place] = code
      if (code < LEAST_CODE) continue
      u32[pairs / 4 + 2 * large] = place
      u32[pairs / 4 + 2 * large + 1] = code
      large++
    }
    memory.set(STATE.terms, large)
    this.#markDone(filter)
    memory.kernels.exports.search(memory.state)
    for (let i = 0; i < terms; i++) u8[codes + (places[i] as number)] = 0
    this.#counts = {
      blocks: memory.get(STATE.visited),
      rows: memory.get(STATE.rows),
      whole: memory.get(STATE.tailed),
    }
    const size = memory.get(STATE.size)
    for (let i = 0; i < size; i++) {
      const row = u32[heap / 4 + 2 * i + 1] as number
      top.push(row, this.#score(row))
    }
  }

  /** Rows that a filter takes away are done before the search starts. */
  #markDone(filter: RowFilter | undefined): void {
    const at = this.#memory.get(STATE.done)
    const words = Math.ceil(this.rows / 32)
    if (filter === undefined) {
      this.#memory.kernels.memory.u8.fill(0, at, at + 4 * words)
      return
    }
    const { u32 } = this.#memory.views()
    for (let word = 0; word < words; word++) u32[at / 4 + word] = ~(filter.words[word] as number)
  }

  /** Look at neighbours of the best rows that were not looked at before, one round. */
  #addNeighbours(top: TopK, nKnn: number): void {
    const { knn } = this.settings
    const { u32 } = this.#memory.views()
    const done = this.#memory.get(STATE.done) / 4
    const best = top.take()
    for (let i = 0; i < best.ids.length; i++) top.push(best.ids[i] as number, best.scores[i] as number)
    for (const row of best.ids) {
      for (let i = 0; i < Math.min(nKnn, knn); i++) {
        const near = this.graph[row * knn + i] as number
        if (near === NO_ROW) break
        const [word, bit] = [done + (near >>> 5), 1 << (near & 31)]
        if (((u32[word] as number) & bit) !== 0) continue
        u32[word] |= bit
        const score = this.#score(near)
        if (score > 0) top.push(near, score)
      }
    }
  }

  /** Look at all rows. */
  #scan(top: TopK, filter: RowFilter | undefined): void {
    const { exports } = this.#memory.kernels
    const at = this.#memory.get(STATE.scores)
    const { f64 } = this.#memory.views()
    for (let from = 0; from < this.rows; from += SCAN_ROWS) {
      const to = Math.min(this.rows, from + SCAN_ROWS)
      if (filter === undefined) exports.scoreWhole(this.#memory.state, from, to - from, at)
      for (let row = from; row < to; row++) {
        if (filter !== undefined && (((filter.words[row >>> 5] as number) >>> (row & 31)) & 1) === 0) continue
        const score = filter === undefined ? this.#scoreOf(f64[at / 8 + row - from] as number) : this.#score(row)
        if (score > 0) top.push(row, score)
      }
    }
    const rows = filter?.count ?? this.rows
    this.#counts = { blocks: 0, rows, whole: rows }
  }

  #rows(): RowReader {
    const { forward } = this.#memory.views()
    if (this.#reader === undefined || this.#readerBuffer !== forward.heads.buffer) {
      this.#readerBuffer = forward.heads.buffer
      this.#reader = new RowReader(forward)
    }
    return this.#reader
  }

  /** Score of a row for the query that is loaded, as precisely as its values are kept. */
  #score(row: number): number {
    const at = this.#memory.get(STATE.scores)
    this.#memory.kernels.exports.scoreWhole(this.#memory.state, row, 1, at)
    return this.#scoreOf(this.#memory.views().f64[at / 8] as number)
  }

  #scoreOf(sum: number): number {
    return Math.fround(sum * this.step)
  }
}
