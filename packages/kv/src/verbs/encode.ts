/** `pith kv encode`. */
import { type Arguments, type CommandContext, formatBytes, numberOf, PithError } from '@pith/core'
import { writeAtomic } from '@pith/core/node'
import type { Lm } from '@pith/lm'
import { idsOf, modelOf } from '@pith/lm/node'
import { encodeKv, fitProfile, KvFile, type KvProfile } from '../cachegen/index.ts'
import { levelsOf, outOf, presetOf, profileOf, windowsOf } from './inputs.ts'
import { figuresOf } from './sizes.ts'

/** Shortest window that a profile is learned from, and how many are cut from a text. */
const LEAST_WINDOW = 32
const OWN_WINDOWS = 4

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const out = outOf(args, 'text.pith')
  const levels = levelsOf(args)
  const given = await profileOf(args, context)
  if (given !== undefined && args.has('preset') && args.value('preset') !== given.preset) {
    throw new PithError('PITH_ARG', `the profile is of the preset ${given.preset}, not ${args.value('preset')}`)
  }
  const lm = await modelOf(args, context)
  try {
    const ids = await idsOf(args, context, lm, 1)
    const profile = given ?? (await ownProfile(args, context, lm, ids))
    const session = lm.session({ capacity: ids.length })
    const run = {
      signal: context.signal,
      onProgress: (progress: Parameters<CommandContext['onProgress']>[0]) => context.onProgress(progress),
    }
    await session.prefill(ids, { ...run, logits: 'none' })
    const bytes = await encodeKv(session.kv(), {
      profile,
      ...run,
      embed: given === undefined || !args.has('apart'),
      ...(levels === undefined ? {} : { levels }),
      ...(args.has('chunk') ? { chunk: numberOf(args, 'chunk', 8, 65536, true) } : {}),
      ...(args.has('sinks') ? { sinks: numberOf(args, 'sinks', 0, 256, true) } : {}),
    })
    await writeAtomic(out, bytes, { force: args.has('force') })
    const file = await KvFile.open(bytes, { profile })
    const figures = await figuresOf(file)
    await file.close()
    if (context.json) await context.report({ out, ...figures })
    else if (!context.quiet) {
      await context.stdout.write(`${out}: ${ids.length} tokens, ${formatBytes(bytes.length)}, ${profile.preset}\n`)
      for (const { level, bitsPerElem, vs8bit } of figures.levels) {
        await context.stdout.write(
          `level ${level}: ${bitsPerElem.toFixed(3)} bits a number, ${vs8bit.toFixed(1)} times smaller than 8 bits\n`,
        )
      }
    }
    return 0
  } finally {
    await lm.close()
  }
}

/** A profile of the text itself, where none was given. */
async function ownProfile(args: Arguments, context: CommandContext, lm: Lm, ids: Int32Array): Promise<KvProfile> {
  const window = Math.max(LEAST_WINDOW, Math.floor(ids.length / OWN_WINDOWS))
  if (ids.length < 2 * window) {
    throw new PithError('PITH_ARG', `${ids.length} tokens are too few to learn a profile from`, {
      hint: 'Learn one from more text: pith kv profile.',
    })
  }
  await context.note('no --profile: one is learned from the text itself, and stands in the file')
  return await fitProfile(lm, windowsOf([ids], window, OWN_WINDOWS), {
    preset: presetOf(args),
    signal: context.signal,
    onProgress: (progress) => context.onProgress(progress),
  })
}
