import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytes, sampleLog } from '../../test/log-inputs.ts'
import { ChunkView } from './chunk-decode.ts'
import { encodePiece } from './chunk-encode.ts'
import { searchChunk } from './grep.ts'
import { Prior } from './prior.ts'
import { compileMatcher } from './search/matcher.ts'
import { Workspace } from './workspace.ts'

const LINES = 1500

/** Numbers of the lines that GNU grep selects. */
function gnuLines(file: string, flags: readonly string[], pattern: string): number[] {
  const { stdout, status } = spawnSync('grep', ['-an', ...flags, '-e', pattern, file], {
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    maxBuffer: 2 ** 28,
  })
  expect(status).toBeLessThan(2)
  const found = stdout.toString('latin1').match(/^\d+(?=:)/gm) ?? []
  return found.map((number) => Number(number) - 1)
}

test('searches of a compressed chunk select the lines of GNU grep', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pith-candidates-'))
  try {
    const log = sampleLog(LINES, 11)
    const file = join(folder, 'log')
    writeFileSync(file, log)
    const workspace = new Workspace()
    const prior = Prior.empty()
    const [chunk] = encodePiece(workspace, log, prior, { level: 'fast' })
    expect(chunk?.lines).toBe(LINES)
    const query = fc.record({
      place: fc.nat(log.length - 1),
      length: fc.integer({ min: 1, max: 20 }),
      changed: fc.constantFrom('', '0', '75', 'x'),
      flags: fc.constantFrom<string[]>([], ['-i'], ['-w'], ['-x'], ['-v'], ['-w', '-i']),
      how: fc.constantFrom('fixed', 'digits', 'anchored'),
    })
    for (const { place, length, changed, flags, how } of fc.sample(query, { numRuns: 400, seed: 5 })) {
      const text = Array.from(log.subarray(place, place + length), (c) => String.fromCharCode(c)).join('')
      const piece = (text.split('\n')[0] as string).replace(/[^ -~]/g, '') + changed
      const plain = piece.replace(/[^0-9A-Za-z ]/g, '.')
      const isFixed = how === 'fixed'
      const pattern = isFixed ? piece : how === 'digits' ? plain.replace(/\d+/, '[0-9]+') : `^.*${plain}`
      const matcher = compileMatcher({
        patterns: [bytes(pattern)],
        fixed: isFixed,
        ignoreCase: flags.includes('-i'),
        word: flags.includes('-w'),
        lineRegexp: flags.includes('-x'),
        invert: flags.includes('-v'),
      })
      workspace.reset()
      const view = new ChunkView(
        workspace,
        (section, index) => chunk?.blocks.filter((block) => block.section === section)[index]?.payload,
        prior,
      )
      const own = searchChunk(view, prior, matcher)
      expect([...own.lines], `${flags} ${pattern}`).toEqual(gnuLines(file, [isFixed ? '-F' : '-E', ...flags], pattern))
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}, 120_000)
