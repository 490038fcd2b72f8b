/** Rates of learning over the updates of a training; each is a pure function, so that a resumed one goes on exactly. */
import { PithError } from '@pith/core'
import { wholePower } from './optimizer.ts'

/** Rate of learning of an update; `step` counts from 0. */
export type Schedule = (step: number) => number

/** A rise from 0 in front of a schedule. */
export interface WarmUp {
  /** Peak. */
  lr: number
  /** Updates until the peak; update `i` of them has `lr * (i + 1) / warmup`. Default 0. */
  warmup?: number
}

/** A schedule with an end. */
export interface Decay extends WarmUp {
  /** Updates in all; later ones have `min`. */
  total: number
  /** Rate at the end. Default 0. */
  min?: number
}

/** The same rate for all updates, after the warm-up. */
export function constant({ lr, warmup = 0 }: WarmUp): Schedule {
  checkCounts(lr, warmup)
  return (step) => rise(lr, warmup, step)
}

/** Half a cosine from the peak to `min`: Loshchilov and Hutter, ICLR 2017, without restarts. */
export function cosine({ lr, warmup = 0, total, min = 0 }: Decay): Schedule {
  checkCounts(lr, warmup, total, min)
  return (step) => {
    if (step < warmup) return rise(lr, warmup, step)
    return min + ((lr - min) * (1 + Math.cos(Math.PI * past(step, warmup, total)))) / 2
  }
}

/** A straight line from the peak to `min`. */
export function linear({ lr, warmup = 0, total, min = 0 }: Decay): Schedule {
  checkCounts(lr, warmup, total, min)
  return (step) => (step < warmup ? rise(lr, warmup, step) : lr + (min - lr) * past(step, warmup, total))
}

/** Warm-up, stable, decay: the peak until the last `decay` updates, then a straight line to `min`. */
export function wsd({ lr, warmup = 0, total, min = 0, decay }: Decay & { decay: number }): Schedule {
  checkCounts(lr, warmup, total, min)
  if (!(Number.isInteger(decay) && decay >= 0 && warmup + decay <= total)) {
    throw new PithError('PITH_ARG', `decay must be in 0..${total - warmup}, got ${decay}`)
  }
  const start = total - decay
  return (step) => (step < start ? rise(lr, warmup, step) : lr + (min - lr) * past(step, start, total))
}

/** The rate times `factor` at each of the updates `at`, or at every `every` of them. */
export function step(options: WarmUp & { factor: number } & ({ at: readonly number[] } | { every: number })): Schedule {
  const { lr, warmup = 0, factor } = options
  checkCounts(lr, warmup)
  if (!(factor > 0)) throw new PithError('PITH_ARG', `factor must be above 0, got ${factor}`)
  if ('every' in options && !(Number.isInteger(options.every) && options.every > 0)) {
    throw new PithError('PITH_ARG', `every must be a whole number above 0, got ${options.every}`)
  }
  return (now) => {
    if (now < warmup) return rise(lr, warmup, now)
    const times = 'every' in options ? Math.floor(now / options.every) : options.at.filter((at) => at <= now).length
    return lr * wholePower(factor, times)
  }
}

/** The peak at the end of the warm-up, then falling with the root of the update: Vaswani et al., NeurIPS 2017. */
export function inverseSqrt({ lr, warmup }: { lr: number; warmup: number }): Schedule {
  checkCounts(lr, warmup)
  return (now) => (now < warmup ? rise(lr, warmup, now) : lr * Math.sqrt(Math.max(1, warmup) / (now + 1)))
}

/** The schedule of a number is constant. */
export function asSchedule(lr: number | Schedule): Schedule {
  return typeof lr === 'function' ? lr : constant({ lr })
}

function rise(lr: number, warmup: number, now: number): number {
  return now < warmup ? (lr * (now + 1)) / warmup : lr
}

/** Share of the way from `start` to `total`, 0..1. */
function past(now: number, start: number, total: number): number {
  return now >= total ? 1 : (now - start) / (total - start)
}

function checkCounts(lr: number, warmup: number, total = warmup, min = 0): void {
  if (!(lr >= 0 && Number.isFinite(lr))) throw new PithError('PITH_ARG', `lr must be 0 or above, got ${lr}`)
  if (!(min >= 0 && min <= lr)) throw new PithError('PITH_ARG', `min must be in 0..${lr}, got ${min}`)
  if (!(Number.isInteger(warmup) && warmup >= 0)) {
    throw new PithError('PITH_ARG', `warmup must be a whole number, got ${warmup}`)
  }
  if (!(Number.isInteger(total) && total >= warmup)) {
    throw new PithError('PITH_ARG', `total must be a whole number from ${warmup} on, got ${total}`)
  }
}
