/** The model of a server, within its thread. */
import type { MessagePort } from 'node:worker_threads'
import { PithError } from '@pith/core'
import { findChatTemplate } from '../../chat/node/find-template.ts'
import { type ChatTemplate, encodeChat } from '../../chat/template.ts'
import { countParameters } from '../../checkpoint/checkpoint.ts'
import { generateTokens } from '../../generate.ts'
import type { Lm } from '../../lm.ts'
import { loadLm } from '../../node/load.ts'
import { prefillThrough } from '../../prefill-through.ts'
import type { PrefixCache } from '../../prefix-cache.ts'
import type { ModelFacts, ModelSource, PrefixSource, ToldToken, WritingEvent, WritingJob } from '../messages.ts'

interface Loaded {
  readonly lm: Lm
  readonly template: ChatTemplate
  readonly prefixes?: PrefixCache
}

/** Models of this thread; one that took the place of a lost thread loads anew. */
const MODELS: Map<string, Promise<Loaded>> = new Map()

function modelOf(source: ModelSource): Promise<Loaded> {
  const key = JSON.stringify(source)
  let loaded = MODELS.get(key)
  if (loaded === undefined) {
    loaded = load(source)
    MODELS.set(key, loaded)
    loaded.catch(() => MODELS.delete(key))
  }
  return loaded
}

async function load({ path, prefixes, ...options }: ModelSource): Promise<Loaded> {
  const lm = await loadLm(path, options)
  const template = await findChatTemplate(path, lm.tokenizer)
  return { lm, template, ...(prefixes === undefined ? {} : { prefixes: await openPrefixes(prefixes) }) }
}

async function openPrefixes({ module, open, arguments: words }: PrefixSource): Promise<PrefixCache> {
  let exported: Record<string, unknown>
  try {
    exported = (await import(module)) as Record<string, unknown>
  } catch (cause) {
    throw new PithError('PITH_CAPABILITY', `the store of prefixes ${module.slice(0, 80)} cannot be loaded`, {
      cause,
      hint: 'Install it, or serve without a store.',
    })
  }
  const opener = exported[open]
  if (typeof opener !== 'function') throw new PithError('PITH_CAPABILITY', `${module.slice(0, 80)} has no ${open}`)
  return (await opener(...words)) as PrefixCache
}

async function describe(source: ModelSource): Promise<ModelFacts> {
  const { lm, template } = await modelOf(source)
  const { vocab, ctx } = lm.config
  const parameters = countParameters(lm.config)
  return { parameters, vocab, ctx, hasTemplate: template.isOwn, weights: lm.fingerprint.weights }
}

/** Writes a text, and what it writes to a port, where a message gives it up. */
async function write({
  source,
  job,
  port,
}: {
  source: ModelSource
  job: WritingJob
  port: MessagePort
}): Promise<void> {
  const controller = new AbortController()
  port.on('message', () => controller.abort())
  const tell = (event: WritingEvent): void => port.postMessage(event)
  try {
    await writeTo(await modelOf(source), job, tell, controller.signal)
  } finally {
    port.close()
  }
}

async function writeTo(
  { lm, template, prefixes }: Loaded,
  { prompt, writing, logprobs, echo }: WritingJob,
  tell: (event: WritingEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const { tokenizer, config } = lm
  const ids = idsOf(lm, template, prompt)
  const space = config.ctx - (writing.maxTokens > 0 ? 1 : 0)
  if (ids.length === 0) throw new PithError('PITH_ARG', 'the prompt has no tokens')
  if (ids.length > space) {
    throw new PithError('PITH_LIMIT', `the prompt has ${ids.length} tokens, the model was made for ${config.ctx}`, {
      hint: 'Send a shorter prompt.',
    })
  }
  const told = (id: number, logprob: number | null, beside: ToldToken['alternatives'] = []): ToldToken => {
    return { id, piece: tokenizer.decode([id], { special: true }), logprob, alternatives: beside }
  }
  const session = lm.session({ capacity: Math.min(config.ctx, ids.length + writing.maxTokens) })
  let logits: Float32Array
  let reused = 0
  if (echo) {
    const scores = logprobs && ids.length > 1 ? await lm.logprobs(ids, { signal }) : new Float32Array(ids.length)
    const text = 'text' in prompt ? prompt.text : tokenizer.decode(ids)
    const tokens = logprobs ? Array.from(ids, (id, i) => told(id, i === 0 ? null : (scores[i - 1] as number))) : []
    tell({ kind: 'begin', promptTokens: ids.length, reused, echo: { text, tokens } })
    if (writing.maxTokens === 0) return tell({ kind: 'end', reason: 'length', tokens: 0 })
    logits = await session.prefill(ids, { signal })
  } else {
    if (prefixes === undefined) logits = await session.prefill(ids, { signal })
    else ({ logits, reused } = await prefillThrough(session, ids, prefixes, { signal }))
    tell({ kind: 'begin', promptTokens: ids.length, reused })
  }
  const tokens = generateTokens(session, tokenizer, logits, config.ctx, { ...writing, signal })
  for (let step = await tokens.next(); ; step = await tokens.next()) {
    if (step.done) return tell({ kind: 'end', ...step.value })
    const { id, text, logprob, alternatives = [] } = step.value
    const beside = alternatives.map((own) => ({ ...own, piece: tokenizer.decode([own.id], { special: true }) }))
    tell({ kind: 'token', text, token: told(id, logprob, beside) })
  }
}

function idsOf({ tokenizer, config }: Lm, template: ChatTemplate, prompt: WritingJob['prompt']): Int32Array {
  if ('text' in prompt) return tokenizer.encode(prompt.text, { special: true })
  if ('messages' in prompt) return encodeChat(tokenizer, template, prompt.messages)
  for (const id of prompt.ids) {
    if (id >= config.vocab) throw new PithError('PITH_ARG', `there is no token ${id}, only ${config.vocab}`)
  }
  return prompt.ids
}

/** Close the models, and stores that have something to write yet. */
async function close(): Promise<void> {
  const loaded = await Promise.allSettled(MODELS.values())
  MODELS.clear()
  for (const result of loaded) {
    if (result.status === 'rejected') continue
    const { lm, prefixes } = result.value
    await (prefixes as { close?(): Promise<void> } | undefined)?.close?.()
    await lm.close()
  }
}

/** What the thread is asked for. */
export const modelTasks: {
  readonly describe: typeof describe
  readonly write: typeof write
  readonly close: typeof close
} = { describe, write, close }
