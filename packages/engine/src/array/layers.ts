/** Compound functions that networks are made of, without parameters of their own. */
import { PithError } from '@pith/core'
import type { Value } from '../ir/graph.ts'
import { axisOf, shapeText } from '../shape.ts'
import { Tensor } from '../tensor.ts'
import { add, div, mul, sqrt, sub } from './elementwise.ts'
import { matmul } from './linear.ts'
import { concat, split } from './movement.ts'
import { emit1 } from './operand.ts'
import { mean, softmax } from './reduce.ts'

/** What is normalised together. */
export interface NormOptions {
  /** First of the axes that are normalised together. Default -1. */
  axis?: number
  /** Added to the variance. Default 1e-5. */
  epsilon?: number
}

/** Elements minus their mean, over their deviation, times `scale`, plus `bias`; both have the shape of the last axes. */
export function layerNorm(
  x: Value,
  scale: Value,
  bias?: Value,
  { axis = -1, epsilon = 1e-5 }: NormOptions = {},
): Value {
  const attrs = { axis: axisOf(axis, x.shape.length, 'layerNorm'), epsilon }
  return emit1('LayerNormalization', bias === undefined ? [x, scale] : [x, scale, bias], attrs)
}

/** Elements over the root of their mean square along the last axis, times `scale`. */
export function rmsNorm(x: Value, scale: Value, epsilon: number = 1e-6): Value {
  return mul(div(x, sqrt(add(mean(mul(x, x), -1, { keepDims: true }), epsilon))), scale)
}

/** Most negative number of a mask: its exp is 0, and sums with scores stay finite. */
const MASKED = -1e30

/** Which keys a query sees. */
export interface AttentionOptions {
  /** Keys after a query are not seen: the last query sees all keys. Default false. */
  causal?: boolean
  /** Added to the scores; broadcasts to [..., queries, keys]. */
  mask?: Value
  /** Factor of the scores. Default 1 / sqrt(width). */
  scale?: number
}

/**
 * softmax(q kᵀ · scale + mask) v.
 *
 * @param q [...heads, queries, width]
 * @param k [...heads, keys, width]
 * @param v [...heads, keys, values]
 */
export function attention(q: Value, k: Value, v: Value, { causal = false, mask, scale }: AttentionOptions = {}): Value {
  const width = q.shape[q.shape.length - 1] as number
  let scores = matmul(q, k, { transB: true, alpha: scale ?? 1 / Math.sqrt(width) })
  if (causal) scores = add(scores, causalMask(scores))
  if (mask !== undefined) scores = add(scores, mask)
  return matmul(softmax(scores), v)
}

function causalMask(scores: Value): Value {
  const [queries = 0, keys = 0] = scores.shape.slice(-2)
  const data = new Float32Array(queries * keys)
  for (let i = 0; i < queries; i++) data.fill(MASKED, i * keys + Math.max(0, keys - queries + i + 1), (i + 1) * keys)
  return scores.graph.constant(new Tensor(data, [queries, keys]))
}

/**
 * Rotary position encoding: the two halves of the last axis are turned against each other.
 *
 * @param x [..., positions, width]
 * @param cos [positions, width / 2]
 * @param sin [positions, width / 2]
 * @throws PithError `PITH_SHAPE` an odd width
 */
export function rope(x: Value, cos: Value, sin: Value): Value {
  const width = x.shape[x.shape.length - 1] as number
  if (!(width % 2 === 0)) throw new PithError('PITH_SHAPE', `rope: the last axis of ${shapeText(x.shape)} is odd`)
  const [a, b] = split(x, 2, -1) as [Value, Value]
  return concat([sub(mul(a, cos), mul(b, sin)), add(mul(b, cos), mul(a, sin))], -1)
}
