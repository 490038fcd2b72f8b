/** What the options of `pith model finetune` say. */
import { type Arguments, PithError } from '@pith/core'
import { adamw } from '../optim/adamw.ts'
import { lion } from '../optim/lion.ts'
import { muon } from '../optim/muon.ts'
import type { Optimizer } from '../optim/optimizer.ts'
import { cosine, linear, type Schedule } from '../optim/schedules.ts'
import { sgd } from '../optim/sgd.ts'
import type { LossName } from '../train/data/losses.ts'

/** Names of the optimisers. */
export const OPTIMIZERS = ['adamw', 'sgd', 'lion', 'muon'] as const
/** Names of the courses that the rate of learning takes. */
export const SCHEDULES = ['constant', 'cosine', 'linear'] as const

/** Settings of a fine-tuning. */
export interface FinetuneOptions {
  readonly data: string
  readonly out: string
  readonly trainable: RegExp
  readonly target: string | undefined
  readonly output: string | undefined
  readonly loss: LossName | undefined
  readonly steps: number
  readonly batch: number | undefined
  readonly optimizer: Optimizer
  readonly lr: number | Schedule
  readonly clip: number | undefined
  readonly lora: { readonly rank: number; readonly alpha: number } | undefined
  readonly validation: number | undefined
  readonly patience: number | undefined
  readonly seed: number
  readonly threads: number
  readonly workers: number | undefined
  readonly checkpoint: string | undefined
  readonly resume: boolean
  readonly curve: { readonly path: string; readonly kind: 'svg' | 'csv' } | undefined
  readonly image: ImageSettings
  readonly force: boolean
}

/** How images become inputs. */
export interface ImageSettings {
  readonly size: { readonly width: number; readonly height: number } | undefined
  readonly mean: readonly number[] | undefined
  readonly std: readonly number[] | undefined
}

/** @throws PithError `PITH_ARG` */
export function readOptions(args: Arguments): FinetuneOptions {
  const steps = numberOf(args, 'steps', { least: 1, whole: true }) ?? 200
  const seed = numberOf(args, 'seed', { least: 0, whole: true }) ?? 0
  const rank = numberOf(args, 'lora', { least: 1, whole: true })
  const alpha = numberOf(args, 'lora-alpha', { above: 0 })
  const validation = numberOf(args, 'validation', { above: 0, below: 1 })
  const patience = numberOf(args, 'patience', { least: 1, whole: true })
  const checkpoint = args.value('checkpoint')
  if (alpha !== undefined && rank === undefined) throw needs('--lora-alpha', '--lora')
  if (patience !== undefined && validation === undefined) throw needs('--patience', '--validation')
  if (args.has('resume') && checkpoint === undefined) throw needs('--resume', '--checkpoint')
  const optimizer = optimizerOf(args.value('optimizer'))
  return {
    data: required(args, 'data', 'an .npz file, a .jsonl file or a folder of images'),
    out: required(args, 'out', 'where the tuned model goes'),
    trainable: regexOf(args.value('trainable') ?? ''),
    target: args.value('target'),
    output: args.value('output'),
    loss: args.value('loss') as LossName | undefined,
    steps,
    batch: numberOf(args, 'batch', { least: 1, whole: true }),
    optimizer,
    lr: rateOf(args.value('schedule'), numberOf(args, 'lr', { above: 0 }) ?? (optimizer.lr as number), steps),
    clip: numberOf(args, 'clip', { above: 0 }),
    lora: rank === undefined ? undefined : { rank, alpha: alpha ?? rank },
    validation,
    patience,
    seed,
    threads: numberOf(args, 'threads', { least: 1, whole: true }) ?? 1,
    workers: numberOf(args, 'workers', { least: 1, whole: true }),
    checkpoint,
    resume: args.has('resume'),
    curve: curveOf(args.value('curve')),
    image: { size: sizeOf(args.value('image-size')), mean: listOf(args, 'mean'), std: listOf(args, 'std') },
    force: args.has('force'),
  }
}

function required(args: Arguments, name: string, what: string): string {
  const value = args.value(name)
  if (value !== undefined) return value
  throw new PithError('PITH_ARG', `option --${name} is missing`, {
    hint: `Give ${what}: pith model finetune MODEL.onnx --data DATA -o OUT.onnx`,
  })
}

function needs(option: string, other: string): PithError {
  return new PithError('PITH_ARG', `${option} needs ${other}`)
}

interface Bounds {
  readonly least?: number
  readonly above?: number
  readonly below?: number
  readonly whole?: boolean
}

function numberOf(args: Arguments, name: string, bounds: Bounds): number | undefined {
  const text = args.value(name)
  if (text === undefined) return undefined
  const value = text.trim() === '' ? Number.NaN : Number(text)
  const {
    least = Number.NEGATIVE_INFINITY,
    above = Number.NEGATIVE_INFINITY,
    below = Number.POSITIVE_INFINITY,
  } = bounds
  const isRight = bounds.whole !== true || Number.isSafeInteger(value)
  if (isRight && value >= least && value > above && value < below) return value
  const limits = [
    ...(bounds.least === undefined ? [] : [`${bounds.least} or more`]),
    ...(bounds.above === undefined ? [] : [`above ${bounds.above}`]),
    ...(bounds.below === undefined ? [] : [`below ${bounds.below}`]),
  ]
  const kind = bounds.whole === true ? 'a whole number' : 'a number'
  throw new PithError('PITH_ARG', `--${name} must be ${kind}, ${limits.join(' and ')}, got ${text.slice(0, 40)}`)
}

function regexOf(text: string): RegExp {
  try {
    return new RegExp(text, 'u')
  } catch (cause) {
    throw new PithError('PITH_ARG', `--trainable is no regular expression: ${text.slice(0, 80)}`, {
      cause,
      hint: 'Such as --trainable "^head" or "layer4|fc".',
    })
  }
}

function optimizerOf(name: string = 'adamw'): Optimizer {
  const made = { adamw, sgd: () => sgd({ momentum: 0.9 }), lion, muon }
  return made[name as keyof typeof made]()
}

function rateOf(name: string | undefined, lr: number, total: number): number | Schedule {
  if (name === 'cosine') return cosine({ lr, total })
  return name === 'linear' ? linear({ lr, total }) : lr
}

function curveOf(path: string | undefined): FinetuneOptions['curve'] {
  if (path === undefined) return undefined
  const kind = /\.(svg|csv)$/i.exec(path)?.[1]?.toLowerCase()
  if (kind === 'svg' || kind === 'csv') return { path, kind }
  throw new PithError('PITH_ARG', `--curve must end in .svg or .csv, got ${path.slice(-40)}`)
}

function sizeOf(text: string | undefined): { width: number; height: number } | undefined {
  if (text === undefined) return undefined
  const [, width = '', height = width] = /^(\d{1,5})(?:x(\d{1,5}))?$/.exec(text) ?? []
  if (Number(width) >= 1 && Number(height) >= 1) return { width: Number(width), height: Number(height) }
  throw new PithError('PITH_ARG', `--image-size must be such as 224 or 320x240, got ${text.slice(0, 40)}`)
}

function listOf(args: Arguments, name: 'mean' | 'std'): number[] | undefined {
  const text = args.value(name)
  if (text === undefined) return undefined
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  if (values.every((value) => Number.isFinite(value) && (name === 'mean' || value > 0))) return values
  throw new PithError('PITH_ARG', `--${name} must be numbers such as 0.485,0.456,0.406, got ${text.slice(0, 40)}`)
}
