/** `pith kv info`. */
import { type Arguments, type CommandContext, formatBytes, formatCount } from '@pith/core'
import { KvFile, type KvProfile, profileAlone, profileId } from '../cachegen/index.ts'
import { fileOf, profileOf, withFile } from './inputs.ts'
import { figuresOf } from './sizes.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const given = await profileOf(args, context)
  const path = fileOf(args)
  const profile = await withFile(path, context, profileAlone)
  if (profile !== undefined) await sayProfile(profile, context)
  else {
    await withFile(path, context, async (access) => {
      const file = await KvFile.open(access, given === undefined ? {} : { profile: given })
      try {
        await sayCache(file, context)
      } finally {
        await file.close()
      }
    })
  }
  return 0
}

async function sayCache(file: KvFile, context: CommandContext): Promise<void> {
  const figures = await figuresOf(file)
  if (context.json) return await context.report({ kind: 'cache', ...figures })
  const { tokens, position, layers, kvHeads, headDim, preset, bytes, profile, fp, chunk, sinks } = figures
  const lines = [
    `cache of ${formatCount(tokens)} tokens from position ${position}, ${formatBytes(bytes)}`,
    `${layers} layers, ${kvHeads} heads of ${headDim}; model ${fp.weights.slice(0, 16)}, ${fp.numerics}`,
    `${preset}, profile ${figures.profileId.slice(0, 16)} ${profile === 0 ? 'elsewhere' : `of ${formatBytes(profile)} in the file`}`,
    `chunks of ${chunk} tokens, the first ${sinks} at 8 bits`,
    ...figures.levels.map(
      (own) =>
        `level ${own.level}: ${formatBytes(own.bytes)}, ${own.bitsPerElem.toFixed(3)} bits a number, ${own.vs8bit.toFixed(1)} times smaller than 8 bits, ${own.damage.toFixed(4)} nats on the texts of the profile`,
    ),
  ]
  await context.stdout.write(`${lines.join('\n')}\n`)
}

async function sayProfile(profile: KvProfile, context: CommandContext): Promise<void> {
  const { preset, layers, kvHeads, headDim, arch, weights, step, damage } = profile
  const sets = profile.sets.map(({ kind, layers: own, unit, mean }) => ({
    kind,
    from: own.from,
    to: own.to,
    components: unit.length,
    width: mean.length,
  }))
  const id = profileId(profile)
  if (context.json) {
    return await context.report({
      kind: 'profile',
      id,
      preset,
      layers,
      kvHeads,
      headDim,
      arch,
      weights,
      step,
      damage,
      sets,
    })
  }
  const lines = [
    `profile ${id.slice(0, 16)}, ${preset}, of the model ${weights.slice(0, 16)}`,
    `${layers} layers, ${kvHeads} heads of ${headDim}`,
    ...sets.map(
      (own) =>
        `${own.kind === 'k' ? 'keys' : 'values'} of layers ${own.from} to ${own.to - 1}: ${own.components} components of ${own.width} numbers`,
    ),
    ...damage.map((nats, i) => `level ${i + 1}: ${nats.toFixed(4)} nats a token on its texts`),
  ]
  await context.stdout.write(`${lines.join('\n')}\n`)
}
