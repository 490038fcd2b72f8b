/** What a fine-tuning is made of, decided and checked before it begins. */
import { stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { PithError } from '@pith/core'
import { fromModel, type ImportedModel } from '../onnx/import.ts'
import type { ModelProto } from '../onnx/proto.ts'
import { torchNames } from '../onnx/torch-names.ts'
import type { Spec, Tensor } from '../tensor.ts'
import { asTargets, type TargetLoss } from '../train/data/losses.ts'
import { inputText, type ModelInput } from '../train/data/model-inputs.ts'
import type { Rows } from '../train/data/rows.ts'
import type { TuningData } from './finetune-data.ts'
import type { FinetuneOptions } from './finetune-options.ts'

/** Rows of a batch, where nothing else is asked for. */
const BATCH = 32
/** Names that a message lists. */
const LISTED = 12

/** What stands in the way of the outputs is said before the training, not after it. */
export async function checkOutputs({ out, data, curve, force }: FinetuneOptions): Promise<void> {
  for (const [name, path] of Object.entries({ '--data': data, '--curve': curve?.path })) {
    if (path === undefined || resolve(path) !== resolve(out)) continue
    throw new PithError('PITH_ARG', `--out and ${name} are the same file`, {
      hint: 'Choose another name for one of them.',
    })
  }
  for (const path of [out, ...(curve === undefined ? [] : [curve.path])]) {
    const folder = await stat(dirname(path)).catch(() => undefined)
    if (folder?.isDirectory() !== true) {
      throw new PithError('PITH_IO', `${dirname(path)} is no folder`, { hint: 'Make it first.' })
    }
    if (force || (await stat(path).catch(() => undefined)) === undefined) continue
    throw new PithError('PITH_IO', `${path} exists`, { hint: 'Add --force to replace it, or choose another name.' })
  }
}

/** How rows become batches. */
export interface BatchPlan {
  /** Rows that one run of the model takes. */
  readonly size: number
  /** Runs of the model for one update. */
  readonly accumulate: number
}

/** @throws PithError `PITH_ARG`, `PITH_MODEL` rows that make no batch */
export function planBatches(inputs: readonly ModelInput[], rows: Rows, options: FinetuneOptions): BatchPlan {
  const lengths = new Set(inputs.map(({ axes }) => axes?.[0]).filter((length) => typeof length === 'number'))
  const [fixed] = lengths
  if (lengths.size > 1) {
    throw new PithError('PITH_MODEL', `the inputs ${inputs.map(inputText).join(', ')} have no common number of rows`)
  }
  const spare = options.validation === undefined ? rows.count : Math.max(1, Math.floor(rows.count * options.validation))
  const parts = options.workers ?? 1
  const usual = Math.min(BATCH, spare)
  const unit = fixed === undefined ? parts : fixed * parts
  const wanted = options.batch ?? unit * Math.max(1, Math.floor(usual / unit))
  if (parts > 1 && (fixed === undefined ? wanted % parts !== 0 : wanted < unit)) {
    const needed = fixed === undefined ? `a multiple of ${parts}` : `${unit} or more`
    throw new PithError('PITH_ARG', `--batch ${wanted} has no part for each of ${parts} workers`, {
      hint: `Choose ${needed}, or fewer --workers.`,
    })
  }
  const size = fixed ?? wanted / parts
  if (wanted % size !== 0) {
    throw new PithError('PITH_ARG', `--batch ${wanted} is no multiple of ${size}, the rows that the model takes`, {
      hint: 'Export the model with a batch axis of any length, or choose a multiple.',
    })
  }
  if (wanted > rows.count) {
    throw new PithError('PITH_ARG', `a batch of ${wanted} rows is needed, the data have ${rows.count}`, {
      hint: fixed === undefined ? 'Choose a smaller --batch.' : 'Export the model with a batch axis of any length.',
    })
  }
  return { size, accumulate: wanted / size }
}

/** The model for batches of a size, its other axes as the rows have them. */
export function importFor(proto: ModelProto, inputs: readonly ModelInput[], rows: Rows, size: number): ImportedModel {
  const dims: Record<string, number> = {}
  const specs: Record<string, Spec> = {}
  for (const { name, axes = [] } of inputs) {
    const own = withRows(rows.specs[name] as Spec, size)
    specs[name] = own
    for (const [i, axis] of axes.entries()) if (typeof axis === 'string') dims[axis] = own.shape[i] as number
  }
  return fromModel(proto, { inputs: specs, dims, f64: 'cast' })
}

/** The type and shape of some rows. */
export function withRows({ dtype, shape }: Spec, count: number): Spec {
  return { dtype, shape: [count, ...shape] }
}

/** The output that the loss is of. */
export function outputOf(model: ImportedModel, wanted: string | undefined): [string, ImportedModel['outputs'][string]] {
  const names = Object.keys(model.outputs)
  const name = wanted ?? names[0] ?? ''
  const value = Object.hasOwn(model.outputs, name) ? model.outputs[name] : undefined
  if (value !== undefined) return [name, value]
  throw new PithError('PITH_ARG', `the model has no output ${JSON.stringify(name)}`, {
    hint: `There are: ${names.slice(0, LISTED).join(', ')}.`,
  })
}

/** Targets that do not fit are found before the training, where they are in memory. */
export function checkTargets({ targets, classes, kind }: TuningData, loss: TargetLoss): void {
  if (targets !== undefined && loss.classes !== undefined) asTargets(targets, loss, 'the target')
  if (classes === undefined || classes.length <= (loss.classes ?? 0)) return
  const has = loss.classes === undefined ? 'has none' : `tells ${loss.classes} apart`
  throw new PithError('PITH_ARG', `the ${kind} are of ${classes.length} classes, the model ${has}`)
}

/** Parameters whose name, of PyTorch or of the file, the expression finds. */
export function trainableNames(proto: ModelProto, model: ImportedModel, options: FinetuneOptions): Set<string> {
  const own = torchNames(proto)
  const names = Object.keys(model.tensors)
  const { trainable } = options
  const found = names.filter((name) => trainable.test(name) || trainable.test(own[name]?.name ?? name))
  if (found.length === 0) {
    const list = names.slice(0, LISTED).map((name) => own[name]?.name ?? name)
    const rest = names.length > LISTED ? ` and ${names.length - LISTED} more` : ''
    throw new PithError('PITH_ARG', `--trainable ${trainable.source} finds no weight of the model`, {
      hint: names.length === 0 ? 'The model has no weights.' : `There are: ${list.join(', ')}${rest}.`,
    })
  }
  const odd = found.find((name) => (model.tensors[name] as Tensor).dtype !== 'f32')
  if (odd === undefined) return new Set(found)
  const { dtype } = model.tensors[odd] as Tensor
  throw new PithError('PITH_DTYPE', `the weight ${odd} is ${dtype}: only single precision is trained`, {
    hint: 'Export the model in float32, or leave the weight out of --trainable.',
  })
}
