/**
 * Time layouts: how a timestamp is spelled. A layout is a string of fields and literal bytes, which is also its form in
 * the file; the kernels parse and format it. Fields (all others are literal, `%` before a letter or digit makes it one):
 *
 *     Y 4-digit year   y 2-digit year     m month 01..12   b month Jan..Dec   a weekday Mon..Sun
 *     d day 01..31     e day, padded with a space          D day 1..31
 *     H M S two digits each               h i s the same without padding
 *     1..6 that many digits of a fraction of a second      f milliseconds without padding, 0..999
 */
import { fromLatin1 } from './latin1.ts'

const MONTH = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)'
const DAY_NAME = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)'

/** Dates, as [layout, expression]; the first that matches wins. */
const DATES: readonly (readonly [string, string])[] = [
  ['Y-m-d', '(?:19|20)\\d\\d-[01]\\d-[0-3]\\d'],
  ['Y/m/d', '(?:19|20)\\d\\d/[01]\\d/[0-3]\\d'],
  ['Y.m.d', '(?:19|20)\\d\\d\\.[01]\\d\\.[0-3]\\d'],
  ['Ymd', '(?:19|20)\\d\\d[01]\\d[0-3]\\d'],
  ['d/b/Y', `[0-3]\\d/${MONTH}/(?:19|20)\\d\\d`],
  ['d-b-Y', `[0-3]\\d-${MONTH}-(?:19|20)\\d\\d`],
  ['d b Y', `[0-3]\\d ${MONTH} (?:19|20)\\d\\d`],
  ['d.m.Y', '[0-3]\\d\\.[01]\\d\\.(?:19|20)\\d\\d'],
  ['m/d/Y', '[01]\\d/[0-3]\\d/(?:19|20)\\d\\d'],
  ['y/m/d', '\\d\\d/[01]\\d/[0-3]\\d'],
  ['ymd', '\\d\\d[01]\\d[0-3]\\d'],
  ['m-d', '[01]\\d-[0-3]\\d'],
  ['m.d', '[01]\\d\\.[0-3]\\d'],
  // One line does not tell whether days are padded with a space or a zero; see padDays.
  ['a b e', `${DAY_NAME} ${MONTH} [ 0-3]\\d`],
  ['b e', `${MONTH} [ 0-3]\\d`],
  ['b D', `${MONTH} \\d`],
]

/** How each separator of date and time stands in a layout. */
const SEPARATORS: Readonly<Record<string, string>> = { ' ': ' ', T: '%T', ':': ':', '-': '-', _: '_' }

const TIMES: readonly (readonly [string, string])[] = [
  // One line does not tell whether its fields are padded; see padDays.
  ['h:i:s:f', '\\d\\d?:\\d\\d?:\\d\\d?:\\d{1,3}'],
  ['H:M:S', '[0-2]\\d:[0-5]\\d:[0-5]\\d'],
  ['H.M.S', '[0-2]\\d\\.[0-5]\\d\\.[0-5]\\d'],
  ['HMS', '[0-2]\\d[0-5]\\d[0-5]\\d'],
]

/** A layout found in a text, with the number of bytes it covers. */
export interface LayoutMatch {
  layout: string
  length: number
}

interface DatePattern {
  date: string
  expression: RegExp
  /** Names a month and no year, which may stand behind the time. */
  yearless: boolean
}

const DATE_PATTERNS: readonly DatePattern[] = /* @__PURE__ */ DATES.map(([date, expression]) => ({
  date,
  expression: new RegExp(expression, 'y'),
  yearless: !/[Yy]/.test(date) && /[be]/.test(date),
}))

const TIME_PATTERNS: readonly { time: string; expression: RegExp }[] = /* @__PURE__ */ TIMES.map(
  ([time, expression]) => ({ time, expression: new RegExp(expression, 'y') }),
)

const TIME_ALONE = /[0-2]\d:[0-5]\d:[0-5]\d/y

/** All beginnings at once: most places of a line are no time, and one expression says so. */
const ANY: RegExp = /* @__PURE__ */ new RegExp(
  `(?:${DATES.map(([, expression]) => expression).join('|')})[ T:_-]|${TIME_ALONE.source}`,
  'y',
)

const FRACTION = /[.,:](\d{1,9})(?!\d)/y
const YEAR_BEHIND = / (?:19|20)\d\d(?![0-9A-Za-z])/y

/** The layout of a timestamp that starts at `at` of a line (one character a byte), ending where a token ends. */
export function matchLayout(line: string, at: number): LayoutMatch | undefined {
  // Months and days are a capital and two small letters; all else starts with two digits.
  const first = line.charCodeAt(at)
  const second = line.charCodeAt(at + 1)
  const name = first >= 65 && first <= 87 && second >= 97 && second <= 122
  if (!name && !(first >= 48 && first <= 57 && second >= 48 && second <= 57)) return undefined
  ANY.lastIndex = at
  if (!ANY.test(line)) return undefined
  for (const { date, expression, yearless } of DATE_PATTERNS) {
    expression.lastIndex = at
    if (!expression.test(line)) continue
    const middle = expression.lastIndex
    const separator = SEPARATORS[line.charAt(middle)]
    if (separator === undefined) continue
    for (const { time, expression: timeExpression } of TIME_PATTERNS) {
      // Two runs of six digits are a time only in this one form, or any two numbers would be.
      if ((date === 'ymd') !== (time === 'HMS') && date !== 'Ymd') continue
      if (time === 'h:i:s:f' && date !== 'Ymd') continue
      timeExpression.lastIndex = middle + 1
      if (!timeExpression.test(line)) continue
      const match = completeLayout(line, at, timeExpression.lastIndex, `${date}${separator}${time}`, yearless)
      if (match !== undefined) return match
    }
  }
  TIME_ALONE.lastIndex = at
  return TIME_ALONE.test(line) ? completeLayout(line, at, TIME_ALONE.lastIndex, 'H:M:S', false) : undefined
}

/** What stands behind a time: fraction, year, `Z`; undefined where its last token goes on. */
function completeLayout(
  line: string,
  at: number,
  from: number,
  layout: string,
  yearless: boolean,
): LayoutMatch | undefined {
  let found = layout
  let end = from
  FRACTION.lastIndex = end
  const fraction = FRACTION.exec(line)
  // Nanoseconds would leave the 53 bits of a tick; their digits stay a slot of their own.
  if (fraction?.[1] !== undefined && fraction[1].length <= 6 && !layout.endsWith('f')) {
    found += `${line[end]}${fraction[1].length}`
    end = FRACTION.lastIndex
  }
  YEAR_BEHIND.lastIndex = end
  if (yearless && YEAR_BEHIND.test(line)) {
    found += ' Y'
    end = YEAR_BEHIND.lastIndex
  }
  if (line[end] === 'Z') {
    found += '%Z'
    end++
  }
  return /[0-9A-Za-z\x80-\xff]/.test(line[end] ?? ' ') ? undefined : { layout: found, length: end - at }
}

const FIELDS = 'YymbadeDHMShis123456f'

/**
 * A layout as the kernels take it: pairs of bytes, field letter and 0, or 0 and a literal; closed by two zeros.
 *
 * @returns undefined where it is no layout (unknown letter, nothing to parse, longer than 64)
 */
export function compileLayout(layout: string): Uint8Array<ArrayBuffer> | undefined {
  let program = ''
  let fields = 0
  for (let i = 0; i < layout.length; i++) {
    const c = layout[i] as string
    if (c === '%') {
      i++
      if (i >= layout.length) return undefined
      program += `\0${layout[i]}`
    } else if (/[0-9A-Za-z]/.test(c)) {
      if (!FIELDS.includes(c)) return undefined
      program += `${c}\0`
      fields++
    } else program += `\0${c}`
  }
  if (fields === 0 || layout.length > 64) return undefined
  return fromLatin1(`${program}\0\0`)
}

/** The layout with days that are padded with zeros where it pads them with spaces, and with a padded time where it pads none. */
export function padDays(layout: string): string {
  return layout.replace(/(?<!%)e/, 'd').replace(/h:i:s:f$/, 'H:M:S:3')
}

/** Ticks a second of a layout: 10 to the digits of its fraction. */
export function ticksPerSecond(layout: string): number {
  const match = /(?<!%)([1-6])|(?<!%)(f)/.exec(layout)
  if (match === null) return 1
  return match[2] === undefined ? 10 ** Number(match[1]) : 1000
}

/** Whether a layout says the year, so that its times can be compared with a date. */
export function hasYear(layout: string): boolean {
  return /(?<!%)[Yy]/.test(layout)
}
