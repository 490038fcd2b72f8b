/** Bandwidth over time: what a link can carry from one moment to another, and how long bytes take on it. */
import { PithError } from '@pith/core'

/** Bandwidth as it was measured. */
export interface TraceRecord {
  readonly name: string
  readonly family: string
  /** Seconds, in order. */
  readonly t: readonly number[]
  /** Megabits a second from each moment to the next. */
  readonly mbps: readonly number[]
}

/** A trace that repeats for ever. */
export interface Trace {
  readonly name: string
  readonly family: string
  /** Seconds until it repeats. */
  readonly period: number
  /** f64[n]: starts of the steps, from 0. */
  readonly starts: Float64Array
  /** f64[n]: bytes a second of each step. */
  readonly rates: Float64Array
  /** f64[n + 1]: bytes carried before each step, and in all. */
  readonly carried: Float64Array
}

/** Shortest period of a trace in seconds. */
const SHORTEST = 1e-3

/** Most steps of a trace. */
const MOST_STEPS = 2 ** 20

/** @throws PithError `PITH_ARG` no steps, times out of order, a link that never carries anything, or one of no time */
export function makeTrace({ name, family, t, mbps }: TraceRecord): Trace {
  const n = t.length
  const isWhole = n >= 1 && n === mbps.length && n <= MOST_STEPS
  if (
    !isWhole ||
    !mbps.every((rate) => rate >= 0 && rate < 1e9) ||
    !t.every((at, i) => i === 0 || at >= (t[i - 1] as number))
  ) {
    throw new PithError('PITH_ARG', `the trace ${name.slice(0, 80)} is not a list of times in order and of bandwidths`)
  }
  const first = t[0] as number
  const starts = Float64Array.from(t, (at) => at - first)
  const last = starts[n - 1] as number
  // The last step is as long as others are on average.
  const period = last > 0 ? last + last / (n - 1) : 1
  const rates = Float64Array.from(mbps, (rate) => rate * 125_000)
  const carried = new Float64Array(n + 1)
  for (let i = 0; i < n; i++) {
    const length = (i + 1 < n ? (starts[i + 1] as number) : period) - (starts[i] as number)
    carried[i + 1] = (carried[i] as number) + length * (rates[i] as number)
  }
  if (!((carried[n] as number) > 0 && period >= SHORTEST))
    throw new PithError('PITH_ARG', `the trace ${name.slice(0, 80)} carries nothing, or is shorter than a millisecond`)
  return { name, family, period, starts, rates, carried }
}

/** Traces of a text with one JSON a line. @throws PithError `PITH_ARG` a line that is no trace */
export function readTraces(text: string): Trace[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line, i) => {
      let record: Partial<TraceRecord> | undefined
      try {
        record = JSON.parse(line) as Partial<TraceRecord>
      } catch {
        record = undefined
      }
      if (!Array.isArray(record?.t) || !Array.isArray(record.mbps)) {
        throw new PithError('PITH_ARG', `line ${i + 1} is no trace of bandwidth`)
      }
      const { name = String(i + 1), family = '', t, mbps } = record
      return makeTrace({ name: String(name), family: String(family), t, mbps })
    })
}

/** Bytes that the link carries from its start to a moment. */
export function carriedUntil({ period, starts, rates, carried }: Trace, seconds: number): number {
  const rounds = Math.floor(seconds / period)
  const rest = seconds - rounds * period
  const step = lastAtMost(starts, rest)
  const whole = carried[starts.length] as number
  return rounds * whole + (carried[step] as number) + (rest - (starts[step] as number)) * (rates[step] as number)
}

/** The moment at which bytes that are sent from `start` on have arrived. */
export function arrivalOf(trace: Trace, start: number, bytes: number): number {
  if (bytes <= 0) return start
  const { period, starts, rates, carried } = trace
  const target = carriedUntil(trace, start) + bytes
  const whole = carried[starts.length] as number
  let rounds = Math.floor(target / whole)
  let rest = target - rounds * whole
  // What ends with a round has arrived in it, not after its silence in the next.
  if (rest <= 0) {
    rounds--
    rest = whole
  }
  let step = lastAtMost(carried.subarray(0, starts.length), rest)
  while (step > 0 && (carried[step] as number) >= rest) step--
  return Math.max(
    start,
    rounds * period + (starts[step] as number) + (rest - (carried[step] as number)) / (rates[step] as number),
  )
}

/** Place of the last value that is at most `limit`; 0 where none is. */
function lastAtMost(values: Float64Array, limit: number): number {
  let [low, high] = [0, values.length]
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if ((values[middle] as number) <= limit) low = middle
    else high = middle
  }
  return low
}
