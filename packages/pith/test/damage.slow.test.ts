import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '@pith/core'
import { beforeAll, expect, test } from 'vitest'
import { makeFolder, type Outcome, pith } from './host.ts'

const tmp = makeFolder()
const at = (name: string): string => join(tmp, name)
const random = new Random(41)

const NAMES = ['alice', 'bob', 'carol', 'dave']
const lines = Array.from(
  { length: 900 },
  (_, i) =>
    `2024-01-01 10:${String(((i / 60) % 60) | 0).padStart(2, '0')}:${String(i % 60).padStart(2, '0')} ${NAMES[random.integer(4)]} took ${random.integer(1e9)} ticks\n`,
)
const text = lines.join('')

const FORMS = ['solo', 'whole', 'chunks', 'commits']
/** Files of every form and level, with how many damages each gets. */
const files: { name: string; bytes: Buffer; damages: number }[] = []

beforeAll(async () => {
  writeFileSync(at('app.log'), text)
  for (const [level, damages] of [
    ['fast', 25],
    ['default', 25],
    ['max', 2],
  ] as const) {
    const one = `compress TMP/app.log --level ${level} -q`
    await pith(tmp, `${one} -o TMP/solo.pith --chunk 12K`)
    await pith(tmp, `${one} -o TMP/whole.pith`)
    await pith(tmp, `${one} -o TMP/chunks.pith --chunk 12K --append`)
    for (let part = 0; part < 4; part++) {
      writeFileSync(at('part.log'), lines.slice([0, 600, 750, 850][part], [600, 750, 850, 900][part]).join(''))
      await pith(tmp, `compress TMP/part.log --level ${level} -q -o TMP/commits.pith --chunk 24K --append`)
    }
    for (const form of FORMS) {
      files.push({ name: `${form}, ${level}`, bytes: readFileSync(at(`${form}.pith`)), damages })
    }
    for (const form of FORMS) rmSync(at(`${form}.pith`))
  }
})

/** Bytes that claim more than there is, wherever a length or a count stands. */
const HOSTILE = [
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
  [0, 0, 0, 0, 0, 0, 0, 0],
]

function damaged(bytes: Buffer): [what: string, bytes: Uint8Array] {
  const place = random.integer(bytes.length)
  const copy = Uint8Array.from(bytes)
  const kind = random.integer(6)
  if (kind === 0) return [`cut at ${place}`, copy.slice(0, place)]
  if (kind === 1) {
    const number = random.integer(HOSTILE.length)
    HOSTILE[number]!.forEach((byte, i) => {
      if (place + i < copy.length) copy[place + i] = byte
    })
    return [`numbers ${number} at ${place}`, copy]
  }
  if (kind === 2) return [`${place} bytes twice`, Uint8Array.from([...copy, ...copy.subarray(0, place)])]
  if (kind === 3) {
    const length = 1 + random.integer(600)
    return [
      `without ${length} at ${place}`,
      Uint8Array.from([...copy.subarray(0, place), ...copy.subarray(place + length)]),
    ]
  }
  // Heads and directories are small: half of the flips go there.
  const bit = kind === 4 ? random.integer(Math.min(400, bytes.length) * 8) : place * 8 + random.integer(8)
  copy[bit >> 3]! ^= 1 << (bit & 7)
  return [`bit ${bit}`, copy]
}

/** Whether lines are those of the log without some. */
function isPartOf(got: string): boolean {
  let from = 0
  for (const line of got.split('\n').slice(0, -1)) {
    const found = text.indexOf(`${line}\n`, from)
    if (found < 0) return false
    from = found + line.length + 1
  }
  return true
}

const CODE = /PITH_(?:CORRUPT|CHECKSUM|TRUNCATED|LIMIT|VERSION|UNKNOWN_CODEC|UNSUPPORTED)\b/

/** What is wrong with an outcome: it must be right, or say what it is not. */
function faultOf(verb: string, { code, err, out, bytes }: Outcome): string | undefined {
  if (/PITH_INTERNAL/.test(err)) return 'PITH_INTERNAL'
  const says = CODE.test(err) || (verb === 'verify' && CODE.test(out))
  // An earlier commit, as a file ends that is being written, is no failure.
  const isEarlier = /behind its last commit left out/.test(err)
  if (code > 2) return `exit ${code}`
  if (code !== 0 && !(verb === 'grep' && code === 1) && !says) return `exit ${code} without a code`
  if (verb === 'cat' || verb === 'decompress') {
    const got = bytes.toString('latin1')
    if (code === 0 && got !== text && !(isEarlier && text.startsWith(got))) return 'other bytes, and exit 0'
    if (verb === 'cat' && code === 2 && !isPartOf(got)) return 'lines that nobody wrote'
  }
  if (verb === 'grep') {
    const wanted = lines.filter((line) => line.includes('carol')).join('')
    const got = bytes.toString('latin1')
    if (code < 2 && got !== wanted && !(isEarlier && wanted.startsWith(got))) return 'other lines, and no error'
    if (code === 2 && !isPartOf(got)) return 'lines that nobody wrote'
  }
  return undefined
}

const VERBS = [
  ['cat', 'cat TMP/bad.pith'],
  ['grep', 'grep -F carol TMP/bad.pith'],
  ['templates', 'templates TMP/bad.pith'],
  ['verify', 'verify TMP/bad.pith'],
  ['list', 'list TMP/bad.pith'],
  ['inspect', 'inspect TMP/bad.pith'],
  ['decompress', 'decompress TMP/bad.pith -o -'],
  ['decompress -k', 'decompress -k TMP/bad.pith -o -'],
  ['repair', 'repair TMP/bad.pith --force'],
] as const

test('of files damaged in any way, every verb gives the right answer, an earlier commit, or a message with a code', async () => {
  const faults: string[] = []
  let saved = 0
  for (const { name, bytes, damages } of files) {
    for (let i = 0; i < damages; i++) {
      const [what, bad] = damaged(bytes)
      writeFileSync(at('bad.pith'), bad)
      for (const [verb, line] of VERBS) {
        const outcome = await pith(tmp, line)
        const fault = faultOf(verb, outcome)
        if (fault !== undefined) faults.push(`${name}, ${what}: ${verb}: ${fault}: ${outcome.err}`)
        if (verb !== 'repair' || outcome.code !== 0) continue
        const kept = await pith(tmp, 'cat TMP/bad.repaired.pith')
        if (kept.code !== 0 || !isPartOf(kept.bytes.toString('latin1')))
          faults.push(`${name}, ${what}: repaired: ${kept.err}`)
        else saved++
      }
    }
  }
  expect(faults).toEqual([])
  expect(saved).toBeGreaterThan(80)
}, 600_000)
