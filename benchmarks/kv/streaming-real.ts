/**
 * Streams in real time over HTTP on loopback, through links of measured bandwidth, beside the same on the virtual clock. The
 * receiver's work takes what the declared model's would.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Choice,
  httpLink,
  planController,
  runStream,
  type StreamReport,
  simulateStream,
  type Trace,
} from '@pith/kv/stream'
import { makeThrottle, serveKv } from '@pith/kv/stream/node'
import { type AcceptContext, costAtMost } from '../measure/accept.ts'
import { COSTS, DECLARED, measuredTraces, PLAN } from './streaming.ts'

const RUNS = 10
/** Largest difference that counts as agreement. */
const NEAR = 0.1
/** Tries of a run: a machine that is busy elsewhere stalls timers for longer than a stream takes. */
const TRIES = 3
const DELAY = 0.02
const OPTIONS = { controller: planController, slo: DECLARED.slo - COSTS.recompute(DECLARED.question, DECLARED.tokens) }

async function runReal(trace: Trace): Promise<StreamReport> {
  const none = async (): Promise<never> => {
    throw new Error('caches are there already')
  }
  const chunk = (_: string, index: number, level: number): Uint8Array =>
    new Uint8Array(PLAN.chunks[index]?.bytes[level - 1] ?? 0)
  const server = await serveKv(
    { add: none, offer: () => undefined, profile: () => undefined, chunk },
    { throttle: makeThrottle(trace, DELAY) },
  )
  try {
    // The first request of a process takes longer than any later one.
    await (await fetch(`${server.url}v1/kv/ab`)).body?.cancel()
    const levels = DECLARED.bits.map((_, i) => i + 1)
    const sizeOf = (index: number, choice: Choice): number => PLAN.chunks[index]?.bytes[Number(choice)] ?? 0
    const link = httpLink(`${server.url}v1/kv/ab`, levels, sizeOf, (index) =>
      sleep(1000 * COSTS.decode(PLAN.chunks[index]?.tokens ?? 0)),
    )
    return await runStream(link, PLAN, COSTS, OPTIONS)
  } finally {
    await server.close()
  }
}

/** Ten runs of traces spread over two families, each against the virtual clock. */
export async function acceptRealStreams(context: AcceptContext): Promise<void> {
  const traces = measuredTraces().filter(({ family }) => family === 'wifi' || family === 'lte4g')
  const chosen = Array.from({ length: RUNS }, (_, i) => traces[Math.floor(((i + 0.5) * traces.length) / RUNS)] as Trace)
  let worst = 0
  for (const trace of chosen) {
    const virtual = await simulateStream({ trace, delay: DELAY }, PLAN, COSTS, OPTIONS)
    let [best, own] = [Number.POSITIVE_INFINITY, virtual]
    for (let i = 0; i < TRIES && best > NEAR; i++) {
      const real = await runReal(trace)
      const off = Math.abs(real.ready - virtual.ready) / virtual.ready
      if (off < best) [best, own] = [off, real]
    }
    context.say(
      `${trace.name}: ${own.ready.toFixed(3)} s, virtual ${virtual.ready.toFixed(3)} s; levels ${own.choices.join(' ')}, virtual ${virtual.choices.join(' ')}`,
    )
    worst = Math.max(worst, best)
  }
  costAtMost(context, `real time over loopback against the virtual clock, worst of ${RUNS}`, worst, NEAR, 3)
}
