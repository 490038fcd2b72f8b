/** Gradients of several batches at once, each by a worker with its own session; all of them read the same weights. */
import { PithError } from '@pith/core'
import { type EngineWorker, type EngineWorkerOptions, openWorker } from '../engine-worker.ts'
import type { ParamStore } from '../optim/store.ts'
import type { RunOptions } from '../runtime/backend.ts'
import { tensorsFromWire, tensorsToWire } from '../runtime/wire.ts'
import { type Params, type Spec, Tensor } from '../tensor.ts'
import type { GradientPlan } from './gradient-session.ts'
import type { TrainingRequest } from './gradient-tasks.ts'
import { type GradientSource, GradientSum } from './gradients.ts'

/** Workers that share the batches of an update. */
export interface TrainWorkers extends Omit<EngineWorkerOptions, 'mode'> {
  /** How many, 1..64. The result does not depend on it. */
  readonly count: number
}

/** What workers are made for. */
export interface ParallelProgram {
  readonly model: Uint8Array
  readonly plan: GradientPlan
  /** Holds its weights in shared memory. */
  readonly store: ParamStore
  /** Parameters that no update changes. */
  readonly frozen: Params
  /** Batches of an update. */
  readonly count: number
}

/** A worker with the memory that it writes gradients to. */
interface Member {
  readonly worker: EngineWorker
  gradients: Float32Array
  serial: number
}

/** The number of workers that options ask for, and how they start. @throws PithError `PITH_ARG` */
export function workersOf(workers: number | TrainWorkers): TrainWorkers {
  const own = typeof workers === 'number' ? { count: workers } : workers
  if (Number.isInteger(own.count) && own.count >= 1 && own.count <= 64) return own
  throw new PithError('PITH_ARG', `workers must be an integer in 1..64, got ${own.count}`)
}

/** Gradients of workers. Batches go to them in rounds, and are added in the order of the batches. */
export class ParallelGradients implements GradientSource {
  readonly #members: readonly Member[]
  readonly #request: TrainingRequest
  readonly #sum: GradientSum

  /** @throws PithError what compiling the program throws in a worker; the reason of the abort */
  static async open(
    program: ParallelProgram,
    { count, ...options }: TrainWorkers,
    signal: AbortSignal | undefined,
  ): Promise<ParallelGradients> {
    const { model, plan, store, frozen } = program
    const request: TrainingRequest = {
      model,
      plan,
      slots: store.slots,
      weights: store.weights,
      frozen: tensorsToWire(frozen).wire,
      runtime: options.runtime ?? {},
    }
    const members = Array.from({ length: Math.min(count, program.count) }, (): Member => {
      return { worker: openWorker(options), gradients: sharedFloats(store.length), serial: 0 }
    })
    const own = new ParallelGradients(members, request, new GradientSum(store, program.count))
    try {
      await Promise.all(members.map(({ worker }) => worker.run('openTraining', request, callOf(signal))))
      return own
    } catch (error) {
      await own.dispose()
      throw error
    }
  }

  private constructor(members: readonly Member[], request: TrainingRequest, sum: GradientSum) {
    this.#members = members
    this.#request = request
    this.#sum = sum
  }

  async mean(
    batches: Iterable<Params>,
    { signal }: RunOptions,
  ): Promise<{ loss: number; outputs: Readonly<Record<string, Tensor>> }> {
    let outputs: Record<string, Tensor> = {}
    let round: Promise<Record<string, Tensor>>[] = []
    const finish = async (): Promise<void> => {
      // All of them end before an error is thrown: then no worker writes any more to what the next update reads.
      const results = await Promise.allSettled(round)
      for (const [i, result] of results.entries()) {
        if (result.status === 'rejected') this.#replaceGradients(this.#members[i] as Member)
      }
      const failed = results.find((result) => result.status === 'rejected')
      if (failed !== undefined) throw failed.reason
      for (const [i, result] of results.entries()) {
        outputs = (result as PromiseFulfilledResult<Record<string, Tensor>>).value
        this.#sum.add((this.#members[i] as Member).gradients, outputs)
      }
      round = []
    }
    this.#sum.begin()
    try {
      for (const batch of batches) {
        round.push(this.#run(this.#members[round.length] as Member, batch, signal))
        if (round.length === this.#members.length) await finish()
      }
      await finish()
    } catch (error) {
      await Promise.allSettled(round)
      throw error
    }
    return { loss: this.#sum.loss, outputs }
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#members.map(({ worker }) => worker.close()))
  }

  async #run(member: Member, inputs: Params, signal: AbortSignal | undefined): Promise<Record<string, Tensor>> {
    // Copied here and now: the next batch may reuse the memory.
    const batch = tensorsToWire(inputs).wire
    const call = callOf(signal)
    const { worker, gradients, serial } = member
    for (;;) {
      const outputs = await worker.run('runTraining', { batch, gradients, serial }, call)
      if (outputs !== undefined) return tensorsFromWire(outputs)
      // Another worker has taken the place of the one that was given up or died.
      await worker.run('openTraining', this.#request, call)
    }
  }

  /** A worker that was given up may still write to what it was given. */
  #replaceGradients(member: Member): void {
    member.gradients = sharedFloats(member.gradients.length)
    member.serial++
  }
}

/** Parts of a batch by its rows. */
export interface Shards {
  readonly count: number
  /** Inputs that have a row for each row of the batch; others are the same in all parts. */
  readonly split: ReadonlySet<string>
}

/** Refuse batches that have no equal parts. @throws PithError `PITH_SHAPE`, `PITH_ARG` */
export function shardsOf(
  count: number,
  batch: Readonly<Record<string, Spec>>,
  noise: Readonly<Record<string, Spec>>,
): Shards {
  if (!(Number.isInteger(count) && count >= 1))
    throw new PithError('PITH_ARG', `shards must be 1 or more, got ${count}`)
  if (count === 1) return { count, split: new Set() }
  const tall = Object.entries(batch).filter(([, { shape }]) => shape.length > 0)
  const rows = tall[0]?.[1].shape[0] ?? 0
  const odd = tall.find(([, { shape }]) => shape[0] !== rows)
  if (odd !== undefined || rows % count !== 0) {
    const why = odd === undefined ? `${rows} rows` : `${odd[0]} has ${odd[1].shape[0]} rows, not ${rows}`
    throw new PithError('PITH_SHAPE', `a batch can not be split into ${count} equal parts: ${why}`, {
      hint: 'Split it yourself: make batches smaller and accumulate as many.',
    })
  }
  const own = Object.entries(noise).filter(([, { shape }]) => shape[0] === rows)
  return { count, split: new Set([...tall, ...own].map(([name]) => name)) }
}

/** The specs of one part. */
export function specsOfShard<T extends Spec>(
  specs: Readonly<Record<string, T>>,
  { count, split }: Shards,
): Record<string, Spec> {
  return Object.fromEntries(
    Object.entries(specs).map(
      ([
        name,
        {
          dtype,
          shape: [rows = 0, ...others],
        },
      ]) => [name, split.has(name) ? { dtype, shape: [rows / count, ...others] } : (specs[name] as T)],
    ),
  )
}

/** The parts of a batch in order; views of its memory. */
export function* splitBatch(batch: Params, { count, split }: Shards): Generator<Params, void, undefined> {
  if (count === 1) {
    yield batch
    return
  }
  for (let part = 0; part < count; part++) {
    yield Object.fromEntries(
      Object.entries(batch).map(([name, tensor]) => [name, split.has(name) ? partOf(tensor, part, count) : tensor]),
    )
  }
}

function partOf({ data, shape: [rows = 0, ...others], dtype }: Tensor, part: number, count: number): Tensor {
  const length = data.length / count
  const own = (data as Float32Array).subarray(part * length, (part + 1) * length)
  return new Tensor(own, [rows / count, ...others], dtype)
}

function callOf(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}

function sharedFloats(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT))
}
