/** `pith kv decode`. */
import { type Arguments, type CommandContext, numberOf } from '@pith/core'
import { type Params, Tensor } from '@pith/engine'
import { layersOf, writeTensors } from '@pith/lm/node'
import { type Kind, KvFile } from '../cachegen/index.ts'
import { fileOf, outOf, profileOf, rangeOf, withFile } from './inputs.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  outOf(args, 'part.npz')
  const profile = await profileOf(args, context)
  const range = rangeOf(args, 'tokens')
  const kind = args.value('kind') as Kind | undefined
  return await withFile(fileOf(args), context, async (access) => {
    const file = await KvFile.open(access, profile === undefined ? {} : { profile })
    try {
      const { layers: count, kvHeads, headDim } = file.info
      const layers = layersOf(args, count)
      const part = await file.read({
        ...range,
        ...(layers === undefined ? {} : { layers }),
        ...(kind === undefined ? {} : { kinds: [kind] }),
        ...(args.has('level') ? { level: numberOf(args, 'level', 1, 4, true) } : {}),
        signal: context.signal,
        onProgress: (progress) => context.onProgress(progress),
      })
      const n = part.tokens.length
      const arrays: Params = { tokens: new Tensor(part.tokens, [n]), positions: new Tensor(part.positions, [n]) }
      for (const [name, rows] of [
        ['k', part.keys],
        ['v', part.values],
      ] as const) {
        for (const [layer, data] of rows) arrays[`${name}.${layer}`] = new Tensor(data, [n, kvHeads, headDim])
      }
      await writeTensors(args, context, arrays, part.tokens)
      return 0
    } finally {
      await file.close()
    }
  })
}
