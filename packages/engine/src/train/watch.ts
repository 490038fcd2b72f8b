/** Measurements of a training on data that it does not learn from: the best, and whether it still gets better. */
import { PithError, throwIfAborted } from '@pith/core'
import { type Params, Tensor } from '../tensor.ts'
import type { Batch, TrainStep } from './step.ts'

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
  /** Put the weights and running statistics of the best measurement back at the end. Default false. */
  readonly restoreBest?: boolean
}

/** A measurement. */
export interface Measured {
  readonly step: number
  readonly loss: number
}

/** What a training has been measured at; goes on with it, and into its checkpoints. */
export interface Watched {
  readonly measured: Measured[]
  best: Measured | undefined
  /** Measurements since the best. */
  worse: number
  /** Weights of the best, where they are to be put back; they lie as those of the store. */
  weights: Float32Array | undefined
  /** Running statistics that belong to them. */
  running: Params
}

/** Measure a step, and note in `step.watched` whether it got better. */
export async function measure(step: TrainStep, validation: Validation, signal?: AbortSignal): Promise<Measured> {
  const { batches, minDelta = 0, restoreBest = false } = validation
  let sum = 0
  let count = 0
  for await (const batch of batches) {
    throwIfAborted(signal)
    sum += (await step.evaluate(batch, { signal })).loss
    count++
  }
  if (count === 0) throw new PithError('PITH_ARG', 'there are no batches to validate with')
  const { watched, store } = step
  const measured = { step: step.counts.steps, loss: sum / count }
  watched.measured.push(measured)
  const { best } = watched
  if (best === undefined || Number.isNaN(best.loss) || measured.loss < best.loss - minDelta) {
    watched.best = measured
    watched.worse = 0
    if (restoreBest) {
      watched.weights ??= store.zeros()
      watched.weights.set(store.weights)
      watched.running = Object.fromEntries(step.running.map((name) => [name, copyOf(step.params[name] as Tensor)]))
    }
  } else {
    watched.worse++
  }
  return measured
}

/** Put the best weights back, where they were kept, with the running statistics that belong to them. */
export function restoreBest({ watched, store, params }: TrainStep): void {
  if (watched.weights === undefined) return
  store.weights.set(watched.weights)
  for (const [name, kept] of Object.entries(watched.running)) {
    ;((params[name] as Tensor).data as Float32Array).set(kept.data as Float32Array)
  }
}

/** A tensor with elements of its own. */
export function copyOf({ data, shape, dtype }: Tensor): Tensor {
  return new Tensor((data as Float32Array).slice(), shape, dtype)
}

/** Watched numbers as JSON, which has no number for what is not finite. */
export function watchedToJson({ measured, best, worse, weights }: Watched): unknown {
  const plain = ({ step, loss }: Measured): unknown => ({ step, loss: Number.isFinite(loss) ? loss : String(loss) })
  return {
    measured: measured.map(plain),
    ...(best === undefined ? {} : { best: plain(best) }),
    worse,
    hasWeights: weights !== undefined,
  }
}

/** @returns undefined where it is none */
export function watchedFromJson(
  json: unknown,
): (Omit<Watched, 'weights' | 'running'> & { hasWeights: boolean }) | undefined {
  if (!isRecord(json) || !Array.isArray(json['measured'])) return undefined
  const measured = json['measured'].map(measuredOf)
  const best = json['best'] === undefined ? undefined : measuredOf(json['best'])
  const { worse, hasWeights } = json
  if (!Number.isSafeInteger(worse) || (worse as number) < 0 || typeof hasWeights !== 'boolean') return undefined
  if (measured.includes(undefined) || (json['best'] !== undefined && best === undefined)) return undefined
  return { measured: measured as Measured[], best, worse: worse as number, hasWeights }
}

const NOT_FINITE: readonly unknown[] = ['NaN', 'Infinity', '-Infinity']

function measuredOf(json: unknown): Measured | undefined {
  if (!isRecord(json)) return undefined
  const { step, loss } = json
  if (!Number.isSafeInteger(step) || (step as number) < 0) return undefined
  if (typeof loss !== 'number' && !NOT_FINITE.includes(loss)) return undefined
  return { step: step as number, loss: Number(loss) }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
