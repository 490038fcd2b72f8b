/** What one chunk says of itself: its templates with counts and times, its columns with their kinds. */

import type { ChunkView } from './chunk-decode.ts'
import { lineTimes } from './chunk-times.ts'
import { JsonPath } from './column-namer.ts'
import { REST } from './groups.ts'
import { readableText } from './latin1.ts'
import { KIND } from './streams.ts'
import type { Template } from './templates.ts'
import type { StoredPart } from './weigh.ts'

/** A template in one chunk: its text, how many lines it has, and their earliest and latest time in ms since 1970. */
export interface TemplateFacts {
  text: string
  count: number
  first?: number
  last?: number
  /** Lines in each of {@link TIME_STEPS} equal parts of the chunk, in their order. */
  overTime: number[]
  /** Columns of its slots, from the left. */
  columns: readonly number[]
}

/** A column in one chunk: what it was coded as, and how many rows it has. */
export interface ColumnFacts {
  id: number
  /** Static text before it in the first template that has it, or the path of its JSON key; the end of it where it is long. */
  before: string
  kind: keyof typeof KIND
  rows: number
  /** Distinct texts of a dictionary. */
  distinct?: number
}

/** What one chunk says of itself. */
export interface ChunkFacts {
  lines: number
  rawBytes: number
  templates: TemplateFacts[]
  columns: ColumnFacts[]
  /** Time of the first line that says one in each of {@link TIME_STEPS} equal parts; undefined where none does. */
  stepTimes: (number | undefined)[]
  /** What its bytes in the file are for, where that was asked. */
  stored?: StoredPart[]
}

/** Parts of a chunk for which lines are counted apart. */
export const TIME_STEPS = 64

interface LinesOfTemplate {
  range: { first: number; last: number } | undefined
  overTime: number[]
}

/** Times and places of the lines of each template. */
function linesByTemplate(view: ChunkView): { found: Map<number, LinesOfTemplate>; stepTimes: (number | undefined)[] } {
  const found = new Map<number, LinesOfTemplate>()
  const stepTimes = new Array<number | undefined>(TIME_STEPS).fill(undefined)
  const times = lineTimes(view)
  const templates = view.templatesOfLines()
  for (let line = 0; line < view.lines; line++) {
    const id = templates[line] as number
    let own = found.get(id)
    if (own === undefined) found.set(id, (own = { range: undefined, overTime: new Array<number>(TIME_STEPS).fill(0) }))
    const step = Math.floor((line * TIME_STEPS) / view.lines)
    own.overTime[step] = (own.overTime[step] as number) + 1
    const time = times[line] as number
    if (Number.isNaN(time)) continue
    stepTimes[step] ??= time
    if (own.range === undefined) own.range = { first: time, last: time }
    else if (time < own.range.first) own.range.first = time
    else if (time > own.range.last) own.range.last = time
  }
  return { found, stepTimes }
}

/** Characters of a text before a column that are kept. */
const MOST_BEFORE = 48

const KINDS = Object.keys(KIND) as (keyof typeof KIND)[]

/** Text of a template with `<num>`, `<ts>`, `<str>`, `<rest>` for its slots. */
export function templateText({ statics, layouts, columns }: Template, kinds: ReadonlyMap<number, number>): string {
  let text = ''
  for (const [k, part] of statics.entries()) {
    text += part
    if (k < columns.length) text += slotName(layouts[k] as string, kinds.get(columns[k] as number))
  }
  return text
}

function slotName(layout: string, kind: number | undefined): string {
  if (layout === REST) return '<rest>'
  if (layout !== '') return '<ts>'
  return kind === KIND.number ? '<num>' : '<str>'
}

/** What stands before each slot: the path of its key in a JSON line, else static text. */
function slotNames({ statics, columns }: Template): readonly string[] {
  if (!(statics[0] as string).startsWith('{')) return statics.slice(0, columns.length)
  const path = new JsonPath()
  return statics.slice(0, columns.length).map((text) => {
    const keys = path.advance(text).split('\0')
    return `${keys.filter((key) => key !== '').join('.')}: `
  })
}

/** Read the facts of a chunk; only the columns that say times are decoded. */
export function readFacts(view: ChunkView): ChunkFacts {
  const kinds = new Map(view.specs.map((spec) => [spec.id, spec.kind]))
  const templates: TemplateFacts[] = []
  const { found, stepTimes } = linesByTemplate(view)
  const before = new Map<number, string>([[0, '']])
  for (const [id, template] of view.templates.templates.entries()) {
    for (const [k, name] of slotNames(template).entries()) {
      const column = template.columns[k] as number
      if (!before.has(column)) before.set(column, readableText(name).slice(-MOST_BEFORE))
    }
    const count = view.counts[id] as number
    if (count === 0) continue
    const { range, overTime } = found.get(id) as LinesOfTemplate
    templates.push({
      text: id === 0 ? '<rest>' : readableText(templateText(template, kinds)),
      count,
      ...(range === undefined ? {} : range),
      overTime,
      columns: template.columns,
    })
  }
  const columns = view.specs.map((spec): ColumnFacts => {
    const kind = KINDS[spec.kind] as keyof typeof KIND
    return {
      id: spec.id,
      before: before.get(spec.id) ?? '',
      kind,
      rows: spec.rows,
      ...(spec.kind === KIND.dict ? { distinct: spec.texts } : {}),
    }
  })
  return { lines: view.lines, rawBytes: view.rawBytes, templates, columns, stepTimes }
}
