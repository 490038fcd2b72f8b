/** What stands for a block: for each component the greatest code of its rows, the largest of them; kept by component. */
import { type Forward, RowReader, writeNumber } from './forward.ts'
import { bucketOf } from './kernels/tables.ts'

/** Components of a bucket, about. */
const BUCKET = 4

/** Makes the tables of groups of blocks; holds what it needs for each component once. */
export class SummaryMaker {
  readonly #reader: RowReader
  readonly #isWide: boolean
  readonly #energy: number
  readonly #greatest: Uint8Array
  readonly #touched: Uint32Array
  readonly #counts = new Uint32Array(256)
  /** Place among the components of the group, or -1. */
  readonly #slots: Int32Array
  #components = new Uint32Array(4096)
  #sizes = new Uint16Array(4096)
  #distinct = 0
  #entrySlots = new Uint32Array(16384)
  #entryBlocks = new Uint8Array(16384)
  #entryCodes = new Uint8Array(16384)
  #entries = 0

  constructor(forward: Forward, dim: number, energy: number) {
    this.#reader = new RowReader(forward)
    this.#isWide = forward.isWide
    this.#energy = energy
    this.#greatest = new Uint8Array(dim)
    this.#touched = new Uint32Array(dim)
    this.#slots = new Int32Array(dim).fill(-1)
  }

  /** Add the summary of a block, which is number `block` of its group. */
  add(rows: Uint32Array, block: number): void {
    const [greatest, touched] = [this.#greatest, this.#touched]
    const { components, codes } = this.#reader
    let used = 0
    for (let r = 0; r < rows.length; r++) {
      const n = this.#reader.load(rows[r] as number)
      for (let i = 0; i < n; i++) {
        const component = components[i] as number
        const code = codes[i] as number
        const old = greatest[component] as number
        if (old === 0) touched[used++] = component
        if (code > old) greatest[component] = code
      }
    }
    const { threshold, open } = this.#threshold(used)
    let left = open
    for (let i = 0; i < used; i++) {
      const component = touched[i] as number
      const code = greatest[component] as number
      greatest[component] = 0
      if (code > threshold || (code === threshold && left-- > 0)) this.#addEntry(component, block, code)
    }
  }

  /** Codes above the threshold are kept, and `open` of those that equal it: as many as reach the share. */
  #threshold(used: number): { threshold: number; open: number } {
    const counts = this.#counts.fill(0)
    let sum = 0
    for (let i = 0; i < used; i++) {
      const code = this.#greatest[this.#touched[i] as number] as number
      counts[code]++
      sum += code
    }
    let wanted = this.#energy * sum
    let threshold = 255
    while (threshold > 1 && (counts[threshold] as number) * threshold < wanted) {
      wanted -= (counts[threshold] as number) * threshold
      threshold--
    }
    return { threshold, open: Math.max(1, Math.ceil(wanted / threshold)) }
  }

  #addEntry(component: number, block: number, code: number): void {
    let slot = this.#slots[component] as number
    if (slot === -1) {
      slot = this.#distinct++
      if (slot === this.#components.length) {
        this.#components = grown(this.#components)
        this.#sizes = grown(this.#sizes)
      }
      this.#slots[component] = slot
      this.#components[slot] = component
      this.#sizes[slot] = 0
    }
    this.#sizes[slot]++
    const at = this.#entries++
    if (at === this.#entrySlots.length) {
      this.#entrySlots = grown(this.#entrySlots)
      this.#entryBlocks = grown(this.#entryBlocks)
      this.#entryCodes = grown(this.#entryCodes)
    }
    this.#entrySlots[at] = slot
    this.#entryBlocks[at] = block
    this.#entryCodes[at] = code
  }

  /** Write the table of the blocks that were added, and forget them. Returns its bytes. */
  finish(out: ByteList): number {
    const width = this.#isWide ? 4 : 2
    let bits = 0
    while (bits < 16 && BUCKET * 2 ** bits < this.#distinct) bits++
    const starts = new Uint32Array(2 ** bits + 1)
    for (let slot = 0; slot < this.#distinct; slot++) {
      const bucket = bucketOf(this.#components[slot] as number, bits)
      starts[bucket + 1] += width + 1 + 2 * (this.#sizes[slot] as number)
    }
    starts[0] = 4 + 4 * starts.length
    for (let bucket = 1; bucket < starts.length; bucket++) starts[bucket] += starts[bucket - 1] as number
    const bytes = (starts.at(-1) as number) + (-(starts.at(-1) as number) & 3)
    const table = out.take(bytes)
    writeNumber(out.bytes, table, bits, 4)
    for (let i = 0; i < starts.length; i++) writeNumber(out.bytes, table + 4 + 4 * i, starts[i] as number, 4)
    const places = new Uint32Array(this.#distinct)
    for (let slot = 0; slot < this.#distinct; slot++) {
      const component = this.#components[slot] as number
      const bucket = bucketOf(component, bits)
      const at = table + (starts[bucket] as number)
      writeNumber(out.bytes, at, component, width)
      out.bytes[at + width] = (this.#sizes[slot] as number) - 1
      places[slot] = at + width + 1
      starts[bucket] += width + 1 + 2 * (this.#sizes[slot] as number)
      this.#slots[component] = -1
    }
    for (let i = 0; i < this.#entries; i++) {
      const slot = this.#entrySlots[i] as number
      const place = places[slot] as number
      out.bytes[place] = this.#entryBlocks[i] as number
      out.bytes[place + 1] = this.#entryCodes[i] as number
      places[slot] = place + 2
    }
    this.#distinct = 0
    this.#entries = 0
    return bytes
  }
}

/** Bytes that grow; what is taken is zero. */
export class ByteList {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(65536)
  length = 0

  take(count: number): number {
    const at = this.length
    this.length += count
    if (this.length > this.bytes.length) {
      const old = this.bytes
      this.bytes = new Uint8Array(Math.max(this.length, 2 * old.length))
      this.bytes.set(old)
    }
    return at
  }
}

function grown<T extends Uint8Array | Uint16Array | Uint32Array>(list: T): T {
  const larger = new (list.constructor as new (length: number) => T)(2 * list.length)
  larger.set(list)
  return larger
}
