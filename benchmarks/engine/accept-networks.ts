/** Training steps of an autoencoder and of an LSTM layer against PyTorch: the ratios of the issue. */
import { type AcceptContext, costAtMost } from '../measure/accept.ts'
import { measureConv } from './conv.ts'
import { measureRecurrent } from './recurrent.ts'
import type { TrainingTimes } from './torch-training.ts'

const TURNS = 5

function against(context: AcceptContext, what: string, { ours, torch }: TrainingTimes, most: number): void {
  if (torch === undefined) context.say('there is no Python with PyTorch: not measured against it')
  else costAtMost(context, `${what}: CPU time over PyTorch's`, ours / torch.ms, most)
}

/** Forward, gradients and Adam of 8 images of 3 x 64 x 64. */
export async function acceptConv(context: AcceptContext): Promise<void> {
  against(context, 'training step, convolutional autoencoder', await measureConv(TURNS), 1.2)
}

/** 256 steps of 16 x 128. */
export async function acceptRecurrent(context: AcceptContext): Promise<void> {
  against(context, 'training step, LSTM of 256 steps', await measureRecurrent(TURNS, false), 2)
  against(context, 'training step, LSTM of 256 steps as a scan', await measureRecurrent(TURNS, true), 2)
}
