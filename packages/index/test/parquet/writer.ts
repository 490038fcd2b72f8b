/** The smallest Parquet file of one column of texts, with whatever page a test wants in it. */
import { concatBytes } from '@pith/core'

/** A Thrift value: a whole number, bytes, a list of values of a type, or fields by number. */
type Value =
  | { readonly i32: number }
  | { readonly i64: number }
  | { readonly text: string }
  | { readonly list: readonly Value[]; readonly claims?: number }
  | { readonly struct: Readonly<Record<number, Value>> }
  | { readonly bool: boolean }

/** What stands in the file. */
export interface HostileFile {
  /** Fields of the page's header. */
  readonly header: Readonly<Record<number, Value>>
  /** Its bytes, as they stand in the file. */
  readonly page: Uint8Array
  readonly rows: number
  /** 0 plain, 1 Snappy. */
  readonly codec?: number
  /** 0 required, 1 optional. */
  readonly repetition?: number
  /** Groups that all point to the one page. */
  readonly groups?: number
}

const MAGIC = new TextEncoder().encode('PAR1')

export const i32 = (value: number): Value => ({ i32: value })
export const struct = (fields: Readonly<Record<number, Value>>): Value => ({ struct: fields })
export const bool = (value: boolean): Value => ({ bool: value })

/** A header of a first-version data page. */
export function pageHeader(values: number, encoding: number, raw: number, packed: number): Record<number, Value> {
  return {
    1: i32(0),
    2: i32(raw),
    3: i32(packed),
    5: struct({ 1: i32(values), 2: i32(encoding), 3: i32(3), 4: i32(3) }),
  }
}

/** An unsigned number in 7-bit groups, least first. */
export function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  return [...bytes, rest]
}

export function parquetFile({ header, page, rows, codec = 0, repetition = 0, groups = 1 }: HostileFile): Uint8Array {
  const head = Uint8Array.from(encode(struct(header)))
  const size = head.length + page.length
  const column = struct({
    2: { i64: 4 },
    3: struct({
      1: i32(6),
      2: { list: [i32(0)] },
      3: { list: [{ text: 'text' }] },
      4: i32(codec),
      5: { i64: rows },
      6: { i64: size },
      7: { i64: size },
      9: { i64: 4 },
    }),
  })
  const group = struct({ 1: { list: [column] }, 2: { i64: size }, 3: { i64: rows } })
  const schema: Value[] = [
    struct({ 4: { text: 'root' }, 5: i32(1) }),
    struct({ 1: i32(6), 3: i32(repetition), 4: { text: 'text' }, 6: i32(0) }),
  ]
  const footer = Uint8Array.from(
    encode(
      struct({
        1: i32(1),
        2: { list: schema },
        3: { i64: rows * groups },
        4: { list: Array.from({ length: groups }, () => group) },
      }),
    ),
  )
  const length = new Uint8Array(new Uint32Array([footer.length]).buffer)
  return concatBytes([MAGIC, head, page, footer, length, MAGIC])
}

/** Bytes of a file whose footer they are. */
export function footerFile(footer: Uint8Array): Uint8Array {
  const length = new Uint8Array(new Uint32Array([footer.length]).buffer)
  return concatBytes([MAGIC, footer, length, MAGIC])
}

function typeOf(value: Value): number {
  if ('i32' in value) return 5
  if ('i64' in value) return 6
  if ('text' in value) return 8
  if ('list' in value) return 9
  return 'bool' in value ? (value.bool ? 1 : 2) : 12
}

function encode(value: Value): number[] {
  if ('i32' in value) return varint(zigzag(value.i32))
  if ('i64' in value) return varint(zigzag(value.i64))
  if ('bool' in value) return []
  if ('text' in value) {
    const bytes = new TextEncoder().encode(value.text)
    return [...varint(bytes.length), ...bytes]
  }
  if ('list' in value) {
    const type = typeOf(value.list[0] ?? i32(0))
    return [0xf0 | type, ...varint(value.claims ?? value.list.length), ...value.list.flatMap(encode)]
  }
  let before = 0
  const fields = Object.entries(value.struct).flatMap(([id, own]) => {
    const step = Number(id) - before
    before = Number(id)
    return [(step << 4) | typeOf(own), ...encode(own)]
  })
  return [...fields, 0]
}

function zigzag(value: number): number {
  return value >= 0 ? 2 * value : -2 * value - 1
}
