import { PithError } from '@pith/core'

/** A point in time that a user gave. */
export interface TimePoint {
  /** Milliseconds since 1970-01-01T00:00:00 UTC; a time without a zone is taken as if it were UTC. */
  readonly ms: number
  /** Whether the zone is known; if not, compare with log times as they are written. */
  readonly zoned: boolean
}

const DATE_TIME =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s?([Zz]|[+-]\d\d(?::?\d\d)?)?$/
const BASIC_DATE_TIME =
  /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(?:(\d\d)(?:[.,](\d{1,9}))?)?)?([Zz]|[+-]\d\d(?::?\d\d)?)?$/
const EPOCH = /^(?:@(-?\d{1,12})|(\d{9,11}))(?:\.(\d{1,9}))?$/
const EPOCH_MS = /^\d{12,14}$/
const AGO = /^-?((?:\d{1,9}(?:\.\d{1,6})?\s*[a-z]+\s*)+?)(?:\s*ago)?$/
const AGO_PART = /(\d+(?:\.\d+)?)\s*([a-z]+)/g

const UNIT_MS: ReadonlyMap<string, number> = /* @__PURE__ */ new Map([
  ['ms', 1],
  ['s', 1000],
  ['sec', 1000],
  ['second', 1000],
  ['m', 60_000],
  ['min', 60_000],
  ['minute', 60_000],
  ['h', 3_600_000],
  ['hour', 3_600_000],
  ['d', 86_400_000],
  ['day', 86_400_000],
  ['w', 604_800_000],
  ['week', 604_800_000],
])

/**
 * Read a time as `--since` and `--until` take it: ISO 8601 with or without zone (`2015-07-29 17:41:44,747`, `20150729T174144Z`), a
 * date (its first moment), a span before now (`2h`, `1d 12h`, `30 minutes ago`), seconds since 1970 (`1438191704.5`, or `@` and any
 * number), milliseconds since 1970 in 12 to 14 digits, or `now`.
 *
 * @param now the present, in milliseconds since 1970
 * @throws PithError `PITH_ARG` for anything else, and for dates that don't exist
 */
export function parseTime(text: string, now: number): TimePoint {
  const given = text.trim()
  if (given === 'now') return { ms: now, zoned: true }
  const date = DATE_TIME.exec(given) ?? BASIC_DATE_TIME.exec(given)
  if (date !== null) return readDate(text, date)
  const epoch = EPOCH.exec(given)
  if (epoch !== null) {
    const seconds = Number(epoch[1] ?? epoch[2])
    const fraction = milliseconds(epoch[3])
    return { ms: seconds * 1000 + (given.startsWith('@-') ? -fraction : fraction), zoned: true }
  }
  if (EPOCH_MS.test(given)) return { ms: Number(given), zoned: true }
  const ago = AGO.exec(given.toLowerCase())
  if (ago !== null) return { ms: now - readSpan(text, ago[1] as string), zoned: true }
  throw badTime(text)
}

/** A lower and an upper bound, both included; either may be missing. */
export interface TimeRange {
  readonly since?: TimePoint
  readonly until?: TimePoint
}

/**
 * Read both ends of a range.
 *
 * @throws PithError `PITH_ARG` where one is no time, or `until` lies before `since`
 */
export function parseTimeRange(since: string | undefined, until: string | undefined, now: number): TimeRange {
  const range: { since?: TimePoint; until?: TimePoint } = {}
  if (since !== undefined) range.since = parseTime(since, now)
  if (until !== undefined) range.until = parseTime(until, now)
  if (range.since !== undefined && range.until !== undefined && range.until.ms < range.since.ms) {
    throw new PithError('PITH_ARG', `the range ends (${until}) before it starts (${since})`, {
      hint: 'Give the earlier time to --since and the later one to --until.',
    })
  }
  return range
}

function badTime(text: string): PithError {
  const shown = text.length > 60 ? `${text.slice(0, 60)}...` : text
  return new PithError('PITH_ARG', `'${shown}' is not a time`, {
    hint: 'Give a date or time such as 2015-07-29T17:41:44, a span before now such as 2h or 3d, or seconds since 1970.',
  })
}

function milliseconds(fraction: string | undefined): number {
  return fraction === undefined ? 0 : Number(fraction.slice(0, 3).padEnd(3, '0'))
}

function readDate(text: string, parts: RegExpExecArray): TimePoint {
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0
  if (day < 1 || day > days || hour > 23 || minute > 59 || second > 59) throw badTime(text)
  const zone = parts[8]
  const clock = (hour * 60 + minute) * 60 + second
  return {
    ms: (daysSinceEpoch(year, month, day) * 86_400 + clock) * 1000 + milliseconds(parts[7]) - zoneMs(text, zone),
    zoned: zone !== undefined,
  }
}

/** Days from 1970-01-01 to a date of the Gregorian calendar. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  // Years from March on: the leap day is the last of its year.
  const shifted = month > 2 ? year : year - 1
  const era = Math.floor(shifted / 400)
  const ofEra = shifted - era * 400
  const ofYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  return era * 146_097 + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - 719_468
}

function zoneMs(text: string, zone: string | undefined): number {
  if (zone === undefined || zone === 'Z' || zone === 'z') return 0
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0')
  const hours = Number(digits.slice(0, 2))
  const minutes = Number(digits.slice(2))
  if (hours > 23 || minutes > 59) throw badTime(text)
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000
}

function readSpan(text: string, span: string): number {
  let total = 0
  for (const [, count, name] of span.matchAll(AGO_PART)) {
    const unit = UNIT_MS.get((name as string).replace(/^(sec|second|min|minute|hour|day|week)s$/, '$1'))
    if (unit === undefined) throw badTime(text)
    total += Math.round(Number(count) * unit)
  }
  return total
}
