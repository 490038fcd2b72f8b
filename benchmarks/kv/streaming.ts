/**
 * Streams over measured bandwidths on a virtual clock, for a declared model: what its parts take is assumed, not run.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import {
  type Controller,
  delayController,
  fixedController,
  paperController,
  planController,
  readTraces,
  type StreamCosts,
  type StreamPlan,
  type StreamReport,
  simulateStream,
  type Trace,
} from '@pith/kv/stream'
import type { AcceptContext } from '../measure/accept.ts'
import type { BenchContext } from '../measure/case.ts'
import { dataFolder } from '../measure/data.ts'
import { median } from '../measure/statistics.ts'
import { textTable } from '../measure/table.ts'

/** A model of a thousand million parameters: 16 layers, 8 heads of 64, bits and nats of four levels, speeds of the receiver. */
export const DECLARED = {
  tokens: 2048,
  chunk: 256,
  numbers: 2 * 16 * 8 * 64,
  bits: [0.35, 0.54, 0.83, 1.23],
  damage: [0.06, 0.018, 0.008, 0.004],
  q8Bits: 8 + 16 / 512,
  prefillTokens: 120,
  decodeBytes: 400e6,
  question: 16,
  slo: 2,
} as const

/** Bytes of a token's id. */
const ID_BYTES = 2

export const COSTS: StreamCosts = {
  decode: (tokens) => (4 * DECLARED.numbers * tokens) / DECLARED.decodeBytes,
  recompute: (tokens) => tokens / DECLARED.prefillTokens,
}

/** The declared text at given bits a number. */
export function planOf(bits: readonly number[], damage: readonly number[]): StreamPlan {
  const { tokens, chunk, numbers } = DECLARED
  return {
    damage,
    chunks: Array.from({ length: tokens / chunk }, () => ({
      tokens: chunk,
      bytes: bits.map((own) => Math.ceil((own * numbers * chunk) / 8)),
      textBytes: ID_BYTES * chunk,
    })),
  }
}

export const PLAN: StreamPlan = planOf(DECLARED.bits, DECLARED.damage)
const Q8_PLAN: StreamPlan = planOf([DECLARED.q8Bits], [0])

/** Contenders by name. */
const CONTENDERS: Readonly<Record<string, readonly [plan: StreamPlan, controller: Controller]>> = {
  text: [PLAN, fixedController('text')],
  q8: [Q8_PLAN, fixedController(0)],
  'fixed 0.35': [PLAN, fixedController(0)],
  'fixed 0.54': [PLAN, fixedController(1)],
  'fixed 0.83': [PLAN, fixedController(2)],
  paper: [PLAN, paperController],
  'paper, with delays': [PLAN, delayController],
  plan: [PLAN, planController],
}

export function measuredTraces(): Trace[] {
  const path = join(dataFolder() ?? '', 'kv/traces/bandwidth.train.jsonl.gz')
  return readTraces(gunzipSync(readFileSync(path)).toString())
}

/** Figures of one contender on one family of traces. */
export interface StreamFigures {
  /** Seconds to the first token. */
  readonly mean: number
  readonly median: number
  /** Share of streams in time. */
  readonly met: number
  /** Nats a token. */
  readonly damage: number
  readonly refetches: number
}

let measured: Promise<Record<string, Record<string, StreamFigures>>> | undefined

/** By family of traces and contender; each trace from its start and from its middle. */
export function measureStreams(): Promise<Record<string, Record<string, StreamFigures>>> {
  return (measured ??= measure())
}

async function measure(): Promise<Record<string, Record<string, StreamFigures>>> {
  const question = COSTS.recompute(DECLARED.question, DECLARED.tokens)
  // Every second trace: constants of the plan were chosen on the others.
  const traces = measuredTraces().filter((_, i) => i % 2 === 1)
  const out: Record<string, Record<string, StreamFigures>> = {}
  for (const family of new Set(traces.map((trace) => trace.family))) {
    const own: Record<string, StreamFigures> = {}
    for (const [name, [plan, controller]] of Object.entries(CONTENDERS)) {
      const reports: StreamReport[] = []
      for (const trace of traces) {
        if (trace.family !== family) continue
        for (const start of [0, trace.period / 2]) {
          // The question is read behind the text, within the time that is allowed.
          const options = { controller, slo: DECLARED.slo - question, refetch: name === 'plan' }
          reports.push(await simulateStream({ trace, start }, plan, COSTS, options))
        }
      }
      const times = reports.map(({ ready }) => ready + question)
      const mean = (of: (report: StreamReport) => number): number =>
        reports.reduce((sum, report) => sum + of(report), 0) / reports.length
      own[name] = {
        mean: mean(({ ready }) => ready + question),
        median: median(times),
        met: mean(({ isMet }) => Number(isMet)),
        damage: mean(({ damage }) => damage),
        refetches: mean(({ refetches }) => refetches),
      }
    }
    out[family] = own
  }
  return out
}

function table(figures: Record<string, Record<string, StreamFigures>>): string {
  return textTable(
    ['simulated', 'mean s', 'median s', 'in time', 'nats', 'given up'],
    Object.entries(figures).flatMap(([family, own]) =>
      Object.entries(own).map(([name, { mean, median: middle, met, damage, refetches }]) => [
        `${family}, ${name}`,
        mean.toFixed(2),
        middle.toFixed(2),
        met.toFixed(3),
        damage.toFixed(4),
        refetches.toFixed(2),
      ]),
    ),
  )
}

/** `npm run bench -- kv --only streaming` */
export async function benchStreaming(context: BenchContext): Promise<void> {
  const figures = await measureStreams()
  for (const [family, own] of Object.entries(figures)) {
    for (const [name, theirs] of Object.entries(own)) {
      if (name === 'plan') continue
      const ours = own['plan'] as StreamFigures
      context.add({
        system: 'kv',
        kind: 'streaming',
        peer: { name },
        data: { name: `${family}, simulated`, bytes: DECLARED.tokens },
        params: { ...DECLARED, bits: DECLARED.bits.join(' '), damage: DECLARED.damage.join(' ') },
        ours: { quality: { ...ours } },
        theirs: { quality: { ...theirs } },
        vs: { mean: ours.mean / theirs.mean },
        repeats: 1,
      })
    }
  }
  context.say(table(figures))
}

/** Time to the first token and streams in time, against text, 8 bits and the paper's rule. */
export async function acceptStreaming(context: AcceptContext): Promise<void> {
  const figures = await measureStreams()
  context.say(`simulated, for a declared model: ${JSON.stringify(DECLARED)}`)
  context.say(table(figures))
  for (const [family, own] of Object.entries(figures)) {
    const { plan, paper, text, q8 } = own as Record<'plan' | 'paper' | 'text' | 'q8', StreamFigures>
    const gained = plan.met - paper.met
    const least = family === 'wifi' || family === 'lte4g' ? 0.1 : -0.05
    context.check(
      `${family}: streams in time beyond the paper's rule`,
      gained >= least - 1e-9,
      `${gained.toFixed(3)} (at least ${least})`,
    )
    if (least < 0) continue
    for (const [name, theirs] of Object.entries({ text, q8 })) {
      const times = theirs.mean / plan.mean
      context.check(
        `${family}: mean time to the first token below ${name}`,
        times >= 2.7,
        `${times.toFixed(2)} (at least 2.7)`,
      )
    }
  }
}
