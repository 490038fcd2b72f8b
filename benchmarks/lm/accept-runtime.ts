/** The runtime against llama.cpp on the files that it writes, against references, and against what it must outrun. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Lm, openLlama2c, readLlama2cTokenizer, readWeights } from '@pith/lm'
import { loadLm } from '@pith/lm/node'
import { type AcceptContext, atMost, costAtLeast } from '../measure/accept.ts'
import { dataFolder } from '../measure/data.ts'
import { LlamaCpp, llamaCppFolder } from './llama-cpp.ts'
import { benchModels, measureDecode, measurePrefill, PAST, PROMPT } from './runtime.ts'

/** Tokens that both must write alike. */
const GREEDY = 64
const TEXT = 'Once upon a time, there was a little girl who liked to play outside. One day she found a big red ball.'

function furthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = a.length === b.length ? 0 : Number.POSITIVE_INFINITY
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs((a[i] as number) - (b[i] as number)))
  return most
}

/** stories260K in GGUF files of two types: logits and a greedy text as llama.cpp has them. */
export async function acceptOracle(context: AcceptContext): Promise<void> {
  const library = llamaCppFolder(context.cache)
  if (library === undefined) return context.check('llama.cpp', false, 'node-llama-cpp cannot be installed here')
  const folder = join(dataFolder() ?? '', 'kv/models')
  const { config, ...checkpoint } = await openLlama2c(new Uint8Array(readFileSync(join(folder, 'stories260K.bin'))))
  const params = await readWeights({ config, ...checkpoint })
  const tokenizer = readLlama2cTokenizer(new Uint8Array(readFileSync(join(folder, 'tok512.bin'))))
  const lm = new Lm({ config, params })
  const ids = tokenizer.encode(TEXT, { special: true })
  const ours = await lm.session().prefill(ids, { logits: 'all' })
  const session = lm.session()
  let next = await session.prefill(Int32Array.of(tokenizer.bos))
  const written: number[] = []
  while (written.length < GREEDY) {
    const id = next.indexOf(next.reduce((a, b) => Math.max(a, b)))
    written.push(id)
    next = await session.decode(id)
  }
  await lm.close()
  const files = mkdtempSync(join(tmpdir(), 'pith-oracle-'))
  try {
    for (const [type, most] of [
      ['F32', 1e-3],
      ['F16', 2e-2],
    ] as const) {
      const peer = await LlamaCpp.start(library, files, { config, params, tokenizer }, type, 'exact')
      atMost(
        context,
        `stories260K as ${type}: logits of llama.cpp`,
        furthest(ours, await peer.logits([...ids])),
        most,
        6,
      )
      const theirs = await peer.greedy([tokenizer.bos], GREEDY)
      const same = written.findIndex((id, i) => id !== theirs[i])
      context.check(
        `stories260K as ${type}: greedy text of llama.cpp`,
        same === -1,
        `${same === -1 ? GREEDY : same} of ${GREEDY} tokens`,
      )
      await peer.stop()
    }
  } finally {
    rmSync(files, { recursive: true })
  }
}

/** The small prototype, as the runtime runs it, against losses that were computed apart. */
export async function acceptReference(context: AcceptContext): Promise<void> {
  const path = join(dataFolder() ?? '', 'kv/models/recall-mini')
  const references = JSON.parse(readFileSync(join(path, 'reference.json'), 'utf8')) as {
    kind: string
    ids: number[]
    nll: number[]
  }[]
  for (const [quant, most] of [
    ['f32', 1e-3],
    ['q8', 2e-2],
  ] as const) {
    const lm = await loadLm(path, { quant })
    for (const { kind, ids, nll } of references) {
      const own = Float64Array.from(await lm.logprobs(Int32Array.from(ids)), (x) => -x)
      const means = [[...own], nll].map((all) => all.reduce((sum: number, x: number) => sum + x, 0) / all.length)
      const off = Math.abs((means[0] as number) - (means[1] as number))
      if (quant === 'f32') atMost(context, `recall-mini, ${kind}, f32: loss of each token`, furthest(own, nll), most, 6)
      else {
        atMost(context, `recall-mini, ${kind}, ${quant}: mean loss`, off, most, 4)
        context.say(`the worst token is off by ${furthest(own, nll).toFixed(4)}`)
      }
    }
    await lm.close()
  }
}

/** How much faster than its peers a token must be, by model. */
const FASTER_THAN_GROWING = 3
const FASTER_THAN_LLAMA_CPP = 2
const FASTER_PREFILL = 5

/** Tokens behind a long context, and prompts. */
export async function acceptSpeed(context: AcceptContext): Promise<void> {
  for (const model of await benchModels()) {
    const { q4, f32, growing, llamaCpp } = await measureDecode(model, 4, context.cache)
    const at = `${model.name}, a token behind ${PAST}`
    context.say(
      `CPU ms of ${at}: q4 ${q4.toFixed(3)}, f32 ${f32.toFixed(3)}, growing cache ${growing.toFixed(3)}, node-llama-cpp ${llamaCpp?.toFixed(3) ?? 'not here'}`,
    )
    costAtLeast(context, `${at}: q4 against a growing cache`, growing / q4, FASTER_THAN_GROWING)
    if (llamaCpp === undefined) context.check(`${at}: node-llama-cpp`, false, 'it cannot be installed here')
    else costAtLeast(context, `${at}: q4 against node-llama-cpp ${model.type}`, llamaCpp / q4, FASTER_THAN_LLAMA_CPP)
    const { whole, byToken, distance } = await measurePrefill(model, 'f32', 2)
    costAtLeast(context, `${model.name}, a prompt of ${PROMPT} against token by token`, byToken / whole, FASTER_PREFILL)
    atMost(context, `${model.name}, a prompt of ${PROMPT}: logits against token by token`, distance, 1e-3, 6)
  }
}
