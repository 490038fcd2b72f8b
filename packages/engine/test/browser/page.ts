import { isPithError } from '@pith/core'
import {
  adamw,
  type Backend,
  fineTune,
  loadRuntime,
  nn,
  type RuntimeOptions,
  Tensor,
  type TrainStep,
  type Value,
} from '@pith/engine'
import { fromModel, readModel, toModel, writeModel } from '@pith/engine/onnx'
import { compileLanguageModel, type ModelSizes, trainLanguageModel } from './language-model.ts'
import { fromPlain, type Plain, toPlain } from './plain.ts'

/** What ran, and what it says about itself. */
export interface Told {
  readonly name: Backend['name']
  readonly notes: readonly string[]
}

/** What a run gave. */
export interface Ran {
  readonly outputs: Readonly<Record<string, Plain>>
  /** Notes that the backend has made for this model. */
  readonly notes: readonly string[]
}

/** An imported model after a training. */
export interface Tuned {
  /** The file that was written, as Latin-1. */
  readonly file: string
  readonly losses: number[]
  /** What the model gives for the inputs after the training. */
  readonly outputs: number[]
}

let training: { readonly step: TrainStep; readonly sizes: ModelSizes } | undefined

/** What a test may do in the page. */
export const inPage = {
  isIsolated: (): boolean => crossOriginIsolated,

  async runtime(options: RuntimeOptions): Promise<Told> {
    const { name, notes } = await loadRuntime(options)
    return { name, notes }
  },

  /** Make a language model with its first weights. */
  async begin(sizes: ModelSizes, options: RuntimeOptions = {}): Promise<void> {
    await training?.step.dispose()
    training = { sizes, step: await compileLanguageModel(sizes, await loadRuntime(options)) }
  },

  /** Do some updates. @returns their losses */
  async train(updates: number): Promise<number[]> {
    if (training === undefined) throw new Error('there is no training')
    return await trainLanguageModel(training.step, training.sizes, updates)
  },

  /** Import a served classifier, train its second layer by twenty updates, and write it back. */
  async fineTune(name: string, x: number[], t: number[], options: RuntimeOptions = {}): Promise<Tuned> {
    const file = readModel(new Uint8Array(await (await fetch(name)).arrayBuffer()))
    const model = fromModel(file, { dims: { batch: t.length } })
    const batch = {
      x: new Tensor(Float32Array.from(x), [t.length, x.length / t.length]),
      t: new Tensor(BigInt64Array.from(t, BigInt)),
    }
    const step = await fineTune(
      model,
      (outputs, { t }) => ({
        loss: nn.crossEntropy(outputs['y'] as Value, t as Value),
        aux: { y: outputs['y'] as Value },
      }),
      {
        batch: { t: batch.t },
        optimizer: adamw({ lr: 0.05 }),
        frozen: (own) => own.startsWith('first.'),
        backend: await loadRuntime(options),
      },
    )
    const losses: number[] = []
    for (let update = 0; update < 20; update++) losses.push((await step.step(batch)).loss)
    const { y } = (await step.evaluate(batch)).aux
    const outputs = Array.from(y?.data as Float32Array)
    const written = writeModel(toModel(model.graph, model.outputs, { initialisers: step.params }))
    await step.dispose()
    return { file: String.fromCharCode(...written), losses, outputs }
  },

  /** Run a model that is given as Latin-1. */
  async run(model: string, feeds: Readonly<Record<string, Plain>>, options: RuntimeOptions): Promise<Ran> {
    const backend = await loadRuntime(options)
    const before = backend.notes.length
    const session = await backend.create(Uint8Array.from(model, (letter) => letter.charCodeAt(0)))
    try {
      const tensors = Object.entries(feeds).map(([name, plain]) => [name, fromPlain(plain)])
      const outputs = await session.run(Object.fromEntries(tensors))
      const plain = Object.entries(outputs).map(([name, tensor]) => [name, toPlain(tensor)])
      return { outputs: Object.fromEntries(plain), notes: backend.notes.slice(before) }
    } finally {
      await session.dispose()
    }
  },

  /** Code of the error that bytes which are no model give. */
  async refuse(bytes: number[]): Promise<string> {
    try {
      await (await loadRuntime()).create(Uint8Array.from(bytes))
      return 'none'
    } catch (error) {
      return isPithError(error) ? error.code : String(error)
    }
  },
}

export type InPage = typeof inPage

Object.assign(globalThis, { inPage })
