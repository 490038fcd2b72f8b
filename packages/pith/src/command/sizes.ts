import { PithError, parseSize } from '@pith/core'

const LEAST_CHUNK = 2 ** 12
const MOST_CHUNK = 2 ** 26

/** Bytes of chunks, in the range of all codecs. @throws PithError `PITH_ARG` */
export function parseChunk(text: string): number {
  const bytes = parseSize(text, '--chunk')
  if (bytes >= LEAST_CHUNK && bytes <= MOST_CHUNK) return bytes
  throw new PithError('PITH_ARG', `--chunk must be 4KiB to 64MiB, got ${text.slice(0, 80)}`)
}

/**
 * Milliseconds from text such as `500ms`, `5s`, `2m`, `1h`; bare numbers are seconds.
 *
 * @throws PithError `PITH_ARG`
 */
export function parseDuration(text: string, option: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)?$/.exec(text) ?? []
  if (digits === undefined) {
    throw new PithError('PITH_ARG', `${option} must be a time span such as 5s, 2m or 1h, got ${text.slice(0, 80)}`)
  }
  return Number(digits) * SPANS[unit ?? 's']!
}

/** Milliseconds in each unit of time. */
export const SPANS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** An integer in `least..most`. @throws PithError `PITH_ARG` */
export function parseCount(text: string, option: string, least = 0, most: number = Number.MAX_SAFE_INTEGER): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  const range = most === Number.MAX_SAFE_INTEGER ? `an integer >= ${least}` : `an integer in ${least}..${most}`
  throw new PithError('PITH_ARG', `${option} must be ${range}, got ${text.slice(0, 80)}`)
}
