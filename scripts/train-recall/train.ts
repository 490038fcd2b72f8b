/**
 * Train the reference model, or go on where it was left: `npm run train:recall`. Reads texts from the folder that PITH_DATA
 * names; keeps its state in `.cache/pith-recall`. An interrupt saves the state first.
 */
import { appendFileSync, mkdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Random } from '@pith/core'
import type { Params, Tensor, TrainStep } from '@pith/engine'
import { readLlama2cTokenizer } from '@pith/lm'
import { addTallies, BatchTensors, type Tally, tallyRows } from './batch.ts'
import { loadTraining, type Progress, saveTraining } from './checkpoint.ts'
import { loadSources, type MixedRow, mixedRow, type Sources } from './mixture.ts'
import { compileStep, initialParams } from './network.ts'
import { groupByShape, MatrixOptimizer } from './optimizer.ts'
import { ANSWER_WEIGHTS, CONFIG, OPTIMIZER, SEED, STAGES, type Stage, TEXT_SHARES } from './settings.ts'

const FOLDER = process.env['PITH_RECALL'] ?? new URL('../../.cache/pith-recall', import.meta.url).pathname
const STATE = join(FOLDER, 'training.safetensors')
const LOG = join(FOLDER, 'log.jsonl')

/** Updates that one line of the log sums up. */
const LOG_EVERY = 10

/** Tokens between two saved states. */
const SAVE_EVERY = 300_000

/** Lines of the log that a stage is judged by. */
const JUDGED = 4

const TOTAL = STAGES.reduce((sum, { tokens }) => sum + tokens, 0)

/** What must not change between two sittings. */
const SETTINGS = JSON.stringify({ CONFIG, SEED, OPTIMIZER })

/** Share of the rate at a point of the training: up, level, and down in a line. */
function rateAt({ stage, stageTokens }: Progress): number {
  const { rows, length } = STAGES[stage] as Stage
  const update = stageTokens / (rows * length)
  const before = STAGES.slice(0, stage).reduce((sum, { tokens }) => sum + tokens, 0)
  const done = Math.min(1, (before + stageTokens) / TOTAL)
  const { warmup, constant, last } = OPTIMIZER
  const down = done <= constant ? 1 : 1 - ((1 - last) * (done - constant)) / (1 - constant)
  const low = stage === 0 ? 0 : 0.1
  return Math.min(1, low + ((1 - low) * (update + 1)) / warmup) * down
}

function rowsOf(stage: number, update: number, sources: Sources): MixedRow[] {
  const { rows, length, shares } = STAGES[stage] as Stage
  const random = new Random(SEED).split(update + 1)
  return Array.from({ length: rows }, (_, i) => mixedRow(shares, sources, random.split(i), length + 1))
}

/** One stage, from where it stands; false where it was interrupted. */
class StageRun {
  readonly #stage: Stage
  readonly #progress: Progress
  readonly #step: TrainStep
  readonly #batch: BatchTensors
  readonly #lines: Record<string, Tally>[] = []
  readonly optimizer: MatrixOptimizer

  static async open(
    params: Params,
    moments: Readonly<Record<string, Float32Array>>,
    progress: Progress,
  ): Promise<StageRun> {
    const stage = STAGES[progress.stage] as Stage
    const threads = Number(process.env['PITH_THREADS'] ?? 1)
    const step = await compileStep(CONFIG, groupByShape(params), stage.rows, stage.length, threads)
    return new StageRun(stage, progress, step, moments)
  }

  constructor(stage: Stage, progress: Progress, step: TrainStep, moments: Readonly<Record<string, Float32Array>>) {
    this.#stage = stage
    this.#progress = progress
    this.#step = step
    this.#batch = new BatchTensors(stage.rows, stage.length)
    this.optimizer = new MatrixOptimizer(step.store, OPTIMIZER)
    for (const [name, flat] of Object.entries(this.optimizer.moments)) flat.set(moments[name] ?? [])
  }

  get params(): Params {
    return this.#step.params
  }

  /** Whether the tasks that it waits for go well enough, or its tokens are spent. */
  get isDone(): boolean {
    const { tokens, until } = this.#stage
    if (this.#progress.stageTokens >= tokens) return true
    if (until.tasks.length === 0 || this.#lines.length < JUDGED) return false
    const sums: Record<string, Tally> = {}
    for (const line of this.#lines.slice(-JUDGED)) addTallies(sums, line)
    return until.tasks.every((task) => {
      const sum = sums[task]
      return sum !== undefined && sum.right / sum.answers > until.accuracy
    })
  }

  async run(sources: Sources, isStopped: () => boolean): Promise<boolean> {
    const progress = this.#progress
    const { rows, length, name } = this.#stage
    let sums: Record<string, Tally> = {}
    let [loss, norm, began, cpu] = [0, 0, performance.now(), process.cpuUsage()]
    let unsaved = 0
    while (!this.isDone) {
      const mixed = rowsOf(progress.stage, progress.updates, sources)
      this.#batch.fill(mixed)
      const { ids, targets, weights } = this.#batch
      const result = await this.#step.step({ ids, targets, weights })
      const { logs, hits } = result.aux as { logs: Tensor; hits: Tensor }
      const rate = rateAt(progress)
      if (result.isApplied) {
        await this.optimizer.update(progress.updates + 1, OPTIMIZER.matrixRate * rate, OPTIMIZER.otherRate * rate)
      }
      addTallies(sums, tallyRows(mixed, length, logs.data as Float32Array, hits.data as Float32Array))
      loss += result.loss / LOG_EVERY
      norm += result.gradNorm / LOG_EVERY
      progress.updates++
      progress.tokens += rows * length
      progress.stageTokens += rows * length
      unsaved += rows * length
      if (progress.updates % LOG_EVERY === 0) {
        const used = process.cpuUsage(cpu)
        this.#lines.push(sums)
        writeLine({
          update: progress.updates,
          tokens: progress.tokens,
          stage: name,
          loss: round(loss),
          gradNorm: round(norm),
          rate: round(rate),
          ...summaryOf(sums),
          perSecond: Math.round((LOG_EVERY * rows * length) / ((performance.now() - began) / 1000)),
          perCpuSecond: Math.round((LOG_EVERY * rows * length) / ((used.user + used.system) / 1e6)),
        })
        sums = {}
        ;[loss, norm, began, cpu] = [0, 0, performance.now(), process.cpuUsage()]
      }
      const isEnd = isStopped()
      if (unsaved >= SAVE_EVERY || isEnd) {
        await saveTraining(STATE, this.#step.store, this.optimizer, progress)
        unsaved = 0
      }
      if (isEnd) return false
    }
    return true
  }

  async dispose(): Promise<void> {
    await this.optimizer.dispose()
    await this.#step.dispose()
  }

  save(): Promise<void> {
    return saveTraining(STATE, this.#step.store, this.optimizer, this.#progress)
  }
}

/** Share of right answers of tasks, and loss of texts in nats a token. */
function summaryOf(sums: Readonly<Record<string, Tally>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(sums).map(([kind, { answers, right, nll, tokens }]) => [
      kind,
      round(answers > 0 ? right / answers : nll / tokens),
    ]),
  )
}

function round(x: number): number {
  return Number(x.toPrecision(4))
}

function writeLine(line: Record<string, unknown>): void {
  appendFileSync(LOG, `${JSON.stringify(line)}\n`)
}

async function main(): Promise<void> {
  const data = process.env['PITH_DATA']
  if (data === undefined) throw new Error('PITH_DATA must name the folder of the shared data')
  mkdirSync(FOLDER, { recursive: true })
  let isStopped = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (isStopped = true))
  const tokenizer = readLlama2cTokenizer(new Uint8Array(await readFile(join(data, 'kv/models/tok512.bin'))))
  const sources = await loadSources(data, tokenizer, 'train')
  const saved = await loadTraining(STATE)
  const progress: Progress = saved?.progress ?? { updates: 0, tokens: 0, stage: 0, stageTokens: 0, settings: SETTINGS }
  if (progress.settings !== SETTINGS) throw new Error(`${STATE} is of a training with other settings`)
  let params = saved?.params ?? initialParams(CONFIG, SEED)
  let moments = saved?.moments ?? {}
  writeLine({
    begin: progress.updates,
    settings: { CONFIG, SEED, OPTIMIZER, STAGES, TEXT_SHARES, ANSWER_WEIGHTS },
    texts: Object.fromEntries(Object.entries(sources.texts).map(([name, ids]) => [name, ids.length])),
  })
  while (progress.stage < STAGES.length) {
    const run = await StageRun.open(params, moments, progress)
    const isWhole = await run.run(sources, () => isStopped)
    if (!isWhole) return
    params = run.params
    moments = { ...run.optimizer.moments }
    progress.stage++
    progress.stageTokens = 0
    await run.save()
    await run.dispose()
  }
  writeLine({ end: progress.updates, tokens: progress.tokens })
}

await main()
