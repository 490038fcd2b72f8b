/** Heads turned so that no number stands out: a Hadamard matrix behind random signs. */
import { PithError, Random } from '@pith/core'
import { hadamard } from '@pith/engine/linalg'

/** The rotation of heads of one width. */
export class Rotation {
  readonly #headDim: number
  readonly #signs: Int8Array

  /** @throws PithError `PITH_ARG` the width of a head is no power of two */
  constructor(headDim: number, seed: number) {
    if (!(headDim >= 1 && (headDim & (headDim - 1)) === 0)) {
      throw new PithError('PITH_ARG', `heads of ${headDim} numbers cannot be rotated: a power of two is needed`, {
        hint: 'Choose the method kivi.',
      })
    }
    const random = new Random(seed)
    this.#headDim = headDim
    this.#signs = Int8Array.from({ length: headDim }, () => (random.integer(2) === 0 ? -1 : 1))
  }

  /** Rows, turned; each head in place of itself. */
  there(rows: Float32Array): Float32Array {
    this.#flip(rows)
    return hadamard(rows, this.#headDim)
  }

  /** Turned rows as they were; each head in place of itself. */
  back(rows: Float32Array): Float32Array {
    hadamard(rows, this.#headDim)
    this.#flip(rows)
    return rows
  }

  #flip(rows: Float32Array): void {
    const signs = this.#signs
    for (let i = 0; i < rows.length; i++) rows[i] = (rows[i] as number) * (signs[i % signs.length] as number)
  }
}

/**
 * Rotate each head of rows.
 *
 * @param direction 1 there, -1 back
 * @returns new rows
 * @throws PithError `PITH_ARG` the width of a head is no power of two
 */
export function rotateHeads(rows: Float32Array, headDim: number, seed: number, direction: 1 | -1): Float32Array {
  const rotation = new Rotation(headDim, seed)
  const out = Float32Array.from(rows)
  return direction === 1 ? rotation.there(out) : rotation.back(out)
}
