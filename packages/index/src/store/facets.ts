import { compareText, type Run } from '@pith/core'
import { isKept } from '../row-filter.ts'
import type { RowFilter } from '../types.ts'
import { valueOfKey } from './columns.ts'
import { inSegment, type SegmentView } from './view.ts'

/** Values of fields, those of most documents first; equal ones by value. */
export type FacetCounts = Readonly<
  Record<string, readonly { readonly value: string | number | boolean; readonly count: number }[]>
>

const DEFAULT_VALUES = 20

/** Count the values of fields over the kept rows of all segments. */
export async function countFacets(
  views: readonly SegmentView[],
  kept: readonly (RowFilter | undefined)[],
  fields: readonly string[],
  limit: number = DEFAULT_VALUES,
  run?: Run,
): Promise<FacetCounts> {
  const counted = await Promise.all(
    fields.map(async (name) => {
      const counts = new Map<string | number | boolean, number>()
      const parts = await Promise.all(
        views.map((view, i) => inSegment(view, () => countValues(view, kept[i], name, run))),
      )
      for (const part of parts) for (const [value, count] of part) counts.set(value, (counts.get(value) ?? 0) + count)
      const values = [...counts].map(([value, count]) => ({ value, count }))
      values.sort((a, b) => b.count - a.count || compareText(String(a.value), String(b.value)))
      return [name, values.slice(0, limit)] as const
    }),
  )
  return Object.fromEntries(counted)
}

async function countValues(
  view: SegmentView,
  kept: RowFilter | undefined,
  name: string,
  run?: Run,
): Promise<[string | number | boolean, number][]> {
  const { columns } = view.segment
  const [numbers, keys] = await Promise.all([columns.numbers(name, run), columns.keys(name, run)])
  const counts: [string | number | boolean, number][] = []
  for (const [i, key] of (keys?.keys ?? []).entries()) {
    const rows = kept === undefined ? undefined : keys?.rowsOf(i)
    const count = rows === undefined ? keys?.counts[i] : rows.reduce((n, row) => n + Number(isKept(kept!, row)), 0)
    if (count) counts.push([valueOfKey(key), count])
  }
  for (let i = 0; numbers !== undefined && i < numbers.values.length; i++) {
    if (kept !== undefined && !isKept(kept, numbers.rows[i])) continue
    const last = counts.at(-1)
    if (last !== undefined && last[0] === numbers.values[i]) last[1]++
    else counts.push([numbers.values[i], 1])
  }
  return counts
}
