/**
 * Makes models/pith-keep, the classifier of `pith prompt compress --model models/pith-keep`, from the meetings of QMSum (MIT) in the
 * folder of PITH_DATA: `npm run train:keep`. Words are labelled by rules. The last two meetings are not read at all: the acceptance is
 * measured on them.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ruleLabels, trainClassifier } from '@pith/context/llmlingua2'
import { saveClassifier } from '@pith/context/llmlingua2/node'
import { loadCheckpoint, saveCheckpoint } from '@pith/engine/train/node'

const STEPS = 800
const data = process.env['PITH_DATA']
if (data === undefined) throw new Error('PITH_DATA names no folder with context/qmsum_meetings.jsonl in it')
const rows = await readFile(join(data, 'context/qmsum_meetings.jsonl'), 'utf8')
const texts = rows
  .trim()
  .split('\n')
  .slice(0, -2)
  .map((line) => {
    const { turns } = JSON.parse(line) as { turns: [string, string][] }
    const text = turns.map(([who, said]) => `${who}: ${said}`).join('\n')
    return { text, keep: ruleLabels(text) }
  })

const root = join(import.meta.dirname, '..')
const folder = join(root, 'models/pith-keep')
const state = join(root, '.cache/pith-keep')
const log: string[] = []
const trained = await trainClassifier(texts, {
  ...{ steps: STEPS, seed: 1, aside: 1 / 12 },
  onStep(step, loss) {
    if (step % 20 !== 0) return
    log.push(JSON.stringify({ step, loss: Number(loss.toFixed(4)) }))
    console.log(log.at(-1))
  },
  checkpoint: {
    every: 100,
    restore: async (step) => void (await loadCheckpoint(state, step)),
    save: async (step) => void (await saveCheckpoint(state, step)),
  },
})
await saveClassifier(folder, trained, { force: true })
log.push(JSON.stringify(trained.scores))
await writeFile(join(folder, 'log.jsonl'), `${log.join('\n')}\n`)
console.log(trained.scores)
