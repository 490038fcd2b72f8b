/** `pith model finetune`. */
import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { type Arguments, type CommandContext, formatCount, PithError } from '@pith/core'
import { writeAtomic } from '@pith/core/node'
import { fromModel, type ImportedModel } from '../onnx/import.ts'
import { loadModel, saveModel } from '../onnx/node/model-files.ts'
import type { ModelProto } from '../onnx/proto.ts'
import { torchNames } from '../onnx/torch-names.ts'
import { sizeOf } from '../shape.ts'
import type { Params, Spec, Tensor } from '../tensor.ts'
import { asTargets, type TargetLoss, targetLoss } from '../train/data/losses.ts'
import { inputText, type ModelInput, modelInputs } from '../train/data/model-inputs.ts'
import { batchesFrom, type Rows, splitBatches } from '../train/data/rows.ts'
import { fineTune } from '../train/fine-tune.ts'
import { tunedModel } from '../train/fine-tune-save.ts'
import { type FitResult, fit as fitStep } from '../train/fit.ts'
import { mergeLora } from '../train/lora.ts'
import type { TrainStep } from '../train/step.ts'
import { openData, TARGET, type TuningData } from './finetune-data.ts'
import { type FinetuneOptions, readOptions } from './finetune-options.ts'
import { FinetuneState } from './finetune-state.ts'
import { type Curve, curveCsv, curveSvg, drawCurve, endsOf, lossText } from './loss-curve.ts'

/** Rows of a batch, where nothing else is asked for. */
const BATCH = 32
/** Names that a message lists. */
const LISTED = 12

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const path = args.operands[0] as string
  const options = readOptions(args)
  await checkOutputs(options)
  const proto = await loadModel(path, { signal: context.signal })
  const inputs = modelInputs(proto)
  const data = await openData(options.data, inputs, { ...options, signal: context.signal })
  const plan = planBatches(inputs, data.rows, options)
  const model = importFor(proto, inputs, data.rows, plan.size)
  const [outputName, output] = outputOf(model, options.output)
  const target = withRows(data.rows.specs[TARGET] as Spec, plan.size)
  const loss = targetLoss(output, target, options.loss)
  checkTargets(data, loss)
  const trained = trainableNames(proto, model, options)
  const step = await fineTune(
    model,
    (outputs, batch) => loss.loss(outputs[outputName] as typeof output, batch[TARGET] as typeof output),
    {
      batch: { [TARGET]: loss.spec },
      optimizer: options.optimizer,
      lr: options.lr,
      ...(options.clip === undefined ? {} : { clip: { norm: options.clip } }),
      accumulate: plan.accumulate,
      frozen: (name) => !trained.has(name),
      ...(options.lora === undefined ? {} : { lora: options.lora }),
      seed: options.seed,
      threads: options.threads,
    },
  )
  try {
    const settings = { loss: loss.name, output: outputName, batch: plan.size, rows: data.rows.count }
    const state = await FinetuneState.open(step, options, settings)
    const parts = partsOf(data.rows, plan.size, options)
    const result = await train(step, parts, { data, loss, options, state, context })
    const changed = changedParams(model, step, options)
    await saveModel(tunedModel(proto, changed), options.out, { force: options.force, signal: context.signal })
    const { curve } = options
    if (curve !== undefined) {
      const text = curve.kind === 'svg' ? curveSvg(state.curve) : curveCsv(state.curve)
      await writeAtomic(curve.path, new TextEncoder().encode(text), { force: options.force })
    }
    const learnt = step.store.slots.reduce((sum, slot) => sum + slot.size, 0)
    await tell({ context, options, model, changed, learnt, data, plan, loss, result, curve: state.curve })
    return 0
  } finally {
    await step.dispose()
  }
}

/** What stands in the way of the outputs is said before the training, not after it. */
async function checkOutputs({ out, curve, force }: FinetuneOptions): Promise<void> {
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
interface BatchPlan {
  /** Rows that one run of the model takes. */
  readonly size: number
  /** Runs of the model for one update. */
  readonly accumulate: number
}

function planBatches(inputs: readonly ModelInput[], rows: Rows, options: FinetuneOptions): BatchPlan {
  const lengths = new Set(inputs.map(({ axes }) => axes?.[0]).filter((length) => typeof length === 'number'))
  const [fixed] = lengths
  if (lengths.size > 1) {
    throw new PithError('PITH_MODEL', `the inputs ${inputs.map(inputText).join(', ')} have no common number of rows`)
  }
  const spare = options.validation === undefined ? rows.count : Math.max(1, Math.floor(rows.count * options.validation))
  const wanted = options.batch ?? fixed ?? Math.min(BATCH, spare)
  const size = fixed ?? wanted
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

function importFor(proto: ModelProto, inputs: readonly ModelInput[], rows: Rows, size: number): ImportedModel {
  const dims: Record<string, number> = {}
  const specs: Record<string, Spec> = {}
  for (const { name, axes = [] } of inputs) {
    const own = withRows(rows.specs[name] as Spec, size)
    specs[name] = own
    for (const [i, axis] of axes.entries()) if (typeof axis === 'string') dims[axis] = own.shape[i] as number
  }
  return fromModel(proto, { inputs: specs, dims, f64: 'cast' })
}

function withRows({ dtype, shape }: Spec, count: number): Spec {
  return { dtype, shape: [count, ...shape] }
}

function outputOf(model: ImportedModel, wanted: string | undefined): [string, ImportedModel['outputs'][string]] {
  const names = Object.keys(model.outputs)
  const name = wanted ?? names[0] ?? ''
  const value = Object.hasOwn(model.outputs, name) ? model.outputs[name] : undefined
  if (value !== undefined) return [name, value]
  throw new PithError('PITH_ARG', `the model has no output ${JSON.stringify(name)}`, {
    hint: `There are: ${names.slice(0, LISTED).join(', ')}.`,
  })
}

/** Targets that do not fit are found before the training, where they are in memory. */
function checkTargets({ targets, classes, kind }: TuningData, loss: TargetLoss): void {
  if (targets !== undefined && loss.classes !== undefined) asTargets(targets, loss, 'the target')
  if (classes === undefined || classes.length <= (loss.classes ?? 0)) return
  const has = loss.classes === undefined ? 'has none' : `tells ${loss.classes} apart`
  throw new PithError('PITH_ARG', `the ${kind} are of ${classes.length} classes, the model ${has}`)
}

/** Parameters whose name, of PyTorch or of the file, the expression finds. */
function trainableNames(proto: ModelProto, model: ImportedModel, options: FinetuneOptions): Set<string> {
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

/** Rows to learn from, and those to measure with. */
interface Parts {
  readonly train: Rows
  readonly validation: Rows | undefined
}

function partsOf(rows: Rows, size: number, { validation, seed }: FinetuneOptions): Parts {
  return validation === undefined
    ? { train: rows, validation: undefined }
    : splitBatches(rows, { share: validation, size, seed })
}

/** What a training goes on with. */
interface Training {
  readonly data: TuningData
  readonly loss: TargetLoss
  readonly options: FinetuneOptions
  readonly state: FinetuneState
  readonly context: CommandContext
}

async function train(step: TrainStep, parts: Parts, training: Training): Promise<FitResult> {
  const { loss, options, state, context } = training
  const { steps, seed, patience, checkpoint } = options
  const size = loss.spec.shape[0] as number
  const take = (rows: Rows): Rows => ({
    ...rows,
    take: async (places) => {
      const batch = await rows.take(places)
      return { ...batch, [TARGET]: asTargets(batch[TARGET] as Tensor, loss, 'the target') }
    },
  })
  const { validation } = parts
  const every = Math.max(1, Math.round(steps / 10))
  let notes: Promise<void> = Promise.resolve()
  const note = (line: string): void => {
    notes = notes.then(() => context.note(line))
    // Waited for at the end; until then a closed output is no failure.
    notes.catch(() => {})
  }
  let last = ''
  try {
    return await fitStep(step, batchesFrom(take(parts.train), { size, seed }), {
      steps,
      signal: context.signal,
      onProgress: (progress) => context.onProgress({ ...progress, stage: last === '' ? 'train' : `loss ${last}` }),
      onStep: (own) => {
        state.addStep(own)
        last = lossText(own.loss)
        if (own.step % every === 0) note(`step ${own.step} of ${steps}: loss ${last}`)
      },
      onMeasured: (own) => {
        state.addMeasured(own)
        if (own.step % every === 0) note(`step ${own.step} of ${steps}: validation ${lossText(own.loss)}`)
      },
      ...(validation === undefined
        ? {}
        : {
            validation: {
              batches: { [Symbol.asyncIterator]: () => wholeOf(take(validation), size) },
              every: Math.max(1, Math.round(steps / 20)),
              restoreBest: true,
              ...(patience === undefined ? {} : { patience }),
            },
          }),
      ...(checkpoint === undefined ? {} : { checkpoint: { every, save: () => state.save() } }),
    })
  } catch (error) {
    if (context.signal.aborted && checkpoint !== undefined && step.counts.steps > 0) {
      await state.save()
      await context.note(`step ${step.counts.steps} is saved in ${checkpoint}: go on with --resume`)
    }
    throw error
  } finally {
    await notes
  }
}

/** All batches once. */
async function* wholeOf(rows: Rows, size: number): AsyncGenerator<Readonly<Record<string, Tensor>>, void, undefined> {
  yield* batchesFrom(rows, { size, isShuffled: false, epochs: 1 })(0)
}

/** The weights that differ from those of the file, changes of low rank merged. */
function changedParams(model: ImportedModel, step: TrainStep, { lora }: FinetuneOptions): Params {
  const params = lora === undefined ? step.params : mergeLora(step.params, lora)
  return Object.fromEntries(Object.entries(params).filter(([name, tensor]) => tensor !== model.tensors[name]))
}

/** What there is to tell of a training. */
interface Told {
  readonly context: CommandContext
  readonly options: FinetuneOptions
  readonly model: ImportedModel
  readonly changed: Params
  /** Numbers that were trained: those of thin matrices, with LoRA. */
  readonly learnt: number
  readonly data: TuningData
  readonly plan: BatchPlan
  readonly loss: TargetLoss
  readonly result: FitResult
  readonly curve: Curve
}

const ENDS = { steps: '', data: ', all the data', patience: ', as it got no better' } as const

async function tell({
  context,
  options,
  model,
  changed,
  learnt,
  data,
  plan,
  loss,
  result,
  curve,
}: Told): Promise<void> {
  const { first, last } = endsOf(curve.losses)
  const trained = countOf(changed)
  const all = countOf(model.tensors)
  const rows = plan.size * plan.accumulate
  const { best } = result
  if (context.json) {
    await context.report({
      out: options.out,
      steps: result.steps,
      end: result.end,
      rows: data.rows.count,
      batch: rows,
      loss: { name: loss.name, first, last },
      ...(best === undefined ? {} : { validation: best }),
      trained,
      frozen: { tensors: all.tensors - trained.tensors, parameters: all.parameters - trained.parameters },
      ...(options.lora === undefined ? {} : { lora: { rank: options.lora.rank, parameters: learnt } }),
      ...(data.classes === undefined ? {} : { classes: data.classes }),
    })
    return
  }
  if (context.quiet) return
  const { lora } = options
  const lines = [
    `trained     ${trained.tensors} of ${all.tensors} tensors, ${formatCount(trained.parameters)} of ${formatCount(all.parameters)} parameters`,
    ...(lora === undefined ? [] : [`lora        rank ${lora.rank}, by ${formatCount(learnt)} numbers`]),
    `steps       ${result.steps} of ${rows} of ${formatCount(data.rows.count)} rows${ENDS[result.end]}`,
    `loss        ${lossText(first)} -> ${lossText(last)}, ${loss.name}`,
  ]
  if (best !== undefined) lines.push(`validation  ${lossText(best.loss)} at step ${best.step}, whose weights are kept`)
  if (data.classes !== undefined) lines.push(`classes     ${data.classes.map((name, i) => `${i} ${name}`).join(', ')}`)
  lines.push('', ...drawCurve(curve, Math.min(60, context.stdout.columns - 12)), '')
  await context.stdout.write(`${lines.join('\n')}\n${basename(options.out)} is written\n`)
}

function countOf(tensors: Params): { tensors: number; parameters: number } {
  const own = Object.values(tensors)
  return { tensors: own.length, parameters: own.reduce((sum, { shape }) => sum + sizeOf(shape), 0) }
}
