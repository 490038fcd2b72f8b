/** One stage of the training: batches, updates, a log, and when it is over. */
import { Random } from '@pith/core'
import type { Params, Tensor, TrainStep } from '@pith/engine'
import type { LmConfig } from '@pith/lm'
import { addTallies, BatchTensors, type Tally, tallyRows } from './batch.ts'
import { type Moments, type Progress, saveTraining } from './checkpoint.ts'
import { type MixedRow, mixedRow, type Sources } from './mixture.ts'
import { compileStep } from './network.ts'
import { groupByShape, MatrixOptimizer, type Rates } from './optimizer.ts'
import type { Stage } from './settings.ts'

/** Updates that one line of the log sums up. */
const LOG_EVERY = 10

/** Lines of the log that a stage is judged by. */
const JUDGED = 4

/** Share of the rate that a stage after the first begins with: what is learnt would be lost at the whole one. */
const LOW = 0.1

/** What a training is made with. */
export interface TrainingSettings {
  readonly config: LmConfig
  readonly seed: number
  readonly stages: readonly Stage[]
  readonly optimizer: Rates & {
    readonly matrixRate: number
    readonly otherRate: number
    readonly warmup: number
    readonly constant: number
    readonly last: number
  }
  /** Threads within one operator. */
  readonly threads: number
}

/** What a run is told, and what it tells. */
export interface StageHooks {
  /** Asked after each update: the state is saved, and the run ends. */
  readonly isStopped: () => boolean
  /** Takes one line of the log. */
  readonly log: (line: Record<string, unknown>) => void
  /** Where the state is saved. */
  readonly state: string
  /** Tokens between two saved states. */
  readonly saveEvery: number
}

/** Share of the rate at a point of the training: up at the start of each stage, level, and down in a line at the end. */
export function rateAt({ stages, optimizer }: TrainingSettings, { stage, stageTokens }: Progress): number {
  const { rows, length, rate } = stages[stage] as Stage
  const update = stageTokens / (rows * length)
  const total = stages.reduce((sum, { tokens }) => sum + tokens, 0)
  const before = stages.slice(0, stage).reduce((sum, { tokens }) => sum + tokens, 0)
  const done = Math.min(1, (before + stageTokens) / total)
  const { warmup, constant, last } = optimizer
  const down = done <= constant ? 1 : 1 - ((1 - last) * (done - constant)) / (1 - constant)
  const low = stage === 0 ? 0 : LOW
  return Math.min(1, low + ((1 - low) * (update + 1)) / warmup) * down * rate
}

/** A stage that goes on from where it stands. */
export class StageRun {
  readonly optimizer: MatrixOptimizer
  readonly #settings: TrainingSettings
  readonly #stage: Stage
  readonly #progress: Progress
  readonly #step: TrainStep
  readonly #batch: BatchTensors
  readonly #lines: Record<string, Tally>[] = []

  static async open(
    settings: TrainingSettings,
    params: Params,
    moments: Moments,
    progress: Progress,
  ): Promise<StageRun> {
    const { rows, length } = settings.stages[progress.stage] as Stage
    const step = await compileStep(settings.config, groupByShape(params), rows, length, settings.threads)
    return new StageRun(settings, progress, step, moments)
  }

  private constructor(settings: TrainingSettings, progress: Progress, step: TrainStep, moments: Moments) {
    this.#settings = settings
    this.#stage = settings.stages[progress.stage] as Stage
    this.#progress = progress
    this.#step = step
    this.#batch = new BatchTensors(this.#stage.rows, this.#stage.length)
    this.optimizer = new MatrixOptimizer(step.store, settings.optimizer)
    for (const [kind, flat] of Object.entries(this.optimizer.moments)) {
      const own = moments[kind]
      if (own !== undefined) step.store.load(own, flat)
    }
  }

  get params(): Params {
    return this.#step.params
  }

  /** What the optimiser remembers, by parameter. */
  get moments(): Moments {
    const { store } = this.#step
    return Object.fromEntries(Object.entries(this.optimizer.moments).map(([kind, flat]) => [kind, store.views(flat)]))
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

  /** Go on to the end of the stage. @returns false where it was stopped before */
  async run(sources: Sources, hooks: StageHooks): Promise<boolean> {
    const progress = this.#progress
    let line = new LogLine()
    let unsaved = 0
    while (!this.isDone) {
      const rows = this.#rows(sources)
      const tokens = rows.length * this.#stage.length
      const rate = rateAt(this.#settings, progress)
      await this.#update(rows, rate, line)
      progress.updates++
      progress.tokens += tokens
      progress.stageTokens += tokens
      unsaved += tokens
      if (progress.updates % LOG_EVERY === 0) {
        this.#lines.push(line.sums)
        hooks.log(line.summary(progress, this.#stage.name, rate))
        line = new LogLine()
      }
      const isEnd = hooks.isStopped()
      if (unsaved >= hooks.saveEvery || isEnd) {
        await this.save(hooks.state)
        unsaved = 0
      }
      if (isEnd) return false
    }
    return true
  }

  save(path: string): Promise<void> {
    return saveTraining(path, this.#step.store, this.optimizer, this.#progress)
  }

  async dispose(): Promise<void> {
    await this.optimizer.dispose()
    await this.#step.dispose()
  }

  /** The batch of an update depends on its number alone. */
  #rows(sources: Sources): MixedRow[] {
    const { rows, length, shares } = this.#stage
    const random = new Random(this.#settings.seed).split(this.#progress.updates + 1)
    return Array.from({ length: rows }, (_, i) => mixedRow(shares, sources, random.split(i), length + 1))
  }

  async #update(rows: readonly MixedRow[], rate: number, line: LogLine): Promise<void> {
    const { matrixRate, otherRate } = this.#settings.optimizer
    this.#batch.fill(rows)
    const { ids, targets, weights } = this.#batch
    const result = await this.#step.step({ ids, targets, weights })
    const { logs, hits } = result.aux as { logs: Tensor; hits: Tensor }
    if (result.isApplied) await this.optimizer.update(this.#progress.updates + 1, matrixRate * rate, otherRate * rate)
    const sums = tallyRows(rows, this.#stage.length, logs.data as Float32Array, hits.data as Float32Array)
    line.add(result.loss, result.gradNorm, sums, rows.length * this.#stage.length)
  }
}

/** Some updates, summed up. */
class LogLine {
  readonly sums: Record<string, Tally> = {}
  #updates = 0
  #tokens = 0
  #loss = 0
  #norm = 0
  readonly #began: number = performance.now()
  readonly #cpu: NodeJS.CpuUsage = process.cpuUsage()

  add(loss: number, norm: number, sums: Readonly<Record<string, Tally>>, tokens: number): void {
    this.#updates++
    this.#tokens += tokens
    this.#loss += loss
    this.#norm += norm
    addTallies(this.sums, sums)
  }

  summary({ updates, tokens }: Progress, stage: string, rate: number): Record<string, unknown> {
    const { user, system } = process.cpuUsage(this.#cpu)
    return {
      update: updates,
      tokens,
      stage,
      loss: round(this.#loss / this.#updates),
      gradNorm: round(this.#norm / this.#updates),
      rate: round(rate),
      ...summaryOf(this.sums),
      perSecond: Math.round(this.#tokens / ((performance.now() - this.#began) / 1000)),
      perCpuSecond: Math.round(this.#tokens / ((user + system) / 1e6)),
    }
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
