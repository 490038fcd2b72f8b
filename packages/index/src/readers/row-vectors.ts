/** Vectors as they stand in rows of JSON or Parquet. */
import type { PithError } from '@pith/core'

/** Most components of a dense vector. */
const MAX_DIM = 65_536

/** A vector of finite numbers. @throws what `fail` makes of the reason */
export function denseVector(value: unknown, fail: (what: string) => PithError): Float32Array {
  const numbers = ArrayBuffer.isView(value) && !(value instanceof DataView) ? (value as Float32Array) : value
  if (!Array.isArray(numbers) && !ArrayBuffer.isView(numbers)) throw fail('is no array of numbers')
  const { length } = numbers as ArrayLike<unknown>
  if (length === 0 || length > MAX_DIM) throw fail(`has ${length} numbers, expected 1..${MAX_DIM}`)
  const vector = new Float32Array(length)
  for (let i = 0; i < length; i++) {
    const number = (numbers as ArrayLike<unknown>)[i]
    vector[i] = typeof number === 'number' ? number : Number.NaN
    if (!Number.isFinite(vector[i])) throw fail(`has no number of float32 at place ${i}`)
  }
  return vector
}

/**
 * Weights above 0 by name, from `{name: weight}` or `{indices, values}`, whose names are the indices.
 *
 * @throws what `fail` makes of the reason
 */
export function sparseVector(value: unknown, fail: (what: string) => PithError): Record<string, number> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fail('is no object of weights')
  const { indices, values } = value as { indices?: unknown; values?: unknown }
  if (!Array.isArray(indices) || !Array.isArray(values)) return weights(Object.entries(value), fail)
  if (indices.length !== values.length) throw fail(`has ${indices.length} indices and ${values.length} values`)
  const wrong = indices.findIndex((index) => !(Number.isInteger(index) && index >= 0 && index < 2 ** 32))
  if (wrong >= 0) throw fail(`has no index at place ${wrong}`)
  if (new Set(indices).size !== indices.length) throw fail('has an index twice')
  return weights(
    indices.map((index, i) => [String(index), values[i]]),
    fail,
  )
}

function weights(
  pairs: readonly (readonly [string, unknown])[],
  fail: (what: string) => PithError,
): Record<string, number> {
  for (const [name, weight] of pairs) {
    if (!(typeof weight === 'number' && weight > 0 && Number.isFinite(Math.fround(weight)))) {
      throw fail(`has a weight of ${JSON.stringify(name.slice(0, 40))} that is no number above 0`)
    }
  }
  return Object.fromEntries(pairs) as Record<string, number>
}
