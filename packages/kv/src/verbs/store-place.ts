/** Which store the verbs of stores work on. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { env } from 'node:process'
import type { Arguments } from '@pith/core'
import type { StoreTier } from '../store/index.ts'
import { type DiskTierOptions, openTier } from '../store/node/index.ts'

/** The place that --store names, or that of the user. */
export function placeOf(args: Arguments): string {
  return args.value('store') ?? join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'pith', 'kv')
}

/** Do something with a store, and leave it. */
export async function withTier<T>(
  args: Arguments,
  use: (tier: StoreTier) => Promise<T>,
  options: DiskTierOptions = {},
): Promise<T> {
  const tier = await openTier(placeOf(args), options)
  try {
    return await use(tier)
  } finally {
    await tier.close()
  }
}

/** A number of chunks in words. */
export function chunks(count: number): string {
  return count === 1 ? '1 chunk' : `${count} chunks`
}
