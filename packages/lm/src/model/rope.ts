/** Rotary positions: the angles of each place. */
import { Tensor } from '@pith/engine'
import type { LmConfig } from '../config.ts'

/** Cosines and sines of the angles at positions. */
export interface RopeTables {
  /** f32[positions, headDim / 2]. */
  readonly cos: Tensor
  /** f32[positions, headDim / 2]. */
  readonly sin: Tensor
}

/** The angles at positions 0 .. `count` - 1. */
export function ropeTables({ headDim, ropeTheta }: LmConfig, count: number): RopeTables {
  const half = headDim / 2
  const cos = new Float32Array(count * half)
  const sin = new Float32Array(count * half)
  for (let i = 0; i < half; i++) {
    const frequency = ropeTheta ** ((-2 * i) / headDim)
    for (let position = 0; position < count; position++) {
      cos[position * half + i] = Math.cos(position * frequency)
      sin[position * half + i] = Math.sin(position * frequency)
    }
  }
  return { cos: new Tensor(cos, [count, half]), sin: new Tensor(sin, [count, half]) }
}
