/**
 * What the symbols of a column are predicted from at level `max`: the symbols of other columns in the same line. The coder
 * chooses up to two columns that tell most, wherever they stand; the nearest left columns follow.
 */
import type { SymbolContext } from './streams.ts'
import type { Workspace } from './workspace.ts'

/** Columns whose symbols are looked at. */
const LEFTS = 5
/** Symbols of a column that stands already. */
interface Known {
  column: number
  lines: Int32Array
  symbols: Int32Array
}

/** Fewer rows than this have no references. */
export const MIN_REFERRING: number = 40
/** Rows that the choice of references looks at. */
export const SAMPLE: number = 2048
/** Columns back that a reference may point. */
const MAX_DISTANCE = 255
/** References of a column. */
export const REFERENCES: number = 2

/** Symbols of the columns that stand already, aligned with the rows of the column at hand. */
export class LeftColumns {
  readonly #workspace: Workspace
  readonly #known: Known[] = []
  readonly #byColumn: Map<number, Known> = new Map()

  constructor(workspace: Workspace) {
    this.#workspace = workspace
  }

  /**
   * Addresses of the symbols of other columns, i32 a row each: those referred to, then the nearest left ones.
   *
   * @param references distances back in the order of coding, 0 for none
   */
  align(context: SymbolContext, references: readonly number[]): { list: number; count: number } {
    const { memory } = this.#workspace
    const chosen: Known[] = []
    for (const distance of references) {
      const known = distance === 0 ? undefined : this.#known[this.#known.length - distance]
      if (known !== undefined && !chosen.includes(known)) chosen.push(known)
    }
    for (const id of context.left) {
      const known = this.#byColumn.get(id)
      if (known !== undefined && chosen.length < LEFTS && !chosen.includes(known)) chosen.push(known)
    }
    const list = this.#workspace.words(LEFTS)
    const lines = this.#lines(context)
    for (const [k, known] of chosen.entries()) {
      const at = this.#workspace.words(context.rows)
      memory.i32[(list >> 2) + k] = at
      memory.i32.set(symbolsAt(known, lines), at >> 2)
    }
    return { list, count: chosen.length }
  }

  /** The columns that tell most about `symbols`, as distances. */
  choose(context: SymbolContext, symbols: Int32Array): number[] {
    const lines = this.#lines(context).subarray(0, symbols.length)
    const table = new Int32Array(4 << (32 - Math.clz32(symbols.length)))
    const own = hitsOf(shifted(symbols), symbols, table)
    const weights = Uint8Array.from(own, (hit) => (hit === 1 ? 1 : 4))
    const result: number[] = []
    const nearest = context.left.find((id) => this.#byColumn.has(id))
    const first = Math.max(0, this.#known.length - MAX_DISTANCE)
    const candidates: { distance: number; hits: Uint8Array }[] = []
    let floor = 0
    for (let k = this.#known.length - 1; k >= first; k--) {
      const known = this.#known[k] as Known
      const hits = hitsOf(symbolsAt(known, lines), symbols, table)
      candidates.push({ distance: this.#known.length - k, hits })
      if (known.column === nearest) floor = sum(hits, weights)
    }
    while (result.length < REFERENCES) {
      let best: { distance: number; hits: Uint8Array } | undefined
      let most = floor + 16 + (symbols.length >> 6)
      for (const candidate of candidates) {
        const score = sum(candidate.hits, weights)
        if (score > most) {
          most = score
          best = candidate
        }
      }
      if (best === undefined) break
      result.push(best.distance)
      for (let i = 0; i < weights.length; i++) if (best.hits[i] === 1) weights[i] = 0
      floor = 0
    }
    while (result.length < REFERENCES) result.push(0)
    return result
  }

  remember(context: SymbolContext, at: number): void {
    const { memory } = this.#workspace
    const known = {
      column: context.column,
      lines: this.#lines(context),
      symbols: memory.i32.slice(at >> 2, (at >> 2) + context.rows),
    }
    this.#known.push(known)
    this.#byColumn.set(context.column, known)
  }

  #lines(context: SymbolContext): Int32Array {
    return this.#workspace.memory.i32.slice(context.lines >> 2, (context.lines >> 2) + context.rows)
  }
}

/** The last symbol of a column up to each of `lines`, plus 1; 0 where there is none. */
function symbolsAt({ lines, symbols }: Known, at: Int32Array): Int32Array {
  const out = new Int32Array(at.length)
  let j = 0
  for (let i = 0; i < at.length; i++) {
    const line = at[i] as number
    while (j < lines.length && (lines[j] as number) <= line) j++
    out[i] = j > 0 ? ((symbols[j - 1] as number) + 1) | 0 : 0
  }
  return out
}

function shifted(symbols: Int32Array): Int32Array {
  const out = new Int32Array(symbols.length)
  out.set(symbols.subarray(0, -1), 1)
  return out
}

/** Where `symbols` are as they were when `keys` was last the same, or equal to the key itself when it is new. */
function hitsOf(keys: Int32Array, symbols: Int32Array, table: Int32Array): Uint8Array {
  const hits = new Uint8Array(symbols.length)
  const mask = table.length - 1
  table.fill(0)
  for (let i = 0; i < symbols.length; i++) {
    const key = keys[i] as number
    const symbol = symbols[i] as number
    // Open addressing over the rows themselves: a cell holds 1 + the last row of its key.
    let cell = Math.imul(key, 0x9e3779b1) & mask
    let row = (table[cell] as number) - 1
    while (row >= 0 && keys[row] !== key) {
      cell = (cell + 1) & mask
      row = (table[cell] as number) - 1
    }
    if (row >= 0 ? symbols[row] === symbol : key === ((symbol + 1) | 0)) hits[i] = 1
    table[cell] = i + 1
  }
  return hits
}

function sum(hits: Uint8Array, weights: Uint8Array): number {
  let total = 0
  for (let i = 0; i < hits.length; i++) total += (hits[i] as number) * (weights[i] as number)
  return total
}
