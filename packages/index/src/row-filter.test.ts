import fc from 'fast-check'
import { expect, test } from 'vitest'
import { allBut, bothKeep, eitherKeeps, filterRows, isKept, keptRows } from './row-filter.ts'

test('filters are sets of rows', () => {
  const pair = fc
    .integer({ min: 0, max: 130 })
    .chain((rows) => fc.tuple(...[0, 1].map(() => fc.array(fc.boolean(), { minLength: rows, maxLength: rows }))))
  fc.assert(
    fc.property(pair, ([a, b]) => {
      const rows = a?.length as number
      const [left, right] = [filterRows(rows, (row) => a?.[row] === true), filterRows(rows, (row) => b?.[row] === true)]
      const each = Array.from({ length: rows }, (_, row) => row)
      const of = (keeps: (row: number) => boolean | undefined) => each.filter((row) => keeps(row))
      expect([...keptRows(left)]).toEqual(of((row) => a?.[row]))
      expect(left.count).toBe(of((row) => a?.[row]).length)
      expect(each.map((row) => isKept(left, row))).toEqual(a)
      expect([...keptRows(bothKeep(left, right))]).toEqual(of((row) => a?.[row] && b?.[row]))
      expect([...keptRows(eitherKeeps(left, right))]).toEqual(of((row) => a?.[row] || b?.[row]))
      expect([...keptRows(allBut(left, rows))]).toEqual(of((row) => !a?.[row]))
    }),
  )
})
