import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Random } from '@pith/core'
import { muon, ParamStore, type Params, Tensor } from '@pith/engine'
import { readHfTokenizer } from '@pith/engine/io'
import { llama2cTokenizerBytes } from '@pith/engine/testing'
import { type LmConfig, readLlama2cTokenizer } from '@pith/lm'
import { recallWords } from '@pith/lm/recall'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tallyRows } from './batch.ts'
import { loadTraining, type Progress } from './checkpoint.ts'
import { type MixedRow, mixedRow, type Sources } from './mixture.ts'
import { initialParams } from './network.ts'
import { groupByShape, isMatrix, MatrixOptimizer } from './optimizer.ts'
import { CONFIG, OPTIMIZER, STAGES } from './settings.ts'
import { rateAt, StageRun, type TrainingSettings } from './stage.ts'
import { tokenizerConfigJson, tokenizerJson } from './tokenizer-json.ts'

const PIECES = [' t', 'he', ' the', ' co', ' of', ...' abcdefghijklmnopqrstuvwxyz0123456789.;?']
const tokenizer = readLlama2cTokenizer(llama2cTokenizerBytes(PIECES))
const story = tokenizer.encode('the cat sat on the mat of the house. '.repeat(40), { prefix: false })
const sources: Sources = { words: recallWords(tokenizer), texts: { stories: story, wiki: story, java: story } }

const TINY: LmConfig = {
  ...CONFIG,
  layers: 1,
  heads: 2,
  kvHeads: 2,
  headDim: 8,
  hidden: 16,
  ffn: 24,
  vocab: tokenizer.size,
}

const SETTINGS: TrainingSettings = {
  config: TINY,
  seed: 5,
  stages: STAGES.slice(0, 2).map((stage, i) => ({ ...stage, length: 64 * (i + 1), rows: 4, tokens: 64 * 4 * 20 })),
  optimizer: OPTIMIZER,
  threads: 1,
}

function begin(): Progress {
  return { updates: 0, tokens: 0, stage: 0, stageTokens: 0, settings: '' }
}

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pith-recall-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Go on for some updates. */
async function goOn(run: StageRun, progress: Progress, updates: number, lines: unknown[] = []): Promise<void> {
  const end = progress.updates + updates
  await run.run(sources, {
    isStopped: () => progress.updates >= end,
    log: (line) => lines.push(line),
    state: join(folder, 'training.safetensors'),
    saveEvery: 1e9,
  })
}

test('a training that was stopped goes on with the same bits', async () => {
  const params = initialParams(TINY, 1)
  const wholeProgress = begin()
  const whole = await StageRun.open(SETTINGS, params, {}, wholeProgress)
  const lines: unknown[] = []
  await goOn(whole, wholeProgress, 12, lines)
  const progress = begin()
  const first = await StageRun.open(SETTINGS, params, {}, progress)
  await goOn(first, progress, 5)
  await first.dispose()
  const saved = await loadTraining(join(folder, 'training.safetensors'))
  expect(saved?.progress).toEqual({ ...begin(), updates: 5, tokens: 5 * 256, stageTokens: 5 * 256 })
  const second = await StageRun.open(SETTINGS, saved?.params ?? {}, saved?.moments ?? {}, saved?.progress as Progress)
  await goOn(second, saved?.progress as Progress, 7)
  expect(second.params).toEqual(whole.params)
  expect(second.moments).toEqual(whole.moments)
  expect(lines).toEqual([
    expect.objectContaining({ update: 10, tokens: 2560, stage: 'A', repeats: expect.any(Number) }),
  ])
  await second.dispose()
  await whole.dispose()
})

test('a stage is over when its tokens are spent, and learns', async () => {
  const progress = begin()
  const run = await StageRun.open(SETTINGS, initialParams(TINY, 1), {}, progress)
  const lines: { loss: number }[] = []
  const hooks = { isStopped: () => false, log: (line: unknown) => lines.push(line as never), state: '', saveEvery: 1e9 }
  expect(await run.run(sources, hooks)).toBe(true)
  expect(progress.updates).toBe(20)
  expect(lines[1]?.loss).toBeLessThan((lines[0]?.loss ?? 0) - 0.02)
  await run.dispose()
})

describe('updates', () => {
  const shapes: Record<string, number[]> = {
    'blocks.0.attn.wq': [8, 8],
    'blocks.0.mlp.wUp': [12, 8],
    'embed.tokens': [7, 6],
    'blocks.1.attn.wq': [8, 8],
    'blocks.0.mlp.wDown': [8, 12],
    'norm.scale': [6],
  }
  const draw = (seed: number): Params =>
    Object.fromEntries(
      Object.entries(shapes).map(([name, shape], i) => {
        const random = new Random(seed).split(i)
        return [
          name,
          new Tensor(
            Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
            shape,
          ),
        ]
      }),
    )

  test('are those of Muon and Adam in plain loops', async () => {
    const ours = new ParamStore(groupByShape(draw(1)))
    const theirs = new ParamStore(groupByShape(draw(1)))
    const { momentum, betas } = OPTIMIZER
    const optimizer = new MatrixOptimizer(ours, OPTIMIZER)
    const oracle = muon({ momentum, othersRate: 0.15, others: { betas, weightDecay: 0 }, isHidden: isMatrix }).bind(
      theirs,
    )
    for (let update = 1; update <= 3; update++) {
      ours.load(groupByShape(draw(10 + update)), ours.gradients)
      theirs.load(groupByShape(draw(10 + update)), theirs.gradients)
      await optimizer.update(update, 0.02, 0.003)
      oracle.update(update, 0.02)
    }
    await optimizer.dispose()
    const worst = Math.max(...ours.weights.map((weight, i) => Math.abs(weight - (theirs.weights[i] as number))))
    expect(worst).toBeLessThan(1e-5)
  })

  test('matrices of one shape are neighbours', () => {
    const names = Object.keys(groupByShape(draw(1)))
    expect(Math.abs(names.indexOf('blocks.0.attn.wq') - names.indexOf('blocks.1.attn.wq'))).toBe(1)
  })
})

test('the rate rises at each stage, stays, and falls to its end', () => {
  const at = (stage: number, share: number): number => {
    const { tokens } = STAGES[stage] as { tokens: number }
    return rateAt({ ...SETTINGS, stages: STAGES }, { ...begin(), stage, stageTokens: share * tokens })
  }
  expect(at(0, 0)).toBeCloseTo(1 / 60)
  expect(at(0, 0.9)).toBe(1)
  expect(at(1, 0)).toBeCloseTo(0.1 + 0.9 / 60)
  expect(at(1, 0.9)).toBe(1)
  expect(at(2, 0.9)).toBe(STAGES[2]?.rate)
  const last = STAGES.length - 1
  expect(at(last, 1)).toBeCloseTo(OPTIMIZER.last * (STAGES[last]?.rate ?? 0))
  expect(at(last - 1, 0.5)).toBeGreaterThan(at(last, 0.5))
})

test('rows come in their shares, from a seed', () => {
  const { shares } = STAGES.at(-1) as { shares: Record<string, number> }
  const random = new Random(1)
  const rows = Array.from({ length: 2000 }, (_, i) => mixedRow(shares, sources, random.split(i), 129))
  const share = (kinds: readonly string[]): number =>
    rows.filter(({ kind }) => kinds.includes(kind)).length / rows.length
  expect(share(['stories', 'wiki', 'java'])).toBeCloseTo(shares['text'] as number, 1)
  expect(share(['lookup'])).toBeCloseTo(shares['lookup'] as number, 1)
  expect(rows.every(({ ids, weights }) => ids.length === 129 && weights.length === 129 && weights[0] === 0)).toBe(true)
  expect(mixedRow(shares, sources, new Random(1).split(7), 129)).toEqual(rows[7])
})

test('answers count as a whole', () => {
  const row: MixedRow = {
    kind: 'lookup',
    ids: Int32Array.of(1, 2, 3, 4, 5),
    weights: Float32Array.of(0, 0, 1, 1, 1),
    answers: [
      { start: 2, end: 4 },
      { start: 4, end: 5 },
    ],
  }
  const logs = Float32Array.of(-9, -1, -2, -3)
  const sums = tallyRows([row], 4, logs, Float32Array.of(0, 1, 0, 1))
  expect(sums).toEqual({ lookup: { rows: 1, answers: 2, right: 1, tokens: 3, nll: 6 } })
})

test('both tokenizers give the same ids and texts', async () => {
  const bytes = llama2cTokenizerBytes(PIECES)
  const encoder = new TextEncoder()
  const other = await readHfTokenizer(encoder.encode(tokenizerJson(bytes)), encoder.encode(tokenizerConfigJson()))
  expect(other.size).toBe(tokenizer.size)
  expect([other.bos, other.eos]).toEqual([1, 2])
  const texts = ['the cod of the  house', 'a <unk> , and = \u20acuro\n\n', ' The é', 'x', '  ']
  for (const text of texts) {
    for (const special of [false, true]) {
      expect([...other.encode(text, { special })]).toEqual([...tokenizer.encode(text, { special })])
    }
    expect(other.decode(other.encode(text))).toBe(text)
  }
})
