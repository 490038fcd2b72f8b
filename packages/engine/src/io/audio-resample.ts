/** Sound at another rate: a sinc filter under a Kaiser window, as a bank of filters for the ratio of the rates. */
import { PithError } from '@pith/core'
import type { Audio } from './audio.ts'

/** How sound is brought to another rate. */
export interface ResampleOptions {
  /** Zero crossings of the filter on each side; more are sharper and slower. Default 32. */
  crossings?: number
  /** Where the filter begins to fall, as a share of what the lower rate can hold. Default 0.92. */
  rolloff?: number
}

/** Of the window: side lobes at -100 dB. */
const BETA = 10.06

/** Most filters that are kept. */
const MAX_FILTERS = 4096

/**
 * Samples at another rate, as many as fill the same time.
 *
 * @param samples f32[n]
 * @param from    samples a second of what is given, a positive integer
 * @param to      samples a second of what is wanted, a positive integer
 * @returns f32[ceil(n * to / from)]; sample i stands at the time i / to
 * @throws PithError `PITH_ARG` rates or settings out of range · `PITH_LIMIT` more than 2^30 samples
 * @complexity O(n * crossings * max(1, to / from))
 */
export function resample(
  samples: Float32Array,
  from: number,
  to: number,
  { crossings = 32, rolloff = 0.92 }: ResampleOptions = {},
): Float32Array {
  for (const rate of [from, to]) {
    if (!(Number.isInteger(rate) && rate >= 1 && rate < 2 ** 31)) {
      throw new PithError('PITH_ARG', `a rate must be an integer in 1..2147483647, got ${rate}`)
    }
  }
  if (!(Number.isInteger(crossings) && crossings >= 1 && crossings <= 1024 && rolloff > 0 && rolloff <= 1)) {
    throw new PithError('PITH_ARG', `crossings must be in 1..1024 and rolloff in (0, 1], got ${crossings}, ${rolloff}`)
  }
  if (from === to) return samples.slice()
  const common = gcd(from, to)
  const up = to / common
  const down = from / common
  const length = Math.ceil((samples.length * up) / down)
  if (length > 2 ** 30) throw new PithError('PITH_LIMIT', `${length} samples are more than 2^30`)
  const cut = rolloff * Math.min(1, up / down)
  const reach = crossings / cut
  const filters = new Map<number, Float64Array>()
  const out = new Float32Array(length)
  for (let i = 0; i < length; i++) {
    // The place i * down / up among the samples, in whole numbers.
    const place = Math.floor((i * down) / up)
    const phase = i * down - place * up
    let filter = filters.get(phase)
    if (filter === undefined) {
      filter = makeFilter(phase / up, cut, reach)
      if (filters.size < MAX_FILTERS) filters.set(phase, filter)
    }
    out[i] = apply(filter, samples, place - Math.floor(reach))
  }
  return out
}

/** Sound at another rate, channel by channel. @throws PithError as {@link resample} */
export function resampleAudio(audio: Audio, sampleRate: number, options: ResampleOptions = {}): Audio {
  return {
    sampleRate,
    channels: audio.channels.map((own) => resample(own, audio.sampleRate, sampleRate, options)),
  }
}

/** Weights of the samples around a place that lies `offset` behind a sample; they add up to one. */
function makeFilter(offset: number, cut: number, reach: number): Float64Array {
  const side = Math.floor(reach)
  const filter = new Float64Array(2 * side + 2)
  let sum = 0
  for (let i = 0; i < filter.length; i++) {
    const distance = i - side - offset
    const weight = sinc(cut * distance) * kaiser(distance / (reach + 1))
    filter[i] = weight
    sum += weight
  }
  for (let i = 0; i < filter.length; i++) filter[i] = (filter[i] as number) / sum
  return filter
}

function apply(filter: Float64Array, samples: Float32Array, start: number): number {
  const first = Math.max(0, -start)
  const last = Math.min(filter.length, samples.length - start)
  let sum = 0
  for (let i = first; i < last; i++) sum += (filter[i] as number) * (samples[start + i] as number)
  return sum
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)
}

function kaiser(x: number): number {
  return Math.abs(x) >= 1 ? 0 : bessel(BETA * Math.sqrt(1 - x * x)) / bessel(BETA)
}

/** The modified Bessel function of the first kind and order 0, by its series. */
function bessel(x: number): number {
  let sum = 1
  let term = 1
  for (let k = 1; term > 1e-17 * sum; k++) {
    term *= (x / (2 * k)) ** 2
    sum += term
  }
  return sum
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b)
}
