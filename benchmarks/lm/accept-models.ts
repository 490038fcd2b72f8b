/** Language models of others against values that were computed apart, and the reference model on what it has not seen. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { jit, nn, Tensor, type Value } from '@pith/engine'
import { type LmConfig, logitsOf, openLlama2c, readLlama2cTokenizer, readWeights } from '@pith/lm'
import { openModel } from '@pith/lm/node'
import { RECALL_TASKS } from '@pith/lm/recall'
import { plainLogits } from '../../packages/lm/test/plain-llama.ts'
import { type Measured, measureModel } from '../../scripts/train-recall/measure.ts'
import { loadSources } from '../../scripts/train-recall/mixture.ts'
import { type AcceptContext, atMost } from '../measure/accept.ts'
import { dataFolder } from '../measure/data.ts'
import { ROOT } from '../measure/machine.ts'

/** What stands in the reference of the small prototype. */
interface Reference {
  readonly kind: string
  readonly ids: number[]
  readonly nll: number[]
  readonly lastLogits: number[]
}

type Params = Awaited<ReturnType<typeof readWeights>>

async function logits(config: LmConfig, params: Params, ids: readonly number[]): Promise<Float32Array[]> {
  const net = nn.module((scope: nn.Scope, own: Value) => logitsOf(scope, config, own))
  const run = jit(({ tokens, ...own }) => ({ out: net.apply(own as Record<string, Value>, tokens as Value) }))
  const { out } = await run({ tokens: new Tensor(BigInt64Array.from(ids, BigInt), [1, ids.length]), ...params })
  await run.dispose()
  const data = (out as Tensor).data as Float32Array
  return ids.map((_, i) => data.subarray(i * config.vocab, (i + 1) * config.vocab))
}

function nllOf(row: Float32Array, target: number): number {
  const most = row.reduce((a, b) => Math.max(a, b))
  return most + Math.log(row.reduce((sum, x) => sum + Math.exp(x - most), 0)) - (row[target] as number)
}

function furthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] as number))))
}

/** A prototype in safetensors against its reference, and stories260K in the format of llama2.c against plain arithmetic. */
export async function acceptLoaders(context: AcceptContext): Promise<void> {
  const folder = join(dataFolder() ?? '', 'kv/models')
  const { checkpoint } = await openModel(join(folder, 'recall-mini'))
  const params = await readWeights(checkpoint)
  await checkpoint.close()
  const references = JSON.parse(readFileSync(join(folder, 'recall-mini/reference.json'), 'utf8')) as Reference[]
  for (const { kind, ids, nll, lastLogits } of references) {
    const rows = await logits(checkpoint.config, params, ids.slice(0, -1))
    const own = rows.map((row, i) => nllOf(row, ids[i + 1] as number))
    atMost(context, `recall-mini, ${kind}: loss of each token`, furthest(own, nll), 1e-3, 7)
    atMost(context, `recall-mini, ${kind}: last logits`, furthest(rows.at(-1) ?? [], lastLogits), 1e-3, 7)
  }
  const bytes = new Uint8Array(readFileSync(join(folder, 'stories260K.bin')))
  const stories = await openLlama2c(bytes)
  const tokenizer = readLlama2cTokenizer(new Uint8Array(readFileSync(join(folder, 'tok512.bin'))))
  const ids = [
    ...tokenizer.encode('Once upon a time, there was a little girl who liked to play outside.', { bos: true }),
  ]
  const weights = await readWeights(stories)
  const plain = plainLogits(stories.config, weights, ids)
  const rows = await logits(stories.config, weights, ids)
  atMost(
    context,
    'stories260K: logits as in double precision',
    Math.max(...rows.map((row, i) => furthest(row, plain[i] ?? []))),
    1e-3,
    7,
  )
}

/** Share of right answers that the reference model must reach at every length, and rows of each task. */
const LEAST_RIGHT = 0.9
const ROWS = 200

const LENGTHS = [128, 256, 512, 1024]

/** Less of both where a run must be short: 60 rows still tell .96 from .9. */
const FEW_ROWS = 60
const FEW_LENGTHS = [128, 512]

/** Held-out texts, whose loss is printed. */
const TEXTS = ['stories', 'wiki', 'java']
const TEXT_ROWS = 60

/** Tasks whose figure is printed, not promised. */
const PRINTED = ['chain']

/** Copies, tables and hidden codes at four lengths, and the loss of text, all of it held out. */
export async function acceptRecall(context: AcceptContext): Promise<void> {
  const path = join(ROOT, 'models/pith-recall')
  const data = dataFolder() ?? ''
  if (!existsSync(path)) return context.check('the reference model', false, `there is no ${path}`)
  const { checkpoint } = await openModel(path)
  const model = { config: checkpoint.config, params: await readWeights(checkpoint) }
  await checkpoint.close()
  const tokenizer = readLlama2cTokenizer(new Uint8Array(readFileSync(join(data, 'kv/models/tok512.bin'))))
  const sources = await loadSources(data, tokenizer, 'heldout')
  const isShort = context.scale < 1
  const [rows, lengths] = isShort ? [FEW_ROWS, FEW_LENGTHS] : [ROWS, LENGTHS]
  for await (const own of measureModel(model, sources, { kinds: RECALL_TASKS, lengths, rows })) {
    const { kind, length, value } = own
    const name = `pith-recall, ${kind} of ${length} tokens`
    if (PRINTED.includes(kind)) context.say(`${name}: ${figureOf(own)} right`)
    else context.check(name, value >= LEAST_RIGHT, `${figureOf(own)} (at least ${LEAST_RIGHT})`)
  }
  for await (const own of measureModel(model, sources, {
    kinds: TEXTS,
    lengths: lengths.slice(-1),
    rows: isShort ? TEXT_ROWS / 5 : TEXT_ROWS,
  })) {
    context.say(`pith-recall, ${own.kind}: ${figureOf(own)} nats a token`)
  }
}

function figureOf({ value, interval }: Measured): string {
  return `${value.toFixed(3)} [${interval.map((x) => x.toFixed(3)).join(', ')}]`
}
