/** Models of PyTorch, fine-tuned: by the command, and in this process against plain onnxruntime. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { adamw, fineTune, nn, type Params, type Tensor, tunedModel, type Value } from '@pith/engine'
import { readNpz } from '@pith/engine/io'
import { fromModel, type ModelProto, readModel, toTensor, writeModel } from '@pith/engine/onnx'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { cacheFolder } from '../logzip/command.ts'
import { type AcceptContext, atMost } from '../measure/accept.ts'
import { dataFolder } from '../measure/data.ts'
import { runProcess } from '../measure/process.ts'

/** Which weights of each model are trained: all kinds of layers, and some that stay. */
const MODELS = {
  mlp: /^n\.[35]\./,
  cnn: /^(f\.[134]|h)\./,
  encoder_op17: /layers\.1|^h\./,
  ae: /^n\.[047]\./,
  lstm: /weight/,
  encoder_op13: /layers\.0\.(norm|linear)|^e\./,
} as const
const STEPS = 200

/** What `pith model finetune --json` prints. */
interface Report {
  readonly ok: boolean
  readonly loss?: { readonly first: number; readonly last: number }
  readonly error?: { readonly message: string }
}

/** Models of all kinds learn, are saved, and give the same elsewhere. */
export async function acceptFinetune(context: AcceptContext): Promise<void> {
  for (const [name, trainable] of Object.entries(MODELS)) {
    await acceptCommand(context, name, trainable)
    await acceptOutputs(context, name, trainable)
  }
}

const pathOf = (name: string, ending: string): string => join(dataFolder() ?? '', 'engine/torch', `${name}.${ending}`)
const read = (path: string): ModelProto => readModel(new Uint8Array(readFileSync(path)))

async function acceptCommand(context: AcceptContext, name: string, trainable: RegExp): Promise<void> {
  const folder = cacheFolder(context.cache, 'engine')
  const [out, json] = [join(folder, `${name}.onnx`), join(folder, 'finetune.json')]
  const words = ['--trainable', trainable.source, '--steps', String(STEPS), '--lr', '0.003', '--force', '-o', out]
  const line = ['model', 'finetune', pathOf(name, 'onnx'), '--data', pathOf(name, 'npz'), ...words, '--json', '-q']
  await runProcess([...context.pith, ...line], { stdout: json, limitMs: 120_000 })
  const { loss, error } = JSON.parse(readFileSync(json, 'utf8')) as Report
  if (error !== undefined) context.say(error.message)
  const share = (loss?.last ?? Number.NaN) / (loss?.first ?? Number.NaN)
  atMost(context, `${name}: loss after ${STEPS} updates, against the one before`, share, 0.5)
  const [before, after] = [weightsOf(read(pathOf(name, 'onnx'))), weightsOf(read(out))]
  const frozen = Object.keys(before).filter((own) => !trainable.test(own))
  const moved = frozen.filter((own) => after[own] === undefined || !isSame(before[own] as Tensor, after[own]))
  context.check(
    `${name}: frozen weights are the same to the byte`,
    moved.length === 0,
    moved.join(', ') || `all of ${frozen.length}`,
  )
  const trained = Object.keys(fromModel(read(pathOf(name, 'onnx'))).tensors).filter((own) => trainable.test(own))
  const lost = trained.filter(
    (own) => after[own] === undefined || /running_(mean|var)$/.test(own) !== isSame(after[own], before[own]),
  )
  context.check(
    `${name}: trained weights have changed, under their names of PyTorch`,
    lost.length === 0,
    lost.join(', ') || `all of ${trained.length}`,
  )
}

/** The engine's outputs at the end of a training, and those of plain onnxruntime for the file that was saved. */
async function acceptOutputs(context: AcceptContext, name: string, trainable: RegExp): Promise<void> {
  const file = read(pathOf(name, 'onnx'))
  const { x, t } = (await readNpz(new Uint8Array(readFileSync(pathOf(name, 'npz'))))) as { x: Tensor; t: Tensor }
  const input = file.graph?.input?.[0]?.name ?? ''
  const model = fromModel(file, { inputs: { [input]: x } })
  const step = await fineTune(
    model,
    (outputs, batch) => {
      const [y] = Object.values(outputs) as [Value]
      const target = batch['t'] as Value
      return { loss: t.dtype === 'i64' ? nn.crossEntropy(y, target) : nn.mse(y, target), aux: { y } }
    },
    { batch: { t }, optimizer: adamw({ lr: 0.003 }), frozen: (own) => !trainable.test(own) },
  )
  const batch = { [input]: x, t }
  for (let i = 0; i < STEPS; i++) await step.step(batch)
  const { y } = (await step.evaluate(batch)).aux as { y: Tensor }
  const tuned = tunedModel(file, step.params)
  await step.dispose()
  const session = await InferenceSession.create(writeModel(tuned))
  const type = x.dtype === 'i64' ? 'int64' : 'float32'
  const results = await session.run({ [input]: new OrtTensor(type, x.data as Float32Array, x.shape) })
  const found = results[session.outputNames[0] as string]?.data as Float32Array
  await session.release()
  const worst = found.reduce((most, value, i) => Math.max(most, Math.abs(value - Number(y.data[i]))), 0)
  const largest = found.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  atMost(context, `${name}: outputs of plain onnxruntime as the engine's own`, worst / largest, 1e-5, 9)
}

function weightsOf({ graph }: ModelProto): Params {
  return Object.fromEntries((graph?.initializer ?? []).map((tensor) => [tensor.name ?? '', toTensor(tensor)]))
}

function isSame(a: Tensor | undefined, b: Tensor | undefined): boolean {
  if (a === undefined || b === undefined) return false
  return a.dtype === b.dtype && String(a.shape) === String(b.shape) && String(a.data) === String(b.data)
}
