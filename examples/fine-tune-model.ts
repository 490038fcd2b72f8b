/** Fine-tune a model that PyTorch exported: one layer learns, the others stay, and the file keeps its names. */
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adamw, batchesFrom, fineTune, fit, loadRuntime, nn, tensorRows, tunedModel, type Value } from '@pith/engine'
import { readNpz } from '@pith/engine/io'
import { fromModel, writeModel } from '@pith/engine/onnx'
import { loadModel, saveModel } from '@pith/engine/onnx/node'

const sample = join(import.meta.dirname, 'sample')
const { x, t } = await readNpz(new Uint8Array(await readFile(join(sample, 'net.npz'))))
if (x === undefined || t === undefined) throw new Error('net.npz has no x or no t')

const file = await loadModel(join(sample, 'net.onnx'))
const model = fromModel(file, { dims: { batch: 4 } })
console.log(`weights: ${Object.keys(model.tensors).join(', ')}`)

const step = await fineTune(model, (outputs, batch) => nn.crossEntropy(outputs['y'] as Value, batch['t'] as Value), {
  batch: { t },
  optimizer: adamw({ lr: 0.03 }),
  frozen: (name) => name.startsWith('second.'),
})
await fit(step, batchesFrom(tensorRows({ x, t }), { size: 4 }), {
  steps: 200,
  onStep: ({ step: now, loss }) => now % 50 === 0 && console.log(`step ${now}: loss ${loss.toFixed(4)}`),
})

// All of the file stays as it was, but for the weights that were trained.
const tuned = tunedModel(file, step.params)
const path = join(tmpdir(), 'tuned.onnx')
await saveModel(tuned, path, { force: true })
console.log(`saved as ${path}: ${tuned.graph?.initializer?.map(({ name }) => name).join(', ')}`)
await step.dispose()

// It runs wherever onnxruntime does, for any number of rows.
const session = await (await loadRuntime()).create(writeModel(tuned))
const { y } = await session.run({ x })
console.log('scores:', Array.from(y?.data as Float32Array, (score) => score.toFixed(2)).join(' '))
await session.dispose()
