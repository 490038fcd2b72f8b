/** Fourier transforms. */
import { PithError } from '@pith/core'
import type { Value } from '../ir/graph.ts'
import { axisOf, shapeText } from '../shape.ts'
import { squeeze, swapAxes, unsqueeze } from './movement.ts'
import { emit1 } from './operand.ts'

/** Along which axis, and in which direction. */
export interface DftOptions {
  /** Axis of the samples, counted with that of the parts. Default -2. */
  axis?: number
  /** From a spectrum to samples, divided by their number. Default false. */
  inverse?: boolean
}

/**
 * The discrete Fourier transform.
 *
 * @param x [..., samples, parts]: real numbers (one part), or real and imaginary parts
 * @returns real and imaginary parts in the last axis
 */
export function dft(x: Value, { axis = -2, inverse = false }: DftOptions = {}): Value {
  return transform(x, axis, inverse ? { inverse: 1 } : {})
}

/** The half of the spectrum that real samples have: [..., n] gives [..., floor(n / 2) + 1, 2] along the axis. */
export function rfft(x: Value, axis: number = -1): Value {
  const own = axisOf(axis, x.shape.length, 'rfft')
  const last = x.shape.length - 1
  const spectrum = transform(unsqueeze(swapAxes(x, own, last), -1), last, { onesided: 1 })
  return swapAxes(spectrum, own, last)
}

function transform(x: Value, axis: number, attrs: Readonly<Record<string, number>>): Value {
  const rank = x.shape.length
  const own = axisOf(axis, rank, 'dft')
  if (rank < 2 || own === rank - 1) {
    throw new PithError('PITH_SHAPE', `dft: the last axis of ${shapeText(x.shape)} must hold the parts of numbers`)
  }
  // The operator wants an axis of batches in front.
  if (rank === 2) return squeeze(transform(unsqueeze(x, 0), own + 1, attrs), 0)
  return emit1('DFT', [x, undefined, x.graph.scalar(own, 'i64')], attrs)
}
