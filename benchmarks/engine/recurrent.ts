/** A training step of one LSTM layer over long sequences, Adam included. */
import { adamw, compileTrainStep, nn, type Params, type TrainStep, type Value } from '@pith/engine'
import type { BenchContext } from '../measure/case.ts'
import { benchTraining, measureTraining, normalTensor, type Training, type TrainingTimes } from './torch-training.ts'

const [STEPS, BATCH, WIDTH] = [256, 16, 128] as const
const RATE = 1e-3

const layer: nn.Module<readonly [Value], Value> = nn.module(
  (scope: nn.Scope, x: Value) => nn.lstm(scope, x, { hidden: WIDTH, stepsFirst: true }).outputs,
)

function training(): Training {
  const batch = { x: normalTensor(3, STEPS, BATCH, WIDTH), t: normalTensor(4, STEPS, BATCH, WIDTH) }
  const params: Params = layer.init(1, batch.x)
  const compile = (): Promise<TrainStep> =>
    compileTrainStep((own, { x, t }) => nn.mse(layer.apply(own, x as Value), t as Value), {
      params,
      batch,
      optimizer: adamw({ lr: RATE, weightDecay: 0 }),
    })
  return { name: 'lstm', params, batch, compile }
}

/** Times of a step. */
export function measureRecurrent(turns: number): Promise<TrainingTimes> {
  return measureTraining(training(), turns)
}

/** The part `recurrent` of the bench. */
export function benchRecurrent(context: BenchContext): Promise<void> {
  return benchTraining(context, `LSTM, ${STEPS} steps of ${BATCH} x ${WIDTH}`, training())
}
