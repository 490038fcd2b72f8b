/** `pith lm generate`. */
import { type Arguments, type CommandContext, numberOf } from '@pith/core'
import { generateTokens } from '../generate.ts'
import type { GeneratedToken, GenerateOptions } from '../language-model.ts'
import type { Lm } from '../lm.ts'
import { idsOf, modelOf } from './inputs.ts'
import { continuationOf, pastOf } from './past.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const options = optionsOf(args)
  const lm = await modelOf(args, context)
  try {
    const writing = { ...options, signal: context.signal }
    const [tokens, counts] = args.has('past')
      ? await behindPast(args, context, lm, writing)
      : await behindPrompt(args, context, lm, writing)
    const start = performance.now()
    const ids: number[] = []
    let text = ''
    for await (const token of tokens) {
      ids.push(token.id)
      text += token.text
      if (!context.json && token.text !== '') {
        await context.stdout.write(token.text)
        await context.stdout.flush()
      }
    }
    const seconds = (performance.now() - start) / 1000
    if (context.json) await context.report({ text, ...counts, tokens: ids, seconds })
    else {
      await context.stdout.write('\n')
      await context.note(`${ids.length} tokens, ${(ids.length / seconds).toFixed(0)} a second`)
    }
    return 0
  } finally {
    await lm.close()
  }
}

type Writing = [AsyncIterable<GeneratedToken>, { readonly promptTokens: number; readonly pastTokens?: number }]

async function behindPrompt(
  args: Arguments,
  context: CommandContext,
  lm: Lm,
  writing: GenerateOptions,
): Promise<Writing> {
  const prompt = await idsOf(args, context, lm, 1)
  return [lm.generate(prompt, writing), { promptTokens: prompt.length }]
}

/** Behind a cache, and what is given to read behind it. */
async function behindPast(
  args: Arguments,
  context: CommandContext,
  lm: Lm,
  writing: GenerateOptions,
): Promise<Writing> {
  const past = await pastOf(args, context, lm)
  const prompt = await continuationOf(args, context, lm, past)
  const session = lm.session({
    capacity: Math.min(lm.config.ctx, past.length + prompt.length + (writing.maxTokens ?? 0)),
  })
  // The last token is read again where nothing follows it, for its logits.
  const known = prompt.length === 0 ? past.length - 1 : past.length
  session.attachKv(past.slice(0, known))
  const logits = await session.prefill(prompt.length === 0 ? past.tokens.subarray(known) : prompt, {
    signal: context.signal,
  })
  return [
    generateTokens(session, lm.tokenizer, logits, lm.config.ctx, writing),
    { promptTokens: prompt.length, pastTokens: past.length },
  ]
}

function optionsOf(args: Arguments): GenerateOptions {
  const number = (
    name: string,
    key: keyof GenerateOptions,
    least: number,
    most: number,
    isWhole: boolean,
  ): GenerateOptions => (args.has(name) ? { [key]: numberOf(args, name, least, most, isWhole) } : {})
  return {
    ...number('max-tokens', 'maxTokens', 1, 1e6, true),
    ...number('temperature', 'temperature', 0, 100, false),
    ...number('top-k', 'topK', 0, 1e6, true),
    ...number('top-p', 'topP', 0, 1, false),
    ...number('min-p', 'minP', 0, 1, false),
    ...number('repeat-penalty', 'repeatPenalty', 0.01, 100, false),
    ...number('seed', 'seed', 0, Number.MAX_SAFE_INTEGER, true),
    ...(args.has('stop') ? { stop: args.values('stop') } : {}),
  }
}
