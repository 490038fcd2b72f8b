/** Texts that stand one behind the other, each closed by a newline, asked many times what they hold. */
import type { LiteralFinder } from './search/byte-search.ts'
import { lowerByte } from './search/byte-set.ts'
import type { SlotConstraint } from './search/tokens.ts'

/** Below so many bytes texts are looked through as they are. */
const MIN_INDEXED = 64

const known: WeakMap<Uint8Array, TextTable> = new WeakMap()

/** The table of the same bytes as before, where they were asked for. */
export function tableOf(bytes: Uint8Array): TextTable {
  let table = known.get(bytes)
  if (table === undefined) known.set(bytes, (table = new TextTable(bytes)))
  return table
}

export class TextTable {
  readonly #bytes: Uint8Array
  /** Where each text ends. */
  #ends: Int32Array | undefined

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Whether one of the texts meets a constraint. `finder` looks for its bytes. */
  holds({ how, bytes, ignoreCase }: SlotConstraint, finder: () => LiteralFinder): boolean {
    const { length } = bytes
    if (length === 0) return true
    if (how === 'contains') return finder().find(this.#bytes, 0, this.#bytes.length) >= 0
    const texts = this.#bytes
    const ends = this.#textEnds()
    // The byte that is looked at first stands at the end of a text, or at its start.
    const place = how === 'startsWith' ? 0 : length - 1
    const wanted = bytes[place] as number
    let start = 0
    for (let i = 0; i < ends.length; i++) {
      const end = ends[i] as number
      const room = end - start - length
      if (room >= 0 && (how !== 'is' || room === 0)) {
        const at = how === 'endsWith' ? start + room : start
        const byte = texts[at + place] as number
        if ((ignoreCase ? lowerByte(byte) : byte) === wanted && agrees(texts, at, bytes, ignoreCase)) return true
      }
      start = end + 1
    }
    return false
  }

  #textEnds(): Int32Array {
    if (this.#ends !== undefined) return this.#ends
    const ends: number[] = []
    const bytes = this.#bytes
    if (bytes.length < MIN_INDEXED) {
      for (let i = 0; i < bytes.length; i++) if (bytes[i] === 10) ends.push(i)
    } else for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) ends.push(at)
    this.#ends = Int32Array.from(ends)
    return this.#ends
  }
}

function agrees(texts: Uint8Array, at: number, bytes: Uint8Array, ignoreCase: boolean): boolean {
  for (let i = 0; i < bytes.length; i++) {
    const byte = texts[at + i] as number
    if ((ignoreCase ? lowerByte(byte) : byte) !== bytes[i]) return false
  }
  return true
}
