/** A training step of a convolutional autoencoder: six layers of 5 x 5 windows in strides of 2, Adam included. */
import { adamw, compileTrainStep, nn, ops, type Params, type TrainStep, type Value } from '@pith/engine'
import type { BenchContext } from '../measure/case.ts'
import { benchTraining, measureTraining, normalTensor, type Training, type TrainingTimes } from './torch-training.ts'

/** Channels of the image, and of what each layer makes of it. */
const CHANNELS = [3, 32, 64, 64] as const
const IMAGES = [8, 3, 64, 64] as const
const RATE = 1e-3

const window = { size: 5, strides: 2, pads: 2 }

const autoencoder: nn.Module<readonly [Value], Value> = nn.module((scope: nn.Scope, images: Value) => {
  const [first, ...inner] = CHANNELS
  let x = images
  for (const [i, outputs] of inner.entries()) {
    x = nn.conv2d(scope.at(`down${i}`), x, { ...window, outputs })
    if (i + 1 < inner.length) x = ops.relu(x)
  }
  for (const [i, outputs] of [...inner.slice(0, -1).reverse(), first].entries()) {
    x = nn.convT2d(scope.at(`up${i}`), x, { ...window, outputs, outputPadding: 1 })
    if (i + 1 < inner.length) x = ops.relu(x)
  }
  return x
})

function training(): Training {
  const batch = { x: normalTensor(3, ...IMAGES) }
  const params: Params = autoencoder.init(1, batch.x)
  const compile = (): Promise<TrainStep> =>
    compileTrainStep((own, { x }) => nn.mse(autoencoder.apply(own, x as Value), x as Value), {
      params,
      batch,
      optimizer: adamw({ lr: RATE, weightDecay: 0 }),
    })
  return { name: 'autoencoder', params, batch, compile }
}

/** Times of a step. */
export function measureConv(turns: number): Promise<TrainingTimes> {
  return measureTraining(training(), turns)
}

/** The part `conv` of the bench. */
export function benchConv(context: BenchContext): Promise<void> {
  return benchTraining(context, 'convolutional autoencoder, 8 x 3 x 64 x 64', training())
}
