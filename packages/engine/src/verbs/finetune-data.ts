/** The data of a fine-tuning: arrays, lines of JSON, or images, as rows that a model takes. */
import { stat } from 'node:fs/promises'
import { PithError } from '@pith/core'
import { fileSource } from '@pith/core/node'
import { openNpz } from '../io/npz.ts'
import type { Params, Spec, Tensor } from '../tensor.ts'
import { bindInputs, checkRow, inputText, inType, type ModelInput } from '../train/data/model-inputs.ts'
import { type Rows, tensorRows } from '../train/data/rows.ts'
import { openImageFolder } from '../train/node/image-folder.ts'
import { readJsonLines } from '../train/node/json-lines.ts'
import type { ImageSettings } from './finetune-options.ts'

/** Name of the targets in batches: no input of a model is called so. */
export const TARGET = 'pith.target'
/** Names of targets in data, where none is given. */
const TARGET_NAMES = ['t', 'target', 'targets', 'label', 'labels'] as const

/** Data to learn from. */
export interface TuningData {
  readonly kind: 'npz' | 'jsonl' | 'images'
  /** With the inputs of the model under their names, and {@link TARGET}. */
  readonly rows: Rows
  /** Names of the classes of a folder of images. */
  readonly classes: readonly string[] | undefined
  /** The targets of all rows, where they are in memory. */
  readonly targets: Tensor | undefined
}

/** How data are read. */
export interface DataOptions {
  readonly target: string | undefined
  readonly image: ImageSettings
  readonly signal: AbortSignal
}

/**
 * Open data for the inputs of a model: a .npz file by its first bytes, a folder of images, else lines of JSON.
 *
 * @throws PithError `PITH_ARG`, `PITH_SHAPE`, `PITH_DTYPE` what does not suit the model · those of the readers
 */
export async function openData(path: string, inputs: readonly ModelInput[], options: DataOptions): Promise<TuningData> {
  if (inputs.length === 0) throw new PithError('PITH_MODEL', 'the model has no inputs')
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory() === true) return await openImages(path, inputs, options)
  const isZip = await startsWithZip(path, options.signal)
  const arrays = isZip ? await readArrays(path, inputs, options) : await readLines(path, inputs, options)
  const data = tensorRows(arrays)
  if (data.count === 0) throw new PithError('PITH_ARG', `${path} has no rows`)
  for (const input of inputs) checkRow(input, data.specs[input.name] as Spec)
  return { kind: isZip ? 'npz' : 'jsonl', rows: data, classes: undefined, targets: arrays[TARGET] }
}

async function startsWithZip(path: string, signal: AbortSignal): Promise<boolean> {
  const file = await fileSource(path, { signal })
  try {
    const head = await file.read(0, 4)
    return head[0] === 0x50 && head[1] === 0x4b
  } finally {
    await file.close()
  }
}

/** The type of an input within the graph, where double precision becomes single. */
function typeOf({ dtype }: ModelInput): ModelInput['dtype'] {
  return dtype === 'f64' ? 'f32' : dtype
}

function targetOf(names: readonly string[], wanted: string | undefined, path: string): string {
  const found = wanted === undefined ? TARGET_NAMES.find((name) => names.includes(name)) : wanted
  if (found !== undefined && names.includes(found)) return found
  const list = names.slice(0, 12).join(', ')
  throw new PithError('PITH_ARG', `${path} has no ${wanted === undefined ? 'targets' : JSON.stringify(wanted)}`, {
    hint: `Save them as target, or name them with --target. There are: ${list}.`,
  })
}

async function readArrays(path: string, inputs: readonly ModelInput[], options: DataOptions): Promise<Params> {
  const { signal } = options
  const file = await openNpz(await fileSource(path, { signal }), { signal })
  try {
    const names = [...file.entries.keys()]
    const bound = bindInputs(inputs, names, path)
    const target = targetOf(names, options.target, path)
    const arrays: Params = {}
    for (const input of inputs) {
      const own = bound[input.name] as string
      arrays[own] = rowsOf(inType(await file.tensor(own, { signal }), typeOf(input), own), own)
    }
    arrays[target] = rowsOf(await file.tensor(target, { signal }), target)
    // Under their own names, which the message needs.
    tensorRows(arrays)
    return renamed(arrays, bound, target)
  } finally {
    await file.close()
  }
}

function rowsOf(tensor: Tensor, name: string): Tensor {
  if (tensor.shape.length > 0) return tensor
  throw new PithError('PITH_SHAPE', `${name} is a single number, rows are needed`)
}

async function readLines(path: string, inputs: readonly ModelInput[], options: DataOptions): Promise<Params> {
  let bound: Record<string, string> = {}
  let target = ''
  const lines = await readJsonLines(
    path,
    (keys) => {
      bound = bindInputs(inputs, keys, path)
      target = targetOf(keys, options.target, path)
      return [...new Set([...Object.values(bound), target])]
    },
    { signal: options.signal },
  )
  const types = Object.fromEntries(inputs.map((input) => [bound[input.name] as string, typeOf(input)]))
  return renamed(lines.tensors(types), bound, target)
}

function renamed(arrays: Params, bound: Readonly<Record<string, string>>, target: string): Params {
  const inputs = Object.entries(bound).map(([name, own]) => [name, arrays[own] as Tensor])
  return { ...Object.fromEntries(inputs), [TARGET]: arrays[target] as Tensor }
}

async function openImages(path: string, inputs: readonly ModelInput[], options: DataOptions): Promise<TuningData> {
  const [input, ...others] = inputs as [ModelInput, ...ModelInput[]]
  const { size, mean, std } = options.image
  const [, channels, ownHeight, ownWidth] = input.axes ?? []
  if (others.length > 0 || input.axes?.length !== 4 || input.dtype !== 'f32' || (channels !== 3 && channels !== 1)) {
    throw new PithError('PITH_MODEL', `the model takes ${inputs.map(inputText).join(', ')}, no images`, {
      hint: 'A folder of images suits a model of one input f32[batch, 3 or 1, height, width].',
    })
  }
  const height = size?.height ?? ownHeight
  const width = size?.width ?? ownWidth
  if (typeof height !== 'number' || typeof width !== 'number') {
    throw new PithError('PITH_ARG', `the model takes images of any size: ${inputText(input)}`, {
      hint: 'Choose one: --image-size 224.',
    })
  }
  const { rows, classes } = await openImageFolder(path, {
    width,
    height,
    channels,
    ...(mean === undefined ? {} : { mean }),
    ...(std === undefined ? {} : { std }),
    names: [input.name, TARGET],
    signal: options.signal,
  })
  checkRow(input, rows.specs[input.name] as Spec)
  return { kind: 'images', rows, classes, targets: undefined }
}
