/** What all readers of files of tensors have in common. */
import { PithError, type RandomAccess } from '@pith/core'
import type { Shape } from '../shape.ts'
import type { Params, Tensor } from '../tensor.ts'

/** A tensor within a file, before it is read. */
export interface TensorEntry {
  readonly name: string
  /** Type by the name that the format gives it: `F32`, `<f4`, `Q4_K`, `FloatStorage`. */
  readonly type: string
  readonly shape: Shape
  /** Bytes that it takes in the file. */
  readonly bytes: number
}

/** How a read may be given up, and how much it may give. */
export interface ReadOptions {
  signal?: AbortSignal
  /** Bytes that one entry of an archive may unpack to; default 1 GiB for deflated ones, no limit for others. */
  maxBytes?: number
}

/** An open file of tensors: nothing is read before it is asked for. */
export interface TensorFile<Entry extends TensorEntry = TensorEntry> {
  /** Tensors by name, in the order of the file. */
  readonly entries: ReadonlyMap<string, Entry>
  /**
   * Read one tensor; it owns its memory.
   *
   * @throws PithError `PITH_ARG` no such name · `PITH_TRUNCATED` or `PITH_CORRUPT` damage · `PITH_UNSUPPORTED` a type
   * that cannot be read
   */
  tensor(name: string, options?: ReadOptions): Promise<Tensor>
  close(): Promise<void>
}

/** All tensors of a file by name. */
export async function readParams(file: TensorFile, options: ReadOptions = {}): Promise<Params> {
  const pairs: [string, Tensor][] = []
  for (const name of file.entries.keys()) pairs.push([name, await file.tensor(name, options)])
  // Own properties whatever the names are: `__proto__` is a name as well.
  return Object.fromEntries(pairs)
}

/** The entry of a name. @throws PithError `PITH_ARG` there is none */
export function entryOf<Entry>(entries: ReadonlyMap<string, Entry>, name: string): Entry {
  const entry = entries.get(name)
  if (entry !== undefined) return entry
  throw new PithError('PITH_ARG', `there is no tensor ${JSON.stringify(name.slice(0, 80))} in this file`, {
    hint: 'List the names with `entries`.',
  })
}

/** Exactly `length` bytes at `offset`, a range that lies within the size. @throws PithError `PITH_TRUNCATED` fewer came */
export async function readExactly(
  access: RandomAccess,
  offset: number,
  length: number,
  options: ReadOptions = {},
): Promise<Uint8Array> {
  if (!(offset >= 0 && length >= 0 && offset + length <= access.size)) throw cut(offset, length, access.size - offset)
  if (length === 0) return new Uint8Array(0)
  const bytes = await access.read(offset, length, options)
  if (bytes.length !== length) throw cut(offset, length, bytes.length)
  return bytes
}

function cut(offset: number, wanted: number, left: number): PithError {
  return new PithError('PITH_TRUNCATED', `${wanted} bytes are needed at ${offset}, ${Math.max(0, left)} are left`, {
    hint: 'Get the file again: it was cut short.',
    at: { offset },
  })
}
