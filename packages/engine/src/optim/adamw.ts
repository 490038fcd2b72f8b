/** AdamW: Loshchilov and Hutter, ICLR 2019; in the order of operations of PyTorch. */
import { checkSetting, decayRanges, type Optimizer, type ParamTest, wholePower } from './optimizer.ts'
import type { Schedule } from './schedules.ts'

/** Settings of {@link adamw}. */
export interface AdamWOptions {
  /** Default 1e-3. */
  lr?: number | Schedule
  /** Default [0.9, 0.999]. */
  betas?: readonly [number, number]
  /** Added to the root of the second moment. Default 1e-8. */
  eps?: number
  /** Share of the weights, times the rate, that an update takes away. Default 0.01. */
  weightDecay?: number
  /** Which weights decay. Default all. */
  decayIf?: ParamTest
}

/** Adam with decoupled decay of weights. @throws PithError `PITH_ARG` settings out of range */
export function adamw(options: AdamWOptions = {}, applies?: ParamTest): Optimizer {
  const { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0.01, decayIf } = options
  const [beta1, beta2] = betas
  checkSetting('betas[0]', beta1, 0, 1)
  checkSetting('betas[1]', beta2, 0, 1)
  checkSetting('eps', eps, 0, 1)
  checkSetting('weightDecay', weightDecay, 0, Number.POSITIVE_INFINITY)
  return {
    name: 'adamw',
    lr,
    settings: { beta1, beta2, eps, weightDecay },
    bind(store) {
      const first = store.zeros()
      const second = store.zeros()
      const ranges = decayRanges(store, weightDecay, decayIf, applies)
      return {
        moments: { first, second },
        update(step, rate) {
          const scale = Math.sqrt(1 - wholePower(beta2, step))
          const stride = rate / (1 - wholePower(beta1, step))
          for (const { start, end, decay } of ranges) {
            const keep = 1 - rate * decay
            adamwRange(
              store.weights,
              store.gradients,
              first,
              second,
              start,
              end,
              keep,
              stride,
              beta1,
              beta2,
              scale,
              eps,
            )
          }
        },
      }
    },
  }
}

function adamwRange(
  weights: Float32Array,
  gradients: Float32Array,
  first: Float32Array,
  second: Float32Array,
  start: number,
  end: number,
  keep: number,
  stride: number,
  beta1: number,
  beta2: number,
  scale: number,
  eps: number,
): void {
  const share1 = 1 - beta1
  const share2 = 1 - beta2
  const inverse = 1 / scale
  for (let i = start; i < end; i++) {
    const g = gradients[i] as number
    const m = (first[i] as number) * beta1 + g * share1
    const v = (second[i] as number) * beta2 + g * g * share2
    first[i] = m
    second[i] = v
    weights[i] = (weights[i] as number) * keep - (stride * m) / (Math.sqrt(v) * inverse + eps)
  }
}
