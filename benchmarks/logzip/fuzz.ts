/** Inputs that a log compressor gets wrong: random ones that look like logs, and known traps. */

const WORDS = [
  'error',
  'user',
  'GET',
  'session',
  'closed',
  'größe',
  'INFO',
  'a',
  'of',
  'null',
  'T',
  '-',
  '{}',
  '[]',
  '""',
  '\\',
  '%',
  '\t',
  '  ',
]
const ENDS = ['\n', '\n', '\n', '\n', '\r\n', '\r', '', '\n\n', '\r\r\n', '\0\n']

type Random = () => number

function number(random: Random): string {
  const digits = String(random() % 10 ** (1 + (random() % 9)))
  switch (random() % 14) {
    case 0:
      return `00${digits}`
    case 1:
      return `-${digits}`
    case 2:
      return `${digits}.${random() % 1000}`
    case 3:
      return `${digits}${digits}${digits}${digits}`
    case 4:
      return `0x${(random() >>> 0).toString(16)}`
    case 5:
      return (random() >>> 0).toString(16).toUpperCase()
    case 6:
      return `${random() % 256}.${random() % 256}.${random() % 300}.${random() % 256}`
    case 7:
      return `+${digits}e${random() % 20}`
    default:
      return digits
  }
}

const two = (value: number): string => String(value).padStart(2, '0')

function time(random: Random): string {
  // One in four is no time at all: the 31st of February, 25 o'clock, second 60.
  const odd = random() % 4 === 0
  const date = [1900 + (random() % 200), 1 + (random() % (odd ? 14 : 12)), 1 + (random() % (odd ? 33 : 28))]
  const clock = [random() % (odd ? 26 : 24), random() % (odd ? 62 : 60), random() % (odd ? 62 : 60)].map(two).join(':')
  const [year = 0, month = 0, day = 0] = date
  const name = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec', 'Foo', 'mar'][
    month - 1
  ]
  switch (random() % 7) {
    case 0:
      return `${year}-${two(month)}-${two(day)} ${clock},${random() % 1000}`
    case 1:
      return `${year}-${two(month)}-${two(day)}T${clock}.${random() % 1_000_000}Z`
    case 2:
      return `${name} ${String(day).padStart(2)} ${clock}`
    case 3:
      return `[${two(day)}/${name}/${year}:${clock} +0${random() % 10}00]`
    case 4:
      return `${['Mon', 'Tue', 'Wed'][random() % 3]} ${name} ${two(day)} ${clock} ${year}`
    case 5:
      return String(1_400_000_000 + (random() % 300_000_000)) + (random() % 2 === 0 ? '000' : '')
    default:
      return `${two(year % 100)}/${two(month)}/${two(day)} ${clock}`
  }
}

function line(random: Random, pattern: readonly number[]): string {
  return pattern
    .map((kind) => {
      switch (kind) {
        case 0:
          return number(random)
        case 1:
          return time(random)
        case 2:
          return `"${WORDS[random() % WORDS.length]} ${number(random)}"`
        case 3:
          return `{"k":${number(random)},"v":{"w":"${WORDS[random() % WORDS.length]}"${random() % 8 === 0 ? '' : '}}'}`
        default:
          return WORDS[(kind * 7 + (random() % 3)) % WORDS.length]
      }
    })
    .join(' ')
}

/** A small input: usually lines of a few patterns, sometimes with damages, sometimes plain noise. */
export function randomLog(random: Random): Uint8Array {
  if (random() % 12 === 0)
    return Uint8Array.from({ length: random() % 3000 }, () => random() & (random() % 2 ? 255 : 15))
  const patterns = Array.from({ length: 1 + (random() % 4) }, () =>
    Array.from({ length: 1 + (random() % 7) }, () => random() % 12),
  )
  const usual = ENDS[random() % 5]!
  let text = ''
  for (let i = random() % 60; i >= 0; i--) {
    const end = random() % 15 === 0 ? ENDS[random() % ENDS.length]! : usual
    text += line(random, patterns[random() % patterns.length]!) + end
  }
  const bytes = new TextEncoder().encode(random() % 3 === 0 ? text.trimEnd() : text)
  if (bytes.length > 0 && random() % 5 === 0)
    for (let i = random() % 6; i > 0; i--) bytes[random() % bytes.length] = random()
  return bytes
}

/** Named traps. */
export function hostileTexts(): Record<string, Uint8Array> {
  const latin1 = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0))
  const repeat = (text: string, count = 300) =>
    Array.from({ length: count }, (_, i) => text.replaceAll('#', String(i))).join('\n')
  return {
    empty: latin1(''),
    'one byte': latin1('x'),
    'one line feed': latin1('\n'),
    'only line feeds': latin1('\n'.repeat(70_000)),
    'only carriage returns': latin1('\r'.repeat(70_000)),
    'no last line feed': latin1(repeat('Jun 15 02:04:59 combo sshd[#]: ok')),
    'CRLF without a last one': latin1(repeat('Jun 15 02:04:59 combo sshd[#]: ok').replaceAll('\n', '\r\n')),
    'mixed line ends': latin1(
      Array.from({ length: 500 }, (_, i) => `a ${i}${['\n', '\r\n', '\r', '\n\r'][i % 4]}`).join(''),
    ),
    'NUL everywhere': latin1(repeat('a\0b # \0\0 c')),
    'the 30th of February': latin1(repeat('2024-02-30 10:00:# x') + repeat('Feb 30 10:11:12 host # ')),
    'leap days': latin1(
      '2024-02-29 00:00:00 a\n2023-02-29 00:00:00 a\n1900-02-29 00:00:00 a\n2000-02-29 00:00:00 a\n'.repeat(50),
    ),
    '24 o’clock and second 60': latin1(
      '2024-06-30 24:00:00 a\n2024-06-30 23:59:60 a\n2024-06-30 23:60:00 a\n2024-06-30 23:59:59 a\n'.repeat(50),
    ),
    'year zero and far years': latin1(
      '0000-01-01 00:00:00 a\n9999-12-31 23:59:59 a\n10000-01-01 00:00:00 a\n0001-01-01 00:00:00 a\n'.repeat(50),
    ),
    'wrong weekdays': latin1(
      '[Mon Dec 04 04:51:14 2005] a\n[Sun Dec 04 04:51:14 2005] a\n[sun Dec 04 04:51:14 2005] a\n'.repeat(50),
    ),
    'times that go back': latin1(
      Array.from({ length: 400 }, (_, i) => `2024-01-01 ${two(23 - (i % 24))}:${two((i * 37) % 60)}:00 a ${i}`).join(
        '\n',
      ),
    ),
    'a year that ends': latin1(
      'Dec 31 23:59:59 h a[1]: b\nJan  1 00:00:00 h a[1]: b\nJan 01 00:00:00 h a[1]: b\n'.repeat(80),
    ),
    'epochs of both widths': latin1('1417483600 a\n1417483600123 a\n9999999999 a\n0000000000 a\n'.repeat(80)),
    'signs and exponents': latin1('x=007 y=+5 z=1e3 w=-0 v=--1 u=1.50 t=.5 s=5. r=00.10 q=1,234\n'.repeat(100)),
    'long digits': latin1(repeat(`${'9'.repeat(40)}# 0${'0'.repeat(40)}# 18446744073709551616`)),
    'hexadecimal of both cases': latin1('id=DEADBEEF01 id=deadbeef01 id=DeadBeef01 0x00ff 0X00FF 0x\n'.repeat(100)),
    'addresses that are none': latin1('1.2.3.4 01.2.3.4 256.1.1.1 1.2.3 1.2.3.4.5 1.2.3.4:80 ::1\n'.repeat(100)),
    'latin1 bytes': Uint8Array.from({ length: 8000 }, (_, i) => (i % 40 === 39 ? 10 : 160 + ((i * 7) % 96))),
    'half surrogates': latin1('\xed\xa0\x80 a \xed\xbf\xbf 1\n'.repeat(200)),
    'a byte order mark': latin1(`\xef\xbb\xbf${repeat('2024-01-01 10:00:00 a #')}`),
    'UTF-16': latin1(Array.from('2024-01-01 10:00:00 ab 17\r\n'.repeat(100), (char) => `${char}\0`).join('')),
    'a line of 10 MB': new Uint8Array(10_000_000).map((_, i) => 97 + ((i * 2654435761) % 26)),
    'a long line among short ones': latin1(`${repeat('a #')}\n${'word 17 '.repeat(20_000)}\n${repeat('a #')}`),
    'open quotes': latin1(repeat('GET "/a b/# HTTP "x" ""y" \\"')),
    'broken JSON': latin1(
      `${repeat('{"a":#,"b":{"c":[1,#,{"d":null}]},"e":"x\\"y"}')}\n${repeat('{"a":#,"b":')}\n{"a":1,"a":2}\n{}\n[]\n`,
    ),
    'deep JSON': latin1(`${'{"a":'.repeat(3000)}1${'}'.repeat(3000)}\n`.repeat(3)),
    'one line many times': latin1('the same line\n'.repeat(100_000)),
    'distinct words': latin1(
      Array.from(
        { length: 5000 },
        (_, i) => `w${'abcdefghij'[i % 10]!.repeat(1 + (i % 17))} ${((i * 2654435761) % 2 ** 32).toString(36)}`,
      ).join('\n'),
    ),
    'all bytes': Uint8Array.from({ length: 65_536 }, (_, i) => i & 255),
    'the start of a container': latin1(`\x89PTH\r\n\x1a\n${repeat('a #')}`),
  }
}
