/** What a reader of models may be asked to hold. */
import { PithError } from '@pith/core'

/** Counts above which a file is refused. */
export interface ReadLimits {
  /** Levels of messages within messages. Default 64. */
  depth: number
  /** Levels of graphs within attributes of nodes. Default 16. */
  graphDepth: number
  /** Nodes of all graphs and functions together. Default 1e6. */
  nodes: number
  /** Messages of any kind together. Default 2^23. */
  messages: number
  /** Repeated values that are held one by one (integers, strings, byte strings). Default 2^26. */
  values: number
}

/** The default limits. */
export const READ_LIMITS: Readonly<ReadLimits> = /* @__PURE__ */ Object.freeze({
  depth: 64,
  graphDepth: 16,
  nodes: 1_000_000,
  messages: 2 ** 23,
  values: 2 ** 26,
})

/** Fill in the limits that the caller left out. @throws PithError `PITH_ARG` an unknown key, or no integer >= 0 */
export function resolveReadLimits(limits: Partial<ReadLimits> = {}): ReadLimits {
  const resolved: ReadLimits = { ...READ_LIMITS }
  for (const [key, value] of Object.entries(limits)) {
    if (!Object.hasOwn(resolved, key)) {
      throw new PithError('PITH_ARG', `${key} is not a limit, expected one of ${Object.keys(resolved).join(', ')}`)
    }
    if (value === undefined) continue
    if (!(Number.isInteger(value) && value >= 0)) {
      throw new PithError('PITH_ARG', `the limit ${key} must be an integer >= 0, got ${value}`)
    }
    resolved[key as keyof ReadLimits] = value
  }
  return resolved
}
