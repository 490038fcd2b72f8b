import { ByteReader, ByteWriter, compareText, type Run } from '@pith/core'
import { filterOf } from '../row-filter.ts'
import type { SectionReader, SectionWriter } from '../sections.ts'
import type { FieldValue, RowFilter } from '../types.ts'
import { damaged, readText, writeText } from './document.ts'

/** What a column holds: numbers, or keys (texts, and booleans as such). */
const NUMBERS = 0
const KEYS = 1

/** How the rows of a key are written. */
const DELTAS = 0
const BITS = 1

/** Keys are texts with the kind of the value before them. */
const TEXT_KEY = 't'
const BOOLEAN_KEY = 'b'

/** A number and the rows that have it, as parallel lists in ascending order of numbers, then rows. */
export interface NumberColumn {
  readonly values: Float64Array
  readonly rows: Uint32Array
}

/** Keys in ascending order, and the rows of each. */
export interface KeyColumn {
  readonly keys: readonly string[]
  /** Rows that have the key, ascending. */
  rowsOf(key: number): Uint32Array
  /** How many rows have it. */
  readonly counts: Uint32Array
}

/** The fields of the documents of a segment. */
export interface Columns {
  /** Names of the fields that any document has. */
  names(run?: Run): Promise<readonly string[]>
  numbers(name: string, run?: Run): Promise<NumberColumn | undefined>
  keys(name: string, run?: Run): Promise<KeyColumn | undefined>
}

/** The key of a value. */
export function keyOf(value: string | boolean): string {
  return typeof value === 'string' ? TEXT_KEY + value.toWellFormed() : BOOLEAN_KEY + value
}

/** The value of a key. */
export function valueOfKey(key: string): string | boolean {
  return key.startsWith(TEXT_KEY) ? key.slice(1) : key === `${BOOLEAN_KEY}true`
}

/** Gathers the fields of documents, in the order of their rows. */
export class ColumnsWriter {
  readonly #numbers = new Map<string, { value: number; row: number }[]>()
  readonly #keys = new Map<string, Map<string, number[]>>()
  #rows = 0

  add(fields: Readonly<Record<string, FieldValue>> | undefined): void {
    const row = this.#rows++
    for (const [name, value] of Object.entries(fields ?? {})) {
      if (typeof value === 'number') getOrMake(this.#numbers, name, () => []).push({ value, row })
      else if (typeof value === 'object') for (const item of value) this.#addKey(name, keyOf(item), row)
      else this.#addKey(name, keyOf(value), row)
    }
  }

  #addKey(name: string, key: string, row: number): void {
    const keys = getOrMake(this.#keys, name, () => new Map<string, number[]>())
    const rows = getOrMake(keys, key, () => [])
    if (rows.at(-1) !== row) rows.push(row)
  }

  /** Write `PREFIX/names` and a section `PREFIX/N` for each column. */
  async finish(sections: SectionWriter, prefix: string): Promise<void> {
    const columns = [
      ...[...this.#numbers].map(([name, pairs]) => ({ name, kind: NUMBERS, bytes: () => encodeNumbers(pairs) })),
      ...[...this.#keys].map(([name, keys]) => ({ name, kind: KEYS, bytes: () => encodeKeys(keys, this.#rows) })),
    ]
    columns.sort((a, b) => compareText(a.name, b.name) || a.kind - b.kind)
    const names = new ByteWriter()
    names.varint(columns.length)
    for (const { name, kind } of columns) {
      writeText(names, name)
      names.u8(kind)
    }
    await sections.write(`${prefix}/names`, names.view())
    for (const [i, { bytes }] of columns.entries()) await sections.write(`${prefix}/${i}`, bytes())
  }
}

/** Open what {@link ColumnsWriter} wrote; each column is read when it is asked for. */
export function openColumns(sections: SectionReader, prefix: string, rows: number): Columns {
  let listed: Promise<Map<string, number>> | undefined
  const list = (run?: Run): Promise<Map<string, number>> => {
    listed ??= sections.read(`${prefix}/names`, 0, undefined, run).then(decodeNames)
    listed.catch(() => {
      listed = undefined
    })
    return listed
  }
  const read = async (name: string, kind: number, run?: Run): Promise<Uint8Array | undefined> => {
    const number = (await list(run)).get(`${kind}${name}`)
    return number === undefined ? undefined : sections.read(`${prefix}/${number}`, 0, undefined, run)
  }
  const numbers = new Map<string, NumberColumn>()
  const keys = new Map<string, KeyColumn>()
  return {
    async names(run) {
      return [...new Set([...(await list(run)).keys()].map((name) => name.slice(1)))]
    },
    async numbers(name, run) {
      const held = numbers.get(name)
      if (held !== undefined) return held
      const bytes = await read(name, NUMBERS, run)
      if (bytes === undefined) return undefined
      const column = decodeNumbers(bytes, rows)
      numbers.set(name, column)
      return column
    },
    async keys(name, run) {
      const held = keys.get(name)
      if (held !== undefined) return held
      const bytes = await read(name, KEYS, run)
      if (bytes === undefined) return undefined
      const column = decodeKeys(bytes, rows)
      keys.set(name, column)
      return column
    },
  }
}

function decodeNames(bytes: Uint8Array): Map<string, number> {
  const input = new ByteReader(bytes)
  const names = new Map<string, number>()
  const count = input.varint()
  for (let i = 0; i < count; i++) {
    const name = readText(input)
    const kind = input.u8()
    if (kind > KEYS || names.has(`${kind}${name}`)) throw damaged(`column ${i} is damaged`, input.offset)
    names.set(`${kind}${name}`, i)
  }
  input.finish()
  return names
}

function encodeNumbers(pairs: { value: number; row: number }[]): Uint8Array {
  // Minus zero is zero to who asks, and stands with it.
  pairs.sort((a, b) => a.value - b.value || a.row - b.row)
  const out = new ByteWriter(12 * pairs.length + 8)
  out.varint(pairs.length)
  for (const { value } of pairs) out.f64(value)
  for (const { row } of pairs) out.u32(row)
  return out.view()
}

function decodeNumbers(bytes: Uint8Array, rows: number): NumberColumn {
  const input = new ByteReader(bytes)
  const count = input.varint()
  if (input.remaining !== 12 * count) throw damaged(`a column of ${count} numbers has ${input.remaining} bytes`)
  const values = Float64Array.from({ length: count }, () => input.f64())
  const places = Uint32Array.from({ length: count }, () => input.u32())
  for (let i = 0; i < count; i++) {
    if (!Number.isFinite(values[i]) || (i > 0 && values[i - 1] > values[i])) {
      throw damaged(`number ${i} of a column is ${values[i]}`)
    }
    if (places[i] >= rows) throw damaged(`a column names row ${places[i]} of ${rows}`)
  }
  return { values, rows: places }
}

function encodeKeys(keys: ReadonlyMap<string, readonly number[]>, rows: number): Uint8Array {
  const sorted = [...keys].sort((a, b) => compareText(a[0], b[0]))
  const out = new ByteWriter()
  const lists = sorted.map(([, places]) => encodeRows(places, rows))
  out.varint(sorted.length)
  for (const [i, [key, places]] of sorted.entries()) {
    writeText(out, key)
    out.varint(places.length)
    out.varint(lists[i].length)
  }
  for (const list of lists) out.bytes(list)
  return out.view()
}

/** Rows as distances, or as a bit for each row where that is shorter. */
function encodeRows(places: readonly number[], rows: number): Uint8Array {
  const out = new ByteWriter(places.length + 1)
  out.u8(DELTAS)
  let before = -1
  for (const row of places) {
    out.varint(row - before - 1)
    before = row
  }
  if (out.length <= 1 + Math.ceil(rows / 8)) return out.finish()
  const bits = new Uint8Array(1 + Math.ceil(rows / 8))
  bits[0] = BITS
  for (const row of places) bits[1 + (row >>> 3)] |= 1 << (row & 7)
  return bits
}

function decodeKeys(bytes: Uint8Array, rows: number): KeyColumn {
  const input = new ByteReader(bytes)
  const count = input.varint()
  if (count > input.remaining) throw damaged(`a column has ${count} keys`)
  const keys: string[] = []
  const counts = new Uint32Array(count)
  const sizes: number[] = []
  for (let i = 0; i < count; i++) {
    const key = readText(input)
    if (!/^[tb]/.test(key) || (i > 0 && compareText(keys[i - 1], key) >= 0)) {
      throw damaged(`key ${i} of a column is damaged`, input.offset)
    }
    keys.push(key)
    counts[i] = input.varint()
    if (!(counts[i] >= 1 && counts[i] <= rows)) throw damaged(`${counts[i]} of ${rows} rows have a key`, input.offset)
    sizes.push(input.varint())
  }
  const lists = sizes.map((size) => input.take(size))
  input.finish()
  return { keys, counts, rowsOf: (key) => decodeRows(lists[key], counts[key], rows) }
}

function decodeRows(list: Uint8Array, count: number, rows: number): Uint32Array {
  const input = new ByteReader(list)
  const places = new Uint32Array(count)
  const kind = input.u8()
  if (kind === DELTAS) {
    let before = -1
    for (let i = 0; i < count; i++) {
      before += 1 + input.varint()
      if (before >= rows) throw damaged(`a column names row ${before} of ${rows}`)
      places[i] = before
    }
    input.finish()
    return places
  }
  if (kind !== BITS || input.remaining !== Math.ceil(rows / 8)) throw damaged(`rows of a key are damaged`)
  let found = 0
  for (let row = 0; row < rows; row++) {
    if (((list[1 + (row >>> 3)] >>> (row & 7)) & 1) === 0) continue
    if (found < count) places[found] = row
    found++
  }
  if (found !== count) throw damaged(`a key has ${found} rows, ${count} are expected`)
  return places
}

/** A filter that keeps the given rows. */
export function filterOfRows(rows: number, lists: Iterable<ArrayLike<number>>): RowFilter {
  const words = new Uint32Array((rows + 31) >>> 5)
  for (const list of lists) for (let i = 0; i < list.length; i++) words[list[i] >>> 5] |= 1 << (list[i] & 31)
  return filterOf(words)
}

function getOrMake<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}
