import { isPithError, toSource } from '@pith/core'
import { collectBytes, HeldEntry } from '@pith/core/testing'
import { describe, expect, test } from 'vitest'
import { type Forged, forge } from '../../test/forge-chunk.ts'
import { bytes } from '../../test/log-inputs.ts'
import { lineTimes } from './chunk-times.ts'
import { searchChunk } from './grep.ts'
import { logzipCodec } from './logzip.ts'
import { Prior } from './prior.ts'
import { compileMatcher } from './search/matcher.ts'
import { KIND } from './streams.ts'
import { viewOf } from './tasks.ts'
import { Workspace } from './workspace.ts'

const workspace = new Workspace()

/** What reading a forged chunk comes to: a code and message, or the rendered text. */
function outcome(parts: Forged, on: Workspace = workspace): string {
  try {
    const view = viewOf(on, [{ section: 'chunk', payload: forge(parts) }], Prior.empty())
    lineTimes(view)
    return String.fromCharCode(...view.render())
  } catch (error) {
    if (!isPithError(error)) throw error
    return `${error.code} ${error.message}`
  }
}

/** A template of slots divided by commas. */
const slots = (count: number): string => `${new Array(count).fill('\0').join(',')}\n`

describe('a chunk that was written to hurt', () => {
  test('the forger is right: a sound chunk is read up to its hash', () => {
    const sound: Forged = { rawBytes: 7, lines: 2, tables: 'a\0b\n', meta: [0, 1, KIND.raw], ids: Uint8Array.of(1, 1) }
    expect(outcome({ ...sound, texts: '1\n2\n' })).toMatch(/CORRUPT|CHECKSUM/)
    expect(outcome({ ...sound, rawBytes: 8, texts: '1\n2\n' })).toMatch(/PITH_CHECKSUM a chunk does not decode/)
  })

  test.each<[string, Forged]>([
    ['more bytes than a chunk may have', { rawBytes: 2 ** 26 + 1 }],
    ['more bytes than fit 32 bits', { rawBytes: 2 ** 40 }],
    ['more lines than bytes', { rawBytes: 3, lines: 4 }],
    ['more lines than a chunk may have', { rawBytes: 2 ** 26, lines: 2 ** 26, ids: new Uint8Array(0) }],
    ['line endings for too few lines', { lines: 5, eols: [4] }],
    ['line endings for too many lines', { lines: 1, eols: [4 * 2 ** 40] }],
    ['an unknown line ending', { eols: [4 + 3] }],
    ['a template that is not there', { ids: Uint8Array.of(7) }],
    ['a template with a layout that is not there', { tables: 'a\x01\x30\n', meta: [0, 1, 4] }],
    ['a template that ends in an escape', { tables: 'a\x02\n', meta: [0, 1, 4] }],
    ['slots that touch', { tables: '\0\0\n', meta: [0, 1, 4, 4], ids: Uint8Array.of(1) }],
    ['more layouts than there are texts', { meta: [2 ** 30, 0] }],
    ['more templates than there are texts', { meta: [0, 2 ** 40] }],
    ['more templates than lines', { tables: 'a\nb\n', meta: [0, 2, KIND.raw], texts: 'ten bytes\n' }],
    [
      'static text beyond the declared bytes',
      { lines: 8, tables: `${'x'.repeat(900)}\0\n`, meta: [0, 1, 4], ids: new Uint8Array(8).fill(1) },
    ],
    ['a column of an unknown kind', { meta: [0, 0, 7] }],
    ['a column that refers to nothing', { meta: [0, 0, KIND.dict | (3 << 3), 0] }],
    ['a dictionary with more texts than there are', { meta: [0, 0, KIND.dict, 2 ** 45] }],
    ['an id outside its dictionary', { meta: [0, 0, KIND.dict, 1], tables: 'x\n', columns: [Uint8Array.of(9)] }],
    ['more texts than rows', { meta: [0, 0, KIND.raw | (1 << 3), 99] }],
    ['a number wider than any', { meta: [0, 0, KIND.number | (1 << 5), 2 ** 30, 0, 0, 0] }],
    ['a number with unknown flags', { meta: [0, 0, KIND.number, 9, 0, 0] }],
    ['a number with an unknown spelling', { meta: [0, 0, KIND.number | (3 << 5), 0, 0, 0] }],
    ['more exceptions than rows', { meta: [0, 0, KIND.number, 0, 0, 2 ** 50] }],
    ['an exception outside its column', { meta: [0, 0, KIND.number, 0, 0, 1, 5], tables: 'x\n' }],
    ['a number that refers to itself', { meta: [0, 0, KIND.number | (2 << 3), 1, 0, 0, 0] }],
    ['a time in a column without a layout', { meta: [0, 0, KIND.time, 0, 0, 0], columns: [new Uint8Array(9)] }],
    ['a group that is not there', { meta: [0, 0, KIND.number, 2, 0, 0] }],
    ['more groups than there are', { groups: 2 ** 45, meta: [0, 0, KIND.raw] }],
    [
      'empty groups',
      {
        groups: 3,
        columns: [new Uint8Array(0), new Uint8Array(0), new Uint8Array(0)],
        meta: [0, 0, KIND.number, 2, 0, 0],
      },
    ],
    ['texts that end too soon', { meta: [0, 0, KIND.raw], texts: 'no end' }],
    ['lines longer than declared', { rawBytes: 5, meta: [0, 0, KIND.raw], texts: 'longer than five\n' }],
    ['lines shorter than declared', { rawBytes: 500, meta: [0, 0, KIND.raw], texts: 'short\n' }],
  ])('%s', (_, parts) => {
    expect(outcome(parts)).toMatch(/^PITH_(CORRUPT|TRUNCATED|CHECKSUM|LIMIT) /)
  })

  test('numbers and times at the ends of what a file can say are written as some text', () => {
    const most = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f)
    for (const mode of [0, 1]) {
      for (const base of [0, 2 ** 53 - 1]) {
        for (const negative of [0, 1]) {
          const number: Forged = {
            rawBytes: 200,
            meta: [0, 0, KIND.number | (mode << 3), negative, base, 0],
            columns: [most],
          }
          expect(outcome(number)).toMatch(/^PITH_CHECKSUM/)
          const time: Forged = {
            rawBytes: 200,
            tables: 'Y-m-d H:M:S.6\na b D y h:i:s:f\n\x01\x30 \x01\x31\n',
            meta: [2, 1, KIND.time | (mode << 3), negative, base, 0, KIND.time | (mode << 3), negative, base, 0],
            ids: Uint8Array.of(1),
            columns: [Uint8Array.of(...most, ...most)],
          }
          expect(outcome(time)).toMatch(/^PITH_CHECKSUM/)
        }
      }
    }
  })

  test('what nothing backs takes no memory', () => {
    const own = new Workspace()
    const base = own.memory.buffer.byteLength
    const lines = 2 ** 18
    const many: Forged[] = [
      { rawBytes: 2 ** 26, meta: [0, 0, KIND.raw], texts: 'short\n' },
      { rawBytes: 2 ** 26, lines, ids: new Uint8Array(0) },
      {
        rawBytes: 2 ** 26,
        lines,
        ids: new Uint8Array(lines).fill(1),
        tables: slots(255),
        meta: [0, 1, ...new Array(255).fill(KIND.raw)],
      },
      {
        rawBytes: 2 ** 25,
        lines,
        ids: new Uint8Array(lines).fill(1),
        tables: slots(200),
        meta: [0, 1, ...new Array(200).fill(KIND.raw)],
      },
      { rawBytes: 2 ** 26, meta: [0, 0, KIND.dict, 2 ** 26] },
    ]
    for (const parts of many) expect(outcome(parts, own)).toMatch(/^PITH_/)
    expect(own.memory.buffer.byteLength - base).toBeLessThan(2 ** 25)
  })

  test('a text that every line repeats stops at the declared size', () => {
    const own = new Workspace()
    const lines = 2 ** 17
    const parts: Forged = {
      rawBytes: 2 ** 20,
      lines,
      meta: [0, 0, KIND.const],
      tables: `${'x'.repeat(2 ** 20)}\n`,
    }
    expect(outcome(parts, own)).toMatch(/^PITH_CORRUPT the lines/)
    expect(own.memory.buffer.byteLength).toBeLessThan(2 ** 25)
  })

  test('a text that every template repeats does so too', () => {
    const own = new Workspace()
    const count = 200
    const payload = forge({
      rawBytes: 2 ** 20,
      lines: count,
      ids: Uint8Array.from({ length: count }, (_, i) => i + 1),
      meta: [0, count, KIND.const],
      tables: `${Array.from({ length: count }, (_, i) => `\0 ${i}\n`).join('')}${'x'.repeat(2 ** 19)}\n`,
    })
    expect(() => viewOf(own, [{ section: 'chunk', payload }], Prior.empty()).render()).toThrow('do not fit')
    expect(own.memory.buffer.byteLength).toBeLessThan(2 ** 25)
  })

  test('slots without bytes are not made', () => {
    const parts: Forged = { meta: [0, 1, KIND.raw], tables: `${'a\0'.repeat(2 ** 22)}\n`, ids: new Uint8Array(3) }
    expect(outcome(parts)).toBe('PITH_CORRUPT the templates of a chunk have more slots than it has bytes')
  })

  test('templates without lines are not made', () => {
    const count = 2 ** 24
    const parts: Forged = { meta: [0, count, KIND.raw], tables: '\n'.repeat(count), ids: new Uint8Array(3) }
    expect(outcome(parts)).toBe('PITH_CORRUPT a chunk has more templates than lines')
  })

  test('constants without end are put together once', () => {
    const count = 250_000
    const payload = forge({
      rawBytes: 2 ** 20,
      lines: 10,
      ids: Uint8Array.of(1, ...new Array(9).fill(0)),
      tables: `needle\0${',\0'.repeat(count - 1)}\n${'\n'.repeat(count)}`,
      meta: [0, 1, KIND.raw, ...new Array(count).fill(KIND.const)],
      texts: 'x\n'.repeat(9),
    })
    const view = viewOf(workspace, [{ section: 'chunk', payload }], Prior.empty())
    const matcher = compileMatcher({ patterns: ['needle'], fixed: true })
    const { lines, bytes: found } = searchChunk(view, Prior.empty(), matcher)
    expect([...lines]).toEqual([0])
    expect(found.length).toBe('needle\n'.length + count - 1)
  })

  test('constants longer than their chunk are not put together', () => {
    const payload = forge({
      rawBytes: 500,
      lines: 10,
      ids: Uint8Array.of(1, ...new Array(9).fill(0)),
      tables: `needle\0\n${'x'.repeat(900)}\n`,
      meta: [0, 1, KIND.raw, KIND.const],
      texts: 'x\n'.repeat(9),
    })
    const view = viewOf(workspace, [{ section: 'chunk', payload }], Prior.empty())
    const matcher = compileMatcher({ patterns: ['needle'], fixed: true })
    expect(() => searchChunk(view, Prior.empty(), matcher)).toThrow('do not fit')
  })

  test('a large dictionary that very many columns have as their key is not listed for each', () => {
    const count = 4000
    const texts = 2 ** 20
    const keyed = Array.from({ length: count * 15 }, (_, i) => [KIND.dict | ((17 + (i % 15)) << 3), 1]).flat()
    const places = Array.from({ length: count }, (_, i) => i + 1)
    const parts: Forged = {
      rawBytes: 2 ** 20,
      lines: count,
      ids: Uint8Array.of(...places, ...places.map((id) => id >> 8)),
      tables: `${places.map((id) => `\0t${id}${',\0'.repeat(15)}\n`).join('')}${'\n'.repeat(texts + count * 15)}`,
      meta: [0, count, KIND.dict, texts, ...keyed],
      // An id of so many texts takes three bytes, one of two texts one.
      columns: [new Uint8Array(count * 18).fill(1, count * 3)],
    }
    expect(outcome(parts)).toMatch(/^PITH_CHECKSUM/)
  })
})

test('a chunk of another length than the index says is refused', async () => {
  const entry = new HeldEntry(logzipCodec)
  await logzipCodec.encode(toSource(bytes('a 1\na 2\n')), entry, { level: 'fast' })
  const [{ row }] = entry.blocks as [HeldEntry['blocks'][0]]
  entry.blocks[0] = { ...entry.blocks[0]!, row: { ...row, rawBytes: row.rawBytes + 1 } }
  const error = { code: 'PITH_CORRUPT', at: { section: 'chunk 0' } }
  await expect(collectBytes(logzipCodec.decode(entry.reader()))).rejects.toMatchObject(error)
})
