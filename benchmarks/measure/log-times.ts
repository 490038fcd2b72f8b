/** Timestamps as logs write them: found in a line, moved forward, written back in the same layout. */

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
/** Year of timestamps that name none. */
const SOME_YEAR = 2025

interface Layout {
  readonly pattern: string
  /** Seconds since 1970 of a match, as if it were in UTC. */
  parse(parts: readonly string[]): number
  /** The text of another second in the layout of that match. */
  write(seconds: number, parts: readonly string[]): string
}

const two = (value: number): string => (value < 10 ? `0${value}` : String(value))
const month = (name: string): number => MONTHS.indexOf(name)
const at = (y: number, mo: number, d: number, h: string, mi: string, s: string): number =>
  Date.UTC(y, mo, d, Number(h), Number(mi), Number(s)) / 1000
const clock = (date: Date, between = ':'): string =>
  two(date.getUTCHours()) + between + two(date.getUTCMinutes()) + between + two(date.getUTCSeconds())

/** Layouts by the order in which they are tried at a place. Group 0 is the whole match. */
const LAYOUTS: readonly Layout[] = [
  {
    pattern: String.raw`(\d{4})([-/])(\d\d)[-/](\d\d)([-T ])(\d\d)([:.])(\d\d)[:.](\d\d)`,
    parse: (p) => at(Number(p[1]), Number(p[3]) - 1, Number(p[4]), p[6]!, p[8]!, p[9]!),
    write(seconds, p) {
      const date = new Date(seconds * 1000)
      const day = [date.getUTCFullYear(), two(date.getUTCMonth() + 1), two(date.getUTCDate())].join(p[2])
      return day + p[5] + clock(date, p[7])
    },
  },
  {
    pattern: String.raw`(\d{4})\.(\d\d)\.(\d\d)(?![.\d])`,
    parse: (p) => at(Number(p[1]), Number(p[2]) - 1, Number(p[3]), '0', '0', '0'),
    write(seconds) {
      const date = new Date(seconds * 1000)
      return [date.getUTCFullYear(), two(date.getUTCMonth() + 1), two(date.getUTCDate())].join('.')
    },
  },
  {
    pattern: String.raw`(\d\d)/(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/(\d{4}):(\d\d):(\d\d):(\d\d)`,
    parse: (p) => at(Number(p[3]), month(p[2]!), Number(p[1]), p[4]!, p[5]!, p[6]!),
    write(seconds) {
      const date = new Date(seconds * 1000)
      const day = [two(date.getUTCDate()), MONTHS[date.getUTCMonth()], date.getUTCFullYear()].join('/')
      return `${day}:${clock(date)}`
    },
  },
  {
    pattern: String.raw`((?:Sun|Mon|Tue|Wed|Thu|Fri|Sat) )?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) ([ \d]?\d) (\d\d):(\d\d):(\d\d)( \d{4})?`,
    parse: (p) => at(Number(p[7] ?? SOME_YEAR), month(p[2]!), Number(p[3]), p[4]!, p[5]!, p[6]!),
    write(seconds, p) {
      const date = new Date(seconds * 1000)
      const number = String(date.getUTCDate())
      const day = p[3]!.startsWith('0') ? number.padStart(2, '0') : number.padStart(p[3]!.length)
      const weekday = p[1] === undefined ? '' : `${DAYS[date.getUTCDay()]} `
      return `${weekday}${MONTHS[date.getUTCMonth()]} ${day} ${clock(date)}${p[7] === undefined ? '' : ` ${date.getUTCFullYear()}`}`
    },
  },
  {
    pattern: String.raw`(\d\d)/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d)`,
    parse: (p) => at(2000 + Number(p[1]), Number(p[2]) - 1, Number(p[3]), p[4]!, p[5]!, p[6]!),
    write(seconds) {
      const date = new Date(seconds * 1000)
      const day = [two(date.getUTCFullYear() % 100), two(date.getUTCMonth() + 1), two(date.getUTCDate())].join('/')
      return `${day} ${clock(date)}`
    },
  },
  {
    pattern: String.raw`(\d{4})(\d\d)(\d\d)-(\d{1,2}):(\d{1,2}):(\d{1,2})(?=:)`,
    parse: (p) => at(Number(p[1]), Number(p[2]) - 1, Number(p[3]), p[4]!, p[5]!, p[6]!),
    write(seconds) {
      const date = new Date(seconds * 1000)
      const day = [date.getUTCFullYear(), two(date.getUTCMonth() + 1), two(date.getUTCDate())].join('')
      return `${day}-${date.getUTCHours()}:${date.getUTCMinutes()}:${date.getUTCSeconds()}`
    },
  },
  {
    pattern: String.raw`^(\d\d)(\d\d)(\d\d) (\d\d)(\d\d)(\d\d)(?= )`,
    parse: (p) => at(2000 + Number(p[1]), Number(p[2]) - 1, Number(p[3]), p[4]!, p[5]!, p[6]!),
    write(seconds) {
      const date = new Date(seconds * 1000)
      const day = [two(date.getUTCFullYear() % 100), two(date.getUTCMonth() + 1), two(date.getUTCDate())].join('')
      return `${day} ${clock(date, '')}`
    },
  },
  {
    pattern: String.raw`^(\[?)(\d\d)([-.])(\d\d) (\d\d):(\d\d):(\d\d)`,
    parse: (p) => at(SOME_YEAR, Number(p[2]) - 1, Number(p[4]), p[5]!, p[6]!, p[7]!),
    write(seconds, p) {
      const date = new Date(seconds * 1000)
      return `${p[1]}${two(date.getUTCMonth() + 1)}${p[3]}${two(date.getUTCDate())} ${clock(date)}`
    },
  },
  {
    pattern: String.raw`\b(1[01]\d{8})(\d{3})?\b`,
    parse: (p) => Number(p[1]),
    write: (seconds, p) => String(seconds) + (p[2] ?? ''),
  },
]

const GROUPS = LAYOUTS.map((layout) => new RegExp(`${layout.pattern}|`).exec('')!.length)
const ANY = new RegExp(LAYOUTS.map((layout) => `(${layout.pattern})`).join('|'), 'g')

/** One timestamp of a line. */
export interface FoundTime {
  readonly start: number
  readonly end: number
  readonly seconds: number
  write(seconds: number): string
}

/** The timestamps of a line, from left to right. */
export function findTimes(line: string): FoundTime[] {
  const found: FoundTime[] = []
  for (const match of line.matchAll(ANY)) {
    let group = 1
    for (const [index, layout] of LAYOUTS.entries()) {
      const count = GROUPS[index]!
      if (match[group] !== undefined) {
        const parts = match.slice(group, group + count)
        const seconds = layout.parse(parts)
        // A date that doesn't come back as it was is none: 31 February, 25 o'clock.
        if (Number.isFinite(seconds) && layout.write(seconds, parts) === match[0]) {
          const start = match.index
          found.push({ start, end: start + match[0].length, seconds, write: (value) => layout.write(value, parts) })
        }
        break
      }
      group += count
    }
  }
  return found
}
