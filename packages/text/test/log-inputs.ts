/** Logs made up for tests: lines of random templates with the kinds of values that real logs have, and what breaks them. */
import { Random } from '@pith/core'
import fc from 'fast-check'

const encoder = new TextEncoder()

/** Bytes of a text with one character a byte, so that any byte can be written down. */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 255) return encoder.encode(text)
    out[i] = text.charCodeAt(i)
  }
  return out
}

const WORDS = [
  'GET',
  'error',
  'user',
  'disk sda',
  'Connection from',
  'session',
  'opened for',
  'INFO',
  'kernel:',
  'ä',
  '---',
]
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const DAYS = ['Thu', 'Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed']

/** Parts of a civil time, for spelling it. */
interface Civil {
  y: number
  m: number
  d: number
  h: number
  i: number
  s: number
  ms: number
  weekday: string
}

export function civil(milliseconds: number): Civil {
  const date = new Date(milliseconds)
  const day = Math.floor(milliseconds / 86_400_000)
  return {
    y: date.getUTCFullYear(),
    m: date.getUTCMonth() + 1,
    d: date.getUTCDate(),
    h: date.getUTCHours(),
    i: date.getUTCMinutes(),
    s: date.getUTCSeconds(),
    ms: date.getUTCMilliseconds(),
    weekday: DAYS[((day % 7) + 7) % 7] as string,
  }
}

const pad = (n: number, width: number): string => String(n).padStart(width, '0')
const clock = (t: Civil): string => `${pad(t.h, 2)}:${pad(t.i, 2)}:${pad(t.s, 2)}`
const month = (t: Civil): string => MONTHS[t.m - 1] as string

/** Spellings of times that logs use, by the layout that the codec should find. */
export const SPELLINGS: Readonly<Record<string, (t: Civil) => string>> = {
  'Y-m-d H:M:S,3': (t) => `${t.y}-${pad(t.m, 2)}-${pad(t.d, 2)} ${clock(t)},${pad(t.ms, 3)}`,
  'Y-m-d%TH:M:S.3%Z': (t) => `${t.y}-${pad(t.m, 2)}-${pad(t.d, 2)}T${clock(t)}.${pad(t.ms, 3)}Z`,
  'Y-m-d%TH:M:S.6': (t) => `${t.y}-${pad(t.m, 2)}-${pad(t.d, 2)}T${clock(t)}.${pad(t.ms, 3)}000`,
  'Y-m-d-H.M.S.6': (t) =>
    `${t.y}-${pad(t.m, 2)}-${pad(t.d, 2)}-${pad(t.h, 2)}.${pad(t.i, 2)}.${pad(t.s, 2)}.${pad(t.ms, 3)}123`,
  'd/b/Y:H:M:S': (t) => `${pad(t.d, 2)}/${month(t)}/${t.y}:${clock(t)}`,
  'a b e H:M:S Y': (t) => `${t.weekday} ${month(t)} ${String(t.d).padStart(2)} ${clock(t)} ${t.y}`,
  'b e H:M:S': (t) => `${month(t)} ${String(t.d).padStart(2)} ${clock(t)}`,
  'y/m/d H:M:S': (t) => `${pad(t.y % 100, 2)}/${pad(t.m, 2)}/${pad(t.d, 2)} ${clock(t)}`,
  'ymd HMS': (t) => `${pad(t.y % 100, 2)}${pad(t.m, 2)}${pad(t.d, 2)} ${clock(t).replaceAll(':', '')}`,
  'm-d H:M:S.3': (t) => `${pad(t.m, 2)}-${pad(t.d, 2)} ${clock(t)}.${pad(t.ms, 3)}`,
  'Ymd-h:i:s:f': (t) => `${t.y}${pad(t.m, 2)}${pad(t.d, 2)}-${t.h}:${t.i}:${t.s}:${t.ms}`,
  'Y/m/d H:M:S': (t) => `${t.y}/${pad(t.m, 2)}/${pad(t.d, 2)} ${clock(t)}`,
}

/** Texts that look like times and are none, or that a careless parser changes. */
export const FALSE_TIMES: readonly string[] = [
  '2024-02-30 10:00:00,000',
  '2023-02-29 10:00:00,000',
  '1900-02-29 00:00:00,000',
  '2000-02-29 23:59:59,999',
  '2024-01-01 24:00:00,000',
  '2024-01-01 23:59:60,000',
  '2024-13-01 00:00:00,000',
  '2024-00-10 00:00:00,000',
  '2024-01-00 00:00:00,000',
  '0000-01-01 00:00:00,000',
  '1969-12-31 23:59:59,999',
  '1970-01-01 00:00:00,000',
  '1901-01-01 00:00:00,000',
  '9999-12-31 23:59:59,999',
  'Mon Jan  1 00:00:00 1971',
  'Tue Jan  1 00:00:00 2023',
  'Sun Jan 01 00:00:00 2023',
  'Feb 30 10:00:00',
  'Feb 29 10:00:00',
  'Jun  0 10:00:00',
  'Jun 31 10:00:00',
  'Jun 09 10:00:00',
  'Jun  9 10:00:00',
  'Jun 9 10:00:00',
  '20240230-1:2:3:4',
  '20240228-01:02:03:004',
  '30/Feb/2024:10:00:00',
  '240230 101010',
  '991231 235959',
  '2024-01-01T00:00:00.123456789Z',
  '2024-01-01T00:00:00.1Z',
  '2250-06-30T12:00:00.999999',
  '１２:００:００',
]

/** How one value of a slot is made from the number of its line and a random number. */
type ValueMaker = (line: number, random: Random) => string

const VALUES: readonly ValueMaker[] = [
  (line) => String(line),
  (_, random) => String(random.integer(10)),
  (_, random) => String(random.integer(1_000_000_000)),
  (_, random) => String(random.integer(9_000_000_000_000_000)),
  (line) => pad(line % 1000, 5),
  (line) => String(line % 100).padStart(4),
  (_, random) => `-${random.integer(300)}`,
  (_, random) => `10.0.${random.integer(4)}.${random.integer(256)}`,
  (_, random) => random.u32().toString(16).padStart(8, '0'),
  (_, random) => `0x${random.u32().toString(16).toUpperCase()}`,
  (_, random) => `blk_${random.integer(2) === 0 ? '-' : ''}${random.integer(1_000_000_000)}`,
  (_, random) => `"/index/${random.integer(5)}?q=${random.integer(50)}"`,
  (_, random) => `${random.integer(100)}.${pad(random.integer(1000), 3)}`,
  (_, random) => ['alice', 'bob', 'carol', 'böb', ''][random.integer(5)] as string,
  (_, random) => `host-${random.integer(3)}.example.com`,
  (_, random) => '18446744073709551616'.slice(0, 1 + random.integer(20)),
  (_, random) => pad(random.integer(100_000), 1 + random.integer(6)),
]

/** What a made-up log is made of. */
export interface LogRecipe {
  seed: number
  lines: number
  /** Per template: texts and values in turn. */
  templates: readonly (readonly (string | number)[])[]
  spelling: string
  /** Milliseconds between two lines. */
  step: number
  start: number
  eol: 'lf' | 'crlf' | 'mixed'
  lastNewline: boolean
  /** Share of lines, in 1000, that are something else: rubbish, false times, JSON, stack traces, very long. */
  odd: number
  json: boolean
}

/** One made-up line with the time it says, in ms since 1970. */
export interface MadeLine {
  bytes: Uint8Array
  time: number | undefined
}

function jsonLine(line: number, random: Random, spelled: string): string {
  const keys: [string, unknown][] = [
    ['time', spelled],
    ['level', ['info', 'warn'][random.integer(2)]],
    ['n', line],
    ['ok', random.integer(2) === 0],
    ['user', { id: random.integer(50), name: 'x"y\\z' }],
    ['tags', ['a', random.integer(3)]],
  ]
  if (random.integer(8) === 0) keys.reverse()
  return JSON.stringify(Object.fromEntries(keys.slice(random.integer(2), keys.length - random.integer(2))))
}

function oddLine(random: Random): string {
  const rubbish = Array.from({ length: random.integer(80) }, () => {
    const c = random.integer(256)
    return String.fromCharCode(c === 10 ? 0 : c)
  }).join('')
  const choices = [
    rubbish,
    '',
    '\r',
    'a\rb\r\r',
    '\0\0\0',
    '\x01\x02\x00 1 \x02',
    `\tat com.example.Main.run(Main.java:${random.integer(900)})`,
    FALSE_TIMES[random.integer(FALSE_TIMES.length)] as string,
    `${FALSE_TIMES[random.integer(FALSE_TIMES.length)]} x ${random.integer(9)}`,
    `{"a":"${'\\"'.repeat(random.integer(40))}`,
    '"'.repeat(1 + random.integer(5)),
    '1'.repeat(1 + random.integer(30)),
    ' 1'.repeat(random.integer(60)),
    'x'.repeat(random.integer(3000)),
    `\xed\xa0\x80\xff${random.integer(7)}`,
  ]
  return choices[random.integer(choices.length)] as string
}

/** Lines of a recipe, without their endings. */
export function makeLines(recipe: LogRecipe): MadeLine[] {
  const random = new Random(recipe.seed)
  const spell = SPELLINGS[recipe.spelling]
  const made: MadeLine[] = []
  let now = recipe.start
  for (let line = 0; line < recipe.lines; line++) {
    now += random.integer(recipe.step + 1)
    if (random.integer(1000) < recipe.odd) {
      made.push({ bytes: bytes(oddLine(random)), time: undefined })
      continue
    }
    const spelled = spell === undefined ? '' : spell(civil(now))
    let text = spelled
    if (recipe.json) text = jsonLine(line, random, spelled)
    else {
      const template = recipe.templates[random.integer(recipe.templates.length)] as readonly (string | number)[]
      for (const part of template) {
        text += ` ${typeof part === 'string' ? part : (VALUES[part % VALUES.length] as ValueMaker)(line, random)}`
      }
    }
    made.push({ bytes: bytes(text), time: spell === undefined ? undefined : now })
  }
  return made
}

/** The log of a recipe as one array. */
export function makeLog(recipe: LogRecipe): Uint8Array<ArrayBuffer> {
  const random = new Random(recipe.seed + 1)
  const lines = makeLines(recipe)
  let total = 0
  for (const { bytes: own } of lines) total += own.length + 2
  const log = new Uint8Array(total)
  let at = 0
  for (const [i, { bytes: own }] of lines.entries()) {
    log.set(own, at)
    at += own.length
    if (i === lines.length - 1 && !recipe.lastNewline) break
    if (recipe.eol === 'crlf' || (recipe.eol === 'mixed' && random.integer(2) === 0)) log[at++] = 13
    log[at++] = 10
  }
  return log.slice(0, at)
}

/** Recipes of logs with up to `maxLines` lines. */
export function logRecipes(maxLines: number): fc.Arbitrary<LogRecipe> {
  const part = fc.oneof(fc.constantFrom(...WORDS), fc.nat(VALUES.length - 1), fc.nat(VALUES.length - 1))
  return fc.record({
    seed: fc.nat(1_000_000),
    lines: fc.nat(maxLines),
    templates: fc.array(fc.array(part, { minLength: 1, maxLength: 9 }), { minLength: 1, maxLength: 6 }),
    spelling: fc.constantFrom('', ...Object.keys(SPELLINGS)),
    step: fc.constantFrom(0, 5, 1000, 90_000, 40_000_000),
    start: fc.integer({ min: 946_684_800_000, max: 1_900_000_000_000 }),
    eol: fc.constantFrom('lf', 'crlf', 'mixed'),
    lastNewline: fc.boolean(),
    odd: fc.constantFrom(0, 0, 10, 200, 1000),
    json: fc.boolean(),
  })
}

/** Logs with up to `maxLines` lines. */
export function logs(maxLines: number): fc.Arbitrary<Uint8Array> {
  return logRecipes(maxLines).map(makeLog)
}

/** A log as people have them: several templates, times, addresses; `odd` of 1000 lines are something else. */
export function sampleLog(lines: number, seed: number = 1, odd: number = 5): Uint8Array<ArrayBuffer> {
  return makeLog({
    seed,
    lines,
    templates: [
      ['INFO', 'Connection from', 7, 'port', 2, 'opened for', 13],
      ['error', 'disk sda', 'sector', 2, 'block', 10],
      ['user', 13, 'session', 8, 'GET', 11, 'took', 12],
      ['kernel:', 9, 'cpu', 1],
    ],
    spelling: 'Y-m-d H:M:S,3',
    step: 900,
    start: Date.UTC(2024, 0, 1, 12),
    eol: 'lf',
    lastNewline: true,
    odd,
    json: false,
  })
}

/** A log as the lines that a container writes of it, `depth` times over. */
export function wrapLog(log: Uint8Array, depth: number): Uint8Array<ArrayBuffer> {
  let lines = Array.from(log, (c) => String.fromCharCode(c))
    .join('')
    .split('\n')
  for (let k = 0; k < depth; k++) {
    lines = lines.map((line, i) => {
      const text = line.replace(/["\\]/g, '\\$&').replaceAll('\t', '\\t').replaceAll('\r', '\\r')
      const stream = i % 7 === 0 ? 'stderr' : 'stdout'
      return `{"log":"${text}\\n","stream":"${stream}","time":"2024-03-05T07:00:00.${100 + (i % 900)}Z"}`
    })
  }
  return bytes(`${lines.join('\n')}\n`)
}

/** Lines with a text that follows from another one: user, machine and the version of a package. */
export function keyedLog(lines: number, seed: number): Uint8Array<ArrayBuffer> {
  const random = new Random(seed)
  let log = ''
  for (let i = 0; i < lines; i++) {
    const user = random.integer(40)
    const machine = random.integer(30) === 0 ? random.integer(90) : (user * 7) % 40
    log += `user u${user}x on host-${machine}.example.org, package p${user % 9}-dev 1.${user}.0-${machine % 3}+b1\n`
  }
  return bytes(log)
}

/** JSON with a dictionary of long texts that differ in their numbers. */
export function agentLog(lines: number, seed: number): Uint8Array<ArrayBuffer> {
  const random = new Random(seed)
  const agents = Array.from({ length: Math.ceil(lines / 5) }, () => {
    const version = `${random.integer(120)}.0.${random.integer(5000)}`
    return `Navigator/5.0 (\\"system\\" ${random.integer(12)}; build ${random.integer(9000)}) Engine/${version} like Any/${version}`
  })
  let log = ''
  for (let i = 0; i < lines; i++) log += `{"id":${i},"agent":"${agents[random.integer(agents.length)]}","ok":true}\n`
  return bytes(log)
}

/** Streams large enough to be kept apart: texts of words, digits, addresses and any kind, times, numbers, and logs within JSON. */
export function manyKindsLog(lines: number, seed: number): Uint8Array<ArrayBuffer> {
  const random = new Random(seed)
  let log = ''
  for (let i = 0; i < lines; i++) {
    const time = new Date(Date.UTC(2024, 4, 6) + i * 250).toISOString()
    if (i % 16 === 0) {
      const word = random.integer(2 ** 31).toString(36)
      const digits = `${1 + random.integer(8)}${String(random.integer(2 ** 31)).padStart(10, '0')}${random.integer(10 ** 6)}`
      const address = Array.from({ length: 4 }, () => random.integer(256)).join('.')
      log += `${time} trace word=w${word}x digits=<${digits}0000000> from ${address} path "/a/${random.integer(400)}.html?of=${i % 50}"\n`
    } else if (i % 4 === 2) {
      log += `{"log":"worker ${i % 7} took ${(i * 7) % 480} ms for job ${(i * 13) % 1129} of ${random.integer(9)}","at":"${time}"}\n`
    } else log += `${time} worker ${i % 7} handled ${i % 97} jobs in ${(i * i) % 89} ms, ${(i % 31) * 1000} left\n`
  }
  return bytes(log)
}
