/** What `pith model finetune` says at the end. */
import { basename } from 'node:path'
import { type CommandContext, formatCount } from '@pith/core'
import type { ImportedModel } from '../onnx/import.ts'
import { sizeOf } from '../shape.ts'
import type { Params } from '../tensor.ts'
import type { TargetLoss } from '../train/data/losses.ts'
import type { FitResult } from '../train/fit.ts'
import type { TuningData } from './finetune-data.ts'
import type { FinetuneOptions } from './finetune-options.ts'
import type { BatchPlan } from './finetune-plan.ts'
import { type Curve, drawCurve, endsOf, lossText } from './loss-curve.ts'

/** What there is to tell of a training. */
export interface Told {
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

/** Tell it, as numbers for `--json`. */
export async function tell({
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
