/** What stands for a block: for each component the greatest code of its rows, the largest of them; kept by component. */

import { type Forward, RowReader, writeNumber } from './forward.ts'
import { mixNarrow, mixWide } from './kernels/tables.ts'
import { GROUP_BLOCKS } from './parts.ts'

/** Entries of a bucket at most, in the mean. */
const BUCKET = 6
/** Entries of a group at most, since places in it are 16-bit numbers. */
const MOST_ENTRIES = 65535

/** Makes the tables of groups of blocks; holds what it needs for each component once. */
export class SummaryMaker {
  readonly #reader: RowReader
  readonly #isWide: boolean
  readonly #energy: number
  readonly #greatest: Uint8Array
  readonly #touched: Uint32Array
  readonly #counts = new Uint32Array(256)
  #components = new Uint32Array(16384)
  #blocks = new Uint8Array(16384)
  #codes = new Uint8Array(16384)
  #entries = 0
  /** Blocks of the group. */
  #size = 0

  constructor(forward: Forward, dim: number, energy: number) {
    this.#reader = new RowReader(forward)
    this.#isWide = forward.isWide
    this.#energy = energy
    this.#greatest = new Uint8Array(dim)
    this.#touched = new Uint32Array(dim)
  }

  /** Add the summary of a block to the group; false where the group is full, which must be finished first. */
  add(rows: Uint32Array): boolean {
    const used = this.#collect(rows)
    const { threshold, open, kept } = this.#threshold(used)
    const [greatest, touched] = [this.#greatest, this.#touched]
    const fits = this.#size < GROUP_BLOCKS && this.#entries + kept <= MOST_ENTRIES
    let left = open
    for (let i = 0; i < used; i++) {
      const component = touched[i] as number
      const code = greatest[component] as number
      greatest[component] = 0
      if (fits && (code > threshold || (code === threshold && left-- > 0))) this.#addEntry(component, code)
    }
    if (fits) this.#size++
    return fits
  }

  /** The greatest code of each component of the rows; returns how many components there are. */
  #collect(rows: Uint32Array): number {
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
    return used
  }

  /** Codes above the threshold are kept, and `open` of those that equal it: as many as reach the share. */
  #threshold(used: number): { threshold: number; open: number; kept: number } {
    const counts = this.#counts.fill(0)
    let sum = 0
    for (let i = 0; i < used; i++) {
      const code = this.#greatest[this.#touched[i] as number] as number
      counts[code]++
      sum += code
    }
    let wanted = this.#energy * sum
    let threshold = 255
    let kept = 0
    while (threshold > 1 && (counts[threshold] as number) * threshold < wanted) {
      wanted -= (counts[threshold] as number) * threshold
      kept += counts[threshold--] as number
      if (kept >= MOST_ENTRIES)
        return {
          threshold: threshold + 1,
          open: MOST_ENTRIES - kept + (counts[threshold + 1] as number),
          kept: MOST_ENTRIES,
        }
    }
    const open = Math.min(MOST_ENTRIES - kept, Math.max(1, Math.ceil(wanted / threshold)))
    return { threshold, open, kept: kept + Math.min(open, counts[threshold] as number) }
  }

  #addEntry(component: number, code: number): void {
    const at = this.#entries++
    if (at === this.#components.length) {
      this.#components = grown(this.#components)
      this.#blocks = grown(this.#blocks)
      this.#codes = grown(this.#codes)
    }
    this.#components[at] = component
    this.#blocks[at] = this.#size
    this.#codes[at] = code
  }

  /** Write the table of the blocks that were added, and forget them. Returns its bytes. */
  finish(out: ByteList): number {
    const count = this.#entries
    const { bits, width } = this.#layout(count)
    const starts = new Uint32Array(2 ** bits + 1)
    for (let i = 0; i < count; i++) starts[bucketOf(this.#components[i] as number, bits, width) + 1]++
    for (let bucket = 1; bucket < starts.length; bucket++) starts[bucket] += starts[bucket - 1] as number
    const entries = 4 + 2 * starts.length
    const bytes = entries + (width + 2) * count
    const table = out.take(bytes)
    out.bytes[table] = bits
    out.bytes[table + 1] = width
    for (let i = 0; i < starts.length; i++) writeNumber(out.bytes, table + 4 + 2 * i, starts[i] as number, 2)
    for (let i = 0; i < count; i++) {
      const component = this.#components[i] as number
      const at = table + entries + (width + 2) * starts[bucketOf(component, bits, width)]++
      const tag = width === 4 ? component : mixNarrow(component)
      writeNumber(out.bytes, at, tag, width)
      out.bytes[at + width] = this.#blocks[i] as number
      out.bytes[at + width + 1] = this.#codes[i] as number
    }
    this.#entries = 0
    this.#size = 0
    return bytes
  }

  /** Bits of the buckets and bytes of the tags that take least, with buckets that are small enough. */
  #layout(count: number): { bits: number; width: number } {
    let bits = 0
    while (BUCKET * 2 ** bits < count) bits++
    if (this.#isWide) return { bits, width: 4 }
    // From 8 bits on a tag of one byte is enough.
    if (bits >= 8 || 2 ** 9 - 2 ** (bits + 1) <= count) return { bits: Math.max(8, bits), width: 1 }
    return { bits, width: 2 }
  }
}

/** The bucket of a component in a table. */
function bucketOf(component: number, bits: number, width: number): number {
  if (width !== 4) return mixNarrow(component) >>> (16 - bits)
  return bits === 0 ? 0 : mixWide(component) >>> (32 - bits)
}

/** Entries of a component in a table. */
export function readTable(
  table: Uint8Array,
  component: number,
  isWide: boolean,
): { readonly block: number; readonly code: number }[] {
  const [bits, width] = [table[0] as number, table[1] as number]
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength)
  const bucket = 4 + 2 * bucketOf(component, bits, width)
  const entries = 6 + 2 * 2 ** bits
  const tag = isWide ? component : width === 1 ? mixNarrow(component) & 255 : mixNarrow(component)
  const found: { block: number; code: number }[] = []
  for (let i = view.getUint16(bucket, true); i < view.getUint16(bucket + 2, true); i++) {
    const at = entries + (width + 2) * i
    const own = width === 4 ? view.getUint32(at, true) : width === 2 ? view.getUint16(at, true) : view.getUint8(at)
    if (own === tag) found.push({ block: table[at + width] as number, code: table[at + width + 1] as number })
  }
  return found
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
