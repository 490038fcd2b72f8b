/** `pith kv verify`. */
import { type Arguments, type CommandContext, isPithError } from '@pith/core'
import { verify } from '@pith/core/container'
import { KvFile } from '../cachegen/index.ts'
import { fileOf, profileOf, withFile } from './inputs.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const profile = await profileOf(args, context)
  return await withFile(fileOf(args), context, async (access) => {
    const { bad } = await verify(access, { signal: context.signal })
    const places: { code: string; message: string; section?: string }[] = bad.map(({ code, message, section }) => ({
      code,
      message,
      ...(section === undefined ? {} : { section }),
    }))
    let tokens = 0
    let levels: readonly number[] = []
    // Where a checksum is wrong already, decoding would only say so again.
    if (places.length === 0) {
      try {
        const file = await KvFile.open(access, profile === undefined ? {} : { profile })
        levels = file.info.levels
        for (const level of levels) tokens += (await file.read({ level, signal: context.signal })).tokens.length
        await file.close()
      } catch (error) {
        if (!isPithError(error) || error.code === 'PITH_ARG') throw error
        const { section } = error.at ?? {}
        places.push({ code: error.code, message: error.message, ...(section === undefined ? {} : { section }) })
      }
    }
    const ok = places.length === 0
    if (context.json) await context.report({ ok, levels, bad: places })
    else if (ok && !context.quiet) {
      await context.stdout.write(`ok: ${tokens / Math.max(1, levels.length)} tokens, levels ${levels.join(', ')}\n`)
    } else for (const { code, message } of places) await context.stdout.write(`${code}: ${message}\n`)
    return ok ? 0 : 1
  })
}
