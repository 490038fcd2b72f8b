/** A whole training: updates, validation, early stop, checkpoints, progress and abort. */
import { meterProgress, PithError, type Run, throwIfAborted } from '@pith/core'
import type { BatchSource } from './batches.ts'
import type { Batch, StepResult, TrainStep } from './step.ts'
import { type Measured, measure, restoreBest, type Validation } from './watch.ts'

/** One update, for a curve of the loss. */
export interface FitStep extends Omit<StepResult, 'aux'> {
  /** Number of the update, from 1. */
  readonly step: number
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
  /** All measurements, those before a resumption included. */
  readonly measured: readonly Measured[]
  readonly best: Measured | undefined
}

/**
 * Train until `steps` updates are done, the data ends or patience does. A step that did updates before goes on behind the
 * batches that they took.
 *
 * @throws PithError `PITH_NONFINITE` and what a step throws · `PITH_ARG` · the reason of the abort: at once where workers
 * or another backend compute, else between batches; the weights are then those of the last whole update
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
      const { aux: _aux, ...result } = await step.step(next.value, { signal })
      const now = step.counts.steps
      onStep?.({ step: now, ...result })
      meter.update(now)
      if (validation !== undefined && now % validation.every === 0) {
        throwIfAborted(signal)
        const measured = await measure(step, validation, signal)
        options.onMeasured?.(measured)
        if (step.watched.worse >= (validation.patience ?? Number.POSITIVE_INFINITY)) {
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
  if (step.counts.steps > 0 && step.counts.updates === 0) {
    throw new PithError('PITH_NONFINITE', 'no update was applied: no loss or gradient was finite', {
      hint: 'Look at the data, or lower the rate of learning.',
    })
  }
  const { measured, best } = step.watched
  // The checkpoint has the last weights, so that a training with more updates goes on as if it had not ended.
  if (checkpoint !== undefined && saved !== step.counts.steps) await checkpoint.save(step)
  if (validation?.restoreBest === true) restoreBest(step)
  meter.finish()
  return { steps: step.counts.steps, end, measured: [...measured], best }
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
