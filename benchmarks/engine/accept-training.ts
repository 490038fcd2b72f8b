/** What the engine promises of speed, memory and quality against the peers of its bench. */
import { bench as linalg } from '../../packages/engine/src/linalg/linalg.bench.ts'
import { type AcceptContext, atMost, costAtMost } from '../measure/accept.ts'
import type { Case } from '../measure/case.ts'
import { measureCharacters } from './characters.ts'
import { measureCodec } from './codec.ts'
import { smallSize } from './language-model.ts'
import { measureRecompute } from './recompute.ts'
import { measureStep } from './train-step.ts'

const TURNS = 5

/** A training step of the language model, over PyTorch's and jax-js's time. */
export async function acceptStep(context: AcceptContext): Promise<void> {
  for (const [width, limit] of [
    [128, 1],
    [256, 1.1],
  ] as const) {
    const { ours, torch, jax } = await measureStep(context.cache, smallSize(width), TURNS)
    const name = `training step, width ${width}: CPU time over`
    if (torch === undefined) context.say('there is no Python with PyTorch: not measured against it')
    else costAtMost(context, `${name} PyTorch's`, ours.best / torch.best, limit)
    if (jax === undefined) context.say('jax-js can not be installed: not measured against it')
    else costAtMost(context, `${name} jax-js's`, ours.best / jax.best, 0.3)
  }
}

/** What `checkpoint` saves, costs and gives. */
export async function acceptRecompute(context: AcceptContext): Promise<void> {
  const { plain, checkpoint, unequal } = await measureRecompute(3)
  context.check('checkpoint: the gradients without it', unequal === 0, `${unequal} elements differ`)
  costAtMost(context, 'checkpoint: peak memory over that without it', checkpoint.peakBytes / plain.peakBytes, 0.6)
  costAtMost(context, 'checkpoint: CPU time over that without it', checkpoint.cpuMs / plain.cpuMs, 1.4)
}

/** Files of 104 MB. */
export async function acceptCodec(context: AcceptContext): Promise<void> {
  const times = await measureCodec(context.cache, 9)
  if (times === undefined) {
    context.say('onnx-proto can not be installed: not measured against it')
    return
  }
  const { read, write, chunks } = times
  costAtMost(context, "reading a model: CPU time over onnx-proto's", read.ours / read.theirs, 2)
  costAtMost(context, "writing a model in chunks: CPU time over onnx-proto's", chunks.ours / chunks.theirs, 1)
  // Both are the copy of 104 MB to new memory, so that one is a hundredth faster or slower.
  costAtMost(context, "writing a model as one array: CPU time over onnx-proto's", write.ours / write.theirs, 1.05)
}

/** Cholesky, the randomised decomposition. */
export async function acceptLinalg(context: AcceptContext): Promise<void> {
  const cases: Case[] = []
  await linalg.run({
    only: new Set(['cholesky', 'randomized']),
    pith: context.pith,
    cache: context.cache,
    repeats: TURNS,
    scale: 1,
    add: (result) => void cases.push(result),
    say: () => {},
  })
  const cholesky = cases.find(({ data }) => data.name === 'cholesky')
  costAtMost(context, "Cholesky of 512: CPU time over ml-matrix's", cholesky?.vs['cpu'] ?? Number.NaN, 0.8)
  const randomised = cases.find(({ peer }) => peer.name.startsWith('numpy'))
  if (randomised === undefined) {
    context.say('python3 has no numpy: not measured against it')
    return
  }
  costAtMost(context, "SVD, rank 64 of 1024: CPU time over numpy's full one", randomised.vs['cpu'] ?? Number.NaN, 0.4)
  const energy = randomised.ours.quality?.['energy'] ?? 0
  context.check(
    'SVD, rank 64 of 1024: share of the best energy',
    energy >= 0.999,
    `${energy.toFixed(6)} (at least 0.999)`,
  )
}

/** The quality of a training: the validation loss of a model of characters. */
export async function acceptCharacters(context: AcceptContext): Promise<void> {
  const steps = Math.max(20, Math.round(600 * context.scale))
  const figures = await measureCharacters(steps, (text) => context.say(text))
  if (figures?.torch === undefined) {
    context.say('there is no Python with PyTorch: not compared')
    return
  }
  const apart = Math.abs(figures.ours.validation - figures.torch.validation)
  context.say(`${figures.ours.validation.toFixed(4)} nats a character, PyTorch ${figures.torch.validation.toFixed(4)}`)
  atMost(context, `characters, ${steps} steps: nats from PyTorch's`, apart, 0.03, 4)
}
