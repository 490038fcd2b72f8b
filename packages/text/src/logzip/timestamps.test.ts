import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytes, civil, FALSE_TIMES, SPELLINGS } from '../../test/log-inputs.ts'
import { toMilliseconds } from './time-range.ts'
import { compileLayout, hasYear, matchLayout, padDays, ticksPerSecond } from './timestamps.ts'
import { Workspace } from './workspace.ts'

const workspaces = [new Workspace('wasm'), new Workspace('twin')] as const

function write(workspace: Workspace, layout: string, ticks: number): string {
  const { memory, kernels } = workspace
  const program = memory.put(compileLayout(layout)!)
  const values = workspace.doubles(1)
  new Float64Array(memory.buffer, values, 1)[0] = ticks
  const out = memory.alloc(400)
  const [start, end] = [workspace.words(1), workspace.words(1)]
  const stop = kernels.formatTimes(program, values, 1, out, start, end)
  expect([workspace.word(start, 0), workspace.word(end, 0)]).toEqual([out, stop])
  return String.fromCharCode(...memory.take(out, stop - out))
}

/** Ticks of a text by both targets, -1 where it is no such time, and its text again. */
function ticksOf(layout: string, text: string): { ticks: number; again: string } {
  const results = workspaces.map((workspace) => {
    const { memory, kernels } = workspace
    workspace.reset()
    const program = memory.put(compileLayout(layout)!)
    const at = memory.put(bytes(text))
    const [start, end, list, values] = [1, 1, 2, 2].map((n) => workspace.words(n)) as [number, number, number, number]
    memory.i32[start >> 2] = at
    memory.i32[end >> 2] = at + bytes(text).length
    const bad = kernels.parseTimes(program, start, end, 1, values, list, 1)
    if (bad !== 0) return { ticks: -1, again: '' }
    const ticks = new Float64Array(memory.buffer, values, 1)[0] as number
    return { ticks, again: write(workspace, layout, ticks) }
  })
  expect(results[1]).toEqual(results[0])
  return results[0]!
}

const moments = fc.integer({ min: 0, max: Date.UTC(2099, 11, 31) })

describe('layouts', () => {
  test.each(Object.entries(SPELLINGS))('%s is found where it stands, and its times come back', (layout, spell) => {
    fc.assert(
      fc.property(fc.integer({ min: Date.UTC(2001, 0, 1), max: Date.UTC(2099, 11, 31) }), (moment) => {
        const text = spell(civil(moment))
        const found = matchLayout(`${text} rest`, 0)
        expect(found?.length).toBe(text.length)
        const spellings = [found!.layout, padDays(found!.layout)]
        expect([layout, 'b D H:M:S', 'a b e H:M:S Y']).toContain(found!.layout)
        expect(spellings.some((spelling) => ticksOf(spelling, text).again === text)).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  test.each(Object.entries(SPELLINGS))('%s: ticks are the moment', (layout, spell) => {
    fc.assert(
      fc.property(moments, (moment) => {
        const t = civil(moment)
        if (/y/.test(layout) && (t.y < 2000 || t.y > 2099)) return
        const { ticks, again } = ticksOf(layout, spell(t))
        expect(again).toBe(spell(t))
        if (!hasYear(layout)) return
        const shown = /[.,]\d|f/.test(layout) ? moment : Math.floor(moment / 1000) * 1000
        expect(toMilliseconds(ticks, layout)).toBe(shown)
      }),
      { numRuns: 60 },
    )
  })

  test('whatever parses is formatted to the same bytes, also where digits were changed', () => {
    const changes = fc.array(fc.tuple(fc.nat(30), fc.constantFrom(...'0123456789 .:-TZ\0')), { maxLength: 4 })
    fc.assert(
      fc.property(fc.constantFrom(...Object.entries(SPELLINGS)), moments, changes, ([layout, spell], moment, list) => {
        const letters = [...spell(civil(moment))]
        for (const [at, letter] of list) letters[at % letters.length] = letter
        const text = letters.join('')
        for (const spelling of [layout, padDays(layout)]) {
          const { ticks, again } = ticksOf(spelling, text)
          if (ticks >= 0) expect(again).toBe(text)
        }
      }),
      { numRuns: 400 },
    )
  })

  test('times that do not exist, or that were before 1970, are no times', () => {
    const all = 'Y-m-d H:M:S,3'
    const refused = FALSE_TIMES.filter((time) => /^\d{4}-\d\d-\d\d \d/.test(time) && ticksOf(all, time).ticks < 0)
    expect(refused).toEqual([
      '2024-02-30 10:00:00,000',
      '2023-02-29 10:00:00,000',
      '1900-02-29 00:00:00,000',
      '2024-01-01 24:00:00,000',
      '2024-01-01 23:59:60,000',
      '2024-13-01 00:00:00,000',
      '2024-00-10 00:00:00,000',
      '2024-01-00 00:00:00,000',
      '0000-01-01 00:00:00,000',
      '1969-12-31 23:59:59,999',
      '1901-01-01 00:00:00,000',
    ])
    expect(ticksOf(all, '1970-01-01 00:00:00,000').ticks).toBe(0)
    expect(ticksOf(all, '2000-02-29 23:59:59,999').again).toBe('2000-02-29 23:59:59,999')
  })

  test('a weekday that does not belong to its date is no time', () => {
    const layout = 'a b e H:M:S Y'
    expect(ticksOf(layout, 'Thu Jan  1 00:00:00 1970').ticks).toBe(0)
    for (const day of ['Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed', 'thu']) {
      expect(ticksOf(layout, `${day} Jan  1 00:00:00 1970`).ticks).toBe(-1)
    }
  })

  test('padding must be as the layout says', () => {
    expect(ticksOf('b e H:M:S', 'Jun  9 10:00:00').again).toBe('Jun  9 10:00:00')
    expect(ticksOf('b e H:M:S', 'Jun 09 10:00:00').ticks).toBe(-1)
    expect(ticksOf('b d H:M:S', 'Jun 09 10:00:00').again).toBe('Jun 09 10:00:00')
    expect(ticksOf('b d H:M:S', 'Jun  9 10:00:00').ticks).toBe(-1)
    expect(ticksOf('b D H:M:S', 'Jun 9 10:00:00').again).toBe('Jun 9 10:00:00')
    expect(ticksOf('b D H:M:S', 'Jun 09 10:00:00').ticks).toBe(-1)
    expect(ticksOf('b e H:M:S', 'Jun  0 10:00:00').ticks).toBe(-1)
    expect(ticksOf('Ymd-h:i:s:f', '20240228-1:2:3:4').again).toBe('20240228-1:2:3:4')
    expect(ticksOf('Ymd-h:i:s:f', '20240228-01:02:03:004').ticks).toBe(-1)
    expect(ticksOf(padDays('Ymd-h:i:s:f'), '20240228-01:02:03:004').again).toBe('20240228-01:02:03:004')
    expect(ticksOf('H:M:S', '١٢:00:00').ticks).toBe(-1)
  })

  test('a time that leaves 53 bits is no time', () => {
    expect(ticksOf('Y-m-d%TH:M:S.6', '2250-06-30T12:00:00.999999').ticks).toBeGreaterThan(0)
    expect(ticksOf('Y-m-d%TH:M:S.6', '9999-12-31T23:59:59.999999').ticks).toBe(-1)
  })

  test('ticks of hostile files are written as some text of bounded length', () => {
    for (const ticks of [-1, -(2 ** 53), 2 ** 53, 1e18, -1e18, 1e22, -1e22, 1e30, 2 ** 63, 2 ** 70]) {
      for (const layout of [...Object.keys(SPELLINGS), 'y', 'f', 'a b', 'h:i:s:f', '6.6.6']) {
        for (const workspace of workspaces) {
          workspace.reset()
          expect(write(workspace, layout, ticks).length).toBeLessThanOrEqual(layout.length * 4)
        }
      }
    }
  })

  test('a layout is checked before it is used', () => {
    for (const layout of ['', '%', 'x', 'H:M:S%', 'Q', '-', `H${'.'.repeat(64)}`, '%H']) {
      expect(compileLayout(layout)).toBeUndefined()
    }
    expect([ticksPerSecond('H:M:S'), ticksPerSecond('H:M:S.3'), ticksPerSecond('h:i:s:f')]).toEqual([1, 1000, 1000])
    expect([hasYear('b e H:M:S'), hasYear('%Y H'), hasYear('y/m/d')]).toEqual([false, false, true])
  })
})
