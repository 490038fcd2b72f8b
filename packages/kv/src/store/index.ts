/** Prefix store: keys and values of the beginnings of texts, kept by content. */
export { card as storeCard } from './card.ts'
export { type ChainStart, chainKeys, nextKey, startKey } from './chain.ts'
export { type ChunkCoder, type ChunkFrame, rawCoder } from './coder.ts'
export { type PrefixMatch, type PrefixStats, PrefixStore, type PrefixStoreOptions } from './store.ts'
export { isValueName, type Removed, type StoreTier, type TierValue, valueName } from './tier.ts'
export { type ChunkInfo, readChunk } from './value.ts'
export { type BadValue, type Verified, verifyTier } from './verify.ts'
