/** When a cache is ready, over links of steady bandwidth, on a virtual clock. */
import type { KvShape } from '@pith/lm'
import {
  type Controller,
  fixedController,
  makeTrace,
  planController,
  type StreamCosts,
  type StreamPlan,
  simulateStream,
} from '../stream/index.ts'
import type { BenchRow } from './bench.ts'
import { q8Bits } from './q8.ts'

/** One way to get a cache, at several bandwidths. */
export interface ArrivalLine {
  readonly name: string
  readonly points: readonly { readonly mbps: number; readonly seconds: number; readonly damage: number }[]
}

/** What is simulated. */
export interface ArrivalOptions {
  /** Tokens of the text. */
  readonly tokens: number
  /** Seconds until it should be ready. */
  readonly slo: number
  /** Tokens of a chunk. Default 256. */
  readonly chunk?: number
}

/** Mbit/s that are tried. */
const BANDWIDTHS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]

/** Bytes of the id of a token. */
const ID_BYTES = 2

/**
 * Seconds until the cache of a text is ready: as text, at 8 bits, at the best level of a preset, and as planned over its levels.
 *
 * @param rows of one preset at all its levels, as a bench found them
 */
export async function simulateArrivals(
  shape: KvShape,
  rows: readonly BenchRow[],
  costs: StreamCosts,
  { tokens, slo, chunk = 256 }: ArrivalOptions,
): Promise<ArrivalLine[]> {
  const levels = [...rows].sort((a, b) => a.bitsPerElem - b.bitsPerElem)
  const width = shape.kvHeads * shape.headDim
  const planOf = (bits: readonly number[], damage: readonly number[]): StreamPlan => ({
    damage,
    chunks: Array.from({ length: Math.ceil(tokens / chunk) }, (_, i) => {
      const own = Math.min(chunk, tokens - i * chunk)
      const numbers = 2 * shape.layers * width * own
      return { tokens: own, bytes: bits.map((each) => Math.ceil((each * numbers) / 8)), textBytes: ID_BYTES * own }
    }),
  })
  const plan = planOf(
    levels.map((row) => row.bitsPerElem),
    levels.map((row) => Math.max(0, row.dNLL)),
  )
  const name = levels[0]?.preset ?? 'cache'
  const ways: [string, StreamPlan, Controller][] = [
    ['text', plan, fixedController('text')],
    ['q8', planOf([q8Bits({ width })], [0]), fixedController(0)],
    ...(levels.length === 0
      ? []
      : ([
          [`${name}, best level`, plan, fixedController(levels.length - 1)],
          [`${name}, as planned`, plan, planController],
        ] as [string, StreamPlan, Controller][])),
  ]
  const lines: ArrivalLine[] = []
  for (const [own, its, controller] of ways) {
    const points: ArrivalLine['points'][number][] = []
    for (const mbps of BANDWIDTHS) {
      const trace = makeTrace({ name: `${mbps} Mbit/s`, family: '', t: [0], mbps: [mbps] })
      const report = await simulateStream({ trace }, its, costs, { controller, slo })
      points.push({ mbps, seconds: report.ready, damage: report.damage })
    }
    lines.push({ name: own, points })
  }
  return lines
}
