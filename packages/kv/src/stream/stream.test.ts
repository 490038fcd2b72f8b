import { Random } from '@pith/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  arrivalOf,
  type Choice,
  type Controller,
  carriedUntil,
  delayController,
  expectedSpeed,
  fixedController,
  makeTrace,
  paperController,
  planController,
  readTraces,
  type StreamCosts,
  type StreamPlan,
  type StreamState,
  simulateStream,
} from './index.ts'

const COSTS: StreamCosts = {
  decode: (tokens) => tokens / 10_000,
  recompute: (tokens, past) => (tokens + past / 10) / 100,
}
const SPARE: StreamCosts = { decode: () => 0, recompute: () => 1e9 }

function plan(chunks: number, bytes: readonly number[] = [100_000, 200_000, 400_000]): StreamPlan {
  const damage = bytes.map((_, level) => [0.06, 0.02, 0][level] as number)
  return { damage, chunks: Array.from({ length: chunks }, () => ({ tokens: 100, bytes, textBytes: 200 })) }
}

function state(own: Partial<StreamState>): StreamState {
  return { plan: plan(4), costs: SPARE, index: 0, elapsed: 0, ready: 0, samples: [], delay: 0, slo: 2, ...own }
}

/** A link of so many bytes a second. */
const steady = (rate: number) => makeTrace({ name: 'steady', family: '', t: [0], mbps: [rate / 125_000] })

const traces = fc
  .array(
    fc.record({
      step: fc.double({ min: 0, max: 3, noNaN: true }),
      mbps: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 50, noNaN: true })),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .filter((steps) => steps.some(({ mbps, step }, i) => mbps > 0.1 && (i + 1 >= steps.length || step > 0.01)))
  .map((steps) => {
    let at = 0
    const t = steps.map(({ step }, i) => {
      const own = at
      at += i + 1 < steps.length ? step : 0
      return own
    })
    return { name: 'some', family: '', t, mbps: steps.map(({ mbps }) => mbps) }
  })

describe('traces', () => {
  test('what has arrived was carried, and not before', () => {
    fc.assert(
      fc.property(
        traces,
        fc.double({ min: 0, max: 40, noNaN: true }),
        fc.integer({ min: 1, max: 10_000_000 }),
        (record, start, bytes) => {
          let trace: ReturnType<typeof makeTrace>
          try {
            trace = makeTrace(record)
          } catch {
            // A link that carries nothing is refused.
            return
          }
          const end = arrivalOf(trace, start, bytes)
          const got = carriedUntil(trace, end) - carriedUntil(trace, start)
          const slack = 1e-6 * carriedUntil(trace, end) + 1e-3
          expect(Math.abs(got - bytes)).toBeLessThan(slack)
          const before = end - 1e-6 * end - 1e-9
          if (before > start)
            expect(carriedUntil(trace, before) - carriedUntil(trace, start)).toBeLessThanOrEqual(bytes + slack)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('repeat, pause and are read from lines', () => {
    const [trace] = readTraces('{"name":"a","family":"f","t":[5,6,7],"mbps":[8,0,16]}\n\n')
    expect(trace).toMatchObject({ name: 'a', family: 'f', period: 3 })
    if (trace === undefined) throw new Error('no trace')
    expect([0, 0.5, 1, 2, 3, 4].map((at) => carriedUntil(trace, at))).toEqual([0, 5e5, 1e6, 1e6, 3e6, 4e6])
    expect(arrivalOf(trace, 0, 1e6)).toBeCloseTo(1)
    expect(arrivalOf(trace, 0, 2e6)).toBeCloseTo(2.5)
    expect(arrivalOf(trace, 2.5, 2e6)).toBeCloseTo(4)
    expect(arrivalOf(trace, 1.5, 0)).toBe(1.5)
    for (const line of [
      '{}',
      '{"t":[],"mbps":[]}',
      '{"t":[1,0],"mbps":[1,1]}',
      '{"t":[0],"mbps":[0]}',
      '{"t":[0],"mbps":[-1]}',
      'x',
    ]) {
      expect(() => readTraces(line)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
    }
  })
})

describe('controllers', () => {
  test('the rule of the paper takes the best level that all that is left fits in', () => {
    expect(paperController(state({}))).toBe(1)
    expect(paperController(state({ hint: 1e6 }))).toBe(2)
    expect(paperController(state({ samples: [1e9, 700_000] }))).toBe(1)
    expect(paperController(state({ samples: [1e5] }))).toBe(0)
    expect(paperController(state({ samples: [1e6], index: 3, elapsed: 1.5 }))).toBe(2)
    expect(paperController(state({ samples: [1e6], index: 3, elapsed: 1.7 }))).toBe(1)
    expect(paperController(state({ costs: COSTS, slo: 100 }))).toBe('text')
    const tight = state({ samples: [810_000], delay: 0.02 })
    expect([paperController(tight), delayController(tight)]).toEqual([2, 1])
  })

  test('speeds are harmonic means with caution', () => {
    expect(expectedSpeed({ samples: [] })).toBeUndefined()
    expect(expectedSpeed({ samples: [], hint: 7 })).toBe(7)
    const one = expectedSpeed({ samples: [100] }) as number
    expect(one).toBeLessThan(100)
    expect(expectedSpeed({ samples: [1, 1, 300, 60, 100, 100, 100] })).toBeCloseTo((one * 5) / (1 / 3 + 5 / 3 + 3))
  })

  /** All ways to send what is left, one after another. */
  function exhaustive(own: StreamState): { cost: number; ready: number } | undefined {
    const speed = expectedSpeed(own) as number
    let best: { cost: number; ready: number } | undefined
    const walk = (i: number, arrived: number, ready: number, cost: number): void => {
      if (ready > own.slo) return
      if (i === own.plan.chunks.length) {
        if (best === undefined || cost < best.cost - 1e-12) best = { cost, ready }
        return
      }
      const { tokens, bytes, textBytes } = own.plan.chunks[i] as StreamPlan['chunks'][number]
      const past = 100 * i
      const options: Choice[] = [...bytes.keys(), 'text']
      for (const choice of options) {
        const size = choice === 'text' ? textBytes : (bytes[choice] as number)
        const end = arrived + own.delay + size / speed
        const work = choice === 'text' ? own.costs.recompute(tokens, past) : own.costs.decode(tokens)
        walk(
          i + 1,
          end,
          Math.max(ready, end) + work,
          cost + (choice === 'text' ? 0 : (own.plan.damage[choice] as number) * tokens),
        )
      }
    }
    walk(own.index, own.elapsed, Math.max(own.ready, own.elapsed), 0)
    return best
  }

  test('a plan costs as little as the best of all plans', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.double({ min: 1e5, max: 4e6, noNaN: true }),
        fc.double({ min: 0.2, max: 6, noNaN: true }),
        fc.double({ min: 20, max: 2000, noNaN: true }),
        (chunks, speed, slo, perSecond) => {
          const costs: StreamCosts = { decode: () => 0.01, recompute: (tokens) => tokens / perSecond }
          const own = state({ plan: plan(chunks), costs, samples: [speed], delay: 0.01, slo })
          const best = exhaustive(own)
          if (best === undefined) return
          // Following the plan at the speed that it counts on gives what was planned, but for the steps of its times.
          const counted = expectedSpeed(own) as number
          let [arrived, ready, cost] = [0, 0, 0]
          for (let index = 0; index < chunks; index++) {
            const choice = planController({ ...own, index, elapsed: arrived, ready })
            const { tokens, bytes, textBytes } = own.plan.chunks[index] as StreamPlan['chunks'][number]
            arrived += own.delay + (choice === 'text' ? textBytes : (bytes[choice] as number)) / counted
            ready = Math.max(ready, arrived) + (choice === 'text' ? costs.recompute(tokens, 0) : 0.01)
            cost += choice === 'text' ? 0 : (own.plan.damage[choice] as number) * tokens
          }
          expect(ready).toBeLessThanOrEqual(slo + 1e-9)
          const looser = exhaustive({ ...own, slo: slo - 0.01 * (chunks + 1) })
          if (looser !== undefined) expect(cost).toBeLessThanOrEqual(looser.cost + 1e-9)
          expect(cost).toBeGreaterThanOrEqual(best.cost - 1e-9)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('too late, a plan is ready as soon as can be', () => {
    expect(planController(state({ samples: [1e4], slo: 0.1 }))).toBe(0)
    expect(planController(state({ samples: [1e4], slo: 0.1, costs: COSTS }))).toBe('text')
    expect(planController(state({}))).toBe(1)
  })
})

describe('simulated streams', () => {
  test('times are those of sums by hand', async () => {
    const own = plan(3)
    const link = { trace: steady(1e6), delay: 0.05 }
    const report = await simulateStream(link, own, COSTS, { controller: fixedController(1), slo: 1 })
    // Three waits, three transfers, and the decoding of the last chunk.
    expect(report.ready).toBeCloseTo(3 * 0.05 + 3 * 0.2 + 0.01)
    expect(report).toMatchObject({ choices: [1, 1, 1], isMet: true, bytes: 600_000, refetches: 0 })
    expect(report.damage).toBeCloseTo(0.02)
    const text = await simulateStream(link, own, COSTS, { controller: fixedController('text'), slo: 1 })
    expect(text.ready).toBeCloseTo(0.05 + 0.0002 + 1 + 1.1 + 1.2)
    expect(text).toMatchObject({ isMet: false, damage: 0, bytes: 600 })
  })

  test('a transfer that stalls is given up for a smaller one', async () => {
    // One transfer goes through, then next to nothing for 20 seconds, then plenty.
    const trace = makeTrace({ name: 'stall', family: '', t: [0, 0.45, 20], mbps: [8, 0.08, 80] })
    const options = { controller: fixedController(2), slo: 5 }
    const own = plan(3, [1000, 2000, 400_000])
    const patient = await simulateStream({ trace, delay: 0 }, own, SPARE, { ...options, refetch: false })
    const other = await simulateStream({ trace, delay: 0 }, own, SPARE, options)
    expect(patient).toMatchObject({ refetches: 0, isMet: false, choices: [2, 2, 2] })
    expect(other.refetches).toBeGreaterThan(0)
    expect(other.choices.slice(1)).toContain(1)
    expect(other.ready).toBeLessThan(patient.ready)
    expect(other.bytes).toBeGreaterThan(400_000)
  })

  test('a faster link is never later at a fixed level, and plans stay in time where any level could', async () => {
    const random = new Random(5)
    for (let i = 0; i < 50; i++) {
      const t = Array.from({ length: 20 }, (_, at) => at / 4)
      const mbps = t.map(() => 1 + 20 * random.uniform())
      const slow = makeTrace({ name: 'slow', family: '', t, mbps })
      const fast = makeTrace({ name: 'fast', family: '', t, mbps: mbps.map((rate) => 2 * rate) })
      const run = (trace: typeof slow, controller: Controller) =>
        simulateStream({ trace }, plan(8), COSTS, { controller, slo: 3 })
      const [a, b] = [await run(slow, fixedController(1)), await run(fast, fixedController(1))]
      expect(b.ready).toBeLessThanOrEqual(a.ready)
      const planned = await run(fast, planController)
      expect(planned.choices).toHaveLength(8)
      expect(planned.isMet).toBe(planned.ready <= 3)
    }
  })
})
