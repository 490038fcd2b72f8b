/** Trains a small network as WebAssembly, off the page's thread, and tells how it goes. */
import { isPithError } from '@pith/core'
import {
  adamw,
  batchesOf,
  compileTrainStep,
  f32,
  Graph,
  i64,
  jit,
  loadRuntime,
  nn,
  ops,
  type Params,
  schedules,
  Tensor,
  type Value,
} from '@pith/engine'
import { toModel, writeModel } from '@pith/engine/onnx'
import { GRID, gridPoints, makePoints, POINTS } from './train-data.ts'
import type { Answer, Question } from './train-messages.ts'

const BATCH = 64
/** Updates between two pictures. */
const PICTURE = 10
const SEED = 1

type Network = nn.Module<readonly [Value], Value>

let network: Network | undefined
let params: Params = {}
let running: AbortController | undefined

function say(answer: Answer): void {
  self.postMessage(answer)
}

/** Two layers of tanh, then a number for each class. */
function makeNetwork(hidden: number): Network {
  return nn.module((scope: nn.Scope, x: Value) => {
    const first = ops.tanh(nn.linear(scope.at('first'), x, { outputs: hidden }))
    const second = ops.tanh(nn.linear(scope.at('second'), first, { outputs: hidden }))
    return nn.linear(scope.at('third'), second, { outputs: 2 })
  })
}

async function train({ id, shape, hidden, lr, steps }: Question & { ask: 'train' }): Promise<void> {
  running?.abort()
  running = new AbortController()
  const { signal } = running
  const { points, classes } = makePoints(shape, SEED)
  say({ say: 'points', id, points, classes })
  const net = makeNetwork(hidden)
  const loss = (own: Readonly<Record<string, Value>>, { x, t }: Readonly<Record<string, Value>>): Value =>
    nn.crossEntropy(net.apply(own, x as Value), t as Value)
  const step = await compileTrainStep(loss, {
    params: net.init(SEED, f32(BATCH, 2)),
    batch: { x: f32(BATCH, 2), t: i64(BATCH) },
    optimizer: adamw({ lr: schedules.cosine({ lr, warmup: 20, total: steps }) }),
    clip: { norm: 1 },
  })
  const shares = jit(({ x, ...own }) => ({ shares: ops.softmax(net.apply(own, x as Value)) }))
  network = net
  params = step.params
  const x = new Tensor(points, [POINTS, 2])
  const t = new Tensor(BigInt64Array.from(classes, BigInt))
  const grid = new Tensor(gridPoints(), [GRID * GRID, 2])
  /** How likely the second class is at each point. */
  const second = async (at: Tensor): Promise<Float32Array> => {
    const { shares: both } = await shares({ ...step.params, x: at })
    return Float32Array.from(both?.data as ArrayLike<number>).filter((_, i) => i % 2 === 1)
  }
  const from = performance.now()
  let losses: number[] = []
  for (const batch of batchesOf({ x, t }, { size: BATCH, seed: SEED })(0)) {
    losses.push((await step.step(batch)).loss)
    const isLast = step.counts.steps === steps
    if (losses.length < PICTURE && !isLast) continue
    const own = await second(x)
    const right = classes.filter((one, i) => (one === 1) === (own[i] as number) > 0.5).length
    say({ say: 'learned', id, losses, grid: await second(grid), right: right / POINTS })
    losses = []
    // A question of the page is heard between two pictures.
    await new Promise((done) => setTimeout(done))
    if (isLast || signal.aborted) break
  }
  const { name } = await loadRuntime()
  say({ say: 'ended', id, steps: step.counts.steps, ms: performance.now() - from, runtime: name })
  await Promise.all([step.dispose(), shares.dispose()])
}

/** The network with its weights, as a file that onnxruntime runs anywhere. */
function save(): void {
  if (network === undefined) return
  const graph = new Graph()
  const x = graph.input('x', 'f32', [1, 2])
  const inputs = Object.fromEntries(
    Object.entries(params).map(([name, { dtype, shape }]) => [name, graph.input(name, dtype, shape)]),
  )
  const logits = network.apply(inputs, x)
  const file = writeModel(toModel(graph, { logits }, { initialisers: params }))
  say({ say: 'saved', file: new Uint8Array(file) })
}

self.addEventListener('message', ({ data }: MessageEvent<Question>) => {
  if (data.ask === 'stop') running?.abort()
  else if (data.ask === 'save') save()
  else {
    train(data).catch((error: unknown) => {
      const hint = isPithError(error) && error.hint !== undefined ? ` ${error.hint}` : ''
      say({ say: 'failed', message: `${error instanceof Error ? error.message : String(error)}.${hint}` })
    })
  }
})
