/**
 * Write the weights that a training has reached as `models/pith-recall`: `node --conditions=pith-dev
 * scripts/train-recall/export.ts [training.safetensors] [--to FOLDER]`. Reads the tokenizer from the folder that PITH_DATA names.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { hfConfigJson, hfSafetensors } from '@pith/lm'
import { loadTraining } from './checkpoint.ts'
import { CONFIG, SEED } from './settings.ts'
import { tokenizerConfigJson, tokenizerJson } from './tokenizer-json.ts'

/** One line of the log in so many is kept. */
const KEPT_LINES = 2

const root = new URL('../..', import.meta.url).pathname
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { to: { type: 'string', default: join(root, 'models/pith-recall') } },
})
const data = process.env['PITH_DATA']
if (data === undefined) throw new Error('PITH_DATA must name the folder of the shared data')
const state = positionals[0] ?? join(root, '.cache/pith-recall/training.safetensors')
const saved = await loadTraining(state)
if (saved === undefined) throw new Error(`there is no ${state}`)
const { updates, tokens } = saved.progress
const metadata = { updates: String(updates), tokens: String(tokens), seed: String(SEED) }
await mkdir(values.to, { recursive: true })
const put = (name: string, content: string | Uint8Array): Promise<void> => writeFile(join(values.to, name), content)
await put('pith-recall.safetensors', hfSafetensors(CONFIG, saved.params, { metadata }))
await put('config.json', hfConfigJson(CONFIG))
const tokenizer = new Uint8Array(await readFile(join(data, 'kv/models/tok512.bin')))
await put('tokenizer.bin', tokenizer)
await put('tokenizer.json', tokenizerJson(tokenizer))
await put('tokenizer_config.json', tokenizerConfigJson())
const lines = (await readFile(join(state, '../log.jsonl'), 'utf8')).trim().split('\n')
const isKept = (line: string, i: number): boolean => !line.startsWith('{"update"') || i % KEPT_LINES === 0
await put('training-log.jsonl', `${lines.filter(isKept).join('\n')}\n`)
