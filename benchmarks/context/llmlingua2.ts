/** A classifier of tokens against @atjsh/llmlingua-2, on the same model files and texts. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Compressed, compressBy, o200kCounter } from '@pith/context'
import { quantiseModel, ruleLabels, TokenClassifier } from '@pith/context/llmlingua2'
import { loadClassifier } from '@pith/context/llmlingua2/node'
import { loadRuntime } from '@pith/engine'
import { readHfTokenizer } from '@pith/engine/io'
import { encoderFile } from '../../packages/context/src/llmlingua2/export.ts'
import { encoder } from '../../packages/context/src/llmlingua2/network.ts'
import { type AcceptContext, costAtLeast } from '../measure/accept.ts'
import { interleave, median } from '../measure/statistics.ts'
import { meetings } from './data.ts'

const ROOT = join(import.meta.dirname, '../..')
const KEEP = join(ROOT, 'models/pith-keep')
/** As TinyBERT is. */
const TINY = { width: 312, layers: 4, heads: 12, length: 512 }

/** Compresses a text to half of its tokens. */
type Shorten = (text: string) => Promise<string>

/** The last meetings, up to a number of tokens. */
function textOf(tokens: number, count: (text: string) => number): string {
  let text = meetings()
    .slice(-2)
    .map((meeting) => meeting.text)
    .join('')
  while (count(text) > tokens) text = text.slice(0, Math.floor((text.length * tokens) / count(text)))
  return text
}

async function ours(model: Uint8Array, tokenizer: Uint8Array): Promise<Shorten> {
  const session = await (await loadRuntime({ threads: 1 })).create(model, { threads: 1 })
  const classifier = new TokenClassifier({ session, tokenizer: await readHfTokenizer(tokenizer) })
  return async (text) => {
    const result: Compressed = await compressBy((own) => classifier.rank(own), text, {
      ...{ budget: { rate: 0.5 }, protect: { kinds: [] } },
    })
    return result.text
  }
}

async function theirs(folder: string, name: string): Promise<Shorten> {
  const [{ LLMLingua2 }, { env }, { Tiktoken }, { default: ranks }] = await Promise.all([
    import('@atjsh/llmlingua-2'),
    import('@huggingface/transformers'),
    import('js-tiktoken/lite'),
    import('js-tiktoken/ranks/o200k_base'),
  ])
  env.localModelPath = folder
  env.allowRemoteModels = false
  const { promptCompressor } = await LLMLingua2.WithBERTMultilingual(name, {
    transformerJSConfig: { device: 'cpu', dtype: 'fp32' },
    oaiTokenizer: new Tiktoken(ranks),
    modelSpecificOptions: { session_options: { intraOpNumThreads: 1, interOpNumThreads: 1 } },
  })
  return async (text) => await promptCompressor.compress_prompt(text, { rate: 0.5 })
}

/** A folder that transformers.js reads. */
function layOut(folder: string, name: string, model: Uint8Array, tokenizer: Uint8Array, length: number): void {
  const own = join(folder, name)
  mkdirSync(join(own, 'onnx'), { recursive: true })
  writeFileSync(join(own, 'onnx/model.onnx'), model)
  writeFileSync(join(own, 'tokenizer.json'), tokenizer)
  writeFileSync(
    join(own, 'tokenizer_config.json'),
    JSON.stringify({
      ...JSON.parse(readFileSync(join(KEEP, 'tokenizer_config.json'), 'utf8')),
      model_max_length: length,
    }),
  )
  writeFileSync(
    join(own, 'config.json'),
    JSON.stringify({
      model_type: 'bert',
      architectures: ['BertForTokenClassification'],
      max_position_embeddings: length,
    }),
  )
}

async function cpuOf(task: () => Promise<unknown>): Promise<number> {
  const start = process.cpuUsage()
  await task()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

/** Words of a shortened text that the original does not have as they are. */
function altered(original: string, shortened: string): number {
  const words = new Set(original.split(/\s+/))
  return shortened.split(/\s+/).filter((word) => word !== '' && !words.has(word)).length
}

/** `npm run accept -- context --only llmlingua2` */
export async function acceptLlmlingua2(context: AcceptContext): Promise<void> {
  const counter = await o200kCounter()
  const tokens = Math.max(3000, Math.round(18_000 * context.scale))
  const text = textOf(tokens, (own) => counter.count(own))
  const tokenizer = new Uint8Array(readFileSync(join(KEEP, 'tokenizer.json')))
  const vocab = (await readHfTokenizer(tokenizer)).size
  const spec = { dtype: 'i64' as const, shape: [1, 8] }
  const sizes = { ...TINY, vocab }
  const random = encoderFile(encoder(sizes).init(1, spec, spec), sizes)
  const folder = mkdtempSync(join(tmpdir(), 'pith-classifiers-'))
  try {
    for (const [name, model, length] of [
      ['pith-keep', new Uint8Array(readFileSync(join(KEEP, 'model.onnx'))), 512],
      ['as large as TinyBERT', random, 512],
    ] as const) {
      const place = name.replaceAll(' ', '-')
      layOut(folder, place, model, tokenizer, length)
      const [own, exact] = [await ours(quantiseModel(model), tokenizer), await ours(model, tokenizer)]
      const peer = await theirs(folder, place)
      const [short, , other] = [await own(text), await exact(text), await peer(text)]
      const tasks = { own, exact, peer }
      const timed = Object.entries(tasks).map(([name, task]) => [name, () => cpuOf(() => task(text))] as const)
      const times = await interleave(Object.fromEntries(timed), 5)
      const [a, f32, b] = ['own', 'exact', 'peer'].map((name) => median(times[name] as number[])) as [
        number,
        number,
        number,
      ]
      const per = (ms: number): string => ((1000 * ms) / counter.count(text)).toFixed(1)
      context.say(
        `${name}: CPU ms for 1,000 tokens ${per(a)} (${per(f32)} in single precision), of @atjsh/llmlingua-2 ${per(b)}; tokens left ${counter.count(short)}, ${counter.count(other)} of ${counter.count(text)}; words that the text does not have ${altered(text, short)}, ${altered(text, other)}`,
      )
      costAtLeast(context, `${name}: throughput over that of @atjsh/llmlingua-2`, b / a, 1.8, 2)
      context.check(
        `${name}: words that the text does not have`,
        altered(text, short) === 0,
        String(altered(text, short)),
      )
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** `npm run accept -- context --only keep` */
export async function acceptKeep(context: AcceptContext): Promise<void> {
  const classifier = await loadClassifier(KEEP)
  let [right, said, wanted] = [0, 0, 0]
  // The script that trained it leaves these two out.
  for (const { text } of meetings().slice(-2)) {
    const labels = ruleLabels(text)
    const { keep } = await classifier.classify(text)
    for (const [i, label] of labels.entries()) {
      const is = (keep[i] as number) > 0.5
      if (is && label === 1) right++
      if (is) said++
      if (label === 1) wanted++
    }
  }
  const [precision, recall] = [right / said, right / wanted]
  const f1 = (2 * precision * recall) / (precision + recall)
  context.say(`precision ${precision.toFixed(3)}, recall ${recall.toFixed(3)}`)
  context.check('keep-F1 of models/pith-keep on two unseen meetings', f1 >= 0.9, `${f1.toFixed(3)} (at least 0.9)`)
}
