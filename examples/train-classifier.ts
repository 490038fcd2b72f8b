/** Train a small classifier from scratch: which of three arms of a spiral a point lies on. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  adamw,
  batchesOf,
  compileTrainStep,
  f32,
  fit,
  Graph,
  i64,
  nn,
  ops,
  schedules,
  splitRows,
  Tensor,
  type Value,
} from '@pith/engine'
import { toModel } from '@pith/engine/onnx'
import { saveModel } from '@pith/engine/onnx/node'

const ARMS = 3
const POINTS = 600
const BATCH = 60

// The data: points on three arms, which no straight lines part.
const x = new Float32Array(2 * POINTS)
const t = new BigInt64Array(POINTS)
for (let i = 0; i < POINTS; i++) {
  const arm = i % ARMS
  const radius = 0.1 + (0.9 * i) / POINTS
  const angle = (2 * Math.PI * arm) / ARMS + 4 * radius + 0.15 * Math.sin(i * 12.9898)
  x.set([radius * Math.cos(angle), radius * Math.sin(angle)], 2 * i)
  t[i] = BigInt(arm)
}
const rows = splitRows({ x: new Tensor(x, [POINTS, 2]), t: new Tensor(t, [POINTS]) }, 0.2)

// The network: the same function makes the parameters and applies them.
const net = nn.module((scope: nn.Scope, points: Value) => {
  let hidden = points
  for (const name of ['first', 'second']) hidden = ops.tanh(nn.linear(scope.at(name), hidden, { outputs: 32 }))
  return nn.linear(scope.at('last'), hidden, { outputs: ARMS })
})

// One update: loss, gradients and AdamW.
const step = await compileTrainStep(
  (params, batch) => {
    const logits = net.apply(params, batch['x'] as Value)
    return { loss: nn.crossEntropy(logits, batch['t'] as Value), aux: { logits } }
  },
  {
    params: net.init(1, f32(BATCH, 2)),
    batch: { x: f32(BATCH, 2), t: i64(BATCH) },
    optimizer: adamw(),
    lr: schedules.cosine({ lr: 0.02, total: 400 }),
    clip: { norm: 1 },
  },
)

// Seen at each measurement, learnt from never.
const unseen = batchesOf(rows.validation, { size: BATCH, epochs: 1 })(0)

const { best } = await fit(step, batchesOf(rows.train, { size: BATCH }), {
  steps: 400,
  onStep: ({ step: now, loss }) => now % 50 === 0 && console.log(`step ${now}: loss ${loss.toFixed(4)}`),
  validation: { batches: unseen, every: 50, restoreBest: true },
})
console.log(`best on unseen points: ${best?.loss.toFixed(4)} after ${best?.step} updates`)

// How often it is right on points that it has not seen.
let right = 0
let all = 0
for (const batch of unseen) {
  const { logits } = (await step.evaluate(batch)).aux as { logits: Tensor }
  for (let row = 0; row < BATCH; row++, all++) {
    const scores = (logits.data as Float32Array).subarray(ARMS * row, ARMS * (row + 1))
    if (scores.indexOf(Math.max(...scores)) === Number(batch['t']?.data[row])) right++
  }
}
console.log(`${right} of ${all} unseen points are on the arm that it says`)

// A file that every onnxruntime runs.
const graph = new Graph()
const params = Object.fromEntries(
  Object.entries(step.params).map(([name, { dtype, shape }]) => [name, graph.input(name, dtype, shape)]),
)
const logits = net.apply(params, graph.input('points', 'f32', [1, 2]))
const path = join(tmpdir(), 'spiral.onnx')
await saveModel(toModel(graph, { logits }, { initialisers: step.params }), path, { force: true })
console.log(`saved as ${path}`)
await step.dispose()
