/** `pith kv profile`. */
import { type Arguments, type CommandContext, formatBytes, numberOf } from '@pith/core'
import { writeAtomic } from '@pith/core/node'
import { modelOf } from '@pith/lm/node'
import { fitProfile, profileId, writeProfileFile } from '../cachegen/index.ts'
import { idsOfTexts, outOf, presetOf, windowSize, windowsOf } from './inputs.ts'

/** Windows that are learned from, where there are as many. */
const WINDOWS = 16

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const out = outOf(args, 'model.kvp')
  const preset = presetOf(args)
  const lm = await modelOf(args, context)
  try {
    const most = args.has('windows') ? numberOf(args, 'windows', 2, 4096, true) : WINDOWS
    const windows = windowsOf(await idsOfTexts(args, context, lm), windowSize(args, lm), most)
    const profile = await fitProfile(lm, windows, {
      preset,
      signal: context.signal,
      onProgress: (progress) => context.onProgress(progress),
      ...(args.has('damage') ? { damage: numberOf(args, 'damage', 0, 10, false) } : {}),
    })
    const bytes = await writeProfileFile(profile)
    await writeAtomic(out, bytes, { force: args.has('force') })
    const damage = Object.fromEntries(profile.damage.map((nats, i) => [i + 1, nats]))
    const id = profileId(profile)
    if (context.json) {
      await context.report({ out, id, preset, windows: windows.length, bytes: bytes.length, damage })
    } else if (!context.quiet) {
      await context.stdout.write(`${out}: ${preset}, ${formatBytes(bytes.length)}, id ${id.slice(0, 16)}\n`)
      for (const [level, nats] of Object.entries(damage)) {
        await context.stdout.write(`level ${level}: ${nats.toFixed(4)} nats a token on the texts of the profile\n`)
      }
    }
    return 0
  } finally {
    await lm.close()
  }
}
