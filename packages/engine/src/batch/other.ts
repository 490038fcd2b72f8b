/** Operators of which no batches are made, and why. */
import type { Rules } from './table.ts'

const RANDOM = 'it draws random numbers; make them an input'
const LENGTH = 'the length of its result depends on its inputs'
const QUANTISED = 'no rule is written for it; quantised operators are for models that are done'
const CONSTANT = 'its inputs are settings, which are the same for all examples'

export const OTHER: Rules = {
  ':Bernoulli': RANDOM,
  ':Multinomial': RANDOM,
  ':RandomNormal': RANDOM,
  ':RandomNormalLike': RANDOM,
  ':RandomUniform': RANDOM,
  ':RandomUniformLike': RANDOM,
  ':Compress': LENGTH,
  ':NonZero': LENGTH,
  ':Range': LENGTH,
  ':Unique': LENGTH,
  ':Constant': CONSTANT,
  ':ConstantOfShape': CONSTANT,
  ':BlackmanWindow': CONSTANT,
  ':HammingWindow': CONSTANT,
  ':HannWindow': CONSTANT,
  ':MelWeightMatrix': CONSTANT,
  ':ConvInteger': QUANTISED,
  ':QLinearConv': QUANTISED,
  ':QLinearMatMul': QUANTISED,
  ':DynamicQuantizeLinear': 'one scale holds for all that it is given',
  'com.microsoft:DynamicQuantizeMatMul': QUANTISED,
  'com.microsoft:MatMulIntegerToFloat': QUANTISED,
  'com.microsoft:QLinearAdd': QUANTISED,
  'com.microsoft:QLinearGlobalAveragePool': QUANTISED,
  'com.microsoft:QLinearLeakyRelu': QUANTISED,
  'com.microsoft:QLinearMul': QUANTISED,
  'com.microsoft:QLinearSigmoid': QUANTISED,
  'com.microsoft:QLinearSoftmax': QUANTISED,
}
