/** What every optimiser offers. */
import { PithError } from '@pith/core'
import type { Shape } from '../shape.ts'
import type { Schedule } from './schedules.ts'
import type { ParamStore, Range } from './store.ts'

/** Which parameters something applies to. */
export type ParamTest = (name: string, shape: Shape) => boolean

/** Settings of an optimiser that has not seen its parameters yet. */
export interface Optimizer {
  readonly name: string
  /** Rate of learning, where the training step names none. */
  readonly lr: number | Schedule
  /** Its settings as plain numbers, for checkpoints and reports. */
  readonly settings: Readonly<Record<string, number | boolean>>
  /** Make the moments for a store. */
  bind(store: ParamStore): BoundOptimizer
}

/** An optimiser with its moments for one store. */
export interface BoundOptimizer {
  /** Flat arrays with the layout of the weights, by name. All that it remembers beside the number of the step. */
  readonly moments: Readonly<Record<string, Float32Array>>
  /**
   * Change the weights in place by the gradients of the store.
   *
   * @param step  number of this update, from 1
   * @param lr    rate of learning
   */
  update(step: number, lr: number): void
}

/** Neighbouring elements with their decay of weights. */
export interface DecayRange extends Range {
  readonly decay: number
}

/** The elements of a store, or those that `applies` accepts, split by whether their weights decay. */
export function decayRanges(
  store: ParamStore,
  decay: number,
  decayIf: ParamTest | undefined,
  applies: ParamTest = () => true,
): DecayRange[] {
  const isDecayed: ParamTest = (name, shape) => decay !== 0 && (decayIf?.(name, shape) ?? true)
  const own = store.ranges((name, shape) => applies(name, shape) && isDecayed(name, shape))
  const others = store.ranges((name, shape) => applies(name, shape) && !isDecayed(name, shape))
  return [...own.map((range) => ({ ...range, decay })), ...others.map((range) => ({ ...range, decay: 0 }))]
}

/** `base` to a whole power by multiplications alone, so that each engine gives the same bits. */
export function wholePower(base: number, exponent: number): number {
  let result = 1
  let square = base
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result *= square
    square *= square
  }
  return result
}

/** @throws PithError `PITH_ARG` a setting outside [low, high), or not finite */
export function checkSetting(name: string, value: number, low: number, high: number): void {
  if (!(value >= low && value < high)) {
    throw new PithError('PITH_ARG', `${name} must be in [${low}, ${high}), got ${value}`)
  }
}
