/** A whole training: updates, validation, early stop, checkpoints, progress and abort. */
import { meterProgress, PithError, type Run, throwIfAborted } from '@pith/core'
import type { BatchSource } from './batches.ts'
import type { Batch, StepResult, TrainStep } from './step.ts'

/** Where a training is measured on data that it does not learn from. */
export interface Validation {
  /** At one time or another all of them. */
  readonly batches: Iterable<Batch> | AsyncIterable<Batch>
  /** Updates between two measurements. */
  readonly every: number
  /** Measurements without a better one until the training ends. Default never. */
  readonly patience?: number
  /** How much smaller a loss must be to be better. Default 0. */
  readonly minDelta?: number
  /** Put the weights of the best measurement back at the end. Default false. */
  readonly restoreBest?: boolean
}

/** One update, for a curve of the loss. */
export interface FitStep extends Omit<StepResult, 'aux'> {
  /** Number of the update, from 1. */
  readonly step: number
}

/** A measurement. */
export interface Measured {
  readonly step: number
  readonly loss: number
}

/** How a training goes. */
export interface FitOptions extends Run {
  /** Updates in all, those before a resumption included. */
  steps: number
  validation?: Validation
  /** Called after each update. */
  onStep?: (step: FitStep) => void
  /** Called after each measurement. */
  onMeasured?: (measured: Measured) => void
  /** Called after every `every` updates, and at the end: the place to write a checkpoint. */
  checkpoint?: { readonly every: number; save(step: TrainStep): Promise<void> }
}

/** How a training went. */
export interface FitResult {
  /** Updates in all. */
  readonly steps: number
  /** `steps`: all were done; `data`: there were no more batches; `patience`: it no longer got better. */
  readonly end: 'steps' | 'data' | 'patience'
  readonly measured: readonly Measured[]
  readonly best: Measured | undefined
}

/**
 * Train until `steps` updates are done, the data ends or patience does. A step that did updates before goes on behind the
 * batches that they took.
 *
 * @throws PithError `PITH_NONFINITE` and what a step throws · `PITH_ARG` · the reason of the abort, which is looked for
 * between updates: the weights are then those of the last whole update
 */
export async function fit(step: TrainStep, data: BatchSource, options: FitOptions): Promise<FitResult> {
  const { steps, validation, checkpoint, onStep, signal } = options
  for (const [name, value] of [
    ['steps', steps],
    ['validation.every', validation?.every ?? 1],
    ['checkpoint.every', checkpoint?.every ?? 1],
  ] as const) {
    if (!(Number.isInteger(value) && value >= 1))
      throw new PithError('PITH_ARG', `${name} must be 1 or more, got ${value}`)
  }
  const meter = meterProgress(options, { stage: 'train', unit: 'steps', total: steps })
  const watch = new Watch(step, validation)
  const batches = chunksOf(data(step.counts.steps * step.accumulate), step.accumulate)
  let end: FitResult['end'] = 'steps'
  let saved = -1
  try {
    while (step.counts.steps < steps) {
      throwIfAborted(signal)
      const next = await batches.next()
      if (next.done === true) {
        end = 'data'
        break
      }
      const { aux: _aux, ...result } = await step.step(next.value)
      const now = step.counts.steps
      onStep?.({ step: now, ...result })
      meter.update(now)
      if (validation !== undefined && now % validation.every === 0) {
        throwIfAborted(signal)
        options.onMeasured?.(await watch.measure(signal))
        if (watch.isOver) {
          end = 'patience'
          break
        }
      }
      if (checkpoint !== undefined && now % checkpoint.every === 0) {
        await checkpoint.save(step)
        saved = now
      }
    }
  } finally {
    await batches.return(undefined)
  }
  if (validation?.restoreBest === true) watch.restore()
  if (checkpoint !== undefined && saved !== step.counts.steps) await checkpoint.save(step)
  meter.finish()
  return { steps: step.counts.steps, end, measured: watch.measured, best: watch.best }
}

/** Measures a step, and remembers the best. */
class Watch {
  readonly measured: Measured[] = []
  best: Measured | undefined
  readonly #step: TrainStep
  readonly #validation: Validation | undefined
  #weights: Float32Array | undefined
  #worse = 0

  constructor(step: TrainStep, validation: Validation | undefined) {
    this.#step = step
    this.#validation = validation
  }

  get isOver(): boolean {
    return this.#worse >= (this.#validation?.patience ?? Number.POSITIVE_INFINITY)
  }

  async measure(signal: AbortSignal | undefined): Promise<Measured> {
    const { batches = [], minDelta = 0, restoreBest = false } = this.#validation ?? {}
    let sum = 0
    let count = 0
    for await (const batch of batches) {
      throwIfAborted(signal)
      sum += (await this.#step.evaluate(batch)).loss
      count++
    }
    if (count === 0) throw new PithError('PITH_ARG', 'there are no batches to validate with')
    const measured = { step: this.#step.counts.steps, loss: sum / count }
    this.measured.push(measured)
    if (this.best === undefined || measured.loss < this.best.loss - minDelta) {
      this.best = measured
      this.#worse = 0
      if (restoreBest) (this.#weights ??= this.#step.store.zeros()).set(this.#step.store.weights)
    } else {
      this.#worse++
    }
    return measured
  }

  restore(): void {
    if (this.#weights !== undefined) this.#step.store.weights.set(this.#weights)
  }
}

/** Batches in groups of `size`; an incomplete last group is left out. */
async function* chunksOf(
  batches: Iterable<Batch> | AsyncIterable<Batch>,
  size: number,
): AsyncGenerator<readonly Batch[], void, undefined> {
  let chunk: Batch[] = []
  for await (const batch of batches) {
    chunk.push(batch)
    if (chunk.length < size) continue
    yield chunk
    chunk = []
  }
}
