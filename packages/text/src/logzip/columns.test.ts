import { equalBytes } from '@pith/core'
import { describe, expect, test } from 'vitest'
import { bytes, civil, SPELLINGS } from '../../test/log-inputs.ts'
import type { ChunkView } from './chunk-decode.ts'
import { encodeFirst, encodePiece } from './chunk-encode.ts'
import { Prior } from './prior.ts'
import { KIND } from './streams.ts'
import type { ColumnSpec } from './tables.ts'
import { viewOf } from './tasks.ts'
import { Workspace } from './workspace.ts'

const workspace = new Workspace()

/** Code one chunk and open it again; its bytes must be the same. */
function roundTrip(log: Uint8Array): ChunkView {
  const [chunk, ...more] = encodePiece(workspace, log, Prior.empty(), { level: 'fast' })
  expect(more).toEqual([])
  const view = viewOf(workspace, chunk!.blocks, Prior.empty())
  expect(equalBytes(view.render(), log)).toBe(true)
  return viewOf(workspace, chunk!.blocks, Prior.empty())
}

function lines(count: number, line: (i: number) => string): Uint8Array {
  return bytes(Array.from({ length: count }, (_, i) => `${line(i)}\n`).join(''))
}

/** Columns as `kind mode reference`, without those that are constant. */
function kinds(view: ChunkView): string[] {
  const names = Object.keys(KIND)
  const varying = (spec: ColumnSpec): boolean => spec.kind !== KIND.const
  return view.specs.filter(varying).map(({ kind, mode, other }) => `${names[kind]} ${mode} ${other}`)
}

/** A sequence that looks random, below `n`. */
function scattered(i: number, n: number): number {
  let x = Math.imul(i + 7, 0x9e3779b1)
  x = Math.imul(x ^ (x >>> 15), 0x85ebca6b)
  return ((x ^ (x >>> 13)) >>> 1) % n
}

describe('kinds of columns', () => {
  test('what is always the same is a constant', () => {
    const view = roundTrip(lines(50, (i) => `port 22 try ${i}`))
    expect(view.specs.map(({ kind }) => kind).sort()).toEqual([KIND.const, KIND.number])
  })

  test('a counter is a difference to the row before', () => {
    expect(kinds(roundTrip(lines(300, (i) => `try ${1000 + 3 * i} of many`)))).toEqual(['number 1 0'])
  })

  test('scattered numbers are stored above the least', () => {
    expect(kinds(roundTrip(lines(900, (i) => `size ${500 + scattered(i, 9000)} bytes`)))).toEqual(['number 0 0'])
  })

  test('a number near one left of it is the difference', () => {
    const view = roundTrip(lines(900, (i) => `from ${scattered(i, 1_000_000)} to ${scattered(i, 1_000_000) + (i % 3)}`))
    expect(kinds(view)).toEqual(['number 0 0', expect.stringMatching(/^number [23] 1$/)])
  })

  test('a number that grows against one left of it takes both into account', () => {
    const view = roundTrip(
      lines(900, (i) => `from ${scattered(i, 1_000_000)} to ${scattered(i, 1_000_000) + 1000 * i}`),
    )
    expect(kinds(view)).toEqual(['number 0 0', 'number 3 1'])
  })

  test('a time against an epoch in another unit', () => {
    const spell = SPELLINGS['Y-m-d%TH:M:S.3%Z']!
    const at = (i: number): number => 1_700_000_000_000 + scattered(i, 1_000_000) * 1000
    const view = roundTrip(lines(900, (i) => `${at(i) / 1000} ${spell(civil(at(i)))} x`))
    expect(kinds(view)).toEqual(['number 0 0', 'time 2 1'])
  })

  test('few words are a dictionary, many are texts', () => {
    const view = roundTrip(lines(400, (i) => `user u${scattered(i, 5)} id k${scattered(i, 1e9)}x${i}`))
    expect(kinds(view)).toEqual(['dict 0 0', 'raw 0 0'])
  })

  test('a text that is often the one left of it refers to it', () => {
    const name = (i: number): string => `n${1000 + scattered(i, 300)}z`
    const view = roundTrip(lines(600, (i) => `${name(i)} as ${i % 5 === 0 ? name(i + 1) : name(i)}`))
    expect(kinds(view)[1]).toMatch(/^(dict|raw) 0 1$/)
  })

  test('one number spelled otherwise is an exception, not another kind', () => {
    const view = roundTrip(lines(400, (i) => `try ${i === 200 ? '007' : i}`))
    const [spec] = view.specs as [ColumnSpec]
    expect([spec.kind, [...spec.exceptions]]).toEqual([KIND.number, [200]])
  })

  test('padded numbers keep their width', () => {
    const zeros = roundTrip(lines(400, (i) => `try ${String(i).padStart(6, '0')}`))
    expect(zeros.specs.map(({ width, pad }) => [width, pad])).toEqual([[6, 48]])
    expect(kinds(roundTrip(lines(120, (i) => `try ${String(i).padStart(3)} x`)))).toEqual(['number 1 0'])
  })
})

describe('numbers at the edges of 53 bits', () => {
  const far = (i: number): string => (i % 2 === 0 ? '1970-01-01T00:00:00.000001' : '2250-06-30T12:00:00.999999')

  test('times whose differences leave 53 bits only behind the sample', () => {
    const spell = SPELLINGS['Y-m-d%TH:M:S.6']!
    roundTrip(lines(2000, (i) => `${i < 1500 ? spell(civil(1.7e12 + i * 1000)) : far(i)} a ${i}`))
    roundTrip(lines(500, (i) => `${far(i)} a ${i}`))
  })

  test('numbers of 15 digits of both signs', () => {
    const big = (i: number): string => `${scattered(i, 2) === 0 ? '-' : ''}99999999999999${i % 10}`
    roundTrip(lines(1500, (i) => `a ${big(i)} b ${big(i + 1)} c ${big(i * 7)}`))
  })

  test('an epoch that grows out of 53 bits in the unit of the time beside it', () => {
    const spell = SPELLINGS['Y-m-d%TH:M:S.6']!
    const at = (i: number): number => 1_700_000_000 + i
    roundTrip(
      lines(4000, (i) => `${i < 2000 ? at(i) : at(i) + (i - 2000) * 4_000_000_001} ${spell(civil(at(i) * 1000))} a`),
    )
    roundTrip(lines(4000, (i) => `${i < 2000 ? at(i) : 999_999_999_999_999 - i} ${spell(civil(at(i) * 1000))} a`))
  })
})

describe('left columns', () => {
  test('JSON keys in another order than in the first chunk refer only to columns that stand already', () => {
    const first = lines(100, (i) => (i % 2 === 0 ? `{"a":${i},"b":"x${i}"}` : `{"b":"y${i}","a":${i}}`))
    const second = lines(100, (i) => `{"b":"y${scattered(i, 99)}","a":${scattered(i, 99)}}`)
    const { prior } = encodeFirst(workspace, first, { level: 'fast' })
    const [chunk] = encodePiece(workspace, second, prior, { level: 'fast' })
    const view = viewOf(workspace, chunk!.blocks, prior)
    expect(equalBytes(view.render(), second)).toBe(true)
    for (const spec of view.specs) if (spec.other > 0) expect(view.referenceOf(spec)!.id).toBeLessThan(spec.id)
  })
})
