/** The times that the lines of a chunk say. */
import type { ChunkView } from './chunk-decode.ts'
import { KIND } from './streams.ts'
import type { ColumnSpec } from './tables.ts'
import { type TimeRange, timeColumns, toMilliseconds } from './time-range.ts'
import { hasYear } from './timestamps.ts'

/** Milliseconds since 1970 of each line that says its time (in the year 2000 where its layout has no year), else NaN. */
export function lineTimes(view: ChunkView): Float64Array {
  const times = new Float64Array(view.lines).fill(Number.NaN)
  for (const spec of readTimes(view)) {
    const values = view.valuesOf(spec)
    if (spec.kind !== KIND.time || values === undefined) continue
    const layout = view.layoutOf(spec)
    const lines = view.linesOf(spec)
    const exceptions = new Set(spec.exceptions)
    for (let row = 0; row < spec.rows; row++) {
      if (!exceptions.has(row)) times[lines[row] as number] = toMilliseconds(values[row] as number, layout)
    }
  }
  return times
}

/** Range of the times of its lines, undefined where not all lines that should say one do, or some say no year. */
export function timeRangeOf(view: ChunkView): TimeRange | undefined {
  let range: TimeRange | undefined
  const columns = timeColumns(view.templates)
  const isPlain = ({ kind, exceptions }: ColumnSpec): boolean => kind === KIND.time && exceptions.length === 0
  if (!view.specs.filter(({ id }) => columns.has(id)).every(isPlain)) return undefined
  for (const spec of readTimes(view)) {
    const layout = view.layoutOf(spec)
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (const value of view.valuesOf(spec) as Float64Array) {
      least = Math.min(least, value)
      most = Math.max(most, value)
    }
    const [first, last] = [toMilliseconds(least, layout), toMilliseconds(most, layout)]
    const dated = hasYear(layout)
    if (range !== undefined && range.dated !== dated) return undefined
    range = { first: Math.min(first, range?.first ?? first), last: Math.max(last, range?.last ?? last), dated }
  }
  return range
}

/** The columns that say when a line was, decoded. */
function readTimes(view: ChunkView): ColumnSpec[] {
  const columns = timeColumns(view.templates)
  const last = view.specs.findLastIndex(({ id }) => columns.has(id))
  view.materialize(last + 1)
  return view.specs.filter(({ id }) => columns.has(id))
}
