/** Random inputs of a training step. Graphs draw nothing themselves, so a resumed training repeats exactly. */
import { PithError, type Random } from '@pith/core'
import type { Shape } from '../shape.ts'
import type { Spec } from '../tensor.ts'

/** A batch input that the training step fills itself, from the seed, the step and the input's name. */
export interface Noise extends Spec {
  readonly dtype: 'f32'
  /** What stands for it where nothing is drawn, as in an evaluation. */
  readonly rest: number
  fill(random: Random, out: Float32Array): void
}

/** A mask for `dropout`: 0 with probability `rate`, else 1 / (1 - rate). */
export function dropoutNoise(shape: Shape, rate: number): Noise {
  if (!(rate >= 0 && rate < 1)) throw new PithError('PITH_ARG', `rate must be in [0, 1), got ${rate}`)
  const kept = 1 / (1 - rate)
  // One word of 32 bits for each element: the probability is met to 2^-32.
  const limit = rate * 0x100000000
  return {
    dtype: 'f32',
    shape,
    rest: 1,
    fill(random, out) {
      for (let i = 0; i < out.length; i++) out[i] = random.u32() < limit ? 0 : kept
    },
  }
}

/** Draws from the standard normal distribution. */
export function normalNoise(shape: Shape): Noise {
  return {
    dtype: 'f32',
    shape,
    rest: 0,
    fill(random, out) {
      for (let i = 0; i < out.length; i++) out[i] = random.normal()
    },
  }
}

/** Draws from [low, high). Default [0, 1). */
export function uniformNoise(shape: Shape, low: number = 0, high: number = 1): Noise {
  return {
    dtype: 'f32',
    shape,
    rest: (low + high) / 2,
    fill(random, out) {
      for (let i = 0; i < out.length; i++) out[i] = low + (high - low) * random.uniform()
    },
  }
}
