/** Stores from the names of their places. */
import { toHex } from '@pith/core'
import { PrefixStore, type PrefixStoreOptions } from '../store.ts'
import type { StoreTier } from '../tier.ts'
import { type DiskTierOptions, diskTier } from './disk-tier.ts'
import { type RedisTierOptions, redisTier } from './redis-tier.ts'

/** How a store is opened. */
export interface OpenStoreOptions extends Omit<PrefixStoreOptions, 'tiers'>, DiskTierOptions, RedisTierOptions {}

/** One tier: a folder, or a server where the name begins with `redis:` or `rediss:`. */
export async function openTier(place: string, options: DiskTierOptions & RedisTierOptions = {}): Promise<StoreTier> {
  return /^rediss?:/.test(place) ? await redisTier(place, options) : diskTier(place, options)
}

/**
 * Open a store of prefixes; close it when it is no longer needed. A value goes into each place and back first: one that fails is
 * told of, and left alone for a while.
 *
 * @param places folders and servers, the nearest first: a folder in front of a server keeps what it gets from there
 * @throws PithError as `PrefixStore` and `redisTier`
 * @example
 * const store = await openPrefixStore('/var/cache/pith', { salt: tenant, maxBytes: 4e9 })
 * for await (const token of lm.generate(prompt, { cache: store })) process.stdout.write(token.text)
 * await store.close()
 */
export async function openPrefixStore(
  places: string | readonly string[],
  options: OpenStoreOptions = {},
): Promise<PrefixStore> {
  const tiers = await Promise.all([places].flat().map((place) => openTier(place, options)))
  const store = new PrefixStore({ ...options, tiers })
  await store.check(toHex(crypto.getRandomValues(new Uint8Array(32))))
  return store
}
