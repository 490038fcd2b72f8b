import { compile, compileTrainStep, f32, i64, nn, openWorkers, ops, sgd, Tensor, trace, type Value } from '@pith/engine'
import { eigh, matrixOf } from '@pith/engine/linalg'

const spawn = (): Worker => new Worker('./worker.js', { type: 'module' })

/** A network, and rows that it learns. */
async function train(workers: number): Promise<{ losses: number[]; weights: number[]; isShared: boolean }> {
  const net = nn.module((s: nn.Scope, x: Value) =>
    nn.linear(s.at('b'), ops.tanh(nn.linear(s.at('a'), x, { outputs: 8 })), { outputs: 2 }),
  )
  const step = await compileTrainStep(
    (params, { x, t }) => nn.crossEntropy(net.apply(params, x as Value), t as Value),
    {
      params: net.init(1, f32(4, 2)),
      batch: { x: f32(8, 2), t: i64(8) },
      optimizer: sgd({ lr: 0.1 }),
      shards: 2,
      workers: { count: workers, spawn },
    },
  )
  const x = new Tensor(
    Float32Array.from({ length: 16 }, (_, i) => ((i * 7) % 5) / 5),
    [8, 2],
  )
  const t = new Tensor(
    BigInt64Array.from({ length: 8 }, (_, i) => BigInt(i % 2)),
    [8],
  )
  const losses: number[] = []
  for (let i = 0; i < 5; i++) losses.push((await step.step({ x, t })).loss)
  const weights = [...step.store.weights]
  const isShared = step.store.weights.buffer.constructor.name === 'SharedArrayBuffer'
  await step.dispose()
  return { losses, weights, isShared }
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
        for (let i = 0; i < 40; i++) y = ops.matmul(y, x as Value)
        return { y }
      },
      { x: f32(512, 512) },
    )
    const session = await compile(outputs, { backend })
    const feeds = { x: Tensor.zeros([512, 512]) }
    const abort = new AbortController()
    const run = session.run(feeds, {}, { signal: abort.signal }).catch((reason: unknown) => reason)
    abort.abort('enough')
    const reason = await run
    const { y } = await session.run(feeds)
    await backend.close()
    return [reason, y?.shape]
  },

  train,

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
