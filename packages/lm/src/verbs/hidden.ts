/** `pith lm hidden`. */
import type { Arguments, CommandContext } from '@pith/core'
import { Tensor } from '@pith/engine'
import { idsOf, layersOf, modelOf } from './inputs.ts'
import { writeTensors } from './tensors.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const lm = await modelOf(args, context)
  try {
    const { layers, hidden } = lm.config
    const ids = await idsOf(args, context, lm, 1)
    const wanted = layersOf(args, layers + 1) ?? [layers]
    const states = await lm.hidden(ids, { layers: wanted, signal: context.signal })
    const arrays = [...states].map(
      ([layer, data]) => [`hidden.${layer}`, new Tensor(data, [ids.length, hidden])] as const,
    )
    await writeTensors(args, context, Object.fromEntries([['ids', new Tensor(ids, [ids.length])], ...arrays]), ids)
    return 0
  } finally {
    await lm.close()
  }
}
