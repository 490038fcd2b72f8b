/** Operators that have no gradient, and why. */
import type { Rules } from './table.ts'

const RANDOM = 'it draws random numbers; make them an input'
const CONTROL = 'graphs within graphs are not differentiated'
const SHAPE = 'its results depend on shapes and settings alone'

export const OTHER: Rules = {
  ':If': CONTROL,
  ':Loop': CONTROL,
  ':Scan': CONTROL,
  ':RandomNormal': RANDOM,
  ':RandomNormalLike': RANDOM,
  ':RandomUniform': RANDOM,
  ':RandomUniformLike': RANDOM,
  ':BlackmanWindow': SHAPE,
  ':HammingWindow': SHAPE,
  ':HannWindow': SHAPE,
  ':MelWeightMatrix': SHAPE,
  'com.microsoft:Attention': 'no rule is written for it; MultiHeadAttention has one',
}
