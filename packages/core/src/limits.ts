import { PithError } from './errors.ts'
import type { Limits } from './run.ts'

/** Names of the presets of {@link LIMITS}. */
export type LimitPreset = 'restrictive' | 'default' | 'unlimited'

/**
 * Presets of what a decoder may spend: `restrictive` for uploads from strangers, `default` for files of one's own
 * machine, `unlimited` where the caller guards by other means.
 */
export const LIMITS: Readonly<Record<LimitPreset, Readonly<Limits>>> = /* @__PURE__ */ Object.freeze({
  restrictive: { outputBytes: 256 * 2 ** 20, memoryBytes: 64 * 2 ** 20, sections: 10_000, depth: 8 },
  default: { outputBytes: 64 * 2 ** 30, memoryBytes: 2 ** 30, sections: 2 ** 24, depth: 32 },
  unlimited: {
    outputBytes: Number.MAX_SAFE_INTEGER,
    memoryBytes: Number.MAX_SAFE_INTEGER,
    sections: Number.MAX_SAFE_INTEGER,
    depth: Number.MAX_SAFE_INTEGER,
  },
})

/**
 * Fill in the limits that the caller left out.
 *
 * @param limits  a preset's name, or single limits over the preset `base` (default `default`)
 * @throws PithError `PITH_ARG` an unknown preset or key, or a limit that is no integer >= 0
 */
export function resolveLimits(
  limits: Partial<Limits> | LimitPreset = 'default',
  base: LimitPreset = 'default',
): Limits {
  if (typeof limits === 'string') return { ...preset(limits) }
  const resolved = { ...preset(base) }
  for (const [key, value] of Object.entries(limits)) {
    if (!Object.hasOwn(resolved, key)) {
      throw new PithError('PITH_ARG', `${key} is not a limit, expected one of ${Object.keys(resolved).join(', ')}`)
    }
    if (value === undefined) continue
    if (!(Number.isInteger(value) && value >= 0) && value !== Number.POSITIVE_INFINITY) {
      throw new PithError('PITH_ARG', `the limit ${key} must be an integer >= 0, got ${value}`)
    }
    resolved[key as keyof Limits] = Math.min(value, Number.MAX_SAFE_INTEGER)
  }
  return resolved
}

function preset(name: string): Readonly<Limits> {
  if (Object.hasOwn(LIMITS, name)) return LIMITS[name as LimitPreset]
  throw new PithError('PITH_ARG', `${name} is not a preset of limits, expected ${Object.keys(LIMITS).join(', ')}`)
}

/**
 * Refuse `value` where it is above its limit.
 *
 * @throws PithError `PITH_LIMIT` with the limit's name in the hint
 */
export function checkLimit(limits: Limits, name: keyof Limits, value: number, what: string): void {
  if (value <= limits[name]) return
  throw new PithError('PITH_LIMIT', `${what} needs ${value}, the limit ${name} is ${limits[name]}`, {
    hint: `Raise the limit ${name} if you trust this input.`,
  })
}
