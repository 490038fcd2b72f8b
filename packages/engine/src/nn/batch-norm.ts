/** Batch normalisation, and the running statistics that a training step keeps for it. */
import { PithError } from '@pith/core'
import { add, mul, rsqrt, square, sub } from '../array/elementwise.ts'
import { reshape } from '../array/movement.ts'
import { mean } from '../array/reduce.ts'
import { stopGradient } from '../autodiff/custom.ts'
import type { Graph, Value } from '../ir/graph.ts'
import { shapeText } from '../shape.ts'
import { ones, zeros } from './init.ts'
import type { Noise } from './noise.ts'
import type { Scope } from './scope.ts'

/** A parameter that a training step moves towards a value of each batch. */
export interface Running {
  readonly param: Value
  readonly value: Value
  /** Share of the new value. */
  readonly momentum: number
}

const RUNNING: WeakMap<Graph, Running[]> = /* @__PURE__ */ new WeakMap()

/** What a training step of a program of this graph keeps up to date beside the weights. */
export function runningOf(graph: Graph): readonly Running[] {
  return RUNNING.get(graph) ?? []
}

/** 1 in a step of training, 0 in an evaluation: an input of the batch that the step fills, as `noise` of its options. */
export function trainingFlag(): Noise {
  return { dtype: 'f32', shape: [], rest: 0, fill: (_random, out) => void out.fill(1) }
}

/** Settings of {@link batchNorm}. */
export interface BatchNormOptions {
  /** The input that {@link trainingFlag} fills. Without it the running statistics are used. */
  training?: Value
  /** Share of a batch in the running statistics. Default 0.1. */
  momentum?: number
  /** Added to the variance. Default 1e-5. */
  epsilon?: number
}

/**
 * Each channel of x[batch, channels, ...] brought to mean 0 and variance 1, times `w`[channels] plus `b`: by the statistics of
 * the batch in training, else by `mean` and `var`, which a training step moves towards these (Ioffe and Szegedy, ICML 2015).
 *
 * @throws PithError `PITH_SHAPE` no channels, or one element for each in training
 */
export function batchNorm(scope: Scope, x: Value, options: BatchNormOptions = {}): Value {
  const { training, momentum = 0.1, epsilon = 1e-5 } = options
  const channels = x.shape[1] ?? 0
  const count = x.size / channels
  if (!(channels >= 1) || (training !== undefined && count < 2)) {
    throw new PithError('PITH_SHAPE', `batchNorm needs channels of several elements, got ${shapeText(x.shape)}`)
  }
  const perChannel = [channels, ...x.shape.slice(2).map(() => 1)]
  const wide = (vector: Value): Value => reshape(vector, perChannel)
  const [w, b] = [scope.param('w', [channels], ones()), scope.param('b', [channels], zeros())]
  // Not trained: they have no gradient, and a step keeps them.
  const kept = [scope.param('mean', [channels], zeros()), scope.param('var', [channels], ones())] as const
  const [runningMean, runningVariance] = kept.map(stopGradient) as [Value, Value]
  const [center, spread] =
    training === undefined ? [runningMean, runningVariance] : mixed(x, training, runningMean, runningVariance)
  if (training !== undefined) {
    const axes = axesOf(x)
    const own = mean(x, axes)
    const variance = mul(mean(square(sub(x, wide(own))), axes), count / (count - 1))
    track(kept[0], own, momentum)
    track(kept[1], variance, momentum)
  }
  const gain = mul(w, rsqrt(add(spread, epsilon)))
  return add(mul(sub(x, wide(center)), wide(gain)), wide(b))
}

/** Statistics of the batch where the flag is 1, running ones where it is 0; vectors, so that the mixing costs nothing. */
function mixed(x: Value, training: Value, runningMean: Value, runningVariance: Value): [Value, Value] {
  const axes = axesOf(x)
  const own = mean(x, axes)
  const perChannel = [x.shape[1] as number, ...x.shape.slice(2).map(() => 1)]
  const variance = mean(square(sub(x, reshape(own, perChannel))), axes)
  const mix = (batch: Value, running: Value): Value => add(running, mul(training, sub(batch, running)))
  return [mix(own, runningMean), mix(variance, runningVariance)]
}

function axesOf(x: Value): number[] {
  return x.shape.map((_, axis) => axis).filter((axis) => axis !== 1)
}

function track(param: Value, value: Value, momentum: number): void {
  const { graph } = value
  if (param.graph !== graph) return
  const list = RUNNING.get(graph) ?? []
  list.push({ param, value, momentum })
  RUNNING.set(graph, list)
}
