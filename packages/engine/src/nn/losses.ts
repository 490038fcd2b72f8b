/** Losses: each gives one number, a mean. */
import { PithError } from '@pith/core'
import { abs, add, cast, clip, div, exp, mul, notEqual, softplus, square, sub, where } from '../array/elementwise.ts'
import { gatherElements } from '../array/indexing.ts'
import { matmul } from '../array/linear.ts'
import { squeeze, unsqueeze } from '../array/movement.ts'
import { logSoftmax, logSumExp, mean, normalize, sum } from '../array/reduce.ts'
import type { Value } from '../ir/graph.ts'
import { type Shape, sameShape, shapeText } from '../shape.ts'
import { Tensor } from '../tensor.ts'

/** Settings of {@link crossEntropy}. */
export interface CrossEntropyOptions {
  /** Share of the probability that goes to all classes evenly. Default 0. */
  smoothing?: number
  /** Weight of each target, 0 for those that do not count. Default 1 each. */
  weights?: Value
  /** Targets that do not count, such as -100, which is what PyTorch leaves out. Default none. */
  ignore?: number
}

/**
 * Mean negative log-likelihood of classes, in nats, over the targets that count; no number where none does.
 *
 * @param logits  f32[..., classes]
 * @param targets i32 or i64[...]
 * @throws PithError `PITH_SHAPE` targets of another shape
 */
export function crossEntropy(logits: Value, targets: Value, options: CrossEntropyOptions = {}): Value {
  const { ignore, ...rest } = options
  checkShape('crossEntropy', logits.shape.slice(0, -1), targets.shape)
  if (ignore === undefined) return likelihoods(logits, targets, rest)
  const counts = notEqual(targets, ignore)
  const own = cast(counts, logits.dtype)
  const weights = rest.weights === undefined ? own : mul(own, rest.weights)
  // Any class will do for those that do not count.
  return likelihoods(logits, where(counts, targets, 0), { ...rest, weights })
}

function likelihoods(logits: Value, targets: Value, options: CrossEntropyOptions): Value {
  const { smoothing = 0, weights } = options
  const logs = logSoftmax(logits)
  const own = squeeze(gatherElements(logs, unsqueeze(targets, -1), -1), -1)
  const likelihood = smoothing === 0 ? own : add(mul(own, 1 - smoothing), mul(mean(logs, -1), smoothing))
  if (weights === undefined) return mul(mean(likelihood), -1)
  checkShape('crossEntropy', targets.shape, weights.shape)
  return mul(div(sum(mul(likelihood, weights)), sum(weights)), -1)
}

/** Mean squared error. */
export function mse(x: Value, target: Value): Value {
  checkShape('mse', x.shape, target.shape)
  return mean(square(sub(x, target)))
}

/** Mean absolute error. */
export function mae(x: Value, target: Value): Value {
  checkShape('mae', x.shape, target.shape)
  return mean(abs(sub(x, target)))
}

/** Half the squared error up to a distance of `delta` (default 1), from there on a straight line. */
export function huber(x: Value, target: Value, delta: number = 1): Value {
  checkShape('huber', x.shape, target.shape)
  const error = sub(x, target)
  const near = clip(error, -delta, delta)
  // Within delta this is error^2 / 2, beyond it delta * (|error| - delta / 2); smooth, also in its gradient.
  return mean(mul(near, sub(error, mul(near, 0.5))))
}

/** Mean cross-entropy of yes and no: logits, and targets in 0..1. */
export function bce(logits: Value, target: Value): Value {
  checkShape('bce', logits.shape, target.shape)
  return mean(sub(softplus(logits), mul(logits, target)))
}

/** Mean of KL(p || q) over all but the last axis, from logarithms of probabilities, in nats. */
export function kl(logP: Value, logQ: Value): Value {
  checkShape('kl', logP.shape, logQ.shape)
  return mean(sum(mul(exp(logP), sub(logP, logQ)), -1))
}

/** Settings of {@link infoNce}. */
export interface InfoNceOptions {
  /** Default 0.05. */
  temperature?: number
  /** Bring vectors to length 1 first. Default true. */
  isCosine?: boolean
  /** Ask for the query of a key as well. Default false. */
  isSymmetric?: boolean
}

/**
 * Contrastive loss within a batch: the key of the same row is right, all others are wrong (van den Oord et al., 2018).
 *
 * @param queries f32[rows, width]
 * @param keys    f32[rows or more, width]; what stands after the first rows is wrong for all
 */
export function infoNce(queries: Value, keys: Value, options: InfoNceOptions = {}): Value {
  const { temperature = 0.05, isCosine = true, isSymmetric = false } = options
  const [rows = 0, width] = queries.shape
  const [others = 0] = keys.shape
  if (queries.shape.length !== 2 || keys.shape.length !== 2 || keys.shape[1] !== width || others < rows) {
    throw new PithError('PITH_SHAPE', `infoNce: ${shapeText(queries.shape)} and ${shapeText(keys.shape)}`)
  }
  if (isSymmetric) checkShape('infoNce', queries.shape, keys.shape)
  const q = isCosine ? normalize(queries) : queries
  const k = isCosine ? normalize(keys) : keys
  const scores = matmul(q, k, { transB: true, alpha: 1 / temperature })
  const places = queries.graph.constant(
    new Tensor(
      BigInt64Array.from({ length: rows }, (_, i) => BigInt(i)),
      [rows, 1],
    ),
  )
  const right = squeeze(gatherElements(scores, places, 1), 1)
  const forth = mean(sub(logSumExp(scores, 1), right))
  return isSymmetric ? mul(add(forth, mean(sub(logSumExp(scores, 0), right))), 0.5) : forth
}

function checkShape(loss: string, wanted: Shape, got: Shape): void {
  if (sameShape(wanted, got)) return
  throw new PithError('PITH_SHAPE', `${loss}: ${shapeText(wanted)} is needed beside it, got ${shapeText(got)}`)
}
