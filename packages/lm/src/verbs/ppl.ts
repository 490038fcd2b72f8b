/** `pith lm ppl`. */
import { type Arguments, type CommandContext, numberOf } from '@pith/core'
import { modelOf, textOf } from './inputs.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const lm = await modelOf(args, context)
  try {
    const result = await lm.perplexity(await textOf(args, context), {
      signal: context.signal,
      onProgress: (progress) => context.onProgress(progress),
      ...(args.has('window') ? { window: numberOf(args, 'window', 2, lm.config.ctx, true) } : {}),
      ...(args.has('stride') ? { stride: numberOf(args, 'stride', 1, lm.config.ctx - 1, true) } : {}),
    })
    if (context.json) await context.report(result)
    else {
      const { nll, ppl, bitsPerByte, n } = result
      await context.stdout.write(
        `perplexity ${ppl.toFixed(3)}, ${nll.toFixed(4)} nats a token, ${bitsPerByte.toFixed(4)} bits a byte, ${n} tokens\n`,
      )
    }
    return 0
  } finally {
    await lm.close()
  }
}
