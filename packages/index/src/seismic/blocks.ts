/** Lists cut into blocks of rows that are alike (Seismic, section 5.2: shallow k-means). */
import type { Random } from '@pith/core'
import { type Forward, RowReader } from './forward.ts'

/** How lists are cut. */
export interface BlockOptions {
  /** Blocks for each row of a list. */
  readonly blockFraction: number
  /** Blocks of no more rows are given up. */
  readonly minBlock: number
  /** Components of a row that decide its block. */
  readonly docCut: number
}

/** Cuts lists over one matrix; holds what it needs for each component once. */
export class BlockMaker {
  readonly #reader: RowReader
  readonly #options: BlockOptions
  readonly #first: Int32Array
  #next = new Int32Array(4096)
  #centroid = new Uint32Array(4096)
  #code = new Uint8Array(4096)

  constructor(forward: Forward, dim: number, options: BlockOptions) {
    this.#reader = new RowReader(forward)
    this.#options = options
    this.#first = new Int32Array(dim).fill(-1)
  }

  /** Rows of each block of a list. */
  cut(rows: Uint32Array, random: Random): Uint32Array[] {
    const { blockFraction, minBlock } = this.#options
    const n = rows.length
    if (n === 0) return []
    const wanted = Math.max(1, Math.floor(blockFraction * n))
    if (wanted === 1) return [rows]
    const centroids = random.shuffle(rows.slice()).subarray(0, wanted)
    let assigned = this.#assign(rows, centroids)
    let sizes = sizesOf(assigned, wanted)
    const large = [...sizes.keys()].filter((block) => (sizes[block] as number) > minBlock)
    if (large.length === 0) return [rows]
    if (large.length < wanted) {
      const left = Uint32Array.from(large, (block) => centroids[block] as number)
      const number = new Int32Array(wanted).fill(-1)
      for (const [i, block] of large.entries()) number[block] = i
      const homeless = rows.filter((_, i) => number[assigned[i] as number] === -1)
      const again = this.#assign(
        homeless,
        left,
        large.map((block) => sizes[block] as number),
      )
      let at = 0
      assigned = assigned.map((block) => {
        const kept = number[block] as number
        return kept === -1 ? (again[at++] as number) : kept
      })
      sizes = sizesOf(assigned, large.length)
    }
    return gather(rows, assigned, sizes)
  }

  /** The most similar centroid of each row; where none is, the smallest block. */
  #assign(rows: Uint32Array, centroids: Uint32Array, start: readonly number[] = []): Uint32Array {
    const { docCut } = this.#options
    this.#indexCentroids(centroids)
    const sizes = Uint32Array.from({ length: centroids.length }, (_, i) => start[i] ?? 0)
    const sums = new Uint32Array(centroids.length)
    const assigned = new Uint32Array(rows.length)
    for (let i = 0; i < rows.length; i++) {
      sums.fill(0)
      this.#addRow(rows[i] as number, docCut, sums)
      let best = 0
      let smallest = 0
      for (let c = 1; c < sums.length; c++) {
        if ((sums[c] as number) > (sums[best] as number)) best = c
        if ((sizes[c] as number) < (sizes[smallest] as number)) smallest = c
      }
      const block = sums[best] === 0 ? smallest : best
      assigned[i] = block
      sizes[block]++
    }
    this.#forgetCentroids(centroids)
    return assigned
  }

  #indexCentroids(centroids: Uint32Array): void {
    let used = 0
    for (let c = 0; c < centroids.length; c++) {
      const count = this.#reader.load(centroids[c] as number, 65535)
      if (used + count > this.#next.length) this.#growEntries(used + count)
      for (let i = 0; i < count; i++) {
        const component = this.#reader.components[i] as number
        this.#next[used] = this.#first[component] as number
        this.#centroid[used] = c
        this.#code[used] = this.#reader.codes[i] as number
        this.#first[component] = used++
      }
    }
  }

  #growEntries(wanted: number): void {
    const size = Math.max(wanted, 2 * this.#next.length)
    const [next, centroid, code] = [this.#next, this.#centroid, this.#code]
    this.#next = new Int32Array(size)
    this.#next.set(next)
    this.#centroid = new Uint32Array(size)
    this.#centroid.set(centroid)
    this.#code = new Uint8Array(size)
    this.#code.set(code)
  }

  #forgetCentroids(centroids: Uint32Array): void {
    for (let c = 0; c < centroids.length; c++) {
      const count = this.#reader.load(centroids[c] as number, 65535)
      for (let i = 0; i < count; i++) this.#first[this.#reader.components[i] as number] = -1
    }
  }

  #addRow(row: number, docCut: number, sums: Uint32Array): void {
    const count = this.#reader.load(row, docCut)
    for (let i = 0; i < count; i++) {
      const code = this.#reader.codes[i] as number
      for (
        let at = this.#first[this.#reader.components[i] as number] as number;
        at >= 0;
        at = this.#next[at] as number
      ) {
        sums[this.#centroid[at] as number] += code * (this.#code[at] as number)
      }
    }
  }
}

function sizesOf(assigned: Uint32Array, blocks: number): Uint32Array {
  const sizes = new Uint32Array(blocks)
  for (let i = 0; i < assigned.length; i++) sizes[assigned[i] as number]++
  return sizes
}

function gather(rows: Uint32Array, assigned: Uint32Array, sizes: Uint32Array): Uint32Array[] {
  const blocks = Array.from(sizes, (size) => new Uint32Array(size))
  const used = new Uint32Array(sizes.length)
  for (let i = 0; i < rows.length; i++) {
    const block = assigned[i] as number
    ;(blocks[block] as Uint32Array)[used[block]++] = rows[i] as number
  }
  return blocks.filter((block) => block.length > 0)
}
