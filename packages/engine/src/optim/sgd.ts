/** Stochastic gradient descent, in PyTorch's form. */
import { PithError } from '@pith/core'
import { checkSetting, decayRanges, type Optimizer, type ParamTest } from './optimizer.ts'
import type { Schedule } from './schedules.ts'

/** Settings of {@link sgd}. */
export interface SgdOptions {
  /** Default 1e-2. */
  lr?: number | Schedule
  /** Share of the last direction that is kept. Default 0. */
  momentum?: number
  /** Look ahead along the momentum. Default false. */
  nesterov?: boolean
  /** Share of the weights that is added to the gradients. Default 0. */
  weightDecay?: number
  /** Which weights decay. Default all. */
  decayIf?: ParamTest
}

/** Gradient descent with momentum. @throws PithError `PITH_ARG` settings out of range, or nesterov without momentum */
export function sgd(options: SgdOptions = {}): Optimizer {
  const { lr = 1e-2, momentum = 0, nesterov = false, weightDecay = 0, decayIf } = options
  checkSetting('momentum', momentum, 0, 1)
  checkSetting('weightDecay', weightDecay, 0, Number.POSITIVE_INFINITY)
  if (nesterov && momentum === 0) {
    throw new PithError('PITH_ARG', 'nesterov needs a momentum', { hint: 'Set momentum, 0.9 say.' })
  }
  return {
    name: 'sgd',
    lr,
    settings: { momentum, nesterov, weightDecay },
    bind(store) {
      const velocity = momentum === 0 ? undefined : store.zeros()
      const ranges = decayRanges(store, weightDecay, decayIf)
      return {
        moments: velocity === undefined ? {} : { velocity },
        update(_step, rate) {
          for (const { start, end, decay } of ranges) {
            if (velocity === undefined) plainRange(store.weights, store.gradients, start, end, decay, rate)
            // The direction is ahead * velocity + own * gradient.
            else {
              const ahead = nesterov ? momentum : 1
              const own = nesterov ? 1 : 0
              momentumRange(store.weights, store.gradients, velocity, start, end, decay, rate, momentum, ahead, own)
            }
          }
        },
      }
    },
  }
}

function plainRange(
  weights: Float32Array,
  gradients: Float32Array,
  start: number,
  end: number,
  decay: number,
  rate: number,
): void {
  for (let i = start; i < end; i++) {
    const w = weights[i] as number
    weights[i] = w - rate * ((gradients[i] as number) + decay * w)
  }
}

function momentumRange(
  weights: Float32Array,
  gradients: Float32Array,
  velocity: Float32Array,
  start: number,
  end: number,
  decay: number,
  rate: number,
  momentum: number,
  ahead: number,
  own: number,
): void {
  for (let i = start; i < end; i++) {
    const w = weights[i] as number
    const g = (gradients[i] as number) + decay * w
    const v = momentum * (velocity[i] as number) + g
    velocity[i] = v
    weights[i] = w - rate * (ahead * v + own * g)
  }
}
