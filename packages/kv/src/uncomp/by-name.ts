/** Policies by the names that people type. */
import { PithError } from '@pith/core'
import type { EvictionPolicy } from '@pith/lm'
import { adaKv, h2o, pyramidKv, snapKv, streamingLlm } from './policies/index.ts'
import type { EntropyProfile } from './profile.ts'
import { type UncompOptions, uncomp, uncompAda } from './uncomp.ts'

/** Names of policies; `auto` is `uncomp+ada`. */
export type PolicyName = 'streaming' | 'h2o' | 'snapkv' | 'pyramidkv' | 'adakv' | 'uncomp' | 'uncomp+ada' | 'auto'

/** All of them but `auto`. */
export const POLICIES: readonly Exclude<PolicyName, 'auto'>[] = [
  'streaming',
  'h2o',
  'snapkv',
  'pyramidkv',
  'adakv',
  'uncomp',
  'uncomp+ada',
]

/** Whether a policy needs to know the entropies of a model. */
export function needsEntropy(name: PolicyName): boolean {
  return name === 'uncomp' || name === 'uncomp+ada' || name === 'auto'
}

/**
 * The policy of a name.
 *
 * @param profile the entropies of the model, for those that need them
 * @throws PithError `PITH_ARG` no such policy, no profile, or options outside of their ranges
 */
export function evictionPolicy(name: PolicyName, options: UncompOptions, profile?: EntropyProfile): EvictionPolicy {
  const known = (): EntropyProfile => {
    if (profile !== undefined) return profile
    throw new PithError('PITH_ARG', `${name} needs the entropies of the model`, { hint: 'See profileEntropy.' })
  }
  switch (name) {
    case 'streaming':
      return streamingLlm(options)
    case 'h2o':
      return h2o(options)
    case 'snapkv':
      return snapKv(options)
    case 'pyramidkv':
      return pyramidKv(options)
    case 'adakv':
      return adaKv(options)
    case 'uncomp':
      return uncomp(known(), options)
    case 'uncomp+ada':
    case 'auto':
      return uncompAda(known(), options)
    default:
      throw new PithError('PITH_ARG', `there is no policy ${String(name).slice(0, 40)}`, {
        hint: `Take one of ${POLICIES.join(', ')}, auto.`,
      })
  }
}
