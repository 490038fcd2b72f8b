/** Everything that a training needs to go on exactly, as files. */
import { PithError } from '@pith/core'
import { bytesOfData } from '../io/elements.ts'
import { openSafetensors, writeSafetensors } from '../io/safetensors.ts'
import { readParams } from '../io/tensor-file.ts'
import { type Params, specText, type Tensor } from '../tensor.ts'
import type { StepCounts, TrainStep } from './step.ts'
import { copyOf, watchedFromJson, watchedToJson } from './watch.ts'

const FORMAT = 'pith-training'
const VERSION = 1

/** Files of a checkpoint, by name. */
export interface StateFiles {
  /** All parameters, frozen ones included. */
  readonly 'model.safetensors': Uint8Array
  /** Moments of the optimiser, as `moment/parameter`; the running average as `ema/parameter`, the best weights as `best/parameter`. */
  readonly 'optim.safetensors': Uint8Array
  /** Counts, settings, and what was measured. */
  readonly 'state.json': Uint8Array
}

/** Names of the files of a checkpoint. */
export const STATE_FILES = ['model.safetensors', 'optim.safetensors', 'state.json'] as const

/** The state of a training between two updates. @throws PithError `PITH_DTYPE` frozen parameters of odd types */
export function saveState(step: TrainStep): StateFiles {
  const { counts, settings } = step
  const watched = watchedToJson(step.watched)
  const text = `${JSON.stringify({ format: FORMAT, version: VERSION, counts, settings, watched }, undefined, 1)}\n`
  return {
    'model.safetensors': writeSafetensors(step.params),
    'optim.safetensors': writeSafetensors(
      Object.fromEntries([
        ...flatsOf(step, step.watched.weights).flatMap(([, , views]) => views),
        ...Object.entries(step.watched.running).map(([name, tensor]): [string, Tensor] => [`best/${name}`, tensor]),
      ]),
    ),
    'state.json': new TextEncoder().encode(text),
  }
}

/**
 * Bring a training to a saved state; it then goes on as the saved one would have, bit for bit. Nothing changes where an error
 * is thrown.
 *
 * @throws PithError `PITH_ARG` the state is of a training with other settings · `PITH_SHAPE` other parameters ·
 * `PITH_CORRUPT`, `PITH_TRUNCATED` damage · `PITH_VERSION` written by a newer pith
 */
export async function restoreState(step: TrainStep, files: StateFiles): Promise<void> {
  const { counts, settings, watched } = parseState(files['state.json'])
  checkSettings(step.settings, settings)
  const model = await paramsOf(files['model.safetensors'])
  const optim = await paramsOf(files['optim.safetensors'])
  const trained = Object.fromEntries(step.store.slots.map(({ name }) => [name, tensorOf(model, name)]))
  for (const [name, own] of Object.entries(step.params)) {
    if (step.running.includes(name)) checkSpec(name, own, tensorOf(model, name))
    else if (!(name in trained) && !isSame(own, tensorOf(model, name))) {
      throw new PithError('PITH_ARG', `the frozen parameter ${name} is not that of the checkpoint`, {
        hint: 'Make the training from the same parameters.',
      })
    }
  }
  const scratch = step.store.zeros()
  const { hasWeights = false, ...measured } = watched ?? { measured: [], best: undefined, worse: 0 }
  const weights = hasWeights ? step.store.zeros() : undefined
  const loads = flatsOf(step, weights).map(([kind, flat]) => {
    const params = Object.fromEntries(step.store.slots.map(({ name }) => [name, tensorOf(optim, `${kind}/${name}`)]))
    // A trial shows that all of it fits before any of it is taken.
    step.store.load(params, scratch)
    return () => step.store.load(params, flat)
  })
  const running = Object.fromEntries(
    (hasWeights ? step.running : []).map((name) => {
      const kept = tensorOf(optim, `best/${name}`)
      checkSpec(name, step.params[name] as Tensor, kept)
      return [name, copyOf(kept)]
    }),
  )
  step.store.load(trained)
  for (const load of loads) load()
  for (const name of step.running) {
    ;((step.params[name] as Tensor).data as Float32Array).set(tensorOf(model, name).data as Float32Array)
  }
  Object.assign(step.counts, counts)
  Object.assign(step.watched, measured, { weights, running })
}

/** Moments, averages and the best weights: their kind, the flat array, and its views by the names of the file. */
function flatsOf(
  step: TrainStep,
  best: Float32Array | undefined,
): [kind: string, flat: Float32Array, views: [string, Tensor][]][] {
  const flats = Object.entries(step.moments)
  if (step.ema !== undefined) flats.push(['ema', step.ema.average])
  if (best !== undefined) flats.push(['best', best])
  return flats.map(([kind, flat]) => {
    const views = Object.entries(step.store.views(flat))
    return [kind, flat, views.map(([name, tensor]): [string, Tensor] => [`${kind}/${name}`, tensor])]
  })
}

async function paramsOf(bytes: Uint8Array): Promise<Params> {
  const file = await openSafetensors(bytes)
  try {
    return await readParams(file)
  } finally {
    await file.close()
  }
}

function tensorOf(params: Params, name: string): Tensor {
  const tensor = Object.hasOwn(params, name) ? params[name] : undefined
  if (tensor !== undefined) return tensor
  throw new PithError('PITH_SHAPE', `the checkpoint has no ${name.slice(0, 80)}`)
}

function checkSpec(name: string, own: Tensor, saved: Tensor): void {
  if (specText(own) === specText(saved)) return
  throw new PithError(
    'PITH_SHAPE',
    `${name.slice(0, 80)} is ${specText(saved)} in the checkpoint, not ${specText(own)}`,
  )
}

function isSame(a: Tensor, b: Tensor): boolean {
  if (specText(a) !== specText(b)) return false
  const own = bytesOfData(a.dtype, a.data)
  const other = bytesOfData(b.dtype, b.data)
  return own.length === other.length && own.every((byte, i) => byte === other[i])
}

interface SavedState {
  readonly counts: StepCounts
  readonly settings: Record<string, unknown>
  /** Absent where nothing was measured by those who wrote it. */
  readonly watched: ReturnType<typeof watchedFromJson>
}

function parseState(bytes: Uint8Array): SavedState {
  let content: unknown
  try {
    content = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw damaged(cause)
  }
  if (!isRecord(content) || content['format'] !== FORMAT) throw damaged()
  const { version, counts, settings } = content
  if (version !== VERSION) {
    throw new PithError('PITH_VERSION', `state.json has version ${String(version).slice(0, 20)}, ${VERSION} is known`, {
      hint: 'Update pith.',
    })
  }
  if (!isRecord(counts) || !isRecord(settings)) throw damaged()
  const { steps, updates, skipped } = counts
  if (!isCount(steps) || !isCount(updates) || !isCount(skipped) || updates + skipped > steps) throw damaged()
  const watched = watchedFromJson(content['watched'])
  if (watched === undefined && content['watched'] !== undefined) throw damaged()
  return { counts: { steps, updates, skipped }, settings, watched }
}

function checkSettings(own: Readonly<Record<string, unknown>>, saved: Readonly<Record<string, unknown>>): void {
  for (const key of new Set([...Object.keys(own), ...Object.keys(saved)])) {
    const [mine, theirs] = [JSON.stringify(own[key]), JSON.stringify(saved[key])]
    if (mine === theirs) continue
    throw new PithError(
      'PITH_ARG',
      `the checkpoint has ${key} ${String(theirs).slice(0, 80)}, not ${String(mine).slice(0, 80)}`,
      {
        hint: 'Make the training with the same settings, or begin a new one from the parameters of the checkpoint.',
      },
    )
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function damaged(cause?: unknown): PithError {
  return new PithError('PITH_CORRUPT', 'state.json is not the state of a training', {
    hint: 'Go on from an older checkpoint.',
    at: { entry: 'state.json' },
    ...(cause === undefined ? {} : { cause }),
  })
}
