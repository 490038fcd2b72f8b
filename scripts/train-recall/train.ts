/**
 * Train the reference model, or go on where it was left: `npm run train:recall`. Reads texts from the folder that PITH_DATA
 * names; keeps its state in `.cache/pith-recall`, or where PITH_RECALL says. An interrupt saves the state first.
 */
import { appendFileSync, mkdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readLlama2cTokenizer } from '@pith/lm'
import { loadTraining, type Moments, type Progress } from './checkpoint.ts'
import { loadSources } from './mixture.ts'
import { initialParams } from './network.ts'
import { ANSWER_WEIGHTS, CONFIG, OPTIMIZER, SEED, STAGES, TEXT_SHARES } from './settings.ts'
import { StageRun, type TrainingSettings } from './stage.ts'

const FOLDER = process.env['PITH_RECALL'] ?? new URL('../../.cache/pith-recall', import.meta.url).pathname
const STATE = join(FOLDER, 'training.safetensors')

/** Tokens between two saved states. */
const SAVE_EVERY = 300_000

/** What must not change between two sittings. */
const FIXED = JSON.stringify({ CONFIG, SEED, OPTIMIZER })

function log(line: Record<string, unknown>): void {
  appendFileSync(join(FOLDER, 'log.jsonl'), `${JSON.stringify(line)}\n`)
}

const data = process.env['PITH_DATA']
if (data === undefined) throw new Error('PITH_DATA must name the folder of the shared data')
mkdirSync(FOLDER, { recursive: true })
let isStopped = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (isStopped = true))
const tokenizer = readLlama2cTokenizer(new Uint8Array(await readFile(join(data, 'kv/models/tok512.bin'))))
const sources = await loadSources(data, tokenizer, 'train')
const saved = await loadTraining(STATE)
const progress: Progress = saved?.progress ?? { updates: 0, tokens: 0, stage: 0, stageTokens: 0, settings: FIXED }
if (progress.settings !== FIXED) throw new Error(`${STATE} is of a training with other settings`)
const settings: TrainingSettings = {
  config: CONFIG,
  seed: SEED,
  stages: STAGES,
  optimizer: OPTIMIZER,
  threads: Number(process.env['PITH_THREADS'] ?? 1),
}
log({
  begin: progress.updates,
  settings: { CONFIG, SEED, OPTIMIZER, STAGES, TEXT_SHARES, ANSWER_WEIGHTS },
  texts: Object.fromEntries(Object.entries(sources.texts).map(([name, ids]) => [name, ids.length])),
})
let params = saved?.params ?? initialParams(CONFIG, SEED)
let moments: Moments = saved?.moments ?? {}
let isWhole = true
while (isWhole && progress.stage < STAGES.length) {
  const run = await StageRun.open(settings, params, moments, progress)
  isWhole = await run.run(sources, { isStopped: () => isStopped, log, state: STATE, saveEvery: SAVE_EVERY })
  if (isWhole) {
    params = run.params
    moments = run.moments
    progress.stage++
    progress.stageTokens = 0
    await run.save(STATE)
  }
  await run.dispose()
}
if (isWhole) log({ end: progress.updates, tokens: progress.tokens })
