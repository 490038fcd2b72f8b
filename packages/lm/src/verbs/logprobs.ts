/** `pith lm logprobs`. */
import type { Arguments, CommandContext } from '@pith/core'
import { idsOf, modelOf, shown } from './inputs.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const lm = await modelOf(args, context)
  try {
    const ids = await idsOf(args, context, lm, 2)
    const logprobs = await lm.logprobs(ids, {
      signal: context.signal,
      onProgress: (progress) => context.onProgress(progress),
    })
    const tokens = Array.from(logprobs, (logprob, i) => {
      const id = ids[i + 1] as number
      return { id, text: lm.tokenizer.decode([id]), logprob }
    })
    if (context.json) await context.report({ tokens })
    else {
      for (const { id, text, logprob } of tokens)
        await context.stdout.write(`${id}\t${logprob.toFixed(4)}\t${shown(text)}\n`)
    }
    return 0
  } finally {
    await lm.close()
  }
}
