/** `pith lm attn`. */
import { type Arguments, type CommandContext, numberOf } from '@pith/core'
import { Tensor } from '@pith/engine'
import { idsOf, layersOf, modelOf } from './inputs.ts'
import { writeTensors } from './tensors.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const lm = await modelOf(args, context)
  try {
    const ids = await idsOf(args, context, lm, 1)
    const layers = layersOf(args, lm.config.layers)
    const attention = await lm.attention(ids, {
      signal: context.signal,
      reduce: (args.value('reduce') ?? 'last') as 'last' | 'full',
      ...(layers === undefined ? {} : { layers }),
      ...(args.has('window') ? { window: numberOf(args, 'window', 1, lm.config.ctx, true) } : {}),
    })
    const arrays = attention.map(({ layer, shape, data }) => [`attention.${layer}`, new Tensor(data, shape)] as const)
    await writeTensors(args, context, Object.fromEntries([['ids', new Tensor(ids, [ids.length])], ...arrays]), ids)
    return 0
  } finally {
    await lm.close()
  }
}
