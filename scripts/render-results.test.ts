import { expect, test } from 'vitest'
import { type Case, renderCases } from './render-results.ts'

function size(name: string, peer: string, level: string, ours: number, theirs: number): Case {
  const data = { name, group: 'full', bytes: 1000 }
  return {
    kind: 'sizes',
    peer: { name: peer },
    data,
    params: { level },
    ours: { bytes: ours },
    theirs: { bytes: theirs },
    vs: {},
  }
}

test('sizes are told over those of xz, as geometric means', () => {
  const cases = ['fast', 'default', 'max'].flatMap((level) => [
    size('a', 'xz -9e', level, 40, 100),
    size('a', 'gzip -9', level, 40, 200),
    size('b', 'xz -9e', level, 90, 100),
    size('b', 'gzip -9', level, 90, 200),
  ])
  expect(renderCases(cases).split('\n').slice(0, 3)).toEqual([
    '| Size, `xz -9e` = 1 | pith `fast` | pith `default` | pith `max` | `gzip -9` |',
    '| --- | ---: | ---: | ---: | ---: |',
    '| 2 full-size logs | **0.60** | **0.60** | **0.60** | 2.00 |',
  ])
})

test('speeds are told over those of the peers, what was not measured stays empty', () => {
  const data = { name: 'generated', bytes: 64e6 }
  const peer = { name: 'gzip -6' }
  const cases: Case[] = [
    { kind: 'speed', peer, data, params: { level: 'fast' }, ours: {}, theirs: {}, vs: { encode: 2.04, decode: 0.5 } },
    { kind: 'speed', peer, data, params: { level: 'max' }, ours: {}, theirs: {}, vs: { encode: 11.6 } },
  ]
  expect(renderCases(cases).split('\n').slice(2, 4)).toEqual([
    '| compress, against `gzip -6` | 2.0x |  | 12x |',
    '| decompress, against `gzip -6` | 0.50x |  |  |',
  ])
})

test('speeds of a warm process are means over its files', () => {
  const peer = { name: 'gzip -6' }
  const cases: Case[] = [1, 4].map((encode) => ({
    kind: 'warm',
    peer,
    data: { name: String(encode), bytes: 1 },
    params: { level: 'fast' },
    ours: {},
    theirs: {},
    vs: { encode },
  }))
  expect(renderCases(cases).split('\n')[2]).toBe('| compress, against `gzip -6` | 2.0x |  |  |')
})
