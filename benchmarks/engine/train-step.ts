/** One training step of the language model, clipping and AdamW included, against PyTorch and jax-js with the same weights. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adamw, compileTrainStep, nn, type Params, type TrainStep, type Value } from '@pith/engine'
import type { BenchContext } from '../measure/case.ts'
import { spread } from '../measure/statistics.ts'
import { textTable } from '../measure/table.ts'
import { batchSpec, countOf, languageModel, type ModelSize, randomBatch, smallSize, startOf } from './language-model.ts'
import { writePeerFiles } from './peer-files.ts'
import { npmPeer, Peer, pythonWithTorch, type Turn, takeTurn } from './peers.ts'

/** Steps of each contender in a row; the first of a row finds the caches full of the other's data. */
const STEPS = 4
const BATCH_SEED = 2
const RATE = 1e-3
/** Losses of single precision that are computed in another order. */
const TOLERANCE = 1e-4

interface Greeting {
  readonly version: string
}

/** Times of one contender over all turns but the first. */
export interface Times {
  /** CPU milliseconds of each step. */
  readonly ms: readonly number[]
  /** The least of them. */
  readonly best: number
}

export interface StepTimes {
  readonly size: ModelSize
  readonly parameters: number
  readonly ours: Times
  /** Absent where there is no Python with PyTorch. */
  readonly torch?: Times & Greeting
  /** Loss and gradients alone; absent where the package can't be had. */
  readonly jax?: Times & Greeting
}

/** Compile the step that is measured. */
export function compileLanguageModel(
  size: ModelSize,
  params: Params,
  threads: number = 1,
  { isClipped = true }: { isClipped?: boolean } = {},
): Promise<TrainStep> {
  const net = languageModel(size)
  return compileTrainStep((own, { ids, next }) => nn.crossEntropy(net.apply(own, ids as Value), next as Value), {
    params,
    batch: batchSpec(size),
    optimizer: adamw({ lr: RATE }),
    ...(isClipped ? { clip: { norm: 1 } } : {}),
    threads,
  })
}

/** Measure turn by turn. @throws Error when a peer gives other losses */
export async function measureStep(cache: string, size: ModelSize, turns: number): Promise<StepTimes> {
  const params = startOf(size)
  const batch = randomBatch(size, BATCH_SEED)
  const folder = mkdtempSync(join(tmpdir(), 'pith-step-'))
  const python = pythonWithTorch()
  const jaxFolder = npmPeer(cache, '@jax-js/jax', '0.1.25')
  const step = await compileLanguageModel(size, params)
  const peers: Partial<Record<'torch' | 'jax', Peer<Greeting, Turn>>> = {}
  try {
    writePeerFiles(folder, size, params, batch)
    const here = (name: string): string => join(import.meta.dirname, name)
    if (python !== undefined) peers.torch = await Peer.start([python, here('language_model.py'), folder])
    if (jaxFolder !== undefined) {
      peers.jax = await Peer.start([process.execPath, here('language-model-jax.mjs'), jaxFolder, folder])
    }
    const seen: Record<'ours' | 'torch' | 'jax', Turn[]> = { ours: [], torch: [], jax: [] }
    for (let turn = 0; turn <= turns; turn++) {
      seen.ours.push(await takeTurn(step, batch, STEPS))
      if (peers.torch !== undefined) seen.torch.push(await peers.torch.ask(String(STEPS)))
      // It has no optimiser here: each step is the first one.
      if (peers.jax !== undefined) seen.jax.push(await peers.jax.ask(turn === 0 ? '1' : '2'))
    }
    const losses = seen.ours.flatMap((turn) => turn.losses)
    compareLosses(
      'PyTorch',
      losses,
      seen.torch.flatMap((turn) => turn.losses),
    )
    compareLosses('jax-js', losses.slice(0, 1), (seen.jax[0]?.losses ?? []).slice(0, 1))
    return {
      size,
      parameters: countOf(params),
      ours: timesOf(seen.ours),
      ...(peers.torch === undefined ? {} : { torch: { ...peers.torch.hello, ...timesOf(seen.torch) } }),
      ...(peers.jax === undefined ? {} : { jax: { ...peers.jax.hello, ...timesOf(seen.jax) } }),
    }
  } finally {
    await Promise.all(Object.values(peers).map((peer) => peer.stop()))
    await step.dispose()
    rmSync(folder, { recursive: true, force: true })
  }
}

function timesOf(turns: readonly Turn[]): Times {
  const ms = turns.slice(1).flatMap((turn) => turn.ms)
  return { ms, best: Math.min(...ms) }
}

function compareLosses(peer: string, ours: readonly number[], theirs: readonly number[]): void {
  for (const [i, loss] of theirs.entries()) {
    if (Math.abs((ours[i] ?? Number.NaN) / loss - 1) < TOLERANCE) continue
    throw new Error(`step ${i + 1}: the loss is ${ours[i]}, ${peer} has ${loss}`)
  }
}

/** The widths of the issue, each against both peers. */
export async function benchStep(context: BenchContext): Promise<void> {
  const rows: string[][] = []
  for (const width of [128, 256]) {
    const times = await measureStep(context.cache, smallSize(width), context.repeats)
    const { ours, parameters, size } = times
    for (const [name, theirs] of [
      ['PyTorch', times.torch],
      ['jax-js', times.jax],
    ] as const) {
      if (theirs === undefined) {
        context.say(`${name} is not here: not measured against it`)
        continue
      }
      const ratio = ours.best / theirs.best
      context.add({
        system: 'engine',
        kind: 'step',
        peer: { name, version: theirs.version },
        data: { name: `language model, width ${width}`, bytes: 4 * parameters },
        params: { ...size, parameters },
        ours: { cpuMs: ours.best },
        theirs: { cpuMs: theirs.best },
        vs: { cpu: ratio },
        repeats: context.repeats,
        spread: spread(ours.ms),
      })
      const cells = [ours.best, theirs.best].map((ms) => ms.toFixed(1))
      rows.push([
        `width ${width}, ${parameters} parameters`,
        `${name} ${theirs.version}`,
        ...cells,
        `${ratio.toFixed(3)}x`,
      ])
    }
  }
  context.say(textTable(['training step', 'peer', 'ours, CPU ms', 'theirs', 'ratio'], rows))
}
