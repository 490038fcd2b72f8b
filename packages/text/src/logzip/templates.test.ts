import { equalBytes, PithError } from '@pith/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytes, logs, sampleLog } from '../../test/log-inputs.ts'
import { encodeFirst, encodePiece } from './chunk-encode.ts'
import { ColumnNamer } from './column-namer.ts'
import { templateText } from './facts.ts'
import { Prior } from './prior.ts'
import { packSignatures, unpackSignatures } from './signature-pack.ts'
import { viewOf } from './tasks.ts'
import { Workspace } from './workspace.ts'

const workspace = new Workspace()

/** Templates of a log with the number of their lines, most first; slots that say times are `<ts>`. */
function templatesOf(log: string, prior: Prior = Prior.empty()): string[] {
  const [chunk] = encodePiece(workspace, bytes(log), prior, { level: 'fast' })
  const view = viewOf(workspace, chunk!.blocks, prior)
  expect(equalBytes(view.render(), bytes(log))).toBe(true)
  const found: string[] = []
  for (const [id, template] of view.templates.templates.entries()) {
    const count = view.counts[id] as number
    if (count > 0) found.push(`${count} ${id === 0 ? '<raw>' : templateText(template, new Map())}`)
  }
  return found
}

const times = (n: number, line: (i: number) => string): string =>
  Array.from({ length: n }, (_, i) => `${line(i)}\n`).join('')

describe('signatures become templates', () => {
  test('lines that differ in numbers are one template', () => {
    expect(templatesOf(times(5, (i) => `send ${i} of 9`))).toEqual(['5 send <str> of <str>'])
  })

  test('lines that differ in a word join, those that differ in most do not', () => {
    const names = ['alice', 'bob', 'carol', 'dave']
    const log = times(40, (i) => `session of user ${names[i % 4]} opened at port ${i}`)
    expect(templatesOf(log)).toEqual(['40 session of user <str> opened at port <str>'])
    const apart = times(40, (i) => (i % 2 === 0 ? `alpha beta gamma ${i}` : `one two three ${i}`))
    expect(templatesOf(apart)).toEqual(['20 alpha beta gamma <str>', '20 one two three <str>'])
  })

  test('a line that stands alone is raw', () => {
    expect(templatesOf(`${times(5, (i) => `send ${i}`)}something else entirely 1\n`)).toEqual([
      '1 <raw>',
      '5 send <str>',
    ])
  })

  test('lines that share only their header share a template with a rest', () => {
    const rests = ['the quick fox', 'jumps: over', 'a=lazy (dog)', 'and more / still']
    const log = times(4, (i) => `2024-01-01 10:00:0${i} INFO ${rests[i]}`)
    expect(templatesOf(log)).toEqual(['4 <ts> INFO <rest>'])
  })

  test('a time, an address and a host name are one slot each', () => {
    const log = times(30, (i) => `2024-01-01 10:00:${10 + i} from 10.0.0.${i} to h${i}.example.com`)
    expect(templatesOf(log)).toEqual(['30 <ts> from <str> to <str>.example.com'])
    const hosts = ['a.b.c', 'd.e', 'f-g.h', 'x']
    expect(templatesOf(times(40, (i) => `from host ${hosts[i % 4]} port ${i} tcp ok done`))).toEqual([
      '40 from host <str> port <str> tcp ok done',
    ])
  })

  test('bytes that mark slots in a file are text in a template', () => {
    expect(templatesOf(times(5, (i) => `\0 ${i} \x01\x30 \x02`))).toEqual([
      '5 \0 <str> \x01\x30 \x02'.replace('\x30', '<str>'),
    ])
  })

  test('later pieces use the templates of the first', () => {
    const { prior } = encodeFirst(workspace, bytes(times(50, (i) => `send ${i} to user${i % 3} now`)), {
      level: 'fast',
    })
    expect(prior.templates.set.templates.length).toBe(2)
    const view = viewOf(
      workspace,
      encodePiece(workspace, bytes('send 5 to user9 now\nsend 6 to user7 now\n'), prior, { level: 'fast' })[0]!.blocks,
      prior,
    )
    expect([...view.counts]).toEqual([0, 2])
  })

  test('the templates of a log do not depend on the order in which maps are walked', () => {
    const log = sampleLog(400, 9)
    const [a, b] = [1, 2].map(() => encodePiece(new Workspace(), log, Prior.empty(), { level: 'fast' }))
    expect(b).toEqual(a)
  })
})

describe('columns are named by what stands before them', () => {
  test('headers share columns, contents have their own', () => {
    const namer = new ColumnNamer()
    const first = namer.number(['', ' INFO a ', ''], ['', ''])
    const second = namer.number(['', ' INFO b ', ''], ['', ''])
    expect(first[0]).toBe(second[0])
    expect(first[1]).not.toBe(second[1])
    expect(new ColumnNamer(namer).number(['', ' INFO b ', ''], ['', ''])).toEqual(second)
  })

  test('in JSON the path of the key names a column, in any order', () => {
    const namer = new ColumnNamer()
    const [a, b] = namer.number(['{"a":', ',"b":', '}'], ['', ''])
    expect(namer.number(['{"b":', ',"a":', '}'], ['', ''])).toEqual([b, a])
    const nested = namer.number(['{"x":{"a":', '},"a":', '}'], ['', ''])
    expect(nested[1]).toBe(a)
    expect(nested[0]).not.toBe(a)
  })

  test('a key that comes twice is two columns', () => {
    const [first, second] = new ColumnNamer().number(['{"a":', ',"a":', '}'], ['', '']) as [number, number]
    expect(first).not.toBe(second)
  })

  test('text full of escaped quotes takes linear work', () => {
    const hostile = `{${'\\"'.repeat(2 ** 20)}`
    expect(new ColumnNamer().number([hostile, ''], [''])).toEqual([1])
  })
})

describe('the prior', () => {
  test('what is read is what was written', () => {
    fc.assert(
      fc.property(logs(120), (log) => {
        fc.pre(log.length > 0)
        const { prior } = encodeFirst(workspace, log, { level: 'fast' })
        const again = Prior.parse(prior.serialize())
        expect(again.templates.set).toEqual(prior.templates.set)
        expect(again.columns).toEqual(prior.columns)
        for (const column of prior.columns) expect(again.texts(column)).toEqual(prior.texts(column))
        expect(equalBytes(again.serialize(), prior.serialize())).toBe(true)
        expect(unpackSignatures(packSignatures(prior.templates.signatures))).toEqual(prior.templates.signatures)
      }),
      { numRuns: 30 },
    )
  })

  test('a cut prior is refused', () => {
    const { prior } = encodeFirst(workspace, sampleLog(200), { level: 'fast' })
    const whole = prior.serialize()
    for (let length = 0; length < whole.length; length += 1 + (length >> 5)) {
      expect(() => Prior.parse(whole.subarray(0, length))).toThrow(PithError)
    }
  })
})
