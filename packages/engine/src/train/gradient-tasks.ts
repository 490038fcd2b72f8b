/** What a worker does for a training: gradients of batches, for weights that it shares with the program. */
import { type Slot, viewsOf } from '../optim/store.ts'
import { loadRuntime, type RuntimeOptions } from '../runtime/load.ts'
import { ownBytes } from '../runtime/session-tasks.ts'
import { tensorsFromWire, tensorsToWire, type WireTensor } from '../runtime/wire.ts'
import type { Params } from '../tensor.ts'
import { type GradientPlan, GradientSession } from './gradient-session.ts'

/** The program of a training. */
export interface TrainingRequest {
  readonly model: Uint8Array
  readonly plan: GradientPlan
  readonly slots: readonly Slot[]
  /** Shared with the program, which changes them between updates. */
  readonly weights: Float32Array
  readonly frozen: Readonly<Record<string, WireTensor>>
  readonly runtime: RuntimeOptions
}

/** One batch. */
export interface BatchRequest {
  readonly batch: Readonly<Record<string, WireTensor>>
  /** Shared with the program; receives the gradients. */
  readonly gradients: Float32Array
  /** Tells one array of gradients from the next. */
  readonly serial: number
}

interface Training {
  readonly session: GradientSession
  readonly slots: readonly Slot[]
  readonly params: Params
  serial: number
  grads: Params
}

/** The one training of this worker. A worker that takes the place of another begins without. */
let training: Training | undefined

export async function openTraining(request: TrainingRequest): Promise<void> {
  const { model, plan, slots, weights, frozen, runtime } = request
  const backend = await loadRuntime(runtime)
  const session = await backend.create(ownBytes(model), { threads: 1 })
  training = {
    session: new GradientSession(session, plan),
    slots,
    params: { ...tensorsFromWire(frozen), ...viewsOf(slots, weights) },
    serial: -1,
    grads: {},
  }
}

/** @returns the outputs; undefined where this worker has no training */
export async function runTraining({
  batch,
  gradients,
  serial,
}: BatchRequest): Promise<Record<string, WireTensor> | undefined> {
  if (training === undefined) return undefined
  if (training.serial !== serial) {
    training.serial = serial
    training.grads = viewsOf(training.slots, gradients)
  }
  const feeds = { ...training.params, ...tensorsFromWire(batch) }
  return tensorsToWire(await training.session.run(feeds, training.grads)).wire
}
