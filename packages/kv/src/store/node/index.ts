/** Where prefixes are kept on Node: folders and servers. */
export { type DiskTierOptions, diskTier } from './disk-tier.ts'
export { type OpenStoreOptions, openPrefixStore, openTier } from './open-store.ts'
export { type RedisTierOptions, redisTier } from './redis-tier.ts'
