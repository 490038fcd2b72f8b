/** Layers of networks on images. */
import { PithError } from '@pith/core'
import { div, maximum, mul, sqrt, square, sub } from '../array/elementwise.ts'
import { conv } from '../array/linear.ts'
import { reshape } from '../array/movement.ts'
import { customVjp } from '../autodiff/custom.ts'
import type { Value } from '../ir/graph.ts'
import { shapeText } from '../shape.ts'
import { Tensor } from '../tensor.ts'
import type { Scope } from './scope.ts'

/** Settings of {@link gdn}. */
export interface GdnOptions {
  /** Multiply instead of divide, as decoders do. Default false. */
  inverse?: boolean
  /** Least value of beta. Default 1e-6. */
  betaMin?: number
  /** First value of the diagonal of gamma. Default 0.1. */
  gammaInit?: number
}

/** Keeps the slope of the square away from zero. */
const OFFSET = 2 ** -18

/** The greater of x and a bound, whose gradient also passes where it would raise x. */
function lowerBound(x: Value, bound: number): Value {
  const limit = (like: Value): Value => like.graph.scalar(bound)
  const [y] = customVjp(
    (own) => ({ outputs: [maximum(own, bound)], residuals: [own] }),
    ([own], [g]) => {
      const { graph } = own as Value
      const isAbove = graph.emit('GreaterOrEqual', [own, limit(own as Value)])[0]
      const isRising = graph.emit('Less', [g, graph.scalar(0)])[0]
      const passes = graph.emit('Or', [isAbove, isRising])[0] as Value
      return [mul(g as Value, graph.emit('Cast', [passes], { to: 1 })[0] as Value)]
    },
  )(x)
  return y as Value
}

/** A parameter that is never below `least`: the square of one that is held. */
function bounded(x: Value, least: number): Value {
  const pedestal = OFFSET ** 2
  return sub(square(lowerBound(x, Math.sqrt(least + pedestal))), pedestal)
}

/**
 * Generalised divisive normalisation of x[batch, channels, height, width]: x over the root of `beta` plus `gamma` times the
 * squares of all channels (Ballé et al., ICLR 2016). The parameters hold square roots, so that they stay positive.
 *
 * @throws PithError `PITH_SHAPE` not four axes
 */
export function gdn(scope: Scope, x: Value, options: GdnOptions = {}): Value {
  const { inverse = false, betaMin = 1e-6, gammaInit = 0.1 } = options
  const channels = x.shape[1] ?? 0
  if (x.shape.length !== 4 || channels < 1) {
    throw new PithError('PITH_SHAPE', `gdn: [batch, channels, height, width] is needed, got ${shapeText(x.shape)}`)
  }
  const root = (value: number): number => Math.sqrt(value + OFFSET ** 2)
  const beta = scope.param('beta', [channels], () => new Float32Array(channels).fill(root(1)))
  const gamma = scope.param('gamma', [channels, channels], () =>
    Float32Array.from({ length: channels * channels }, (_, i) => root(i % (channels + 1) === 0 ? gammaInit : 0)),
  )
  const weights = reshape(bounded(gamma, 0), [channels, channels, 1, 1])
  const norm = sqrt(conv(square(x), weights, { bias: bounded(beta, betaMin) }))
  return inverse ? mul(x, norm) : div(x, norm)
}

/** Settings of {@link upsample}. */
export interface UpsampleOptions {
  /** Factor of the axes after batch and channels; one number holds for all. */
  scale: number | readonly number[]
  /** Default `nearest`. */
  mode?: 'nearest' | 'linear' | 'cubic'
  /** Whether the outer elements stay where they are, with `linear` and `cubic`. Default false. */
  alignCorners?: boolean
}

/** x[batch, channels, ...] enlarged, or made smaller without a filter, as PyTorch's `interpolate` does. @throws PithError `PITH_ARG` a factor */
export function upsample(x: Value, { scale, mode = 'nearest', alignCorners = false }: UpsampleOptions): Value {
  const wide = x.shape.slice(2)
  const factors = typeof scale === 'number' ? wide.map(() => scale) : scale
  const lengths = wide.map((length, i) => Math.floor(length * (factors[i] ?? Number.NaN)))
  if (factors.length !== wide.length || lengths.some((length) => !(length >= 1))) {
    throw new PithError('PITH_ARG', `upsample: factors ${factors.join(', ')} for ${shapeText(x.shape)}`)
  }
  const attrs =
    mode === 'nearest'
      ? { mode, coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }
      : {
          mode,
          coordinate_transformation_mode: alignCorners ? 'align_corners' : 'pytorch_half_pixel',
          ...(mode === 'cubic' ? { cubic_coeff_a: -0.75 } : {}),
        }
  const { graph } = x
  if (alignCorners) {
    const sizes = graph.ints([...x.shape.slice(0, 2), ...lengths])
    return graph.emit('Resize', [x, undefined, undefined, sizes], attrs)[0] as Value
  }
  const scales = graph.constant(new Tensor(Float32Array.of(1, 1, ...factors)))
  return graph.emit('Resize', [x, undefined, scales], attrs)[0] as Value
}
