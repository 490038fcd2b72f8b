import { isPithError } from '@pith/core'
import {
  type Batch,
  compile,
  compileTrainStep,
  f32,
  i64,
  nn,
  openWorkers,
  ops,
  sgd,
  Tensor,
  type TrainStep,
  trace,
  type Value,
} from '@pith/engine'
import { eigh, matrixOf } from '@pith/engine/linalg'

const spawn = (): Worker => new Worker('./worker.js', { type: 'module' })

/** A network that workers train. */
function compileNet(workers: number, start: () => Worker = spawn): Promise<TrainStep> {
  const net = nn.module((s: nn.Scope, x: Value) =>
    nn.linear(s.at('b'), ops.tanh(nn.linear(s.at('a'), x, { outputs: 8 })), { outputs: 2 }),
  )
  return compileTrainStep((params, { x, t }) => nn.crossEntropy(net.apply(params, x as Value), t as Value), {
    params: net.init(1, f32(4, 2)),
    batch: { x: f32(8, 2), t: i64(8) },
    optimizer: sgd({ lr: 0.1 }),
    shards: 2,
    workers: { count: workers, spawn: start },
  })
}

function rows(): Batch {
  const x = new Tensor(
    Float32Array.from({ length: 16 }, (_, i) => ((i * 7) % 5) / 5),
    [8, 2],
  )
  const t = new Tensor(
    BigInt64Array.from({ length: 8 }, (_, i) => BigInt(i % 2)),
    [8],
  )
  return { x, t }
}

async function train(workers: number): Promise<{ losses: number[]; weights: number[]; isShared: boolean }> {
  const step = await compileNet(workers)
  const losses: number[] = []
  for (let i = 0; i < 5; i++) losses.push((await step.step(rows())).loss)
  const weights = [...step.store.weights]
  const isShared = step.store.weights.buffer.constructor.name === 'SharedArrayBuffer'
  await step.dispose()
  return { losses, weights, isShared }
}

/** Train while a worker dies within the third update. */
async function trainOn(): Promise<{ failure: string; losses: number[]; weights: number[] }> {
  const started: Worker[] = []
  const step = await compileNet(2, () => {
    const worker = spawn()
    started.push(worker)
    return worker
  })
  const losses: number[] = []
  let failure = ''
  for (let i = 0; losses.length < 5; i++) {
    const update = step.step(rows())
    if (i === 2) {
      const [worker] = started as [Worker]
      worker.terminate()
      worker.dispatchEvent(new ErrorEvent('error', { message: 'out of memory' }))
    }
    await update.then(
      ({ loss }) => losses.push(loss),
      (error: unknown) => {
        failure += isPithError(error) ? error.code : String(error)
      },
    )
  }
  const weights = [...step.store.weights]
  await step.dispose()
  return { failure, losses, weights }
}

/** What a test may do in the page. */
export const workersInPage = {
  async run(): Promise<object> {
    const backend = await openWorkers({ spawn })
    const { outputs } = trace(({ x }) => ({ y: ops.mul(x as Value, 3) }), { x: f32(2) })
    const session = await compile(outputs, { backend })
    const { y } = await session.run({ x: new Tensor(Float32Array.of(1, 2), [2]) })
    await backend.close()
    return { name: backend.name, notes: backend.notes, y: Array.from(y?.data as Float32Array) }
  },

  async giveUp(): Promise<unknown[]> {
    const backend = await openWorkers({ spawn })
    const { outputs } = trace(
      ({ x }) => {
        let y = x as Value
        for (let i = 0; i < 60; i++) y = ops.matmul(y, x as Value)
        return { y }
      },
      { x: f32(256, 256) },
    )
    const session = await compile(outputs, { backend })
    const feeds = { x: Tensor.zeros([256, 256]) }
    const abort = new AbortController()
    const run = session.run(feeds, {}, { signal: abort.signal }).catch((reason: unknown) => reason)
    abort.abort('enough')
    const reason = await run
    const { y } = await session.run(feeds)
    await backend.close()
    return [reason, y?.shape]
  },

  train,
  trainOn,

  async eigh(n: number, responsive: boolean): Promise<number[]> {
    const a = matrixOf(
      Float64Array.from({ length: n * n }, (_, i) => ((i * 7919) % 1013) / 1013),
      n,
      n,
    )
    return [...(await eigh(a, { responsive, spawn })).values]
  },
}

export type WorkersInPage = typeof workersInPage

Object.assign(globalThis, { workersInPage })
