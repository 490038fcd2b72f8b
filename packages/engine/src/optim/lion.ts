/** Lion: Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023. */
import { checkSetting, decayRanges, type Optimizer, type ParamTest } from './optimizer.ts'
import type { Schedule } from './schedules.ts'

/** Settings of {@link lion}. */
export interface LionOptions {
  /** Default 1e-4; a third to a tenth of what AdamW wants. */
  lr?: number | Schedule
  /** Default [0.9, 0.99]. */
  betas?: readonly [number, number]
  /** Share of the weights, times the rate, that an update takes away. Default 0. */
  weightDecay?: number
  /** Which weights decay. Default all. */
  decayIf?: ParamTest
}

/** Steps of one size along the sign of the momentum. @throws PithError `PITH_ARG` settings out of range */
export function lion(options: LionOptions = {}): Optimizer {
  const { lr = 1e-4, betas = [0.9, 0.99], weightDecay = 0, decayIf } = options
  const [beta1, beta2] = betas
  checkSetting('betas[0]', beta1, 0, 1)
  checkSetting('betas[1]', beta2, 0, 1)
  checkSetting('weightDecay', weightDecay, 0, Number.POSITIVE_INFINITY)
  return {
    name: 'lion',
    lr,
    settings: { beta1, beta2, weightDecay },
    bind(store) {
      const first = store.zeros()
      const ranges = decayRanges(store, weightDecay, decayIf)
      return {
        moments: { first },
        update(_step, rate) {
          for (const { start, end, decay } of ranges) {
            lionRange(store.weights, store.gradients, first, start, end, 1 - rate * decay, rate, beta1, beta2)
          }
        },
      }
    },
  }
}

function lionRange(
  weights: Float32Array,
  gradients: Float32Array,
  first: Float32Array,
  start: number,
  end: number,
  keep: number,
  rate: number,
  beta1: number,
  beta2: number,
): void {
  for (let i = start; i < end; i++) {
    const g = gradients[i] as number
    const m = first[i] as number
    weights[i] = (weights[i] as number) * keep - rate * Math.sign(beta1 * m + (1 - beta1) * g)
    first[i] = beta2 * m + (1 - beta2) * g
  }
}
