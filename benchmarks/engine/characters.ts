/** A language model of characters, a million parameters, 600 steps of 4,096 characters, against PyTorch on the same batches. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Random } from '@pith/core'
import { adamw, compileTrainStep, nn, schedules, Tensor, type Value } from '@pith/engine'
import type { BenchContext } from '../measure/case.ts'
import { dataFolder } from '../measure/data.ts'
import { textTable } from '../measure/table.ts'
import { batchSpec, countOf, languageModel, type ModelSize, startOf } from './language-model.ts'
import { writePeerFiles } from './peer-files.ts'
import { Peer, pythonWithTorch } from './peers.ts'

const TEXT = 'engine/text/tinyshakespeare-first900k.txt'
/** Share of the text, its end, that no step sees. */
const HELD_BACK = 0.1
const VALIDATION_BATCHES = 16
/** Steps of each contender in a row. */
const TURN = 20

interface Answer {
  readonly ms: number
  readonly losses: readonly number[]
  readonly validation: number | null
}

export interface CharacterFigures {
  readonly parameters: number
  readonly size: ModelSize
  readonly steps: number
  readonly ours: { readonly validation: number; readonly cpuMs: number }
  readonly torch?: { readonly version: string; readonly validation: number; readonly cpuMs: number }
}

/** Characters as their places in the alphabet of the text. */
function readText(): { tokens: Int32Array; letters: number } | undefined {
  const folder = dataFolder()
  if (folder === undefined) return undefined
  const bytes = readFileSync(join(folder, TEXT))
  const alphabet = [...new Set(bytes)].sort((a, b) => a - b)
  const places = new Map(alphabet.map((byte, place) => [byte, place]))
  return { tokens: Int32Array.from(bytes, (byte) => places.get(byte) as number), letters: alphabet.length }
}

/** i32[batches, 2, batch, tokens]: windows of the text at random places, and the same one further on. */
function windows(text: Int32Array, { batch, tokens }: ModelSize, batches: number, seed: number): Int32Array {
  const random = new Random(seed)
  const rows = batch * tokens
  const out = new Int32Array(batches * 2 * rows)
  for (let i = 0; i < batches; i++) {
    for (let row = 0; row < batch; row++) {
      const at = Math.floor(random.uniform() * (text.length - tokens))
      out.set(text.subarray(at, at + tokens), (2 * i * batch + row) * tokens)
      out.set(text.subarray(at + 1, at + tokens + 1), ((2 * i + 1) * batch + row) * tokens)
    }
  }
  return out
}

function batchAt(all: Int32Array, { batch, tokens }: ModelSize, index: number): Record<'ids' | 'next', Tensor> {
  const rows = batch * tokens
  const part = (from: number): Tensor =>
    new Tensor(BigInt64Array.from(all.subarray(from, from + rows), BigInt), [batch, tokens])
  return { ids: part(2 * index * rows), next: part((2 * index + 1) * rows) }
}

/** @returns undefined without the data */
export async function measureCharacters(
  steps: number,
  say: (text: string) => void,
): Promise<CharacterFigures | undefined> {
  const text = readText()
  if (text === undefined) return undefined
  const size: ModelSize = { layers: 5, width: 128, heads: 4, vocabulary: text.letters, batch: 32, tokens: 128 }
  const border = Math.floor(text.tokens.length * (1 - HELD_BACK))
  const train = windows(text.tokens.subarray(0, border), size, steps, 1)
  const validation = windows(text.tokens.subarray(border), size, VALIDATION_BATCHES, 2)
  const lr = schedules.cosine({ lr: 2e-3, warmup: Math.min(50, steps >> 2), total: steps, min: 1e-4 })
  const params = startOf(size)
  const net = languageModel(size)
  const step = await compileTrainStep(
    (own, { ids, next }) => nn.crossEntropy(net.apply(own, ids as Value), next as Value),
    { params, batch: batchSpec(size), optimizer: adamw({ lr }), clip: { norm: 1 } },
  )
  const folder = mkdtempSync(join(tmpdir(), 'pith-characters-'))
  const python = pythonWithTorch()
  let peer: Peer<{ version: string }, Answer> | undefined
  try {
    writePeerFiles(folder, size, params, batchAt(train, size, 0))
    const rates = Float64Array.from({ length: steps }, (_, i) => lr(i))
    for (const [name, { buffer }] of Object.entries({ train, validation, rates })) {
      writeFileSync(join(folder, `${name}.bin`), new Uint8Array(buffer))
    }
    if (python !== undefined) peer = await Peer.start([python, join(import.meta.dirname, 'characters.py'), folder])
    let [ours, theirs] = [0, 0]
    let last: Answer | undefined
    for (let done = 0; done < steps; done += TURN) {
      const count = Math.min(TURN, steps - done)
      const before = process.cpuUsage()
      let loss = Number.NaN
      for (let i = done; i < done + count; i++) loss = (await step.step(batchAt(train, size, i))).loss
      const { user, system } = process.cpuUsage(before)
      ours += (user + system) / 1000
      last = await peer?.ask(String(count))
      theirs += last?.ms ?? 0
      if ((done + count) % 100 === 0)
        say(`${done + count} steps: ${loss.toFixed(3)}, PyTorch ${last?.losses.at(-1)?.toFixed(3)}`)
    }
    let sum = 0
    for (let i = 0; i < VALIDATION_BATCHES; i++) sum += (await step.evaluate(batchAt(validation, size, i))).loss
    return {
      parameters: countOf(params),
      size,
      steps,
      ours: { validation: sum / VALIDATION_BATCHES, cpuMs: ours },
      ...(peer === undefined
        ? {}
        : { torch: { ...peer.hello, validation: last?.validation ?? Number.NaN, cpuMs: theirs } }),
    }
  } finally {
    await peer?.stop()
    await step.dispose()
    rmSync(folder, { recursive: true, force: true })
  }
}

export async function benchCharacters(context: BenchContext): Promise<void> {
  const steps = Math.max(TURN, Math.round(600 * context.scale))
  const figures = await measureCharacters(steps, context.say)
  if (figures?.torch === undefined) {
    context.say('PITH_DATA or PyTorch is not here: not measured')
    return
  }
  const { ours, torch, size, parameters } = figures
  context.add({
    system: 'engine',
    kind: 'characters',
    peer: { name: 'PyTorch', version: torch.version },
    data: { name: 'tinyshakespeare', bytes: 900_000 },
    params: { ...size, parameters, steps },
    ours: { cpuMs: ours.cpuMs, quality: { nats: ours.validation } },
    theirs: { cpuMs: torch.cpuMs, quality: { nats: torch.validation } },
    vs: { cpu: ours.cpuMs / torch.cpuMs, nats: ours.validation - torch.validation },
    repeats: 1,
  })
  const row = (name: string, { validation, cpuMs }: { validation: number; cpuMs: number }): string[] => [
    name,
    validation.toFixed(4),
    (cpuMs / 1000).toFixed(0),
  ]
  context.say(textTable([`${steps} steps`, 'nats/character', 'CPU s'], [row('ours', ours), row('PyTorch', torch)]))
}
