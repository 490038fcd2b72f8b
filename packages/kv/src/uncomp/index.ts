/** UNComp: caches that keep what heads of high entropy need. */
export { evictionPolicy, needsEntropy, POLICIES, type PolicyName } from './by-name.ts'
export { card as uncompCard } from './card.ts'
export { truncatedEntropy } from './entropy.ts'
export * from './policies/index.ts'
export {
  checkProfileOf,
  type EntropyProfile,
  headClasses,
  layerGroups,
  profileEntropy,
  readEntropyProfile,
  writeEntropyProfile,
} from './profile.ts'
export { type EvictionScore, type EvictionScores, scoreEvictions } from './score.ts'
export { classWeights, type UncompAdaOptions, type UncompOptions, uncomp, uncompAda } from './uncomp.ts'
