/** Workers: two that share the batches of a training against one session, by the clock, and runs that are given up. */
import { loadavg } from 'node:os'
import { Random } from '@pith/core'
import { workersEnding } from '@pith/core/workers'
import {
  adamw,
  compile,
  compileTrainStep,
  f32,
  nn,
  openWorkers,
  ops,
  Tensor,
  type TrainStep,
  trace,
  type Value,
} from '@pith/engine'
import { eigh, longCholesky, type Matrix64, matrixOf, multiply } from '@pith/engine/linalg'
import type { AcceptContext } from '../measure/accept.ts'
import type { BenchContext } from '../measure/case.ts'
import { spread } from '../measure/statistics.ts'
import { textTable } from '../measure/table.ts'
import { batchSpec, countOf, languageModel, type ModelSize, randomBatch, smallSize, startOf } from './language-model.ts'

/** Steps of each contender in a row. */
const STEPS = 3
/** Rounds at most: the clock tells of two threads only where both cores are free, so quiet moments are waited for. */
const ROUNDS = 40
const WANTED = 1.6
/** A run that is given up rejects within this, in milliseconds. */
const PROMPT = 300
const MINUTE = 60_000

interface Contender {
  readonly name: string
  readonly step: TrainStep
  readonly wall: number[]
  readonly cpu: number[]
  readonly losses: number[]
}

/** A step of the model whose batch is split into equal parts. */
function compileParts(size: ModelSize, parts: number, workers: number | undefined): Promise<TrainStep> {
  const net = languageModel({ ...size, batch: size.batch / parts })
  return compileTrainStep((own, { ids, next }) => nn.crossEntropy(net.apply(own, ids as Value), next as Value), {
    params: startOf(size),
    batch: batchSpec(size),
    optimizer: adamw({ lr: 1e-3 }),
    clip: { norm: 1 },
    shards: parts,
    ...(workers === undefined ? {} : { workers }),
  })
}

/** Measure by turns, for a number of rounds or until `isEnough`. @throws Error where workers give other losses */
async function measureParts(
  size: ModelSize,
  rounds: number,
  isEnough: (own: readonly Contender[]) => boolean,
): Promise<Contender[]> {
  const plans = [
    ['one session', 1, undefined],
    ['one session, two parts', 2, 1],
    ['two workers, two parts', 2, 2],
  ] as const
  const contenders: Contender[] = []
  for (const [name, parts, workers] of plans) {
    contenders.push({ name, step: await compileParts(size, parts, workers), wall: [], cpu: [], losses: [] })
  }
  const batch = randomBatch(size, 2)
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const { step, wall, cpu, losses } of contenders) {
        for (let i = 0; i < STEPS; i++) {
          const [from, before] = [performance.now(), process.cpuUsage()]
          losses.push((await step.step(batch)).loss)
          const { user, system } = process.cpuUsage(before)
          // The first round warms up.
          if (round === 0) continue
          wall.push(performance.now() - from)
          cpu.push((user + system) / 1000)
        }
      }
      if (round >= 5 && isEnough(contenders)) break
    }
  } finally {
    await Promise.all(contenders.map(({ step }) => step.dispose()))
  }
  const [, here, there] = contenders
  if (String(here?.losses) !== String(there?.losses)) throw new Error('two workers gave other losses than one')
  return contenders
}

const best = (values: readonly number[] | undefined): number => Math.min(...(values ?? []))

/** How many times as fast two workers are as one session, by the best of the clock. */
const gainOf = (contenders: readonly Contender[]): number => best(contenders[0]?.wall) / best(contenders[2]?.wall)

const tableOf = (contenders: readonly Contender[]): string =>
  textTable(
    ['training step', 'ms by the clock, best', 'CPU ms, best', 'against one session'],
    contenders.map(({ name, wall, cpu }) => [
      name,
      best(wall).toFixed(1),
      best(cpu).toFixed(1),
      `${(best(contenders[0]?.wall) / best(wall)).toFixed(2)}x`,
    ]),
  )

export async function benchParallel(context: BenchContext): Promise<void> {
  for (const width of [128, 256]) {
    const size = smallSize(width)
    const contenders = await measureParts(size, 2 * context.repeats, () => false)
    const [one, , two] = contenders as [Contender, Contender, Contender]
    const parameters = countOf(startOf(size))
    context.add({
      system: 'engine',
      kind: 'parallel',
      peer: { name: 'one session', version: 'same' },
      data: { name: `language model, width ${width}`, bytes: 4 * parameters },
      params: { ...size, parameters, workers: 2, shards: 2 },
      ours: { wallMs: best(two.wall), cpuMs: best(two.cpu) },
      theirs: { wallMs: best(one.wall), cpuMs: best(one.cpu) },
      vs: { speed: gainOf(contenders) },
      repeats: two.wall.length,
      spread: spread(two.wall),
    })
    context.say(
      `width ${width}, load ${loadavg()
        .map((load) => load.toFixed(1))
        .join(' ')}`,
    )
    context.say(tableOf(contenders))
  }
}

/** Two workers against one session, on the small model. */
export async function acceptParallel(context: AcceptContext): Promise<void> {
  const contenders = await measureParts(smallSize(128), ROUNDS, (own) => gainOf(own) >= WANTED)
  context.say(tableOf(contenders))
  context.say(
    `load ${loadavg()
      .map((load) => load.toFixed(1))
      .join(' ')}, ${contenders[0]?.wall.length} steps each`,
  )
  const gain = gainOf(contenders)
  context.checkCost('two workers against one session', gain >= WANTED, `${gain.toFixed(2)}x, at least ${WANTED}`)
}

/** Runs that are given up in workers, and decompositions of 2048 rows. */
export async function acceptWorkers(context: AcceptContext): Promise<void> {
  for (const mode of ['thread', 'process'] as const) await acceptCancel(context, mode)
  const random = new Random(1)
  const n = 2048
  const a = matrixOf(
    Float64Array.from({ length: n * n }, () => random.normal()),
    n,
    n,
  )
  const gram = multiply(a, a, { tb: true })
  await acceptLong(context, 'cholesky', gram, async (signal) => {
    await longCholesky(gram, { responsive: true, jitter: 0.01, signal })
  })
  await acceptLong(context, 'eigh', gram, async (signal) => {
    await eigh(gram, { responsive: true, signal })
  })
}

async function acceptCancel(context: AcceptContext, mode: 'thread' | 'process'): Promise<void> {
  const n = 1024
  const { outputs } = trace(
    ({ x }) => {
      let y = x as Value
      for (let i = 0; i < 200; i++) y = ops.matmul(y, x as Value)
      return { y }
    },
    { x: f32(n, n) },
  )
  const backend = await openWorkers({ mode })
  try {
    const session = await compile(outputs, { backend })
    const feeds = { x: Tensor.zeros([n, n]) }
    const from = performance.now()
    await session.run(feeds)
    const whole = performance.now() - from
    const abort = new AbortController()
    let at = 0
    setTimeout(() => {
      at = performance.now()
      abort.abort('enough')
    }, whole / 4)
    const reason = await session.run(feeds, {}, { signal: abort.signal }).catch((error: unknown) => error)
    const took = performance.now() - at
    const name = `a run of ${(whole / 1000).toFixed(1)} s that is given up, ${mode}`
    context.check(`${mode}: a run that is given up rejects with the reason`, reason === 'enough', String(reason))
    context.checkCost(
      `${mode}: it rejects at once`,
      took <= PROMPT,
      `${name}: ${took.toFixed(1)} ms, at most ${PROMPT}`,
    )
    const next = await session.run(feeds)
    context.check(`${mode}: the next run is done`, next['y']?.data.length === n * n, `${next['y']?.shape.join('x')}`)
  } finally {
    await backend.close()
  }
  const until = performance.now() + MINUTE
  while (workersEnding() > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20))
  context.check(`${mode}: no worker is left`, workersEnding() === 0, `${workersEnding()} left`)
}

async function acceptLong(
  context: AcceptContext,
  name: string,
  matrix: Matrix64,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const [from, before] = [performance.now(), process.cpuUsage()]
  await work(new AbortController().signal)
  const { user, system } = process.cpuUsage(before)
  const [wall, cpu] = [(performance.now() - from) / 1000, (user + system) / 1e6]
  const figure = `${cpu.toFixed(1)} s of CPU time, at most 60; ${wall.toFixed(1)} s by the clock`
  context.checkCost(`${name} of ${matrix.rows} in a worker`, cpu <= 60, figure)
}
