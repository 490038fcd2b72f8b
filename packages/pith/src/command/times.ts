import { PithError } from '@pith/core'
import { SPANS } from './sizes.ts'

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const ISO =
  /^(\d{4})-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d\d:?\d\d)?)?)?$/i
const SYSLOG = /^([a-z]{3}) +(\d{1,2})(?: +(\d\d):(\d\d)(?::(\d\d))?)?$/i

/**
 * A time from the command line in milliseconds since 1970, as the clock that wrote the log would show it: `2024-05-01`,
 * `2024-05-01T10:00:00.5`, `May  1 10:00`, `@1714557600` (seconds), `now`, or a span before now such as `2h` or `90m`. With
 * a zone (`Z`, `+02:00`) it is that moment in UTC.
 *
 * @param now  the present moment
 * @throws PithError `PITH_ARG` anything else, or a date that is none
 */
export function parseTime(text: string, option: string, now: Date): number {
  const value = localTime(text.trim(), now)
  if (value !== undefined && Number.isFinite(value)) return value
  throw new PithError('PITH_ARG', `${option} must be a time, got ${text.slice(0, 80)}`, {
    hint: 'Write 2024-05-01, 2024-05-01T10:00:00, "May 1 10:00", @1714557600, or 2h for two hours ago.',
  })
}

function localTime(text: string, now: Date): number | undefined {
  const span = /^(\d+(?:\.\d+)?)(s|m|h|d|w)(?: ?ago)?$/.exec(text)
  if (span) return wallClock(now) - Number(span[1]) * SPANS[span[2]!]!
  if (text === 'now') return wallClock(now)
  if (/^@\d{1,12}(?:\.\d{1,3})?$/.test(text)) return Math.round(Number(text.slice(1)) * 1000)
  const iso = ISO.exec(text)
  if (iso) {
    const [, year, month, day, hour, minute, second, fraction, zone] = iso
    const ms = Number((fraction ?? '').padEnd(3, '0').slice(0, 3))
    const time = dateOf(
      Number(year),
      Number(month),
      Number(day ?? 1),
      Number(hour ?? 0),
      Number(minute ?? 0),
      Number(second ?? 0),
    )
    return time === undefined ? undefined : time + ms - offsetOf(zone)
  }
  const syslog = SYSLOG.exec(text)
  if (syslog) {
    const [, name, day, hour, minute, second] = syslog
    const month = MONTHS.indexOf(name!.toLowerCase()) + 1
    return dateOf(now.getFullYear(), month, Number(day), Number(hour ?? 0), Number(minute ?? 0), Number(second ?? 0))
  }
  return undefined
}

/** What the local clock shows, as if it were UTC: logs mostly hold local times without a zone. */
function wallClock(now: Date): number {
  return now.getTime() - now.getTimezoneOffset() * 60_000
}

function offsetOf(zone: string | undefined): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(zone ?? '') ?? []
  return sign === undefined ? 0 : (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

function dateOf(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number | undefined {
  if (month < 1 || month > 12 || day < 1 || hour > 24 || minute > 59 || second > 60) return undefined
  const time = Date.UTC(year, month - 1, day, hour, minute, second)
  // A day that the month does not have moves into the next one.
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day ? time : undefined
}
