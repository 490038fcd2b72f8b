/**
 * Measure a model on recall tasks and on held-out text: `node --conditions=pith-dev scripts/train-recall/evaluate.ts
 * [FOLDER | training.safetensors] [--rows N] [--lengths 128,256] [--json FILE]`. Reads texts from the folder that PITH_DATA names.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bootstrapMean, type Estimate, Random } from '@pith/core'
import { type Jitted, jit, nn, ops, type Params, type Tensor, type Value } from '@pith/engine'
import { type LmConfig, logitsOf, openHf, readLlama2cTokenizer, readWeights } from '@pith/lm'
import { RECALL_TASKS, type RecallTask } from '@pith/lm/recall'
import { BatchTensors } from './batch.ts'
import { loadTraining } from './checkpoint.ts'
import { loadSources, type MixedRow, type Sources, taskRow, textRow } from './mixture.ts'
import { CONFIG, TEXT_SHARES } from './settings.ts'

/** Draws of an evaluation have nothing to do with those of the training. */
const SEED = 7_000_001

/** Tokens that go through the network at once. */
const AT_ONCE = 2048

/** What a model is. */
interface Model {
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

async function loadModel(path: string): Promise<Model> {
  if (path.endsWith('training.safetensors')) {
    const saved = await loadTraining(path)
    if (saved === undefined) throw new Error(`there is no ${path}`)
    return { config: CONFIG, params: saved.params }
  }
  const file = await openHf(
    async (name) =>
      new Uint8Array(await readFile(join(path, name === 'model.safetensors' ? 'pith-recall.safetensors' : name))),
  )
  return { config: file.config, params: await readWeights(file) }
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
    return RECALL_TASKS.includes(kind as RecallTask)
      ? taskRow(kind as RecallTask, sources, own, length + 1)
      : textRow(kind, sources, own, length + 1)
  })
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rows: { type: 'string', default: '200' },
      lengths: { type: 'string', default: '128,256,512,1024' },
      kinds: { type: 'string', default: [...RECALL_TASKS, ...Object.keys(TEXT_SHARES)].join() },
      json: { type: 'string' },
    },
  })
  const data = process.env['PITH_DATA']
  if (data === undefined) throw new Error('PITH_DATA must name the folder of the shared data')
  const root = new URL('../..', import.meta.url).pathname
  const model = await loadModel(positionals[0] ?? join(root, 'models/pith-recall'))
  const tokenizer = readLlama2cTokenizer(new Uint8Array(await readFile(join(data, 'kv/models/tok512.bin'))))
  const sources = await loadSources(data, tokenizer, 'heldout')
  const run = compileRows(model)
  const results: Measured[] = []
  for (const length of values.lengths.split(',').map(Number)) {
    for (const kind of values.kinds.split(',')) {
      const isTask = RECALL_TASKS.includes(kind as RecallTask)
      const rows = rowsOf(kind, sources, Number(values.rows), length)
      const own = bootstrapMean(await measureRows(run, model, rows, length))
      results.push({ kind, length, measure: isTask ? 'accuracy' : 'nll', ...own })
      const [low, high] = own.interval
      const figures = [own.value, low, high].map((x) => x.toFixed(3))
      process.stdout.write(
        `${kind.padEnd(8)} ${String(length).padStart(5)}  ${figures[0]} [${figures[1]}, ${figures[2]}]\n`,
      )
    }
  }
  await run.dispose()
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(results, undefined, 1)}\n`)
}

await main()
