/** Gradients of what carries whole numbers. */

import { intAttr } from '../../ir/ops/context.ts'
import type { VjpRule } from '../../ir/registry.ts'
import { axisOf } from '../../shape.ts'
import { type Rules, several, WHOLE } from './table.ts'

/** The scale's: the sum of g times the whole numbers, without their zero point. */
const dequantize: VjpRule = several(({ b, node, inputs: [x, scale, zero], g }) => ({
  1: () => {
    const rank = x.shape.length
    const axis = scale.size === 1 ? 0 : axisOf(intAttr(node, 'axis', 1), rank, node.op)
    const shape = scale.size === 1 ? [] : x.shape.map((length, i) => (i === axis ? length : 1))
    const whole = b.cast(x, g.dtype)
    const centred = zero === undefined ? whole : b.sub(whole, b.reshape(b.cast(zero, g.dtype), shape))
    return b.reshape(b.unbroadcast(b.mul(g, centred), shape), scale.shape)
  },
}))

const ASIDE = `${WHOLE}; use straightThrough around the rounding`

const MICROSOFT = 'com.microsoft:'

export const QUANT: Rules = {
  ':DequantizeLinear': dequantize,
  ':QuantizeLinear': ASIDE,
  ':DynamicQuantizeLinear': ASIDE,
  ':QLinearMatMul': ASIDE,
  ':QLinearConv': ASIDE,
  [`${MICROSOFT}DequantizeLinear`]: dequantize,
  [`${MICROSOFT}QuantizeLinear`]: ASIDE,
  [`${MICROSOFT}DynamicQuantizeMatMul`]: ASIDE,
  [`${MICROSOFT}MatMulIntegerToFloat`]: ASIDE,
  [`${MICROSOFT}QLinearAdd`]: ASIDE,
  [`${MICROSOFT}QLinearGlobalAveragePool`]: ASIDE,
  [`${MICROSOFT}QLinearLeakyRelu`]: ASIDE,
  [`${MICROSOFT}QLinearMul`]: ASIDE,
  [`${MICROSOFT}QLinearSigmoid`]: ASIDE,
  [`${MICROSOFT}QLinearSoftmax`]: ASIDE,
}
