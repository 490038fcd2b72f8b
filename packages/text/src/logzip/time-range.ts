/** The times of a chunk's lines, by which a search leaves chunks out. */
import type { ColumnPlan } from './columns.ts'
import { REST } from './groups.ts'
import type { ParsedChunk } from './parse.ts'
import type { TemplateSet } from './templates.ts'
import { hasYear, ticksPerSecond } from './timestamps.ts'
import type { Workspace } from './workspace.ts'

/** Milliseconds since 1970 of the earliest and latest line that says its time. */
export interface TimeRange {
  first: number
  last: number
  /** Whether the year is known; without it, times stand in the year 2000. */
  dated: boolean
}

/** Slot that says a line's time: the first of its template that has a layout, or -1. */
export function timeSlot(layouts: readonly string[]): number {
  return layouts.findIndex((layout) => layout !== '' && layout !== REST)
}

/** Columns that say the time of lines. */
export function timeColumns(set: TemplateSet): Set<number> {
  const columns = new Set<number>()
  for (const { layouts, columns: own } of set.templates) {
    const slot = timeSlot(layouts)
    if (slot >= 0) columns.add(own[slot] as number)
  }
  return columns
}

/** Milliseconds of ticks in a layout. */
export function toMilliseconds(ticks: number, layout: string): number {
  const perSecond = ticksPerSecond(layout)
  // Not multiplied first: that would leave 53 bits.
  return perSecond >= 1000 ? Math.floor(ticks / (perSecond / 1000)) : ticks * (1000 / perSecond)
}

/** Range over a planned chunk; undefined where a template has lines whose time is not known, or layouts disagree on the year. */
export function timeRange(
  workspace: Workspace,
  chunk: ParsedChunk,
  plans: readonly ColumnPlan[],
): TimeRange | undefined {
  const columns = timeColumns(chunk.templates)
  let range: TimeRange | undefined
  for (const plan of plans) {
    if (!columns.has(plan.id)) continue
    if (plan.kind !== 'time' || plan.exceptions.length > 0) return undefined
    const { kernels } = workspace
    const first = toMilliseconds(kernels.minValue(plan.values, plan.rows), plan.layout)
    const last = toMilliseconds(kernels.maxValue(plan.values, plan.rows), plan.layout)
    const dated = hasYear(plan.layout)
    if (range !== undefined && range.dated !== dated) return undefined
    range = { first: Math.min(first, range?.first ?? first), last: Math.max(last, range?.last ?? last), dated }
  }
  return range
}
