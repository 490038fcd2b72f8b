/** `pith lm generate`. */
import type { Arguments, CommandContext } from '@pith/core'
import type { GenerateOptions } from '../language-model.ts'
import { idsOf, modelOf, numberOf } from './inputs.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const options = optionsOf(args)
  const lm = await modelOf(args, context)
  try {
    const prompt = await idsOf(args, context, lm, 1)
    const start = performance.now()
    const ids: number[] = []
    let text = ''
    for await (const token of lm.generate(prompt, { ...options, signal: context.signal })) {
      ids.push(token.id)
      text += token.text
      if (!context.json && token.text !== '') {
        await context.stdout.write(token.text)
        await context.stdout.flush()
      }
    }
    const seconds = (performance.now() - start) / 1000
    if (context.json) await context.report({ text, promptTokens: prompt.length, tokens: ids, seconds })
    else {
      await context.stdout.write('\n')
      await context.note(`${ids.length} tokens, ${(ids.length / seconds).toFixed(0)} a second`)
    }
    return 0
  } finally {
    await lm.close()
  }
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
