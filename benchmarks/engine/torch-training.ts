/** Training steps of a network against the same in PyTorch: the same weights, batch and optimiser, turn by turn. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Random } from '@pith/core'
import { type Params, Tensor, type TrainStep } from '@pith/engine'
import type { BenchContext } from '../measure/case.ts'
import { spread } from '../measure/statistics.ts'
import { textTable } from '../measure/table.ts'
import { Peer, pythonWithTorch, type Turn, takeTurn } from './peers.ts'

/** Steps of each contender in a row. */
const STEPS = 4
/** Losses of single precision that are computed in another order; later ones drift apart. */
const TOLERANCE = 1e-4
const COMPARED = 8

/** What is trained. */
export interface Training {
  /** What networks.py calls it. */
  readonly name: string
  readonly params: Params
  readonly batch: Params
  compile(): Promise<TrainStep>
}

export interface TrainingTimes {
  readonly parameters: number
  /** CPU milliseconds of the best step. */
  readonly ours: number
  readonly spread: number
  /** Absent where there is no Python with PyTorch. */
  readonly torch?: { readonly version: string; readonly ms: number }
}

/** Numbers of the normal distribution. */
export function normalTensor(seed: number, ...shape: number[]): Tensor {
  const random = new Random(seed)
  const length = shape.reduce((product, axis) => product * axis, 1)
  return new Tensor(
    Float32Array.from({ length }, () => random.normal()),
    shape,
  )
}

/** Measure turn by turn; the first of each is not counted. @throws Error when PyTorch gives other losses */
export async function measureTraining(training: Training, turns: number): Promise<TrainingTimes> {
  const folder = mkdtempSync(join(tmpdir(), 'pith-training-'))
  const step = await training.compile()
  const python = pythonWithTorch()
  let peer: Peer<{ version: string }, Turn> | undefined
  try {
    writeTensors(folder, { ...training.params, ...training.batch })
    if (python !== undefined)
      peer = await Peer.start([python, join(import.meta.dirname, 'networks.py'), training.name, folder])
    const [ours, theirs]: [Turn[], Turn[]] = [[], []]
    for (let turn = 0; turn <= turns; turn++) {
      ours.push(await takeTurn(step, training.batch, STEPS))
      if (peer !== undefined) theirs.push(await peer.ask(String(STEPS)))
    }
    const [own, other] = [ours, theirs].map((all) => all.flatMap(({ losses }) => losses)) as [number[], number[]]
    for (const [i, loss] of other.slice(0, COMPARED).entries()) {
      if (Math.abs((own[i] ?? Number.NaN) / loss - 1) < TOLERANCE) continue
      throw new Error(`${training.name}, step ${i + 1}: the loss is ${own[i]}, PyTorch has ${loss}`)
    }
    const msOf = (all: readonly Turn[]): number[] => all.slice(1).flatMap(({ ms }) => ms)
    return {
      parameters: Object.values(training.params).reduce((sum, { data }) => sum + data.length, 0),
      ours: Math.min(...msOf(ours)),
      spread: spread(msOf(ours)),
      ...(peer === undefined ? {} : { torch: { version: peer.hello.version, ms: Math.min(...msOf(theirs)) } }),
    }
  } finally {
    await peer?.stop()
    await step.dispose()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** All tensors in one file, and their names and shapes in another. */
function writeTensors(folder: string, tensors: Params): void {
  const entries = Object.entries(tensors)
  writeFileSync(join(folder, 'names.json'), JSON.stringify(entries.map(([name, { shape }]) => ({ name, shape }))))
  const bytes = entries.map(([, { data }]) => {
    const floats = data as Float32Array
    return new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength)
  })
  writeFileSync(join(folder, 'tensors.bin'), Buffer.concat(bytes))
}

/** Measure one training and report it. */
export async function benchTraining(context: BenchContext, title: string, training: Training): Promise<void> {
  const { ours, torch, parameters, spread: own } = await measureTraining(training, context.repeats)
  if (torch === undefined) {
    context.say('PyTorch is not here: not measured against it')
    return
  }
  const ratio = ours / torch.ms
  context.add({
    system: 'engine',
    kind: 'training',
    peer: { name: 'PyTorch', version: torch.version },
    data: { name: title, bytes: 4 * parameters },
    params: { parameters },
    ours: { cpuMs: ours },
    theirs: { cpuMs: torch.ms },
    vs: { cpu: ratio },
    repeats: context.repeats,
    spread: own,
  })
  const row = [title, `PyTorch ${torch.version}`, ours.toFixed(1), torch.ms.toFixed(1), `${ratio.toFixed(3)}x`]
  context.say(textTable(['training step', 'peer', 'ours, CPU ms', 'theirs', 'ratio'], [row]))
}
