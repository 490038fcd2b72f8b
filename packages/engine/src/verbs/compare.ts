/** How far results are from references. */
import { f32FromF16 } from '@pith/core'
import type { Tensor } from '../tensor.ts'

/** Worst error of a tensor that is not comparable: another shape, or a value that is not finite where the reference is. */
export const NO_MATCH: number = Number.MAX_VALUE

/** Elements as numbers; texts have none. */
export function numbersOf({ data, dtype }: Tensor): ArrayLike<number> | undefined {
  if (!ArrayBuffer.isView(data)) return undefined
  if (dtype === 'f16') return f32FromF16(data as Uint16Array)
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data, Number)
  return data as Float32Array
}

/** The largest absolute value. */
export function largest(tensor: Tensor): number {
  const values = numbersOf(tensor) ?? []
  let most = 0
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i] as number))
  return most
}

/**
 * The largest difference of two tensors relative to the largest value of the reference; absolute where that is 0.
 *
 * @param floor  a larger value that errors are relative to, for references that are nothing but rounding
 * @returns 0 for equal tensors, {@link NO_MATCH} for those that cannot be compared
 */
export function relativeError(found: Tensor, reference: Tensor, floor: number = 0): number {
  const values = numbersOf(found)
  const wanted = numbersOf(reference)
  if (found.shape.join() !== reference.shape.join()) return NO_MATCH
  if (values === undefined || wanted === undefined) return sameTexts(found, reference) ? 0 : NO_MATCH
  let worst = 0
  let most = floor
  for (let i = 0; i < wanted.length; i++) {
    const own = values[i] as number
    const other = wanted[i] as number
    if (own === other || (Number.isNaN(own) && Number.isNaN(other))) continue
    const error = Math.abs(own - other)
    if (!Number.isFinite(error)) return NO_MATCH
    worst = Math.max(worst, error)
  }
  for (let i = 0; i < wanted.length; i++) {
    const size = Math.abs(wanted[i] as number)
    if (Number.isFinite(size)) most = Math.max(most, size)
  }
  return worst === 0 ? 0 : Math.min(NO_MATCH, most === 0 ? worst : worst / most)
}

/** Whether each element is as near as `numpy.allclose` asks: |found - reference| <= absolute + relative * |reference|. */
export function isClose(found: Tensor, reference: Tensor, relative: number, absolute: number): boolean {
  const values = numbersOf(found)
  const wanted = numbersOf(reference)
  if (found.shape.join() !== reference.shape.join()) return false
  if (values === undefined || wanted === undefined) return sameTexts(found, reference)
  for (let i = 0; i < wanted.length; i++) {
    const own = values[i] as number
    const other = wanted[i] as number
    if (own === other || (Number.isNaN(own) && Number.isNaN(other))) continue
    if (!(Math.abs(own - other) <= absolute + relative * Math.abs(other))) return false
  }
  return true
}

function sameTexts(a: Tensor, b: Tensor): boolean {
  if (a.dtype !== 'string' || b.dtype !== 'string') return false
  return (a.data as readonly string[]).every((text, i) => text === b.data[i])
}
