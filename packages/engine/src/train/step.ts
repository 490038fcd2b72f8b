/** One compiled training step: loss and gradients in one session, then clipping and the optimiser in place. */
import { PithError, Random } from '@pith/core'
import { Graph, type Value } from '../ir/graph.ts'
import { foldName } from '../nn/init.ts'
import type { Noise } from '../nn/noise.ts'
import { clipByNorm, clipByValue, globalNorm, scaleBy } from '../optim/clip.ts'
import { Ema } from '../optim/ema.ts'
import type { BoundOptimizer, Optimizer } from '../optim/optimizer.ts'
import { asSchedule, type Schedule } from '../optim/schedules.ts'
import { ParamStore } from '../optim/store.ts'
import type { Backend, Session } from '../runtime/backend.ts'
import { type CompileOptions, compile } from '../runtime/compile.ts'
import { type Params, type Spec, specText, Tensor } from '../tensor.ts'
import { GradientSession, type LossProgram, outputsOf } from './gradients.ts'
import { type LoraOptions, loraParams, loraScale, loraValues } from './lora.ts'
import { findNonFinite, firstNonFinite } from './non-finite.ts'

/** Tensors of one batch by the names of its inputs. */
export type Batch = Readonly<Record<string, Tensor>>

/** The values of parameters or of a batch within a graph. */
export type Values = Readonly<Record<string, Value>>

/** What a loss function gives: the loss alone, or with values to look at. */
export type Loss = Value | { readonly loss: Value; readonly aux?: Values }

/** How a training step is made. */
export interface TrainStepOptions {
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
  /** Threads within one operator. Default 1. */
  threads?: number
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
  /** Values that the loss function named, of the last batch. */
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
  readonly accumulate: number
  /** Everything of its options that decides how it goes on, as plain data. */
  readonly settings: Readonly<Record<string, unknown>>
  /**
   * Do one update.
   *
   * @param batches  one batch, or as many as `accumulate`
   * @throws PithError `PITH_NONFINITE` too many in a row were left out · `PITH_ARG`, `PITH_SHAPE`, `PITH_DTYPE` the batch
   */
  step(batches: Batch | readonly Batch[]): Promise<StepResult>
  /** The loss of a batch without an update; noise is at rest. */
  evaluate(batch: Batch): Promise<{ loss: number; aux: Readonly<Record<string, Tensor>> }>
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
  const graph = new Graph()
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
  const params = addInputs(graph, own.params)
  const batch = addInputs(graph, { ...options.batch, ...options.noise })
  return compileLoss(loss(lora === undefined ? params : loraValues(params, lora), batch), params, own)
}

/** Add inputs to a graph. @throws PithError `PITH_ARG` a name is taken */
export function addInputs(graph: Graph, specs: Readonly<Record<string, Spec>>): Values {
  return Object.fromEntries(
    Object.entries(specs).map(([name, { dtype, shape }]) => [name, graph.input(name, dtype, shape)]),
  )
}

/** Compile a step for a loss on a graph that has inputs for parameters, batch and noise. */
export async function compileLoss(result: Loss, params: Values, options: TrainStepOptions): Promise<TrainStep> {
  const { frozen = () => false } = options
  const program = 'loss' in result ? { loss: result.loss, aux: result.aux ?? {} } : { loss: result, aux: {} }
  if (program.loss.size !== 1 || program.loss.dtype !== 'f32') {
    throw new PithError('PITH_SHAPE', `the loss must be one f32, got ${specText(program.loss)}`, {
      hint: 'Take the mean or the sum.',
    })
  }
  const trained = Object.entries(options.params).filter(([name]) => !frozen(name))
  if (trained.length === 0) throw new PithError('PITH_ARG', 'all parameters are frozen')
  const compiling: CompileOptions = {
    threads: options.threads ?? 1,
    ...(options.backend === undefined ? {} : { backend: options.backend }),
  }
  const store = new ParamStore(Object.fromEntries(trained))
  const session = await GradientSession.open(program, params, store, compiling)
  return new CompiledStep(program, session, compiling, store, options)
}

class CompiledStep implements TrainStep {
  readonly params: Params
  readonly grads: Params
  readonly store: ParamStore
  readonly moments: BoundOptimizer['moments']
  readonly ema: Ema | undefined
  readonly counts: StepCounts = { steps: 0, updates: 0, skipped: 0 }
  readonly accumulate: number
  readonly settings: Readonly<Record<string, unknown>>
  readonly #program: LossProgram
  readonly #session: GradientSession
  #forward: Promise<Session> | undefined
  readonly #compiling: CompileOptions
  readonly #bound: BoundOptimizer
  readonly #options: TrainStepOptions
  readonly #schedule: Schedule
  readonly #random: Random
  /** Sum over the batches of an update, where there are several. */
  readonly #sum: Float32Array | undefined
  readonly #noise: Params
  #isBusy: boolean = false

  constructor(
    program: LossProgram,
    session: GradientSession,
    compiling: CompileOptions,
    store: ParamStore,
    options: TrainStepOptions,
  ) {
    const { accumulate = 1, seed = 0, optimizer, ema, clip, noise = {} } = options
    if (!(Number.isInteger(accumulate) && accumulate >= 1)) {
      throw new PithError('PITH_ARG', `accumulate must be 1 or more, got ${accumulate}`)
    }
    this.#program = program
    this.#session = session
    this.#compiling = compiling
    this.#options = options
    this.#schedule = asSchedule(options.lr ?? optimizer.lr)
    this.#random = new Random(seed)
    this.#bound = optimizer.bind(store)
    this.#sum = accumulate > 1 ? store.zeros() : undefined
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
      ...(options.lora === undefined ? {} : { lora: loraScale(options.lora) }),
      params: Object.entries(options.params).map(([name, own]) => `${name} ${specText(own)}`),
      trained: store.slots.map((slot) => slot.name),
    }
  }

  async step(batches: Batch | readonly Batch[]): Promise<StepResult> {
    if (this.#isBusy) throw new PithError('PITH_ARG', 'the update before is not done', { hint: 'Await each step.' })
    this.#isBusy = true
    try {
      return await this.#update(batches)
    } finally {
      this.#isBusy = false
    }
  }

  async #update(batches: Batch | readonly Batch[]): Promise<StepResult> {
    const list = Array.isArray(batches) ? (batches as readonly Batch[]) : [batches as Batch]
    const { accumulate, counts, store } = this
    if (list.length !== accumulate) {
      throw new PithError('PITH_ARG', `${accumulate} batches are needed for an update, got ${list.length}`)
    }
    const lr = this.#schedule(counts.steps)
    const draws = this.#random.split(counts.steps)
    let loss = 0
    let outputs: Record<string, Tensor> = {}
    this.#sum?.fill(0)
    for (const [i, batch] of list.entries()) {
      const feeds = { ...this.params, ...this.#batch(batch), ...this.#draw(draws.split(i)) }
      outputs = await this.#session.run(feeds)
      loss += ((outputs['loss'] as Tensor).data[0] as number) / accumulate
      if (this.#sum !== undefined) addTo(this.#sum, store.gradients)
    }
    if (this.#sum !== undefined) {
      store.gradients.set(this.#sum)
      scaleBy(store.gradients, 1 / accumulate)
    }
    const gradNorm = this.#clip()
    const isApplied = Number.isFinite(loss) && Number.isFinite(gradNorm)
    if (isApplied) {
      this.#bound.update(counts.updates + 1, lr)
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

  async evaluate(batch: Batch): Promise<{ loss: number; aux: Readonly<Record<string, Tensor>> }> {
    this.#forward ??= compile(outputsOf(this.#program), this.#compiling)
    const session = await this.#forward
    const feeds = { ...this.params, ...this.#batch(batch), ...this.#rest() }
    // Inputs that only the gradients need are no inputs here.
    const outputs = await session.run(feeds)
    return { loss: (outputs['loss'] as Tensor).data[0] as number, aux: auxOf(outputs) }
  }

  async dispose(): Promise<void> {
    await this.#session.dispose()
    const forward = this.#forward
    this.#forward = undefined
    if (forward !== undefined) await (await forward).dispose()
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
      this.#program.loss,
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
  const aux = Object.entries(outputs).filter(([name]) => name.startsWith('aux.'))
  return Object.fromEntries(aux.map(([name, tensor]) => [name.slice('aux.'.length), tensor]))
}

function addTo(sum: Float32Array, flat: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (flat[i] as number)
}
