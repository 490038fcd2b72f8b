/**
 * Columns of integers, -2^52..2^52 - 1 in f64 arrays: differences, zigzag, and planes of varint bytes.
 *
 * @module
 */
import { PithError } from '../../errors.ts'

/** Integers whose zigzag form is exact lie in -2^52..2^52 - 1. */
export const LEAST_INTEGER: number = -(2 ** 52)
const MOST_INTEGER = 2 ** 52 - 1
/** Bytes of the longest varint. */
const PLANES = 8

/** Whether all values are integers in -2^52..2^52 - 1 and none is -0, which would come back as 0. */
function areExact(values: ArrayLike<number>): boolean {
  for (let i = 0; i < values.length; i++) if (!isExact(values[i]) || Object.is(values[i], -0)) return false
  return true
}

function isExact(value: number): boolean {
  return Number.isInteger(value) && value >= LEAST_INTEGER && value <= MOST_INTEGER
}

/** 0, -1, 1, -2 ... to 0, 1, 2, 3 ... */
export function toZigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value
}

/** The inverse of {@link toZigzag}. */
export function fromZigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

/**
 * Differences to the row before (the first one to 0) in zigzag form.
 *
 * @returns f64[rows], or undefined where values or differences are not exact
 */
export function encodeDelta(values: ArrayLike<number>): Float64Array<ArrayBuffer> | undefined {
  return encodeRelation(values, shifted(values), 0)
}

/** The values whose differences {@link encodeDelta} gave. @throws PithError `PITH_CORRUPT` a sum leaves the range */
export function decodeDelta(deltas: ArrayLike<number>): Float64Array<ArrayBuffer> {
  const values = new Float64Array(deltas.length)
  let last = 0
  for (let i = 0; i < deltas.length; i++) {
    last += fromZigzag(deltas[i])
    checkRange(last, i)
    values[i] = last
  }
  return values
}

/** The offset to another column that most rows have; the smallest of several. Undefined without rows. */
export function findOffset(values: ArrayLike<number>, other: ArrayLike<number>): number | undefined {
  const counts = new Map<number, number>()
  let best: number | undefined
  let most = 0
  for (let i = 0; i < values.length; i++) {
    const offset = values[i] - other[i]
    const count = (counts.get(offset) ?? 0) + 1
    counts.set(offset, count)
    if (count > most || (count === most && best !== undefined && offset < best)) {
      most = count
      best = offset
    }
  }
  return best
}

/**
 * What a row is away from the same row of another column plus a constant, in zigzag form: 0 where the relation holds.
 *
 * @returns f64[rows], or undefined where the lengths differ or something is not exact
 */
export function encodeRelation(
  values: ArrayLike<number>,
  other: ArrayLike<number>,
  offset: number,
): Float64Array<ArrayBuffer> | undefined {
  if (values.length !== other.length || !areExact(values) || !areExact(other) || !isExact(offset)) return undefined
  const residuals = new Float64Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const prediction = other[i] + offset
    const residual = values[i] - prediction
    if (!isExact(prediction) || !isExact(residual)) return undefined
    residuals[i] = toZigzag(residual)
  }
  return residuals
}

/** The inverse of {@link encodeRelation}. @throws PithError `PITH_CORRUPT` lengths differ, a sum leaves the range */
export function decodeRelation(
  residuals: ArrayLike<number>,
  other: ArrayLike<number>,
  offset: number,
): Float64Array<ArrayBuffer> {
  if (residuals.length !== other.length) {
    throw new PithError('PITH_CORRUPT', `${residuals.length} rows relate to ${other.length}`)
  }
  const values = new Float64Array(residuals.length)
  for (let i = 0; i < residuals.length; i++) {
    const value = other[i] + offset + fromZigzag(residuals[i])
    checkRange(value, i)
    values[i] = value
  }
  return values
}

/**
 * The bytes of each value's varint, sorted by their place: plane 0 has the first byte of every row, plane 1 the second
 * byte of the rows that have one, and so on. Planes behind the last used one are absent.
 *
 * @param values integers 0..2^53 - 1
 * @returns u8 planes, or undefined where a value is something else
 */
export function splitVarints(values: ArrayLike<number>): Uint8Array<ArrayBuffer>[] | undefined {
  const lengths = new Int32Array(PLANES)
  for (let i = 0; i < values.length; i++) {
    if (!(Number.isSafeInteger(values[i]) && values[i] >= 0) || Object.is(values[i], -0)) return undefined
    let plane = 0
    for (let rest = values[i]; rest >= 128; rest = Math.floor(rest / 128)) lengths[plane++]++
    lengths[plane]++
  }
  const planes: Uint8Array<ArrayBuffer>[] = []
  for (let k = 0; k < PLANES && lengths[k] > 0; k++) planes.push(new Uint8Array(lengths[k]))
  const at = new Int32Array(PLANES)
  for (let i = 0; i < values.length; i++) {
    let plane = 0
    let rest = values[i]
    for (; rest >= 128; rest = Math.floor(rest / 128)) planes[plane][at[plane++]++] = (rest % 128) | 128
    planes[plane][at[plane]++] = rest
  }
  return planes
}

/**
 * The inverse of {@link splitVarints}.
 *
 * @throws PithError `PITH_CORRUPT` the planes don't fit together, or a varint is longer than it needs to be
 */
export function joinVarints(planes: readonly Uint8Array[]): Float64Array<ArrayBuffer> {
  if (planes.length > PLANES) throw new PithError('PITH_CORRUPT', `a varint has at most ${PLANES} bytes`)
  const rows = planes.length === 0 ? 0 : planes[0].length
  const values = new Float64Array(rows)
  const at = new Int32Array(PLANES)
  for (let i = 0; i < rows; i++) {
    let value = 0
    let scale = 1
    for (let plane = 0; ; plane++) {
      if (plane >= planes.length || at[plane] >= planes[plane].length) {
        throw new PithError('PITH_CORRUPT', `plane ${plane} of the varints ends at row ${i}`)
      }
      const byte = planes[plane][at[plane]++]
      value += (byte & 127) * scale
      scale *= 128
      if (byte >= 128) continue
      if ((byte === 0 && plane > 0) || value > Number.MAX_SAFE_INTEGER) {
        throw new PithError('PITH_CORRUPT', `the varint of row ${i} is not in its shortest form`)
      }
      break
    }
    values[i] = value
  }
  for (const [plane, bytes] of planes.entries()) {
    if (at[plane] !== bytes.length || bytes.length === 0) {
      throw new PithError('PITH_CORRUPT', `plane ${plane} of the varints has bytes left over`)
    }
  }
  return values
}

function shifted(values: ArrayLike<number>): Float64Array {
  const before = new Float64Array(values.length)
  for (let i = 1; i < values.length; i++) before[i] = values[i - 1]
  return before
}

function checkRange(value: number, row: number): void {
  if (!(value >= LEAST_INTEGER && value <= MOST_INTEGER)) {
    throw new PithError('PITH_CORRUPT', `the value of row ${row} is outside of -2^52..2^52 - 1`)
  }
}
