/** `pith model finetune`. */
import type { Arguments, CommandContext } from '@pith/core'
import { writeAtomic } from '@pith/core/node'
import type { ImportedModel } from '../onnx/import.ts'
import { loadModel, saveModel } from '../onnx/node/model-files.ts'
import type { Params, Spec, Tensor } from '../tensor.ts'
import { asTargets, holdsIgnored, type TargetLoss, targetLoss } from '../train/data/losses.ts'
import { modelInputs } from '../train/data/model-inputs.ts'
import { batchesFrom, type Rows, splitBatches } from '../train/data/rows.ts'
import { fineTune } from '../train/fine-tune.ts'
import { tunedModel } from '../train/fine-tune-save.ts'
import { type FitResult, fit as fitStep } from '../train/fit.ts'
import { mergeLora } from '../train/lora.ts'
import type { TrainStep } from '../train/step.ts'
import { openData, TARGET } from './finetune-data.ts'
import { type FinetuneOptions, readOptions } from './finetune-options.ts'
import {
  checkOutputs,
  checkTargets,
  importFor,
  outputOf,
  planBatches,
  trainableNames,
  withRows,
} from './finetune-plan.ts'
import { tell } from './finetune-report.ts'
import { FinetuneState } from './finetune-state.ts'
import { curveCsv, curveSvg, lossText } from './loss-curve.ts'

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
  const loss = targetLoss(output, target, options.loss, {
    ignores: data.targets !== undefined && holdsIgnored(data.targets),
  })
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
      ...(options.workers === undefined ? {} : { workers: options.workers }),
      signal: context.signal,
    },
  )
  try {
    const settings = { loss: loss.name, output: outputName, batch: plan.size, rows: data.rows.count }
    const state = await FinetuneState.open(step, options, settings)
    const parts = partsOf(data.rows, plan.size, options)
    const result = await train(step, parts, { loss, options, state, context })
    const { lora } = options
    const params = lora === undefined ? step.params : mergeLora(step.params, lora)
    await saveModel(tunedModel(proto, params), options.out, { force: options.force, signal: context.signal })
    const changed = changedParams(model, params)
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
        if (own.step % every === 0) note(`step ${own.step} of ${steps}: validation ${lossText(own.loss)}`)
      },
      ...(validation === undefined
        ? {}
        : {
            validation: {
              batches: batchesFrom(take(validation), { size, isShuffled: false, epochs: 1 })(0),
              every: Math.max(1, Math.round(steps / 20)),
              restoreBest: true,
              ...(patience === undefined ? {} : { patience }),
            },
          }),
      ...(checkpoint === undefined ? {} : { checkpoint: { every, save: () => state.save() } }),
    })
  } catch (error) {
    if (context.signal.aborted && step.counts.steps > 0) {
      await state.save()
      const where =
        checkpoint === undefined
          ? 'is lost: --checkpoint DIR keeps it'
          : `is saved in ${checkpoint}: go on with --resume`
      await context.note(`step ${step.counts.steps} ${where}`)
    }
    throw error
  } finally {
    await notes
  }
}

/** The weights that were trained. */
function changedParams(model: ImportedModel, params: Params): Params {
  return Object.fromEntries(Object.entries(params).filter(([name, tensor]) => tensor !== model.tensors[name]))
}
