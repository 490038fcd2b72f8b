import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

// Debian's own interpreter, since that is where python3-brotli is; another python3 may come first in PATH.
const PYTHON = '/usr/bin/python3'
const root = join(import.meta.dirname, '..')
const decoder = join(import.meta.dirname, 'second-decoder/decode.py')
const logs = join(root, 'packages/text/test/golden/v1')
const containers = join(root, 'packages/core/test/golden/v1/container')
const run = promisify(execFile)

interface Outcome {
  readonly code: number
  readonly out: Buffer
  readonly err: string
}

interface GoldenEntry {
  readonly path?: string
  readonly kind?: string
  readonly link?: string
  readonly codec: string
  readonly rawBytes: number
  readonly sha256: string
}

interface Golden {
  readonly entries?: readonly GoldenEntry[]
  readonly error?: string
}

async function decode(...args: string[]): Promise<Outcome> {
  try {
    const { stdout, stderr } = await run(PYTHON, ['-B', decoder, ...args], { encoding: 'buffer', maxBuffer: 1 << 26 })
    return { code: 0, out: stdout, err: stderr.toString() }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: Buffer; stderr: Buffer }
    return { code, out: stdout, err: stderr.toString() }
  }
}

async function pith(...args: string[]): Promise<void> {
  const cli = join(root, 'packages/pith/src/cli.ts')
  await run(process.execPath, ['--conditions=pith-dev', cli, ...args, '--quiet'])
}

function namesOf(folder: string, pattern: RegExp): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.pith') && pattern.test(name))
    .map((name) => name.slice(0, -'.pith'.length))
}

function readGolden(folder: string, name: string): Golden {
  return JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Golden
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

describe('golden files', () => {
  test.each(namesOf(logs, /^(fast|default)-/))('log %s decodes', async (name) => {
    const { code, out, err } = await decode(join(logs, `${name}.pith`))
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(sha256(out)).toBe(readGolden(logs, name).entries?.[0]?.sha256)
  })

  test('every entry of an archive decodes', async () => {
    const entries = readGolden(logs, 'archive').entries ?? []
    const outcomes = entries.map((entry) => decode(join(logs, 'archive.pith'), '--entry', entry.path ?? ''))
    const hashes = (await Promise.all(outcomes)).map(({ out }) => sha256(out))
    expect(hashes).toEqual(entries.map((entry) => entry.sha256))
    expect(hashes.length).toBeGreaterThan(2)
  })

  test.each([...namesOf(logs, /^error-/), ...namesOf(logs, /^max-log/)])('log %s is refused', async (name) => {
    const { code, out, err } = await decode(join(logs, `${name}.pith`))
    expect({ code, bytes: out.length }).toEqual({ code: 1, bytes: 0 })
    expect(err).toMatch(/^decode\.py: error: .+\n$/)
  })

  test.each(namesOf(containers, /^(solo|chunks|error)-|^damage-block/))(
    'container %s is listed or refused',
    async (name) => {
      const golden = readGolden(containers, name)
      const { code, out, err } = await decode(join(containers, `${name}.pith`), '--list')
      const lines = (golden.entries ?? []).map(({ kind, codec, rawBytes, path = '-', link }) =>
        [kind, codec, rawBytes, link === undefined ? path : `${path} -> ${link}`].join('\t'),
      )
      expect(out.toString().split('\n').slice(0, -1)).toEqual(lines)
      expect(code).toBe(golden.error === undefined ? 0 : 1)
      expect(err).toMatch(golden.error === undefined ? /^$/ : /^decode\.py: error: .+\n$/)
    },
  )
})

describe('fresh files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pith-second-decoder-'))
  const contents = new Map<string, Uint8Array>()

  /** Lines of several templates with times, numbers, ids and JSON, in no order that a rule would tell. */
  function makeLog(lines: number, end: string): Uint8Array {
    let state = 12345
    const next = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      return (state >>> 8) % below
    }
    const made = Array.from({ length: lines }, (_, i) => {
      const time = new Date(1_700_000_000_000 + i * 731 + next(500)).toISOString()
      const kinds = [
        `${time} INFO worker-${next(5)} took ${next(4000)} ms, ${1000 + i} so far`,
        `${time} WARN disk sd${'abc'[next(3)]} at ${next(100)}% {${next(9)}}`,
        JSON.stringify({ time, id: i, user: { id: next(50), name: `u${next(50)}` }, tags: [next(3), { id: -i }] }),
        `Nov ${String(1 + (i >> 6)).padStart(2, ' ')} ${time.slice(11, 19)} host sshd[${next(30000)}]: \u0000\u0001 é`,
        i % 50 === 0 ? '' : 'and so on',
      ]
      return kinds[next(kinds.length)]
    })
    return new TextEncoder().encode(made.join(end))
  }

  beforeAll(() => {
    contents.set('app.log', makeLog(4000, '\n'))
    contents.set('sub/windows.log', makeLog(300, '\r\n'))
    contents.set('sub/empty', new Uint8Array(0))
    contents.set(
      'sub/random.bin',
      Uint8Array.from({ length: 5000 }, (_, i) => Math.imul(i * i + 7, 2654435761) >>> 24),
    )
    contents.set('error.log', readFileSync(join(root, 'examples/sample/error.log')))
    mkdirSync(join(folder, 'in/sub'), { recursive: true })
    mkdirSync(join(folder, 'in/none'))
    for (const [name, bytes] of contents) writeFileSync(join(folder, 'in', name), bytes)
    symlinkSync('sub/empty', join(folder, 'in/link'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test.each(['fast', 'default'])('a folder at level %s, in chunks that share a prior', async (level) => {
    const file = join(folder, `${level}.pith`)
    await pith('compress', join(folder, 'in'), '-o', file, '--level', level, '--chunk', '64KB')
    for (const [name, bytes] of contents) {
      const { out, err } = await decode(file, '--entry', `in/${name}`)
      expect(err).toBe('')
      expect(sha256(out)).toBe(sha256(bytes))
    }
    const { out } = await decode(file, '--list')
    expect(out.toString()).toContain('link\tstored\t0\tin/link -> sub/empty\n')
    expect(out.toString()).toContain('folder\tstored\t0\tin/none\n')
    expect(await decode(file)).toMatchObject({ code: 1, err: expect.stringContaining('--entry PATH') })
    expect(await decode(file, '--entry', 'in/none')).toMatchObject({
      code: 1,
      err: expect.stringContaining('is a folder'),
    })
  })

  test('a log that was appended to', async () => {
    const file = join(folder, 'appended.pith')
    const whole = contents.get('app.log') ?? new Uint8Array(0)
    for (const [part, from, to] of [
      ['a', 0, 90_001],
      ['b', 90_001, 100_000],
      ['c', 100_000, whole.length],
    ] as const) {
      writeFileSync(join(folder, part), whole.subarray(from, to))
      await pith('compress', join(folder, part), '-o', file, '--level', 'fast', ...(part === 'a' ? [] : ['--append']))
    }
    const { out, err } = await decode(file)
    expect(err).toBe('')
    expect(sha256(out)).toBe(sha256(whole))
  })

  test('a byte that was changed is seen wherever it stands', async () => {
    const file = join(folder, 'solo.pith')
    await pith('compress', join(folder, 'in/sub/windows.log'), '-o', file)
    const bytes = readFileSync(file)
    for (const at of [0, 9, 20, bytes.length >> 1, bytes.length - 1]) {
      const changed = Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ 16 : byte))
      writeFileSync(join(folder, 'changed.pith'), changed)
      expect(await decode(join(folder, 'changed.pith'))).toMatchObject({ code: 1, out: Buffer.alloc(0) })
    }
  })
})
