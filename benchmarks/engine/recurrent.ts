/** A training step of an LSTM over long sequences, Adam included: the layer, and the same as a scan of its steps. */
import { adamw, compileTrainStep, nn, ops, type Params, type TrainStep, type Value } from '@pith/engine'
import type { BenchContext } from '../measure/case.ts'
import { benchTraining, measureTraining, normalTensor, type Training, type TrainingTimes } from './torch-training.ts'

const [STEPS, BATCH, WIDTH] = [256, 16, 128] as const
const RATE = 1e-3

const layer: nn.Module<readonly [Value], Value> = nn.module(
  (scope: nn.Scope, x: Value) => nn.lstm(scope, x, { hidden: WIDTH, stepsFirst: true }).outputs,
)

/** The steps one by one, from the parameters of the layer. */
function scanned({ w, r, b }: Readonly<Record<string, Value>>, x: Value): Value {
  const [weights, recurrence] = [w, r].map((own) => ops.transpose(ops.squeeze(own as Value, 0)))
  const bias = ops.sum(ops.reshape(b as Value, [2, 4 * WIDTH]), 0)
  const products = ops.matmul(ops.reshape(x, [STEPS * BATCH, WIDTH]), weights as Value, { bias })
  const zero = ops.fullLike(ops.at(x, 0, 0), 0)
  const { outputs } = ops.scan(
    ([h, c], [own]) => {
      const sums = ops.add(own as Value, ops.matmul(h as Value, recurrence as Value))
      const [i, o, f, g] = ops.split(sums, 4, 1) as [Value, Value, Value, Value]
      const cell = ops.add(ops.mul(ops.sigmoid(f), c as Value), ops.mul(ops.sigmoid(i), ops.tanh(g)))
      const next = ops.mul(ops.sigmoid(o), ops.tanh(cell))
      return { states: [next, cell], outputs: [next] }
    },
    [zero, zero],
    [ops.reshape(products, [STEPS, BATCH, 4 * WIDTH])],
  )
  return outputs[0] as Value
}

function training(isScan: boolean): Training {
  const batch = { x: normalTensor(3, STEPS, BATCH, WIDTH), t: normalTensor(4, STEPS, BATCH, WIDTH) }
  const params: Params = layer.init(1, batch.x)
  const outputs = isScan ? scanned : layer.apply
  const compile = (): Promise<TrainStep> =>
    compileTrainStep((own, { x, t }) => nn.mse(outputs(own, x as Value), t as Value), {
      params,
      batch,
      optimizer: adamw({ lr: RATE, weightDecay: 0 }),
    })
  return { name: 'lstm', params, batch, compile }
}

/** Times of a step of the layer, or of the scan. */
export function measureRecurrent(turns: number, isScan: boolean): Promise<TrainingTimes> {
  return measureTraining(training(isScan), turns)
}

/** The part `recurrent` of the bench. */
export async function benchRecurrent(context: BenchContext): Promise<void> {
  const size = `${STEPS} steps of ${BATCH} x ${WIDTH}`
  await benchTraining(context, `LSTM, ${size}`, training(false))
  await benchTraining(context, `LSTM as a scan, ${size}`, training(true))
}
