import { meterProgress, PithError, Random, type Run } from '@pith/core'
import {
  adamw,
  type Batch,
  compileTrainStep,
  i64,
  nn,
  type Params,
  schedules,
  Tensor,
  type TrainStep,
} from '@pith/engine'
import { readHfTokenizer, type Tokenizer } from '@pith/engine/io'
import { encoderFile } from './export.ts'
import { type EncoderSizes, encoder } from './network.ts'
import { windowsOf } from './windows.ts'
import { trainWordPiece } from './wordpiece.ts'
import { WordEncoder } from './words.ts'

/** A text and which of its words stay. */
export interface LabelledText {
  readonly text: string
  /** u8[words]. */
  readonly keep: Uint8Array
}

/** How a classifier is trained. */
export interface TrainClassifierOptions extends Run {
  /** Updates. Default 600. */
  steps?: number
  /** Rows of an update. Default 8. */
  batch?: number
  /** Tokens of a row, and of the windows that the classifier reads. Default 256. */
  length?: number
  /** Default 6000 tokens, 128 wide, 2 layers of 4 heads. */
  sizes?: Partial<Omit<EncoderSizes, 'length'>>
  /** Share of the texts that is kept aside, whole texts, to measure on. Default 0.15. */
  aside?: number
  /** Rate of learning. Default 0.002. */
  rate?: number
  /** Where a training goes on from, and what hears of its state. */
  checkpoint?: {
    readonly every: number
    restore?(step: TrainStep): Promise<void>
    save(step: TrainStep): Promise<void>
  }
  onStep?: (step: number, loss: number) => void
}

/** How well words are told apart that stay and that go. */
export interface KeepScores {
  readonly precision: number
  readonly recall: number
  readonly f1: number
  /** Words that were judged. */
  readonly n: number
}

/** A classifier, as files. */
export interface TrainedClassifier {
  readonly model: Uint8Array
  readonly tokenizer: Uint8Array
  readonly sizes: EncoderSizes
  /** On texts that it did not learn from; undefined where none were kept aside. */
  readonly scores: KeepScores | undefined
}

const OVERLAP = 16

/**
 * Train a classifier of tokens on labelled texts; whole texts are kept aside to measure on, and tokens around and behind a text do not
 * count.
 *
 * @throws PithError `PITH_ARG` no texts, or options outside of their ranges · `PITH_NONFINITE`
 */
export async function trainClassifier(
  texts: readonly LabelledText[],
  options: TrainClassifierOptions = {},
): Promise<TrainedClassifier> {
  const { steps = 600, batch = 8, length = 256, aside = 0.15, seed = 0, rate = 0.002, signal, checkpoint } = options
  const sizes: EncoderSizes = { vocab: 6000, width: 128, layers: 2, heads: 4, ...options.sizes, length }
  if (texts.length === 0) throw new PithError('PITH_ARG', 'there are no texts to learn from')
  if (!(Number.isInteger(length) && length >= 8 && length <= 512))
    throw new PithError('PITH_ARG', `rows have 8 to 512 tokens, not ${length}`)
  const order = shuffled(texts.length, new Random(seed))
  const count = texts.length > 1 ? Math.min(texts.length - 1, Math.round(aside * texts.length)) : 0
  const [unseen, seen] = [order.slice(0, count), order.slice(count)].map((own) =>
    own.map((i) => texts[i] as LabelledText),
  )
  const file = trainWordPiece(
    (seen as LabelledText[]).map(({ text }) => text),
    sizes.vocab,
  )
  const tokenizer = await readHfTokenizer(file)
  const rowsOf = (own: readonly LabelledText[]): Row[] => own.flatMap((text) => labelledRows(text, tokenizer, length))
  const rows = rowsOf(seen as LabelledText[])
  const draw = rowDrawer(rows.length, seed)
  const net = encoder(sizes)
  const spec = i64(batch, length)
  const step = await compileTrainStep(
    (params, { ids, mask, labels }) => {
      const logits = net.apply(params, ids as never, mask as never)
      return { loss: nn.crossEntropy(logits, labels as never, { ignore: -100 }), aux: { logits } }
    },
    {
      params: net.init(seed, spec, spec),
      batch: { ids: spec, mask: spec, labels: spec },
      optimizer: adamw({ weightDecay: 0.01 }),
      lr: schedules.cosine({ lr: rate, total: steps, warmup: Math.min(50, steps >> 3) }),
      clip: { norm: 1 },
      ...(signal === undefined ? {} : { signal }),
    },
  )
  try {
    await checkpoint?.restore?.(step)
    const meter = meterProgress(options, { stage: 'train', unit: 'steps', total: steps })
    while (step.counts.steps < steps) {
      const at = step.counts.steps
      const own = Array.from({ length: batch }, (_, i) => rows[draw(at * batch + i)] as Row)
      const { loss } = await step.step(batchOf(own, length), { signal })
      options.onStep?.(step.counts.steps, loss)
      meter.update(step.counts.steps)
      if (checkpoint !== undefined && step.counts.steps % checkpoint.every === 0) await checkpoint.save(step)
    }
    meter.finish()
    const scores = count === 0 ? undefined : await measure(step, rowsOf(unseen as LabelledText[]), batch, length)
    return { model: encoderFile(step.params as Params, sizes), tokenizer: file, sizes, scores }
  } finally {
    await step.dispose()
  }
}

/** Ids of a window with those around it, and labels; words whose pieces are not their first count as those do. */
interface Row {
  readonly ids: Int32Array
  readonly labels: Int8Array
  /** Number of the word of each token, -1 around the window. */
  readonly words: Int32Array
}

function labelledRows({ text, keep }: LabelledText, tokenizer: Tokenizer, length: number): Row[] {
  const { words, ids, starts } = new WordEncoder(tokenizer).encode(text)
  const [start, end] = ['[CLS]', '[SEP]'].map((name) => tokenizer.special.get(name) as number)
  return windowsOf(text, words, starts, { size: length - 2, overlap: OVERLAP }).map(({ from, to }) => {
    const own = ids.subarray(starts[from], Math.min(starts[to] as number, (starts[from] as number) + length - 2))
    const row = {
      ids: new Int32Array(own.length + 2),
      labels: new Int8Array(own.length + 2).fill(-100),
      words: new Int32Array(own.length + 2).fill(-1),
    }
    row.ids.set([start as number, ...own, end as number])
    for (let word = from; word < to; word++) {
      for (let at = starts[word] as number; at < (starts[word + 1] as number); at++) {
        const place = at - (starts[from] as number) + 1
        if (place > own.length) break
        row.labels[place] = keep[word] as number
        row.words[place] = word
      }
    }
    return row
  })
}

function batchOf(rows: readonly Row[], length: number): Batch {
  const shape = [rows.length, length]
  const ids = new BigInt64Array(rows.length * length)
  const mask = new BigInt64Array(rows.length * length)
  const labels = new BigInt64Array(rows.length * length).fill(-100n)
  for (const [i, row] of rows.entries()) {
    for (const [j, id] of row.ids.entries()) {
      ids[i * length + j] = BigInt(id)
      mask[i * length + j] = 1n
      labels[i * length + j] = BigInt(row.labels[j] as number)
    }
  }
  return { ids: new Tensor(ids, shape), mask: new Tensor(mask, shape), labels: new Tensor(labels, shape) }
}

async function measure(step: TrainStep, rows: readonly Row[], batch: number, length: number): Promise<KeepScores> {
  let [right, said, wanted, n] = [0, 0, 0, 0]
  for (let at = 0; at < rows.length; at += batch) {
    const own = rows.slice(at, at + batch)
    const padded = [...own, ...Array.from({ length: batch - own.length }, () => own[0] as Row)]
    const { logits } = (await step.evaluate(batchOf(padded, length))).aux as { logits: Tensor }
    const data = logits.data as Float32Array
    for (const [i, row] of own.entries()) {
      for (let j = 0; j < row.ids.length; ) {
        const word = row.words[j] as number
        let [sum, end] = [0, j]
        for (; end < row.ids.length && row.words[end] === word; end++) {
          const place = 2 * (i * length + end)
          sum += 1 / (1 + Math.exp((data[place] as number) - (data[place + 1] as number)))
        }
        if (word >= 0) {
          const [is, should] = [sum / (end - j) > 0.5, row.labels[j] === 1]
          if (is && should) right++
          if (is) said++
          if (should) wanted++
          n++
        }
        j = end
      }
    }
  }
  const [precision, recall] = [said === 0 ? 0 : right / said, wanted === 0 ? 0 : right / wanted]
  return { precision, recall, f1: right === 0 ? 0 : (2 * precision * recall) / (precision + recall), n }
}

/** Rows in a new order in each pass, the same for the same place and seed. */
function rowDrawer(count: number, seed: number): (place: number) => number {
  let pass = -1
  let order: readonly number[] = []
  return (place) => {
    const own = Math.floor(place / count)
    if (own !== pass) {
      order = shuffled(count, new Random(seed).split(own + 1))
      pass = own
    }
    return order[place % count] as number
  }
}

function shuffled(count: number, random: Random): number[] {
  const order = Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const other = random.integer(i + 1)
    ;[order[i], order[other]] = [order[other] as number, order[i] as number]
  }
  return order
}
