/** Exact search over sparse rows, term by term. */
import { PithError } from '@pith/core'
import { instantiateKernels, type Kernels, type KernelTarget } from '@pith/core/wasm'
import type { Hits, RowFilter, SparseMatrix, SparseVector } from '../types.ts'
import * as twin from './kernels/index.ts'
import { WASM_BASE64 } from './kernels.wasm.ts'
import { checkSparseMatrix, compactComponents, placeOf, sortVector } from './matrix.ts'

/** Rows whose sums are made at a time: as many as 16 bits tell apart. */
const CHUNK_BITS = 16
const MAX_BYTES = 2 ** 31 - 65536

/** Rows that are searched exactly: the sums of all postings of a query's components. */
export class SparseIndex {
  readonly rows: number
  readonly dim: number
  /** Components that occur, ascending. */
  readonly components: Uint32Array
  readonly #kernels: Kernels<typeof twin>
  readonly #runs: number
  readonly #chunks: number
  readonly #postingRows: number
  readonly #postingValues: number
  readonly #sums: number
  readonly #mark: number

  /** @throws PithError what is wrong with the matrix · `PITH_LIMIT` it does not fit into 2 GiB */
  constructor(source: SparseMatrix, options: { target?: KernelTarget | 'auto' } = {}) {
    checkSparseMatrix(source)
    const { components, matrix } = compactComponents(source)
    const { indptr, indices, values } = matrix
    this.rows = indptr.length - 1
    this.dim = source.dim
    this.components = components
    this.#kernels = instantiateKernels({ wasm: WASM_BASE64, twin }, { ...options, maxBytes: MAX_BYTES })
    const { memory } = this.#kernels
    this.#chunks = Math.max(1, Math.ceil(this.rows / 2 ** CHUNK_BITS))
    const runs = components.length * this.#chunks
    const bytes = 4 * (runs + 1) + 6 * values.length + 2 ** (CHUNK_BITS + 2) + 4096
    if (bytes > MAX_BYTES) {
      throw new PithError('PITH_LIMIT', `the postings of ${this.rows} rows need ${bytes} bytes`, {
        hint: 'Search them in parts of fewer rows.',
      })
    }
    const start = memory.reserve(bytes)
    memory.release(start)
    this.#runs = memory.alloc(4 * (runs + 1))
    this.#postingValues = memory.alloc(4 * values.length + 16)
    this.#postingRows = memory.alloc(2 * values.length + 16)
    this.#sums = memory.alloc(2 ** (CHUNK_BITS + 2))
    this.#mark = memory.mark()
    const starts = new Uint32Array(memory.buffer, this.#runs, runs + 1)
    const postingRows = new Uint16Array(memory.buffer, this.#postingRows, values.length)
    const postingValues = new Float32Array(memory.buffer, this.#postingValues, values.length)
    fillPostings(indptr, indices, values, this.#chunks, starts, postingRows, postingValues)
  }

  /** Bytes of memory that it holds. */
  get bytes(): number {
    return this.#kernels.memory.used
  }

  /**
   * The k best rows. Scores are sums of products of singles by ascending component; rows without a common component are not
   * returned, and what a query has of other components counts nothing.
   *
   * @throws PithError `PITH_ARG` k is not 1..2^24, or a value is not above 0 · `PITH_SHAPE` · `PITH_NONFINITE`
   */
  search(query: SparseVector, k: number, filter?: RowFilter): Hits {
    if (!(Number.isInteger(k) && k >= 1 && k <= 1 << 24)) throw new PithError('PITH_ARG', `k must be 1..2^24, not ${k}`)
    const { indices, values } = sortVector(query)
    const { memory, exports } = this.#kernels
    memory.release(this.#mark)
    const most = Math.min(k, this.rows)
    const heap = memory.reserve(8 * most)
    const at = memory.reserve(8 * indices.length)
    const bits = filter === undefined ? 0 : memory.reserve(4 * Math.ceil(this.rows / 32))
    if (filter !== undefined) memory.u8.set(bytesOf(filter.words, Math.ceil(this.rows / 32)), bits)
    const floats = new Float32Array(memory.buffer)
    let terms = 0
    for (let i = 0; i < indices.length; i++) {
      const place = placeOf(this.components, indices[i] as number)
      if (place < 0) continue
      memory.i32[at / 4 + 2 * terms] = place
      floats[at / 4 + 2 * terms + 1] = values[i] as number
      terms++
    }
    const size = exports.search(
      this.#runs,
      this.#chunks,
      CHUNK_BITS,
      this.#postingRows,
      this.#postingValues,
      at,
      terms,
      this.#sums,
      bits,
      heap,
      most,
    )
    return sortHits(floats, memory.i32, heap / 4, size)
  }
}

/** The words of a filter of `words` words as bytes. */
function bytesOf(given: Uint32Array, words: number): Uint8Array {
  if (given.length < words)
    throw new PithError('PITH_SHAPE', `a filter of ${words} words is needed, got ${given.length}`)
  return new Uint8Array(given.buffer, given.byteOffset, 4 * words)
}

function sortHits(floats: Float32Array, words: Int32Array, at: number, size: number): Hits {
  const found = Array.from({ length: size }, (_, i) => ({
    score: floats[at + 2 * i] as number,
    id: words[at + 2 * i + 1] as number,
  }))
  found.sort((a, b) => b.score - a.score || a.id - b.id)
  return { ids: Uint32Array.from(found, ({ id }) => id), scores: Float32Array.from(found, ({ score }) => score) }
}

/** Postings by component, then chunk, then row. */
function fillPostings(
  indptr: Uint32Array,
  indices: Uint16Array | Uint32Array,
  values: Float32Array,
  chunks: number,
  starts: Uint32Array,
  postingRows: Uint16Array,
  postingValues: Float32Array,
): void {
  const rows = indptr.length - 1
  for (let row = 0; row < rows; row++) {
    const chunk = row >>> CHUNK_BITS
    for (let at = indptr[row] as number; at < (indptr[row + 1] as number); at++) {
      starts[(indices[at] as number) * chunks + chunk + 1]++
    }
  }
  for (let run = 1; run < starts.length; run++) starts[run] += starts[run - 1] as number
  const next = starts.slice()
  for (let row = 0; row < rows; row++) {
    const chunk = row >>> CHUNK_BITS
    for (let at = indptr[row] as number; at < (indptr[row + 1] as number); at++) {
      const place = next[(indices[at] as number) * chunks + chunk]++
      postingRows[place] = row & ((1 << CHUNK_BITS) - 1)
      postingValues[place] = values[at] as number
    }
  }
}
