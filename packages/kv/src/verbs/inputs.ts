/** What the verbs of caches share: texts, windows of them, profiles. */
import { type Arguments, type CommandContext, numberOf, PithError, type RandomAccess } from '@pith/core'
import { fileSource } from '@pith/core/node'
import type { Lm } from '@pith/lm'
import { textOf } from '@pith/lm/node'
import { type KvProfile, LEVELS, type Preset, readProfileFile } from '../cachegen/index.ts'

/** The only operand. */
export function fileOf(args: Arguments): string {
  return args.operands[0] as string
}

/** Do something with an open file, and close it. */
export async function withFile<T>(
  path: string,
  context: CommandContext,
  use: (access: RandomAccess) => Promise<T>,
): Promise<T> {
  const access = await fileSource(path, { signal: context.signal })
  try {
    return await use(access)
  } finally {
    await access.close()
  }
}

/** Where the result goes. @throws PithError `PITH_ARG` no --out */
export function outOf(args: Arguments, example: string): string {
  const path = args.value('out')
  if (path !== undefined) return path
  throw new PithError('PITH_ARG', 'option --out is missing', { hint: `Name a file: --out ${example}.` })
}

/** The profile that --profile names, if any. */
export async function profileOf(args: Arguments, context: CommandContext): Promise<KvProfile | undefined> {
  const path = args.value('profile')
  return path === undefined ? undefined : await withFile(path, context, readProfileFile)
}

/** What --preset names. */
export function presetOf(args: Arguments): Preset {
  return (args.value('preset') ?? 'pca') as Preset
}

/** Ids of each text that --text names, or of the one of --prompt. */
export async function idsOfTexts(args: Arguments, context: CommandContext, lm: Lm): Promise<Int32Array[]> {
  const files = args.values('text')
  if (files.length < 2) return [lm.tokenizer.encode(await textOf(args, context), { special: true })]
  const texts: Int32Array[] = []
  for (const file of files) {
    const one: Arguments = { ...args, value: (name) => (name === 'text' ? file : args.value(name)) }
    texts.push(lm.tokenizer.encode(await textOf(one, context), { special: true }))
  }
  return texts
}

/**
 * Windows spread over texts.
 *
 * @throws PithError `PITH_ARG` fewer than two
 */
export function windowsOf(texts: readonly Int32Array[], window: number, most: number): Int32Array[] {
  const all = texts.flatMap((ids) =>
    Array.from({ length: Math.floor(ids.length / window) }, (_, i) => ids.subarray(i * window, (i + 1) * window)),
  )
  if (all.length < 2) {
    throw new PithError('PITH_ARG', `there are ${all.length} windows of ${window} tokens, 2 are needed`, {
      hint: 'Give more text, or a smaller --window.',
    })
  }
  const count = Math.min(most, all.length)
  return Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)] as Int32Array)
}

/** Tokens of a window: --window, or 512, or the context of the model where that is less. */
export function windowSize(args: Arguments, lm: Lm): number {
  return args.has('window') ? numberOf(args, 'window', 32, lm.config.ctx, true) : Math.min(512, lm.config.ctx)
}

/** Levels of an option such as `1,3`. @throws PithError `PITH_ARG` one that is not there */
export function levelsOf(args: Arguments): number[] | undefined {
  const text = args.value('level')
  if (text === undefined) return undefined
  const levels = text.split(',').map((part) => (/^\d$/.test(part.trim()) ? Number(part) : Number.NaN))
  if (levels.some((level) => !(level >= 1 && level <= LEVELS.length))) {
    throw new PithError('PITH_ARG', `--level must be such as 3 or 1,2,3,4, got ${text.slice(0, 40)}`)
  }
  return levels
}

/** Both ends of a range such as `0:256`, `:256` or `256:`. @throws PithError `PITH_ARG` anything else */
export function rangeOf(args: Arguments, name: string): { from?: number; to?: number } {
  const text = args.value(name)
  if (text === undefined) return {}
  const [, from, to] = /^(\d{0,9}):(\d{0,9})$/.exec(text) ?? []
  if (from === undefined || to === undefined) {
    throw new PithError('PITH_ARG', `--${name} must be such as 0:256, got ${text.slice(0, 40)}`)
  }
  return { ...(from === '' ? {} : { from: Number(from) }), ...(to === '' ? {} : { to: Number(to) }) }
}
