/** An index in one linear memory, as its kernels want it. */
import { PithError } from '@pith/core'
import { instantiateKernels, type Kernels, type KernelTarget } from '@pith/core/wasm'
import type { Forward } from './forward.ts'
import * as twin from './kernels/index.ts'
import { QUEUE } from './kernels/search.ts'
import { WASM_BASE64 } from './kernels.wasm.ts'
import type { SeismicParts } from './parts.ts'

const MAX_BYTES = 2 ** 31 - 65536
/** What touching reads behind the last tail or table. */
const SLACK = 1024
/** Rows whose scores are made at a time. */
export const SCAN_ROWS = 256
const STATE_BYTES = 192

/** Words of the state of kernels/search.ts. */
export const STATE = {
  heads: 0,
  tails: 1,
  lists: 2,
  groups: 3,
  blocks: 4,
  postings: 5,
  tablePlaces: 6,
  tables: 7,
  codes: 8,
  pairs: 9,
  terms: 10,
  wanted: 11,
  listCount: 12,
  done: 18,
  order: 19,
  queue: 20,
  sums: 21,
  heap: 22,
  k: 23,
  isWide: 24,
  size: 25,
  rows: 26,
  tailed: 27,
  visited: 28,
  weights: 32,
  scores: 33,
} as const

/** Places of f64 in the state. */
const HEAP_FACTOR = 7
const HEAD_FACTOR = 8
const MIDDLE_FACTOR = 15

/** The memory of an index: its arrays, then what a query needs. */
export class Resident {
  readonly kernels: Kernels<typeof twin>
  /** Address of the state. */
  readonly state: number
  readonly rows: number
  readonly #mark: number
  readonly #sizes: {
    readonly heads: number
    readonly tails: number
    readonly listCount: number
    readonly groupCount: number
  }
  readonly #step: number
  readonly #isWide: boolean
  #buffer: ArrayBuffer | undefined
  #views: Views | undefined

  /** @throws PithError `PITH_LIMIT` it does not fit into 2 GiB */
  constructor(parts: SeismicParts, target: KernelTarget | 'auto') {
    const { forward } = parts
    this.rows = forward.rows
    this.#step = forward.step
    this.#isWide = forward.isWide
    this.#sizes = {
      heads: forward.heads.length,
      tails: forward.tails.length,
      listCount: parts.lists.length,
      groupCount: parts.groups.length,
    }
    const runs = [
      forward.heads,
      forward.tails,
      parts.lists,
      parts.groups,
      parts.blocks,
      parts.postings,
      parts.tablePlaces,
      parts.tables,
    ]
    const work = [
      parts.components.length + 16,
      4 * Math.ceil(this.rows / 32) + 16,
      16 * QUEUE,
      1024,
      4 * parts.components.length + 16,
      8 * SCAN_ROWS,
    ]
    const total = [...runs.map((run) => run.byteLength + SLACK), ...work].reduce(
      (sum, bytes) => sum + bytes + 64,
      65536,
    )
    if (total > MAX_BYTES) {
      throw new PithError('PITH_LIMIT', `an index of ${this.rows} rows needs ${total} bytes of 2 GiB`, {
        hint: 'Keep the rows in several indexes, or less of each: keep, energy.',
      })
    }
    this.kernels = instantiateKernels({ wasm: WASM_BASE64, twin }, { target, maxBytes: MAX_BYTES })
    const { memory } = this.kernels
    // At once, since a memory that grows bit by bit is copied each time.
    const start = memory.reserve(total)
    memory.release(start)
    this.state = memory.alloc(STATE_BYTES, 64)
    for (const [word, run] of runs.entries()) {
      const at = memory.alloc(run.byteLength + SLACK, 64)
      memory.u8.set(new Uint8Array(run.buffer, run.byteOffset, run.byteLength), at)
      this.set(word, at)
    }
    for (const [i, word] of [STATE.codes, STATE.done, STATE.queue, STATE.sums, STATE.weights, STATE.scores].entries()) {
      this.set(word, memory.alloc(work[i] as number, 64))
    }
    this.set(STATE.isWide, forward.isWide ? 1 : 0)
    this.#mark = memory.mark()
  }

  /** Bytes that it holds. */
  get bytes(): number {
    return this.#mark
  }

  get(word: number): number {
    return this.kernels.memory.i32[(this.state >> 2) + word] as number
  }

  set(word: number, value: number): void {
    this.kernels.memory.i32[(this.state >> 2) + word] = value
  }

  setFactors(heapFactor: number, headFactor: number): void {
    const { f64 } = this.views()
    f64[(this.state >> 3) + HEAP_FACTOR] = heapFactor
    f64[(this.state >> 3) + HEAD_FACTOR] = headFactor
    // With more of a row summed it must be nearer to the limit.
    f64[(this.state >> 3) + MIDDLE_FACTOR] = Math.sqrt(Math.sqrt(Math.sqrt(headFactor)))
  }

  /** Take memory for a query: addresses of runs of these bytes, which live until the next call. */
  takeScratch(bytes: readonly number[]): number[] {
    const { memory } = this.kernels
    memory.release(this.#mark)
    return bytes.map((size) => memory.reserve(size))
  }

  /** Arrays over the memory as it is now; they are others once it grew. */
  views(): Views {
    const { memory } = this.kernels
    if (this.#views !== undefined && this.#buffer === memory.buffer) return this.#views
    const { heads, tails, listCount, groupCount } = this.#sizes
    const bytesAt = (word: number, length: number): Uint8Array => new Uint8Array(memory.buffer, this.get(word), length)
    const wordsAt = (word: number, length: number): Uint32Array =>
      new Uint32Array(memory.buffer, this.get(word), length)
    const groups = wordsAt(STATE.groups, groupCount)
    const blocks = wordsAt(STATE.blocks, (groups.at(-1) as number) + 1)
    const tablePlaces = wordsAt(STATE.tablePlaces, groupCount)
    this.#buffer = memory.buffer
    this.#views = {
      u32: new Uint32Array(memory.buffer),
      f32: new Float32Array(memory.buffer),
      f64: new Float64Array(memory.buffer),
      forward: {
        rows: this.rows,
        step: this.#step,
        isWide: this.#isWide,
        heads: bytesAt(STATE.heads, heads),
        tails: bytesAt(STATE.tails, tails),
      },
      lists: wordsAt(STATE.lists, listCount),
      groups,
      blocks,
      postings: wordsAt(STATE.postings, blocks.at(-1) as number),
      tablePlaces,
      tables: bytesAt(STATE.tables, tablePlaces.at(-1) as number),
    }
    return this.#views
  }
}

/** Arrays over a memory. */
interface Views {
  readonly u32: Uint32Array
  readonly f32: Float32Array
  readonly f64: Float64Array
  readonly forward: Forward
  readonly lists: Uint32Array
  readonly groups: Uint32Array
  readonly blocks: Uint32Array
  readonly postings: Uint32Array
  readonly tablePlaces: Uint32Array
  readonly tables: Uint8Array
}
