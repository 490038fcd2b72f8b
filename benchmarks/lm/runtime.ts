/** What a token costs behind a long context, and a prompt: ours against a growing cache and llama.cpp, one thread each. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Params } from '@pith/engine'
import { Lm, type LmConfig, openLlama2c, type Quant, readWeights } from '@pith/lm'
import { randomParams } from '@pith/lm/testing'
import { CONFIG } from '../../scripts/train-recall/settings.ts'
import { dataFolder } from '../measure/data.ts'
import { GrowingModel } from './growing.ts'
import { LLAMA_CPP, LlamaCpp, llamaCppFolder } from './llama-cpp.ts'

/** Tokens that are read before those that are measured. */
export const PAST = 900

/** Tokens of a turn: the mean of a block is one figure, so that what is collected between tokens counts. */
const TURN = 32
const BLOCK = 4

/** Tokens of the prompt. */
export const PROMPT = 512

/** The shape of a model of 15 million parameters that tell stories. */
export const SHAPE_15M: LmConfig = {
  layers: 6,
  heads: 6,
  kvHeads: 6,
  headDim: 48,
  hidden: 288,
  ffn: 768,
  vocab: 32000,
  ctx: 1024,
  ropeTheta: 10000,
  normEps: 1e-5,
  tied: true,
  qkvBias: false,
}

export interface BenchModel {
  readonly name: string
  readonly config: LmConfig
  readonly params: Params
  /** What llama.cpp holds it in. */
  readonly type: 'Q4_0' | 'F16'
}

/** Random weights of two shapes, and stories260K where the data is; its rows are no whole blocks of Q4_0. */
export async function benchModels(): Promise<BenchModel[]> {
  const models: BenchModel[] = [
    { name: '15M', config: SHAPE_15M, params: randomParams(SHAPE_15M, 1), type: 'Q4_0' },
    { name: 'pith-recall', config: CONFIG, params: randomParams(CONFIG, 2), type: 'Q4_0' },
  ]
  const folder = dataFolder()
  if (folder === undefined) return models
  const stories = await openLlama2c(new Uint8Array(readFileSync(join(folder, 'kv/models/stories260K.bin'))))
  // Positions behind those it was made for cost the same.
  const config = { ...stories.config, ctx: SHAPE_15M.ctx }
  models.push({ name: 'stories260K', config, params: await readWeights(stories), type: 'F16' })
  return models
}

/** CPU milliseconds of a token. */
export interface DecodeTimes {
  readonly q4: number
  readonly f32: number
  readonly growing: number
  /** Absent where node-llama-cpp cannot be had. */
  readonly llamaCpp?: number
  readonly llamaCppVersion: string
}

function idsOf(count: number, vocab: number): number[] {
  return Array.from({ length: count }, (_, i) => 3 + ((i * 7919) % (vocab - 3)))
}

async function cpu(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

function leastBlock(ms: readonly number[]): number {
  let least = Number.POSITIVE_INFINITY
  for (let at = 0; at + BLOCK <= ms.length; at += BLOCK) {
    least = Math.min(least, ms.slice(at, at + BLOCK).reduce((a, b) => a + b, 0) / BLOCK)
  }
  return least
}

/** Tokens behind {@link PAST} others, turn by turn. */
export async function measureDecode(model: BenchModel, turns: number, cache: string): Promise<DecodeTimes> {
  const { config, params, type } = model
  const ids = Int32Array.from(idsOf(PAST, config.vocab))
  const folder = mkdtempSync(join(tmpdir(), 'pith-decode-'))
  const library = llamaCppFolder(cache)
  const own = (['q4', 'f32'] as const).map((quant) => new Lm({ config, params }, { quant }))
  const growing = await GrowingModel.open(config, params)
  const peer = library === undefined ? undefined : await LlamaCpp.start(library, folder, model, type, 'fast')
  try {
    const sessions = own.map((lm) => lm.session({ capacity: PAST + TURN + 1 }))
    for (const session of sessions) await session.prefill(ids)
    const least = { q4: Infinity, f32: Infinity, growing: Infinity, llamaCpp: Infinity }
    const note = (name: keyof typeof least, ms: readonly number[]): unknown =>
      (least[name] = Math.min(least[name], leastBlock(ms)))
    for (let turn = 0; turn < turns; turn++) {
      for (const [i, name] of (['q4', 'f32'] as const).entries()) {
        const session = sessions[i] as (typeof sessions)[number]
        session.truncate(PAST)
        const ms: number[] = []
        for (let t = 0; t < TURN; t++) ms.push(await cpu(() => session.decode(5)))
        note(name, ms)
      }
      growing.clear()
      await growing.read(ids)
      const ms: number[] = []
      for (let t = 0; t < TURN; t++) ms.push(await cpu(() => growing.read(Int32Array.of(5))))
      note('growing', ms)
      if (peer !== undefined) note('llamaCpp', await peer.decode([...ids], TURN))
    }
    const { llamaCpp, ...rest } = least
    return { ...rest, ...(peer === undefined ? {} : { llamaCpp }), llamaCppVersion: LLAMA_CPP }
  } finally {
    await peer?.stop()
    await growing.close()
    for (const lm of own) await lm.close()
    rmSync(folder, { recursive: true })
  }
}

/** CPU milliseconds of a prompt at once and token by token, and how far apart the logits of its last token are. */
export interface PrefillTimes {
  readonly whole: number
  readonly byToken: number
  readonly distance: number
}

/** A prompt of {@link PROMPT} tokens, read both ways. */
export async function measurePrefill(
  { config, params }: BenchModel,
  quant: Quant,
  turns: number,
): Promise<PrefillTimes> {
  const lm = new Lm({ config, params }, { quant })
  const ids = Int32Array.from(idsOf(PROMPT, config.vocab))
  const session = lm.session({ capacity: PROMPT })
  const least = { whole: Infinity, byToken: Infinity }
  let distance = 0
  try {
    for (let turn = 0; turn < turns; turn++) {
      session.truncate(0)
      let one = new Float32Array(0)
      const whole = await cpu(async () => {
        one = new Float32Array(await session.prefill(ids))
      })
      session.truncate(0)
      let other = new Float32Array(0)
      const byToken = await cpu(async () => {
        for (const id of ids) other = new Float32Array(await session.decode(id))
      })
      distance = Math.max(distance, ...one.map((x, i) => Math.abs(x - (other[i] as number))))
      least.whole = Math.min(least.whole, whole)
      least.byToken = Math.min(least.byToken, byToken)
    }
    return { ...least, distance }
  } finally {
    await lm.close()
  }
}
