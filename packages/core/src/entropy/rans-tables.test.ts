import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countBytes, normalizeCounts } from './frequencies.ts'
import { decodeRansRows, encodeRansRows, makeRansTables } from './rans-tables.ts'

const sample = fc.record({
  rowLength: fc.integer({ min: 0, max: 70 }),
  spread: fc.array(fc.integer({ min: 1, max: 256 }), { minLength: 1, maxLength: 5 }),
  rows: fc.array(fc.nat(), { maxLength: 30 }),
  seed: fc.nat(),
})

function made({ rowLength, spread, rows, seed }: typeof sample extends fc.Arbitrary<infer T> ? T : never) {
  const tableOf = Uint8Array.from(rows, (row) => row % spread.length)
  let state = seed
  const next = (): number => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 8
  const data = new Uint8Array(rowLength * rows.length)
  for (let i = 0; i < data.length; i++) {
    const most = spread[tableOf[Math.floor(i / rowLength)] as number] as number
    data[i] = Math.min(next() % most, next() % most)
  }
  const counts = spread.map((most) => new Uint32Array(256).fill(1, 0, most))
  for (const [row, table] of tableOf.entries()) {
    const own = countBytes(data, row * rowLength, (row + 1) * rowLength)
    for (let s = 0; s < 256; s++) (counts[table] as Uint32Array)[s]! += own[s] as number
  }
  return { data, tableOf, rowLength, tables: makeRansTables(counts.map(normalizeCounts)) }
}

test('rows come back by their tables', () => {
  fc.assert(
    fc.property(sample, (own) => {
      const { data, rowLength, tableOf, tables } = made(own)
      const code = encodeRansRows(data, rowLength, tableOf, tables)
      expect(decodeRansRows(code, rowLength, tableOf, tables)).toEqual(data)
    }),
  )
})

test('damaged code is an error or other rows, never more or fewer', () => {
  fc.assert(
    fc.property(sample, fc.nat(), fc.boolean(), (own, at, cut) => {
      const { data, rowLength, tableOf, tables } = made(own)
      const code = encodeRansRows(data, rowLength, tableOf, tables)
      const bad = cut ? code.slice(0, at % code.length) : code.slice()
      if (!cut) bad[at % bad.length]! ^= 1 << (at % 8)
      try {
        expect(decodeRansRows(bad, rowLength, tableOf, tables).length).toBe(data.length)
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^PITH_(CORRUPT|TRUNCATED)$/) })
      }
    }),
  )
})

test('the size is the entropy under the tables', () => {
  const { data, rowLength, tableOf, tables } = made({
    rowLength: 256,
    spread: [2, 5, 17, 64],
    rows: Array.from({ length: 400 }, (_, i) => i),
    seed: 9,
  })
  let bits = 0
  for (const [i, s] of data.entries()) {
    const table = tables.encode[tableOf[Math.floor(i / rowLength)] as number]
    bits -= Math.log2((table?.frequency[s] as number) / 4096)
  }
  expect(encodeRansRows(data, rowLength, tableOf, tables).length).toBeLessThan((bits / 8) * 1.001 + 24)
})

test('what does not fit is refused', () => {
  const even = new Int32Array(256).fill(16)
  const tables = makeRansTables([even])
  const one = Uint8Array.of(0)
  expect(() => makeRansTables([])).toThrow(/1..256/)
  expect(() => makeRansTables([even.subarray(1)])).toThrow(/sum 4096/)
  expect(() => encodeRansRows(new Uint8Array(3), 2, one, tables)).toThrow(/rows of 2/)
  expect(() => encodeRansRows(new Uint8Array(2), 2, Uint8Array.of(1), tables)).toThrow(/no table 1/)
  const short = new Int32Array(256)
  short[0] = 4096
  expect(() => encodeRansRows(Uint8Array.of(7), 1, one, makeRansTables([short]))).toThrow(/no symbol 7/)
})
