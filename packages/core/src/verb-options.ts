/** Options of verbs as numbers and sizes. */
import { PithError } from './errors.ts'
import type { Arguments } from './manifest.ts'

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  kb: 1e3,
  kib: 1024,
  m: 1024 ** 2,
  mb: 1e6,
  mib: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1e9,
  gib: 1024 ** 3,
}

/**
 * Bytes from text such as `64K`, `8MiB` or `1.5MB`; K, M and G are powers of 1024, KB, MB and GB of 1000.
 *
 * @throws PithError `PITH_ARG`
 */
export function parseSize(text: string, option: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text) ?? []
  const scale = unit === undefined ? undefined : UNITS[unit.toLowerCase()]
  if (digits === undefined || scale === undefined) {
    throw new PithError('PITH_ARG', `${option} must be a size such as 64K, 8MiB or 1GB, got ${text.slice(0, 80)}`)
  }
  return Math.round(Number(digits) * scale)
}

/** The number that an option gives, which must be there. @throws PithError `PITH_ARG` it is none, or not in range */
export function numberOf(args: Arguments, name: string, least: number, most: number, isWhole: boolean): number {
  const text = args.value(name) as string
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (!(value >= least && value <= most) || (isWhole && !Number.isInteger(value))) {
    const kind = isWhole ? 'a whole number' : 'a number'
    throw new PithError('PITH_ARG', `--${name} must be ${kind} of ${least} to ${most}, got ${text.slice(0, 40)}`)
  }
  return value
}
