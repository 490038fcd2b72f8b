/** Operators that have no gradient, and why. */
import type { Rules } from './table.ts'

const RANDOM = 'it draws random numbers; make them an input'
const SHAPE = 'its results depend on shapes and settings alone'

export const OTHER: Rules = {
  ':RandomNormal': RANDOM,
  ':RandomNormalLike': RANDOM,
  ':RandomUniform': RANDOM,
  ':RandomUniformLike': RANDOM,
  ':Bernoulli': RANDOM,
  ':Multinomial': RANDOM,
  ':BlackmanWindow': SHAPE,
  ':HammingWindow': SHAPE,
  ':HannWindow': SHAPE,
  ':MelWeightMatrix': SHAPE,
  ':Unique': 'its length depends on its inputs',
}
