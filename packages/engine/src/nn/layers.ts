/** Layers: functions that ask a scope for their parameters. Weights are named `w`, additions `b`. */
import { PithError } from '@pith/core'
import { add, gelu, mul, rsqrt, square, sub } from '../array/elementwise.ts'
import { gatherRows } from '../array/indexing.ts'
import { layerNorm as normalizeLayer, rmsNorm as normalizeRms } from '../array/layers.ts'
import { conv, convTranspose, matmul, type WindowOptions } from '../array/linear.ts'
import { reshape } from '../array/movement.ts'
import { mean } from '../array/reduce.ts'
import type { Value } from '../ir/graph.ts'
import { shapeText } from '../shape.ts'
import { type Initializer, lecun, normal, ones, zeros } from './init.ts'
import type { Scope } from './scope.ts'

/** Settings of {@link linear}. */
export interface LinearOptions {
  /** Width of the result. */
  outputs: number
  /** Default true. */
  bias?: boolean
  /** Default {@link lecun}. */
  init?: Initializer
}

/** x[..., inputs] times `w`[inputs, outputs] plus `b`. */
export function linear(scope: Scope, x: Value, { outputs, bias = true, init = lecun() }: LinearOptions): Value {
  const inputs = lastOf(x, 'linear')
  const w = scope.param('w', [inputs, outputs], init)
  return bias ? matmul(x, w, { bias: scope.param('b', [outputs], zeros()) }) : matmul(x, w)
}

/** Settings of convolutions. */
export interface ConvLayerOptions extends WindowOptions {
  /** Channels of the result. */
  outputs: number
  /** Lengths of the window; one number holds for all axes. */
  size: number | readonly number[]
  /** Groups of channels that do not see each other. Default 1. */
  groups?: number
  /** Default true. */
  bias?: boolean
  /** Default {@link lecun}. */
  init?: Initializer
}

/** Convolution over one axis: x[batch, channels, length], `w`[outputs, channels / groups, size]. */
export function conv1d(scope: Scope, x: Value, options: ConvLayerOptions): Value {
  return convolve(scope, x, 1, options)
}

/** Convolution of images: x[batch, channels, height, width], `w`[outputs, channels / groups, ...size]. */
export function conv2d(scope: Scope, x: Value, options: ConvLayerOptions): Value {
  return convolve(scope, x, 2, options)
}

function convolve(scope: Scope, x: Value, axes: number, options: ConvLayerOptions): Value {
  const { outputs, size, groups = 1, bias = true, init = lecun(), ...window } = options
  const channels = channelsOf(x, axes, groups, outputs)
  const w = scope.param('w', [outputs, channels / groups, ...windowOf(size, axes)], init)
  return conv(x, w, { ...window, groups, ...(bias ? { bias: scope.param('b', [outputs], zeros()) } : {}) })
}

/** Settings of {@link convT2d}. */
export interface ConvTransposeLayerOptions extends ConvLayerOptions {
  /** Added to the end of each axis, to tell apart sizes that the strides merge. Default 0. */
  outputPadding?: number | readonly number[]
}

/** Transposed convolution, which enlarges by its strides: x[batch, channels, height, width], `w`[channels, outputs / groups, ...size]. */
export function convT2d(scope: Scope, x: Value, options: ConvTransposeLayerOptions): Value {
  const { outputs, size, groups = 1, bias = true, init = lecun(), ...window } = options
  const channels = channelsOf(x, 2, groups, outputs)
  const taps = windowOf(size, 2)
  // The same draws in another order of axes: what counts is how many inputs meet in an output.
  const drawn: Initializer = (random) => init(random, [outputs, channels / groups, ...taps])
  const w = scope.param('w', [channels, outputs / groups, ...taps], drawn)
  return convTranspose(x, w, { ...window, groups, ...(bias ? { bias: scope.param('b', [outputs], zeros()) } : {}) })
}

/** Settings of normalisations. */
export interface NormLayerOptions {
  /** Added to the variance. Default 1e-5. */
  epsilon?: number
  /** Default true. */
  bias?: boolean
}

/** The last axis brought to mean 0 and variance 1, times `w` plus `b`. */
export function layerNorm(scope: Scope, x: Value, { epsilon = 1e-5, bias = true }: NormLayerOptions = {}): Value {
  const width = lastOf(x, 'layerNorm')
  const w = scope.param('w', [width], ones())
  return normalizeLayer(x, w, bias ? scope.param('b', [width], zeros()) : undefined, { epsilon })
}

/** The last axis brought to mean square 1, times `w`. */
export function rmsNorm(scope: Scope, x: Value, { epsilon = 1e-6 }: { epsilon?: number } = {}): Value {
  return normalizeRms(x, scope.param('w', [lastOf(x, 'rmsNorm')], ones()), epsilon)
}

/** Groups of channels brought to mean 0 and variance 1: x[batch, channels, ...], times `w`[channels] plus `b`. */
export function groupNorm(scope: Scope, x: Value, options: NormLayerOptions & { groups: number }): Value {
  const { groups, epsilon = 1e-5, bias = true } = options
  const channels = channelsOf(x, x.shape.length - 2, groups, groups)
  const grouped = reshape(x, [x.shape[0] as number, groups, -1])
  const centred = sub(grouped, mean(grouped, -1, { keepDims: true }))
  const spread = mean(square(centred), -1, { keepDims: true })
  const unit = reshape(mul(centred, rsqrt(add(spread, epsilon))), x.shape)
  const perChannel = [channels, ...x.shape.slice(2).map(() => 1)]
  const scaled = mul(unit, reshape(scope.param('w', [channels], ones()), perChannel))
  return bias ? add(scaled, reshape(scope.param('b', [channels], zeros()), perChannel)) : scaled
}

/** Settings of {@link embedding}. */
export interface EmbeddingOptions {
  /** Number of things that have a vector. */
  rows: number
  width: number
  /** Default {@link normal}. */
  init?: Initializer
}

/** The rows of `w`[rows, width] at places i32 or i64[...]; the result is [..., width]. */
export function embedding(scope: Scope, places: Value, { rows, width, init = normal() }: EmbeddingOptions): Value {
  return gatherRows(scope.param('w', [rows, width], init), places)
}

/** Settings of {@link mlp}. */
export interface MlpOptions {
  /** Width within. */
  hidden: number
  /** Width of the result. Default that of the input. */
  outputs?: number
  /** Default gelu. */
  activation?: (x: Value) => Value
  /** Multiply the activation with a second layer, `gate`, that has none (Shazeer, 2020). Default false. */
  gated?: boolean
  /** Default true. */
  bias?: boolean
}

/** Two linear layers, `up` and `down`, with an activation between them. */
export function mlp(scope: Scope, x: Value, options: MlpOptions): Value {
  const { hidden, outputs = lastOf(x, 'mlp'), activation = gelu, gated = false, bias = true } = options
  const up = activation(linear(scope.at('up'), x, { outputs: hidden, bias }))
  const within = gated ? mul(up, linear(scope.at('gate'), x, { outputs: hidden, bias })) : up
  return linear(scope.at('down'), within, { outputs, bias })
}

/** Elements times a mask that `dropoutNoise` draws as an input of the batch. */
export function dropout(x: Value, mask: Value): Value {
  return mul(x, mask)
}

function lastOf(x: Value, layer: string): number {
  const last = x.shape.at(-1)
  if (last !== undefined && last > 0) return last
  throw new PithError('PITH_SHAPE', `${layer} needs a last axis of known length, got ${shapeText(x.shape)}`)
}

function channelsOf(x: Value, axes: number, groups: number, outputs: number): number {
  const channels = x.shape[1] ?? 0
  if (x.shape.length !== axes + 2 || channels < 1 || channels % groups !== 0 || outputs % groups !== 0) {
    const wanted = `[batch, channels${', length'.repeat(axes)}]`
    throw new PithError('PITH_SHAPE', `${wanted} in ${groups} groups is needed, got ${shapeText(x.shape)}`)
  }
  return channels
}

function windowOf(size: number | readonly number[], axes: number): readonly number[] {
  return typeof size === 'number' ? new Array<number>(axes).fill(size) : size
}
