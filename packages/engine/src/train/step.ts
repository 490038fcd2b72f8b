/** One compiled training step: loss and gradients in one session, then clipping and the optimiser in place. */
import { type Limits, PithError, Random, type Run, throwIfAborted } from '@pith/core'
import { Graph, type Value } from '../ir/graph.ts'
import { runningOf } from '../nn/batch-norm.ts'
import { foldName } from '../nn/init.ts'
import type { Noise } from '../nn/noise.ts'
import { clipByNorm, clipByValue, globalNorm } from '../optim/clip.ts'
import { Ema } from '../optim/ema.ts'
import type { BoundOptimizer, Optimizer } from '../optim/optimizer.ts'
import { asSchedule, type Schedule } from '../optim/schedules.ts'
import { ParamStore } from '../optim/store.ts'
import type { Backend, RunOptions, Session } from '../runtime/backend.ts'
import { type CompileOptions, compile, modelOf } from '../runtime/compile.ts'
import { checkMemory, estimateMemory } from '../runtime/memory.ts'
import { canShare } from '../runtime/wire.ts'
import { type Params, type Spec, specText, Tensor } from '../tensor.ts'
import { GradientSession } from './gradient-session.ts'
import { type GradientSource, type LossProgram, OwnGradients, outputsOf, planGradients } from './gradients.ts'
import { type LoraOptions, loraParams, loraScale, loraValues } from './lora.ts'
import { findNonFinite, firstNonFinite } from './non-finite.ts'
import {
  ParallelGradients,
  type Shards,
  shardsOf,
  specsOfShard,
  splitBatch,
  type TrainWorkers,
  workersOf,
} from './parallel.ts'
import { copyOf, type Watched } from './watch.ts'

/** Parts of a batch where workers are asked for: two cost little more than one, more are the caller's choice. */
const USUAL_SHARDS = 2

/** Tensors of one batch by the names of its inputs. */
export type Batch = Readonly<Record<string, Tensor>>

/** The values of parameters or of a batch within a graph. */
export type Values = Readonly<Record<string, Value>>

/** What a loss function gives: the loss alone, or with values to look at. */
export type Loss = Value | { readonly loss: Value; readonly aux?: Values }

/** How a training step is made. */
export interface TrainStepOptions extends Pick<Run, 'signal' | 'threads' | 'limits'> {
  /** What to begin with; copied. */
  params: Params
  /** Types and shapes of one batch. */
  batch: Readonly<Record<string, Spec>>
  /** Further inputs of a batch, which the step draws itself: masks of dropout and the like. */
  noise?: Readonly<Record<string, Noise>>
  optimizer: Optimizer
  /** Rate of learning. Default: that of the optimiser. */
  lr?: number | Schedule
  /** Limits of each gradient and, after it, of the norm of all. Default none. */
  clip?: { value?: number; norm?: number }
  /** Batches whose mean gradient one update takes. Default 1. */
  accumulate?: number
  /**
   * Equal parts, by rows, that each batch is split into; the gradient is the mean of theirs, so the loss should be a mean over
   * rows. The loss function sees one part. Default 1; with `workers`, and one batch of an even number of rows to an update, 2.
   */
  shards?: number
  /**
   * Workers that share the parts, or the accumulated batches, of an update: threads that read the same weights and write to
   * gradients of their own, which are added in the order of the batches. Any number of them gives the same bits; there may be
   * as many as parts. Without shared memory (pages that are not isolated) all is done by the calling thread. Default none.
   */
  workers?: number | TrainWorkers
  /** Parameters that stay as they are. Default none. */
  frozen?: (name: string) => boolean
  /** Train a change of low rank of each matrix that is not frozen, and nothing else. Default none. */
  lora?: LoraOptions
  /** Decay of a running average of the weights. Default none. */
  ema?: number
  /** Of all draws. Default 0. */
  seed?: number
  /** Updates in a row that may be left out because a number is not finite. Default 2. */
  maxSkipped?: number
  backend?: Backend
  /** Threads within one operator, where there are no workers. Default 1. */
  threads?: number
  /** `memoryBytes`: most bytes that an update may need, by an estimate. Default: no limit. */
  limits?: Partial<Limits>
  /** Gives the compilation up. */
  signal?: AbortSignal
}

/** What one update did. */
export interface StepResult {
  /** Mean over the accumulated batches. */
  readonly loss: number
  /** Norm of all gradients before clipping by it. */
  readonly gradNorm: number
  readonly lr: number
  /** False where a number was not finite and the weights are as before. */
  readonly isApplied: boolean
  /** Values that the loss function named, of the last batch or its last part. */
  readonly aux: Readonly<Record<string, Tensor>>
}

/** Numbers that go on with a training, beside the weights and moments. */
export interface StepCounts {
  /** Calls of `step`. */
  steps: number
  /** Those that changed the weights. */
  updates: number
  /** Those since the last change that did not. */
  skipped: number
}

/** A training that goes forward one update at a time. */
export interface TrainStep {
  /** All parameters, frozen ones included; trained ones are views that each update changes. */
  readonly params: Params
  /** Views of the gradients of the last update, after clipping. */
  readonly grads: Params
  readonly store: ParamStore
  readonly moments: BoundOptimizer['moments']
  readonly ema: Ema | undefined
  readonly counts: StepCounts
  /** Measurements that `fit` made. */
  readonly watched: Watched
  readonly accumulate: number
  /** Parameters that are not trained but follow the statistics of the batches, as batch normalisation keeps them. */
  readonly running: readonly string[]
  /** Everything of its options that decides how it goes on, as plain data. */
  readonly settings: Readonly<Record<string, unknown>>
  /**
   * Do one update.
   *
   * @param batches  one batch, or as many as `accumulate`
   * @param options  with workers, an abort rejects at once; otherwise it is looked for between batches
   * @throws PithError `PITH_NONFINITE` too many in a row were left out · `PITH_ARG`, `PITH_SHAPE`, `PITH_DTYPE` the batch ·
   * `PITH_INTERNAL` a worker died · the reason of the abort. Weights, moments and counts are then as before, and the next
   * update may be done
   */
  step(batches: Batch | readonly Batch[], options?: RunOptions): Promise<StepResult>
  /** The loss of a batch without an update; noise is at rest. */
  evaluate(batch: Batch, options?: RunOptions): Promise<{ loss: number; aux: Readonly<Record<string, Tensor>> }>
  dispose(): Promise<void>
}

/**
 * Compile a training step.
 *
 * @param loss  gives a scalar from the values of parameters and of a batch, noise included
 * @throws PithError `PITH_GRADIENT` an operator has no gradient · `PITH_SHAPE` the loss is not a scalar · `PITH_ARG` settings
 */
export async function compileTrainStep(
  loss: (params: Values, batch: Values) => Loss,
  options: TrainStepOptions,
): Promise<TrainStep> {
  const { lora, frozen = () => false } = options
  const free = Object.fromEntries(Object.entries(options.params).filter(([name]) => !frozen(name)))
  const adapters = lora === undefined ? {} : loraParams(free, lora, options.seed)
  const own: TrainStepOptions =
    lora === undefined
      ? options
      : {
          ...options,
          params: { ...options.params, ...adapters },
          frozen: (name) => !Object.hasOwn(adapters, name),
        }
  const programOf = (shards: Shards | undefined): { program: LossProgram; params: Values } => {
    const graph = new Graph()
    const params = addInputs(graph, own.params)
    const specs = { ...options.batch, ...options.noise }
    const batch = addInputs(graph, shards === undefined ? specs : specsOfShard(specs, shards))
    return { program: lossProgram(loss(lora === undefined ? params : loraValues(params, lora), batch)), params }
  }
  const shards = shardsOf(options.shards ?? usualShards(options), options.batch, options.noise ?? {})
  if (shards.count === 1) return compileProgram({ ...programOf(undefined), options: own })
  return compileProgram({ ...programOf(shards), options: own, shards, whole: () => programOf(undefined).program })
}

/** Add inputs to a graph. @throws PithError `PITH_ARG` a name is taken */
export function addInputs(graph: Graph, specs: Readonly<Record<string, Spec>>): Values {
  return Object.fromEntries(
    Object.entries(specs).map(([name, { dtype, shape }]) => [name, graph.input(name, dtype, shape)]),
  )
}

/** Compile a step for a loss on a graph that has inputs for parameters, batch and noise. */
export async function compileLoss(result: Loss, params: Values, options: TrainStepOptions): Promise<TrainStep> {
  if ((options.shards ?? 1) !== 1) {
    throw new PithError('PITH_ARG', 'a graph of fixed shapes can not be split into shards', {
      hint: 'Import the model with smaller batches, and accumulate several.',
    })
  }
  return await compileProgram({ program: lossProgram(result), params, options })
}

/** What a step is compiled from. */
interface StepProgram {
  /** Of a batch, or of a part. */
  readonly program: LossProgram
  readonly params: Values
  readonly options: TrainStepOptions
  readonly shards?: Shards
  /** The program of a whole batch, where `program` is that of a part. */
  readonly whole?: () => LossProgram
  readonly followers?: readonly Follower[]
}

function lossProgram(result: Loss): LossProgram {
  const program = 'loss' in result ? { loss: result.loss, aux: result.aux ?? {} } : { loss: result, aux: {} }
  if (program.loss.size !== 1 || program.loss.dtype !== 'f32') {
    throw new PithError('PITH_SHAPE', `the loss must be one f32, got ${specText(program.loss)}`, {
      hint: 'Take the mean or the sum.',
    })
  }
  return program
}

/** Parts of a batch where the options name no number: one that does not depend on the number of workers. */
function usualShards({ workers, accumulate = 1, batch }: TrainStepOptions): number {
  if (workers === undefined || accumulate > 1) return 1
  const rows = Object.values(batch).find(({ shape }) => shape.length > 0)?.shape[0] ?? 1
  return rows % USUAL_SHARDS === 0 ? USUAL_SHARDS : 1
}

/** A parameter that follows a value of the batches. */
interface Follower {
  readonly name: string
  readonly value: Value
  readonly momentum: number
}

/** What stands before the names of values that followers follow, among those to look at. */
const FOLLOWED = 'followed '

function followersOf({ loss }: LossProgram, params: Values): Follower[] {
  return runningOf(loss.graph).flatMap(({ param, value, momentum }) => {
    const name = Object.keys(params).find((key) => params[key] === param)
    return name === undefined ? [] : [{ name, value, momentum }]
  })
}

async function compileProgram(given: StepProgram): Promise<TrainStep> {
  const followers = followersOf(given.program, given.params)
  const followed = Object.fromEntries(followers.map(({ name, value }) => [FOLLOWED + name, value]))
  const copies = Object.fromEntries(followers.map(({ name }) => [name, copyOf(given.options.params[name] as Tensor)]))
  const isFollower = (name: string): boolean => Object.hasOwn(copies, name)
  const own: StepProgram = {
    ...given,
    program: { ...given.program, aux: { ...given.program.aux, ...followed } },
    options: {
      ...given.options,
      params: { ...given.options.params, ...copies },
      frozen: (name) => isFollower(name) || given.options.frozen?.(name) === true,
    },
    followers,
  }
  const { program, params, options, shards } = own
  const { frozen = () => false, accumulate = 1, backend } = options
  if (!(Number.isInteger(accumulate) && accumulate >= 1)) {
    throw new PithError('PITH_ARG', `accumulate must be 1 or more, got ${accumulate}`)
  }
  const workers = options.workers === undefined ? undefined : workersOf(options.workers)
  const trained = Object.entries(options.params).filter(([name]) => !frozen(name))
  if (trained.length === 0) throw new PithError('PITH_ARG', 'all parameters are frozen')
  const { signal, limits } = options
  const compiling: CompileOptions = {
    threads: options.threads ?? 1,
    ...(backend === undefined ? {} : { backend }),
    ...(limits === undefined ? {} : { limits }),
  }
  const count = accumulate * (shards?.count ?? 1)
  const isParallel = workers !== undefined && workers.count > 1 && count > 1 && canShare()
  if (workers !== undefined && workers.count > count) {
    throw new PithError('PITH_ARG', `${workers.count} workers have ${count} parts of an update to share`, {
      hint: 'Split each batch (shards), or accumulate more of them; the result depends on these, and not on the workers.',
    })
  }
  const store = new ParamStore(Object.fromEntries(trained), { shared: isParallel })
  const { outputs, plan } = planGradients(
    program,
    params,
    store.slots.map(({ name }) => name),
  )
  if (!isParallel) {
    const session = new GradientSession(
      await compile(outputs, signal === undefined ? compiling : { ...compiling, signal }),
      plan,
    )
    const all = { ...options.params, ...store.params }
    return new CompiledStep(own, new OwnGradients(session, store, all, count), compiling, store)
  }
  const isFrozen = ([name]: [string, Tensor]): boolean => frozen(name)
  if (limits?.memoryBytes !== undefined) {
    checkMemory(estimateMemory(Object.values(outputs)), limits.memoryBytes / Math.min(workers.count, count))
  }
  const gradients = await ParallelGradients.open(
    {
      model: modelOf(outputs, 1),
      plan,
      store,
      frozen: Object.fromEntries(Object.entries(options.params).filter(isFrozen)),
      count,
    },
    // Workers run what the calling thread would.
    backend?.name === 'ort-web' ? { runtime: { prefer: 'wasm' }, ...workers } : workers,
    signal,
  )
  return new CompiledStep(own, gradients, compiling, store)
}

class CompiledStep implements TrainStep {
  readonly params: Params
  readonly grads: Params
  readonly store: ParamStore
  readonly moments: BoundOptimizer['moments']
  readonly ema: Ema | undefined
  readonly counts: StepCounts = { steps: 0, updates: 0, skipped: 0 }
  readonly watched: Watched = { measured: [], best: undefined, worse: 0, weights: undefined, running: {} }
  readonly accumulate: number
  readonly running: readonly string[]
  readonly settings: Readonly<Record<string, unknown>>
  readonly #program: StepProgram
  readonly #gradients: GradientSource
  /** The program of a whole batch. */
  #whole: LossProgram | undefined
  #forward: Promise<Session> | undefined
  readonly #compiling: CompileOptions
  readonly #bound: BoundOptimizer
  readonly #options: TrainStepOptions
  readonly #schedule: Schedule
  readonly #random: Random
  readonly #noise: Params
  readonly #followers: readonly Follower[]
  #isBusy: boolean = false

  constructor(program: StepProgram, gradients: GradientSource, compiling: CompileOptions, store: ParamStore) {
    const { options, shards } = program
    const { accumulate = 1, seed = 0, optimizer, ema, clip, noise = {} } = options
    this.#program = program
    this.#followers = program.followers ?? []
    this.running = this.#followers.map(({ name }) => name)
    this.#gradients = gradients
    this.#compiling = compiling
    this.#options = options
    this.#schedule = asSchedule(options.lr ?? optimizer.lr)
    this.#random = new Random(seed)
    this.#bound = optimizer.bind(store)
    this.#noise = Object.fromEntries(Object.entries(noise).map(([name, { shape }]) => [name, Tensor.zeros(shape)]))
    this.store = store
    this.params = { ...options.params, ...store.params }
    this.grads = store.grads
    this.moments = this.#bound.moments
    this.ema = ema === undefined ? undefined : new Ema(store, ema)
    this.accumulate = accumulate
    this.settings = {
      optimizer: { name: optimizer.name, ...optimizer.settings },
      clip: { ...clip },
      accumulate,
      ema: ema ?? null,
      seed,
      noise: Object.keys(noise),
      ...(shards === undefined ? {} : { shards: shards.count }),
      ...(options.lora === undefined ? {} : { lora: loraScale(options.lora) }),
      params: Object.entries(options.params).map(([name, own]) => `${name} ${specText(own)}`),
      trained: store.slots.map((slot) => slot.name),
    }
  }

  async step(batches: Batch | readonly Batch[], options: RunOptions = {}): Promise<StepResult> {
    if (this.#isBusy) throw new PithError('PITH_ARG', 'the update before is not done', { hint: 'Await each step.' })
    this.#isBusy = true
    try {
      return await this.#update(batches, options)
    } finally {
      this.#isBusy = false
    }
  }

  async #update(batches: Batch | readonly Batch[], options: RunOptions): Promise<StepResult> {
    throwIfAborted(options.signal)
    const list = Array.isArray(batches) ? (batches as readonly Batch[]) : [batches as Batch]
    const { accumulate, counts } = this
    if (list.length !== accumulate) {
      throw new PithError('PITH_ARG', `${accumulate} batches are needed for an update, got ${list.length}`)
    }
    const lr = this.#schedule(counts.steps)
    if (!(lr >= 0 && lr < Number.POSITIVE_INFINITY)) {
      throw new PithError('PITH_ARG', `the schedule gives the rate ${lr} for update ${counts.steps + 1}`)
    }
    const parts = this.#parts(
      list.map((batch) => this.#batch(batch)),
      this.#random.split(counts.steps),
    )
    const { loss, outputs } = await this.#gradients.mean(parts, options)
    const gradNorm = this.#clip()
    const isApplied = Number.isFinite(loss) && Number.isFinite(gradNorm)
    if (isApplied) {
      this.#bound.update(counts.updates + 1, lr)
      this.#follow(outputs)
      this.ema?.update()
      counts.updates++
      counts.skipped = 0
    } else {
      counts.skipped++
    }
    counts.steps++
    if (counts.skipped > (this.#options.maxSkipped ?? 2)) throw await this.#failure(list.at(-1) as Batch)
    return { loss, gradNorm, lr, isApplied, aux: auxOf(outputs) }
  }

  async evaluate(
    batch: Batch,
    options: RunOptions = {},
  ): Promise<{ loss: number; aux: Readonly<Record<string, Tensor>> }> {
    throwIfAborted(options.signal)
    this.#forward ??= compile(outputsOf(this.#wholeProgram()), this.#compiling)
    const session = await this.#forward
    const feeds = { ...this.params, ...this.#batch(batch), ...this.#rest() }
    // Inputs that only the gradients need are no inputs here.
    const outputs = await session.run(feeds, {}, options)
    return { loss: (outputs['loss'] as Tensor).data[0] as number, aux: auxOf(outputs) }
  }

  async dispose(): Promise<void> {
    await this.#gradients.dispose()
    const forward = this.#forward
    this.#forward = undefined
    if (forward !== undefined) await (await forward).dispose()
  }

  /** Running statistics take their share of those of the last batch, or of its last part. */
  #follow(outputs: Readonly<Record<string, Tensor>>): void {
    for (const { name, momentum } of this.#followers) {
      const kept = (this.params[name] as Tensor).data as Float32Array
      const next = (outputs[`aux.${FOLLOWED}${name}`] as Tensor).data as Float32Array
      for (let i = 0; i < kept.length; i++) {
        const before = kept[i] as number
        kept[i] = before + momentum * ((next[i] as number) - before)
      }
    }
  }

  #wholeProgram(): LossProgram {
    this.#whole ??= this.#program.whole?.() ?? this.#program.program
    return this.#whole
  }

  /** What goes into one run each: batches with their noise, or the parts of them. */
  *#parts(batches: readonly Params[], draws: Random): Generator<Params, void, undefined> {
    const { shards } = this.#program
    // Workers have the parameters that do not change; these do.
    const followers = Object.fromEntries(this.running.map((name) => [name, this.params[name] as Tensor]))
    for (const [i, own] of batches.entries()) {
      const batch = { ...followers, ...own, ...this.#draw(draws.split(i)) }
      if (shards === undefined) yield batch
      else yield* splitBatch(batch, shards)
    }
  }

  /** The tensors of a batch, all of which must be there. */
  #batch(batch: Batch): Params {
    const feeds: Params = {}
    for (const name of Object.keys(this.#options.batch)) {
      const tensor = batch[name]
      if (tensor === undefined) throw new PithError('PITH_ARG', `the batch has no ${JSON.stringify(name)}`)
      feeds[name] = tensor
    }
    return feeds
  }

  #draw(random: Random): Params {
    for (const [name, { fill }] of Object.entries(this.#options.noise ?? {})) {
      fill(foldName(random, name), (this.#noise[name] as Tensor).data as Float32Array)
    }
    return this.#noise
  }

  #rest(): Params {
    return Object.fromEntries(
      Object.entries(this.#options.noise ?? {}).map(([name, { shape, rest }]) => {
        const tensor = Tensor.zeros(shape)
        ;(tensor.data as Float32Array).fill(rest)
        return [name, tensor]
      }),
    )
  }

  #clip(): number {
    const { value, norm } = this.#options.clip ?? {}
    const flat = this.store.gradients
    const whole = globalNorm(flat)
    if (!Number.isFinite(whole)) return whole
    if (value !== undefined) clipByValue(flat, value)
    if (norm !== undefined) return clipByNorm(flat, norm)
    return whole
  }

  async #failure(batch: Batch): Promise<PithError> {
    const first = firstNonFinite(this.grads)
    const rest = this.#options.noise === undefined ? {} : this.#noise
    const node = await findNonFinite(
      this.#wholeProgram().loss,
      { ...this.params, ...this.#batch(batch), ...rest },
      this.#compiling,
    )
    const where = first === undefined ? 'the loss is' : `the gradient of ${first} is`
    return new PithError(
      'PITH_NONFINITE',
      `${where} not finite at step ${this.counts.steps}, ${this.counts.skipped} in a row`,
      {
        hint: 'Lower the rate of learning, clip the norm, or look at the data.',
        ...(node === undefined ? {} : { at: { node } }),
      },
    )
  }
}

function auxOf(outputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const aux = Object.entries(outputs).filter(([name]) => name.startsWith('aux.') && !name.startsWith(`aux.${FOLLOWED}`))
  return Object.fromEntries(aux.map(([name, tensor]) => [name.slice('aux.'.length), tensor]))
}
