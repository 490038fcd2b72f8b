/** How well a model recalls and foretells: rows through its graph, and means with intervals. */
import { bootstrapMean, type Estimate, Random } from '@pith/core'
import { type Jitted, jit, nn, ops, type Params, type Tensor, type Value } from '@pith/engine'
import { type LmConfig, logitsOf } from '@pith/lm'
import { RECALL_TASKS, type RecallTask } from '@pith/lm/recall'
import { BatchTensors } from './batch.ts'
import { type MixedRow, type Sources, taskRow, textRow } from './mixture.ts'

/** Draws of an evaluation have nothing to do with those of the training. */
const SEED = 7_000_001

/** Tokens that go through the network at once. */
const AT_ONCE = 2048

/** What a model is. */
export interface Model {
  readonly config: LmConfig
  readonly params: Params
}

/** A figure of one kind of rows of one length. */
export interface Measured extends Estimate {
  readonly kind: string
  readonly length: number
  /** `accuracy`: mean over rows of the share of answers that are wholly right; `nll`: nats a token. */
  readonly measure: 'accuracy' | 'nll'
}

/** What is measured. */
export interface Plan {
  readonly kinds: readonly string[]
  readonly lengths: readonly number[]
  /** Rows of each kind and length. */
  readonly rows: number
}

/** Measure a model; figures come as they are ready. */
export async function* measureModel(
  model: Model,
  sources: Sources,
  plan: Plan,
): AsyncGenerator<Measured, void, undefined> {
  const run = compileRows(model)
  try {
    for (const length of plan.lengths) {
      for (const kind of plan.kinds) {
        const rows = rowsOf(kind, sources, plan.rows, length)
        const own = bootstrapMean(await measureRows(run, model, rows, length))
        yield { kind, length, measure: isTask(kind) ? 'accuracy' : 'nll', ...own }
      }
    }
  } finally {
    await run.dispose()
  }
}

function isTask(kind: string): kind is RecallTask {
  return RECALL_TASKS.includes(kind as RecallTask)
}

/** Logarithms of the probabilities of targets, and whether the likeliest token was right. */
function compileRows({ config }: Model): Jitted {
  const net = nn.module((scope: nn.Scope, ids: Value) => logitsOf(scope, config, ids))
  return jit(({ ids, targets, ...params }) => {
    const logits = net.apply(params as Record<string, Value>, ids as Value)
    const logs = ops.gatherElements(ops.logSoftmax(logits), ops.unsqueeze(targets as Value, -1), -1)
    return { logs, hits: ops.cast(ops.equal(ops.argMax(logits, -1), targets as Value), 'f32') }
  })
}

/** What each row gives. */
async function measureRows(run: Jitted, model: Model, rows: readonly MixedRow[], length: number): Promise<number[]> {
  const size = Math.max(1, Math.floor(AT_ONCE / length))
  const batch = new BatchTensors(size, length)
  const values: number[] = []
  for (let at = 0; at < rows.length; at += size) {
    const own = rows.slice(at, at + size)
    batch.fill(own)
    const { logs, hits } = await run({ ids: batch.ids, targets: batch.targets, ...model.params })
    for (const [r, row] of own.entries()) {
      const part = ({ data }: Tensor): Float32Array => (data as Float32Array).subarray(r * length, (r + 1) * length)
      values.push(row.answers.length > 0 ? rightShare(row, part(hits as Tensor)) : lossOf(part(logs as Tensor)))
    }
  }
  return values
}

function rightShare({ answers }: MixedRow, hits: Float32Array): number {
  const right = answers.filter(({ start, end }) => hits.subarray(start - 1, end - 1).every((hit) => hit === 1))
  return right.length / answers.length
}

function lossOf(logs: Float32Array): number {
  return -logs.reduce((sum, log) => sum + log, 0) / logs.length
}

function rowsOf(kind: string, sources: Sources, count: number, length: number): MixedRow[] {
  const random = new Random(SEED).split(length)
  return Array.from({ length: count }, (_, i) => {
    const own = random.split(i)
    return isTask(kind) ? taskRow(kind, sources, own, length + 1) : textRow(kind, sources, own, length + 1)
  })
}
