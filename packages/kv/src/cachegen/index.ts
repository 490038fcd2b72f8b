/** CacheGen: caches of keys and values as small files, of which parts are read alone. */
export { card as cachegenCard } from './card.ts'
export { type FitOptions, fitProfile } from './fit.ts'
export type { Kind, LayerRange } from './frames.ts'
export {
  type EncodeOptions,
  encodeKv,
  KvFile,
  type KvInfo,
  type KvPart,
  type KvRange,
  type KvSizes,
  profileId,
} from './kv-file.ts'
export { DEFAULT_LEVEL, type KvProfile, LEVELS, type Preset, type ProfileSet } from './profile.ts'
export { profileAlone, readProfileFile, writeProfileFile } from './profile-file.ts'
export { readProfile, writeProfile } from './profile-format.ts'
export type { Basis, Transform } from './transform.ts'
