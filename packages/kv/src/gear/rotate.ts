/** Heads turned so that no number stands out: a Hadamard matrix behind random signs. */
import { PithError, Random } from '@pith/core'
import { hadamard } from '@pith/engine/linalg'

/**
 * Rotate each head of rows.
 *
 * @param direction 1 there, -1 back
 * @returns new rows
 * @throws PithError `PITH_ARG` the width of a head is no power of two
 */
export function rotateHeads(rows: Float32Array, headDim: number, seed: number, direction: 1 | -1): Float32Array {
  if (!(headDim >= 1 && (headDim & (headDim - 1)) === 0)) {
    throw new PithError('PITH_ARG', `heads of ${headDim} numbers cannot be rotated: a power of two is needed`, {
      hint: 'Choose the method kivi.',
    })
  }
  const signs = signsOf(headDim, seed)
  const out = Float32Array.from(rows)
  if (direction === 1) flip(out, signs)
  hadamard(out, headDim)
  if (direction === -1) flip(out, signs)
  return out
}

function flip(rows: Float32Array, signs: Int8Array): void {
  for (let i = 0; i < rows.length; i++) rows[i] = (rows[i] as number) * (signs[i % signs.length] as number)
}

function signsOf(headDim: number, seed: number): Int8Array {
  const random = new Random(seed)
  return Int8Array.from({ length: headDim }, () => (random.integer(2) === 0 ? -1 : 1))
}
