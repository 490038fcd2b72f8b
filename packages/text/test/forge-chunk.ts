/** Chunks written by hand, for readers that must not believe them. */
import { ByteWriter } from '@pith/core'
import { FORM } from '../src/logzip/chunk-encode.ts'
import { packBytes, QUALITY } from '../src/logzip/pack.ts'
import { bytes } from './log-inputs.ts'

/** A chunk written by hand, with as little as its decoder accepts unless a part is given. */
export interface Forged {
  rawBytes?: number
  lines?: number
  /** Runs of line endings: 4 * length + code. */
  eols?: number[]
  groups?: number
  /** Layouts, templates and texts of columns, each closed by a newline. */
  tables?: string
  /** Varints: number of layouts, of templates, then columns. */
  meta?: number[]
  ids?: Uint8Array
  /** Contents of the groups of columns. */
  columns?: Uint8Array[]
  texts?: string
}

export function forge(parts: Forged): Uint8Array {
  const { rawBytes = 10, lines = 1, eols = [lines * 4], tables = '', meta = [0, 0], columns = [] } = parts
  const out = new ByteWriter()
  out.varint(rawBytes)
  out.varint(lines)
  out.u32(0)
  out.varint(eols.length)
  for (const run of eols) out.varint(run)
  out.varint(parts.groups ?? columns.length)
  const inner = new ByteWriter()
  for (const value of meta) inner.varint(value)
  out.varint(inner.length)
  out.bytes(inner.view())
  out.varint(tables.length)
  out.bytes(bytes(tables))
  out.bytes(parts.ids ?? new Uint8Array(lines))
  for (const group of columns) {
    out.varint(group.length)
    out.bytes(group)
  }
  out.bytes(bytes(parts.texts ?? ''))
  return packBytes(out.view(), QUALITY.fast, FORM.whole)
}
