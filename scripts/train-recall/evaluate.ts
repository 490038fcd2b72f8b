/**
 * Measure a model on recall tasks and on held-out text: `node --conditions=pith-dev scripts/train-recall/evaluate.ts
 * [MODEL | training.safetensors] [--rows N] [--lengths 128,256] [--kinds copy,stories] [--json FILE]`. Reads texts from the
 * folder that PITH_DATA names.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readLlama2cTokenizer, readWeights } from '@pith/lm'
import { openModel } from '@pith/lm/node'
import { RECALL_TASKS } from '@pith/lm/recall'
import { loadTraining } from './checkpoint.ts'
import { type Measured, type Model, measureModel } from './measure.ts'
import { loadSources } from './mixture.ts'
import { CONFIG, TEXT_SHARES } from './settings.ts'

async function loadModel(path: string): Promise<Model> {
  if (!path.endsWith('training.safetensors')) {
    const { checkpoint } = await openModel(path)
    const params = await readWeights(checkpoint)
    await checkpoint.close()
    return { config: checkpoint.config, params }
  }
  const saved = await loadTraining(path)
  if (saved === undefined) throw new Error(`there is no ${path}`)
  return { config: CONFIG, params: saved.params }
}

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
const model = await loadModel(positionals[0] ?? new URL('../../models/pith-recall', import.meta.url).pathname)
const tokenizer = readLlama2cTokenizer(new Uint8Array(await readFile(join(data, 'kv/models/tok512.bin'))))
const sources = await loadSources(data, tokenizer, 'heldout')
const plan = {
  kinds: values.kinds.split(','),
  lengths: values.lengths.split(',').map(Number),
  rows: Number(values.rows),
}
const results: Measured[] = []
for await (const own of measureModel(model, sources, plan)) {
  results.push(own)
  const [value, low, high] = [own.value, ...own.interval].map((x) => x.toFixed(3))
  process.stdout.write(`${own.kind.padEnd(8)} ${String(own.length).padStart(5)}  ${value} [${low}, ${high}]\n`)
}
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(results, undefined, 1)}\n`)
