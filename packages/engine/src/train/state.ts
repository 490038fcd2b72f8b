/** Everything that a training needs to go on exactly, as files. */
import { PithError } from '@pith/core'
import { bytesOfData } from '../io/elements.ts'
import { openSafetensors, writeSafetensors } from '../io/safetensors.ts'
import { readParams } from '../io/tensor-file.ts'
import { type Params, specText, type Tensor } from '../tensor.ts'
import type { StepCounts, TrainStep } from './step.ts'

const FORMAT = 'pith-training'
const VERSION = 1

/** Files of a checkpoint, by name. */
export interface StateFiles {
  /** All parameters, frozen ones included. */
  readonly 'model.safetensors': Uint8Array
  /** Moments of the optimiser, as `moment/parameter`, and the running average as `ema/parameter`. */
  readonly 'optim.safetensors': Uint8Array
  /** Counts and settings. */
  readonly 'state.json': Uint8Array
}

/** Names of the files of a checkpoint. */
export const STATE_FILES = ['model.safetensors', 'optim.safetensors', 'state.json'] as const

/** The state of a training between two updates. @throws PithError `PITH_DTYPE` frozen parameters of odd types */
export function saveState(step: TrainStep): StateFiles {
  const { counts, settings } = step
  const text = `${JSON.stringify({ format: FORMAT, version: VERSION, counts, settings }, undefined, 1)}\n`
  return {
    'model.safetensors': writeSafetensors(step.params),
    'optim.safetensors': writeSafetensors(Object.fromEntries(flatsOf(step).flatMap(([, , views]) => views))),
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
  const { counts, settings } = parseState(files['state.json'])
  checkSettings(step.settings, settings)
  const model = await paramsOf(files['model.safetensors'])
  const optim = await paramsOf(files['optim.safetensors'])
  const trained = Object.fromEntries(step.store.slots.map(({ name }) => [name, tensorOf(model, name)]))
  for (const [name, own] of Object.entries(step.params)) {
    if (!(name in trained) && !isSame(own, tensorOf(model, name))) {
      throw new PithError('PITH_ARG', `the frozen parameter ${name} is not that of the checkpoint`, {
        hint: 'Make the training from the same parameters.',
      })
    }
  }
  const scratch = step.store.zeros()
  const loads = flatsOf(step).map(([kind, flat]) => {
    const params = Object.fromEntries(step.store.slots.map(({ name }) => [name, tensorOf(optim, `${kind}/${name}`)]))
    // A trial shows that all of it fits before any of it is taken.
    step.store.load(params, scratch)
    return () => step.store.load(params, flat)
  })
  step.store.load(trained)
  for (const load of loads) load()
  Object.assign(step.counts, counts)
}

/** Moments and averages: their kind, the flat array, and its views by the names of the file. */
function flatsOf(step: TrainStep): [kind: string, flat: Float32Array, views: [string, Tensor][]][] {
  const flats = Object.entries(step.moments)
  if (step.ema !== undefined) flats.push(['ema', step.ema.average])
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

function isSame(a: Tensor, b: Tensor): boolean {
  if (specText(a) !== specText(b)) return false
  const own = bytesOfData(a.dtype, a.data)
  const other = bytesOfData(b.dtype, b.data)
  return own.length === other.length && own.every((byte, i) => byte === other[i])
}

function parseState(bytes: Uint8Array): { counts: StepCounts; settings: Record<string, unknown> } {
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
  return { counts: { steps, updates, skipped }, settings }
}

function checkSettings(own: Readonly<Record<string, unknown>>, saved: Readonly<Record<string, unknown>>): void {
  for (const key of Object.keys(own)) {
    const [mine, theirs] = [JSON.stringify(own[key]), JSON.stringify(saved[key])]
    if (mine === theirs) continue
    throw new PithError(
      'PITH_ARG',
      `the checkpoint has ${key} ${String(theirs).slice(0, 80)}, not ${mine?.slice(0, 80)}`,
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
