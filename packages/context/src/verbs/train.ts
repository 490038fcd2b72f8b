/** `pith prompt train`. */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { type Arguments, type CommandContext, numberOf, PithError } from '@pith/core'
import { loadCheckpoint, saveCheckpoint } from '@pith/engine/train/node'
import { type LabelledText, labelWords, ruleLabels, trainClassifier } from '../llmlingua2/index.ts'
import { saveClassifier } from '../llmlingua2/node/index.ts'
import { readText } from './inputs.ts'

/** Shares of pairs that are left out: those with most words made up, then those that match least clearly (LLMLingua-2, section 3.2). */
const WORST_VARIATION = 0.05
const WORST_GAP = 0.1

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const out = args.value('output')
  if (out === undefined)
    throw new PithError('PITH_ARG', 'option --output is missing', { hint: 'Say where the model goes: -o DIR.' })
  const isThere = await access(join(out, 'model.onnx')).then(
    () => true,
    () => false,
  )
  if (isThere && !args.has('force'))
    throw new PithError('PITH_IO', `${out} holds a model`, { hint: 'Overwrite it with --force.' })
  const texts = (
    await Promise.all(args.operands.map(async (path) => textsOf(await readText(path, context), path)))
  ).flat()
  const number = (name: string, least: number, most: number): Record<string, number> =>
    args.has(name) ? { [name]: numberOf(args, name, least, most, true) } : {}
  const folder = args.value('checkpoints')
  const losses: number[] = []
  const trained = await trainClassifier(texts, {
    ...{ signal: context.signal, onProgress: (progress) => context.onProgress(progress) },
    ...number('steps', 1, 1e7),
    ...number('batch', 1, 1024),
    ...number('seed', 0, 2 ** 31),
    onStep: (_, loss) => losses.push(loss),
    ...(folder === undefined
      ? {}
      : {
          checkpoint: {
            every: 100,
            restore: async (step) => void (await loadCheckpoint(folder, step)),
            save: async (step) => void (await saveCheckpoint(folder, step)),
          },
        }),
  })
  await saveClassifier(out, trained, { force: args.has('force') })
  const { scores, sizes, model } = trained
  const loss = losses.slice(-50).reduce((sum, own) => sum + own, 0) / Math.max(1, Math.min(50, losses.length))
  if (context.json)
    await context.report({ texts: texts.length, loss, scores: scores ?? null, sizes, bytes: model.length })
  else {
    const says =
      scores === undefined
        ? 'nothing was kept aside to measure on'
        : `keep-F1 ${scores.f1.toFixed(3)} on ${scores.n} words of texts not learned from`
    await context.stdout.write(`${texts.length} texts, loss ${loss.toFixed(4)}, ${says}\n`)
  }
  return 0
}

/** A text, or rows of pairs. */
function textsOf(text: string, path: string): LabelledText[] {
  if (!/\.jsonl$/.test(path)) return [{ text, keep: ruleLabels(text) }]
  const pairs = text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return []
    let row: { original?: unknown; compressed?: unknown } | null
    try {
      row = JSON.parse(line)
    } catch {
      row = null
    }
    const { original, compressed } = row ?? {}
    if (typeof original === 'string' && compressed === undefined)
      return [{ text: original, keep: ruleLabels(original), variation: 0, gap: 0 }]
    if (typeof original !== 'string' || typeof compressed !== 'string') {
      throw new PithError('PITH_ARG', `${path}, line ${i + 1} is no pair`, {
        hint: 'Write {"original": …, "compressed": …} on each line.',
      })
    }
    return [{ text: original, ...labelWords(original, compressed) }]
  })
  const without = (own: typeof pairs, share: number, of: (pair: (typeof pairs)[number]) => number): typeof pairs =>
    [...own].sort((a, b) => of(a) - of(b)).slice(0, own.length - Math.floor(share * own.length))
  const good = without(
    without(pairs, WORST_VARIATION, ({ variation }) => variation),
    WORST_GAP,
    ({ gap }) => gap,
  )
  return pairs.filter((pair) => good.includes(pair))
}
