/** Rows as lines of JSON: objects of nested numbers. */
import { PithError } from '@pith/core'
import { type DType, isFloat } from '../../dtype.ts'
import { isRecord, parseJsonBytes } from '../../io/json-text.ts'
import { type Shape, shapeText, sizeOf } from '../../shape.ts'
import { type Params, Tensor } from '../../tensor.ts'
import { wholeNumbers } from './model-inputs.ts'

/** Most axes of a row. */
const MAX_RANK = 16
/** What to do where a line is something else. */
const OBJECTS = 'Write one JSON object a line, such as {"x": [0.5, 1], "target": 0}; arrays go into an .npz file.'
/** What some editors put before the text of a file. */
const BYTE_ORDER_MARK: readonly number[] = [0xef, 0xbb, 0xbf]

/** Gathers lines into tensors, a row each. */
export class JsonRows {
  readonly #choose: (keys: readonly string[]) => readonly string[]
  #keys: readonly string[] = []
  readonly #shapes: Map<string, Shape> = new Map()
  readonly #rows: Map<string, Float64Array[]> = new Map()
  #count = 0

  /** @param choose  what is taken of each row, of the keys of the first one */
  constructor(choose: (keys: readonly string[]) => readonly string[]) {
    this.#choose = choose
  }

  get count(): number {
    return this.#count
  }

  /**
   * Take one line; an empty one is no row.
   *
   * @param number  of the line, for messages
   * @throws PithError `PITH_CORRUPT` no JSON · `PITH_ARG` no object, a key that is missing, something that is no number ·
   * `PITH_SHAPE` nested unevenly, or otherwise than in the rows before
   */
  add(bytes: Uint8Array, number: number): void {
    const hasMark = number === 1 && BYTE_ORDER_MARK.every((byte, i) => bytes[i] === byte)
    const line = hasMark ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes
    if (line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d)) return
    const where = `line ${number}`
    const row = parseJsonBytes(line, where, OBJECTS)
    if (!isRecord(row)) throw new PithError('PITH_ARG', `${where} is no object: ${shown(row)}`, { hint: OBJECTS })
    if (this.#count === 0) {
      this.#keys = this.#choose(Object.keys(row))
      for (const key of this.#keys) this.#rows.set(key, [])
    }
    const taken = this.#keys.map((key) => {
      if (!Object.hasOwn(row, key)) {
        throw new PithError('PITH_ARG', `${where} has no ${JSON.stringify(key)}`, {
          hint: `Each line needs ${this.#keys.map((own) => JSON.stringify(own)).join(', ')}.`,
        })
      }
      return [key, flatten(row[key], `${where}: ${key}`)] as const
    })
    for (const [key, { values, shape }] of taken) {
      const first = this.#shapes.get(key)
      if (first !== undefined && String(first) !== String(shape)) {
        throw new PithError(
          'PITH_SHAPE',
          `${where}: ${key} has the shape ${shapeText(shape)}, the rows before ${shapeText(first)}`,
        )
      }
      this.#shapes.set(key, shape)
      this.#rows.get(key)?.push(values)
    }
    this.#count++
  }

  /**
   * All rows. Where no type is wanted, whole numbers are i64 and others f32.
   *
   * @param dtypes  by key
   * @throws PithError `PITH_ARG` there are no rows, or a number that its type does not hold
   */
  tensors(dtypes: Readonly<Record<string, DType>>): Params {
    if (this.#count === 0) throw new PithError('PITH_ARG', 'there are no rows')
    return Object.fromEntries(
      this.#keys.map((key) => {
        const rows = this.#rows.get(key) ?? []
        const shape = this.#shapes.get(key) ?? []
        const all = new Float64Array(this.#count * sizeOf(shape))
        for (const [i, row] of rows.entries()) all.set(row, i * row.length)
        const dtype = dtypes[key] ?? (all.every(Number.isSafeInteger) ? 'i64' : 'f32')
        return [key, new Tensor(elementsOf(all, dtype, key), [this.#count, ...shape], dtype)]
      }),
    )
  }
}

function elementsOf(all: Float64Array, dtype: DType, key: string): Tensor['data'] {
  if (dtype === 'f64') return all
  if (dtype === 'f32') return Float32Array.from(all)
  if (!isFloat(dtype) && dtype !== 'string' && dtype !== 'i4' && dtype !== 'u4') return wholeNumbers(all, dtype, key)
  throw new PithError('PITH_DTYPE', `${key} is needed as ${dtype}, which JSON rows do not give`)
}

/** The numbers of nested lists, and the lengths of the lists. */
function flatten(value: unknown, where: string): { values: Float64Array; shape: number[] } {
  const shape: number[] = []
  for (let at = value; Array.isArray(at); at = at[0]) {
    shape.push(at.length)
    if (at.length === 0) throw new PithError('PITH_SHAPE', `${where} has an empty list`)
    if (shape.length > MAX_RANK) throw new PithError('PITH_SHAPE', `${where} has more than ${MAX_RANK} axes`)
  }
  const values: number[] = []
  const walk = (part: unknown, depth: number): void => {
    if (depth < shape.length) {
      if (!Array.isArray(part) || part.length !== shape[depth]) {
        throw new PithError('PITH_SHAPE', `${where} is nested unevenly`, {
          hint: 'All lists of one level need the same length.',
        })
      }
      for (const inner of part) walk(inner, depth + 1)
    } else if (typeof part === 'number' || typeof part === 'boolean') values.push(Number(part))
    else if (Array.isArray(part)) throw new PithError('PITH_SHAPE', `${where} is nested unevenly`)
    else throw new PithError('PITH_ARG', `${where} holds ${shown(part)}, which is no number`)
  }
  walk(value, 0)
  return { values: Float64Array.from(values), shape }
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 40)
}
