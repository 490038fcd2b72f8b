/** The training step of a stage: a loss with a weight for each token, and what came of each target. */
import {
  compileTrainStep,
  f32,
  i64,
  nn,
  type Optimizer,
  ops,
  type Params,
  type TrainStep,
  type Value,
} from '@pith/engine'
import { type LmConfig, logitsOf } from '@pith/lm'

/** Leaves the weights alone: they are changed after the step. */
const NONE: Optimizer = { name: 'none', lr: 0, settings: {}, bind: () => ({ moments: {}, update: () => undefined }) }

/** First weights of a model; what a block adds is nothing at first. */
export function initialParams(config: LmConfig, seed: number): Params {
  const params = networkOf(config).init(seed, i64(1, 2))
  for (const [name, { data }] of Object.entries(params)) if (/[.](wo|wDown)$/.test(name)) (data as Float32Array).fill(0)
  return params
}

function networkOf(config: LmConfig): nn.Module<readonly [Value], Value> {
  return nn.module((scope: nn.Scope, ids: Value) => logitsOf(scope, config, ids))
}

/** A step whose batches are `ids` and `targets` i64[rows, length] and `weights` f32[rows, length]. */
export function compileStep(
  config: LmConfig,
  params: Params,
  rows: number,
  length: number,
  threads: number,
): Promise<TrainStep> {
  const net = networkOf(config)
  return compileTrainStep(
    (own, batch) => {
      const [ids, targets, weights] = [batch['ids'] as Value, batch['targets'] as Value, batch['weights'] as Value]
      const logits = net.apply(own, ids)
      const logs = ops.squeeze(ops.gatherElements(ops.logSoftmax(logits), ops.unsqueeze(targets, -1), -1), [-1])
      const hits = ops.cast(ops.equal(ops.argMax(logits, -1), targets), 'f32')
      const loss = ops.neg(ops.div(ops.sum(ops.mul(logs, weights)), ops.sum(weights)))
      return { loss, aux: { logs: logs, hits } }
    },
    {
      params,
      batch: { ids: i64(rows, length), targets: i64(rows, length), weights: f32(rows, length) },
      optimizer: NONE,
      threads,
    },
  )
}
