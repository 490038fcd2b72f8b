/**
 * What the stored bytes of a chunk are for. Streams are coded together, so the bytes of a block are shared out by how much
 * information each stream holds: the cost of its symbols to a simple adaptive model of order 0 or 1.
 */
import type { ChunkView } from './chunk-decode.ts'
import { fromLatin1 } from './latin1.ts'
import type { ColumnSource, SymbolContext } from './streams.ts'
import type { Workspace } from './workspace.ts'

/** What a share of the stored bytes is for. */
export interface StoredPart {
  /**
   * `templates`: texts of templates. `order`: which template each line has. `dictionary`: texts that a column's rows refer
   * to. `values`: ids and numbers of a column's rows. `texts`: a column's rows as they are. `layout`: line ends, kinds of columns.
   */
  what: 'templates' | 'order' | 'dictionary' | 'values' | 'texts' | 'layout'
  /** Of the column, where it is of one. */
  column?: number
  bytes: number
}

/** A share before it is known how many bytes it gets. */
interface Share {
  what: StoredPart['what']
  column?: number
  /** Section that it is stored in, where that is not the one of its kind. */
  home?: string
  bits: number
}

/** Section that a share is stored in, where the chunk has it. */
const HOME: Readonly<Record<StoredPart['what'], string>> = {
  templates: 'chunk',
  layout: 'chunk',
  dictionary: 'chunk',
  order: 'ids',
  values: 'columns',
  texts: 'texts',
}

/** Passes the symbols of columns on and notes what they cost. */
class WatchedSource implements ColumnSource {
  readonly shares: Share[] = []
  readonly #source: ColumnSource
  readonly #workspace: Workspace

  constructor(source: ColumnSource, workspace: Workspace) {
    this.#source = source
    this.#workspace = workspace
  }

  ids(context: SymbolContext, ids: number, limit: number): void {
    this.#source.ids(context, ids, limit)
    this.#add(context, 'values', symbolBits(this.#workspace.memory.i32.subarray(ids >> 2, (ids >> 2) + context.rows)))
  }

  residuals(context: SymbolContext, residuals: number, width: number, kind: 'number' | 'time', mode: number): void {
    this.#source.residuals(context, residuals, width, kind, mode)
    this.#add(context, 'values', numberBits(new Float64Array(this.#workspace.memory.buffer, residuals, context.rows)))
  }

  flags(context: SymbolContext, flags: number): void {
    this.#source.flags(context, flags)
    this.#add(context, 'values', byteBits(this.#workspace.memory.u8.subarray(flags, flags + context.rows)))
  }

  texts(context: SymbolContext, starts: number, ends: number, count: number, kind: number): void {
    this.#source.texts(context, starts, ends, count, kind)
    if (count === 0) return
    // Texts stand one behind the other, each with a newline.
    const from = this.#workspace.word(starts, 0)
    const to = this.#workspace.word(ends, count - 1) + 1
    this.#add(context, 'texts', byteBits(this.#workspace.memory.u8.subarray(from, to)))
  }

  #add({ column }: SymbolContext, what: StoredPart['what'], bits: number): void {
    this.shares.push({ what, column, bits })
  }
}

/**
 * Share out the stored bytes of a chunk, all of whose columns are decoded for it.
 *
 * @param stored           bytes in the file by section
 * @param priorTemplates   templates at the start of the set that the chunk does not hold itself
 * @returns parts whose bytes add up to those of `stored`
 */
export function weighChunk(
  view: ChunkView,
  workspace: Workspace,
  stored: ReadonlyMap<string, number>,
  priorTemplates: number,
): StoredPart[] {
  const own = view.templates.templates.slice(priorTemplates)
  const texts = own.map(({ statics, layouts }) => `${statics.join('\0')}${layouts.join('\0')}\n`).join('')
  const shares: Share[] = [
    { what: 'layout', bits: 64 + 16 * view.specs.length },
    { what: 'templates', bits: byteBits(fromLatin1(texts)) },
    { what: 'order', bits: symbolBits(view.templatesOfLines()) },
  ]
  for (const spec of view.specs) {
    const own = view.textsOf(spec)
    const home = view.standsWithTexts(spec) ? { home: 'texts' } : {}
    if (own.length > 0) shares.push({ what: 'dictionary', column: spec.id, bits: byteBits(own), ...home })
  }
  let watched: WatchedSource | undefined
  view.watch((source) => (watched = new WatchedSource(source, workspace)))
  view.materialize(view.specs.length)
  shares.push(...(watched as unknown as WatchedSource).shares)
  return shareOut(shares, stored)
}

/** Give each share its bytes of the section that it is stored in. */
function shareOut(shares: readonly Share[], stored: ReadonlyMap<string, number>): StoredPart[] {
  const parts: StoredPart[] = []
  for (const [section, bytes] of stored) {
    const here = shares.filter(({ what, home = HOME[what] }) => (stored.has(home) ? home : 'chunk') === section)
    let bits = here.reduce((sum, share) => sum + share.bits, 0)
    let left = bytes
    for (const share of here) {
      // What is left is shared out anew each time, so that the parts add up.
      const own = bits > 0 ? Math.min(left, Math.round((left * share.bits) / bits)) : 0
      bits -= share.bits
      left -= own
      if (own > 0)
        parts.push({ ...(share.column === undefined ? {} : { column: share.column }), what: share.what, bytes: own })
    }
    if (left > 0) parts.push({ what: 'layout', bytes: left })
  }
  return parts
}

/** Bits that symbols >= 0 cost, as they are or after the one before. */
function symbolBits(symbols: ArrayLike<number>): number {
  let largest = 0
  for (let i = 0; i < symbols.length; i++) largest = Math.max(largest, symbols[i] as number)
  if (largest < 256) return byteBits(symbols)
  const counts = new Map<number, number>()
  const fresh = Math.log2(largest + 1)
  let bits = 0
  for (let i = 0; i < symbols.length; i++) {
    const symbol = symbols[i] as number
    const count = counts.get(symbol) ?? 0
    bits +=
      count === 0 ? Math.log2((i + counts.size + 1) / (counts.size + 1)) + fresh : Math.log2((i + counts.size) / count)
    counts.set(symbol, count + 1)
  }
  return bits
}

/** The same for symbols below 256. */
function byteBits(symbols: ArrayLike<number>): number {
  const single = new Uint32Array(256)
  const pairs = new Uint32Array(65536)
  const singleSum = new Uint32Array(2)
  const pairSums = new Uint32Array(512)
  let alone = 0
  let paired = 0
  let last = 0
  for (let i = 0; i < symbols.length; i++) {
    const symbol = symbols[i] as number
    alone += cost(single, symbol, singleSum, 0)
    paired += cost(pairs, last * 256 + symbol, pairSums, last * 2)
    last = symbol
  }
  return Math.min(alone, paired)
}

/** Cost of a symbol by what was counted before it; `sums` holds how many were counted, and how many different ones. */
function cost(counts: Uint32Array, at: number, sums: Uint32Array, sum: number): number {
  const count = counts[at] as number
  const total = sums[sum] as number
  const kinds = sums[sum + 1] as number
  counts[at] = count + 1
  sums[sum] = total + 1
  if (count > 0) return Math.log2((total + kinds) / count)
  sums[sum + 1] = kinds + 1
  return 8 + Math.log2((total + kinds + 1) / (kinds + 1))
}

/** Bits that numbers >= 0 cost: their lengths as symbols, and what is behind the first bit of each. */
function numberBits(numbers: Float64Array): number {
  const lengths = new Uint8Array(numbers.length)
  const low = new Uint8Array(numbers.length)
  let rest = 0
  let small = true
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i] as number
    const length = value < 1 ? 0 : Math.floor(Math.log2(value)) + 1
    lengths[i] = length
    rest += Math.max(0, length - 1)
    low[i] = value
    small &&= value < 256
  }
  const coded = byteBits(lengths) + rest
  return small ? Math.min(coded, byteBits(low)) : coded
}
