import type { Run } from '@pith/core'
import type { ContainerEntry } from '@pith/core/container'
import type { ChunkFacts, ColumnFacts, StoredPart } from '@pith/text/logzip'
import { openReader } from '../input/open-file.ts'
import { isLogReader } from '../systems/log-reader.ts'
import { type Axis, lineAxis, Strips, timeAxis } from './strips.ts'

/** What stored bytes of a log are for, as the page shows them. */
export type Part = 'template' | 'order' | 'time' | 'number' | 'choice' | 'dictionary' | 'text' | 'layout'

/** One column of a log over all its chunks. */
export interface LogColumn {
  /** Static text before it. */
  readonly before: string
  readonly kind: ColumnFacts['kind']
  readonly rows: number
  /** Stored bytes by what they are for. */
  readonly bytes: ReadonlyMap<Part, number>
  readonly total: number
}

/** One kind of line over the whole log. */
export interface LogTemplate {
  readonly text: string
  readonly count: number
  readonly first?: number
  readonly last?: number
  /** Stored bytes of its columns' rows; those that are shared by templates count by lines. */
  readonly bytes: number
  /** Lines in each step of the axis. */
  readonly strip: readonly number[]
}

/** A log taken apart. */
export interface LogAnatomy {
  readonly lines: number
  /** Stored bytes by what they are for; they add up to the bytes of the entry's blocks. */
  readonly bytes: ReadonlyMap<Part, number>
  /** Most bytes first. */
  readonly columns: readonly LogColumn[]
  /** Most lines first. */
  readonly templates: readonly LogTemplate[]
  readonly axis: Axis
}

interface ColumnSum {
  before: string
  kind: ColumnFacts['kind']
  rows: number
  bytes: Map<Part, number>
}

interface TemplateSum {
  text: string
  count: number
  first: number
  last: number
  bytes: number
}

/** Take a log apart, which decodes all of it; undefined for what is no log. */
export async function anatomyOf(entry: ContainerEntry, run: Run): Promise<LogAnatomy | undefined> {
  const opened = await openReader(entry, run)
  if (opened === undefined) return undefined
  const { reader, run: own } = opened
  try {
    if (!isLogReader(reader) || reader.facts === undefined) return undefined
    const sum = new Sums()
    for await (const facts of reader.facts({ ...own, stored: true })) sum.add(facts)
    const { times } = reader
    return sum.finish(reader.lines, times)
  } finally {
    await reader.close()
  }
}

class Sums {
  readonly #bytes: Map<Part, number> = new Map()
  readonly #columns: Map<string, ColumnSum> = new Map()
  readonly #templates: Map<string, TemplateSum> = new Map()
  readonly #strips: Strips = new Strips()

  add(facts: ChunkFacts): void {
    const columns = new Map(facts.columns.map((column) => [column.id, column]))
    const perColumn = new Map<number, number>()
    for (const { what, column, bytes } of facts.stored ?? []) {
      const own = column === undefined ? undefined : columns.get(column)
      const part = partOf(what, own?.kind)
      count(this.#bytes, part, bytes)
      if (column === undefined || own === undefined) continue
      count(perColumn, column, bytes)
      count(this.#column(own).bytes, part, bytes)
    }
    for (const column of facts.columns) this.#column(column).rows += column.rows
    for (const { text, count: lines, first, last, columns: slots } of facts.templates) {
      const sum = this.#template(text)
      sum.count += lines
      sum.first = Math.min(sum.first, first ?? sum.first)
      sum.last = Math.max(sum.last, last ?? sum.last)
      for (const id of slots) {
        const rows = columns.get(id)?.rows ?? 0
        if (rows > 0) sum.bytes += ((perColumn.get(id) ?? 0) * lines) / rows
      }
    }
    this.#strips.add(facts)
  }

  finish(lines: number, times: { first: number; last: number; dated: boolean } | undefined): LogAnatomy {
    const axis = times !== undefined && this.#strips.inOrder ? timeAxis(times) : lineAxis(lines)
    const strips = this.#strips.over(axis)
    const templates = [...this.#templates.values()].map(
      ({ text, count: own, first, last, bytes }): LogTemplate => ({
        text,
        count: own,
        ...(first <= last ? { first, last } : {}),
        bytes: Math.round(bytes),
        strip: strips.get(text) ?? [],
      }),
    )
    const columns = [...this.#columns.values()].map((column): LogColumn => ({ ...column, total: sumOf(column.bytes) }))
    return {
      lines,
      bytes: this.#bytes,
      columns: columns.sort((a, b) => b.total - a.total || b.rows - a.rows),
      templates: templates.sort((a, b) => b.count - a.count || b.bytes - a.bytes),
      axis,
    }
  }

  #column({ id, before, kind }: ColumnFacts): ColumnSum {
    // Chunks number the columns that only they have by themselves.
    const key = `${id} ${before}`
    let sum = this.#columns.get(key)
    if (sum === undefined) this.#columns.set(key, (sum = { before, kind, rows: 0, bytes: new Map() }))
    // A column that is the same in one chunk may be another kind in the next.
    else if (sum.kind === 'const') sum.kind = kind
    return sum
  }

  #template(text: string): TemplateSum {
    let sum = this.#templates.get(text)
    if (sum === undefined) {
      sum = { text, count: 0, first: Number.POSITIVE_INFINITY, last: Number.NEGATIVE_INFINITY, bytes: 0 }
      this.#templates.set(text, sum)
    }
    return sum
  }
}

function partOf(what: StoredPart['what'], kind: ColumnFacts['kind'] | undefined): Part {
  if (what === 'values') return kind === 'time' ? 'time' : kind === 'number' ? 'number' : 'choice'
  if (what === 'templates') return 'template'
  if (what === 'texts') return 'text'
  return what
}

function count<K>(sums: Map<K, number>, key: K, bytes: number): void {
  sums.set(key, (sums.get(key) ?? 0) + bytes)
}

/** All of a map. */
export function sumOf(bytes: ReadonlyMap<unknown, number>): number {
  let sum = 0
  for (const own of bytes.values()) sum += own
  return sum
}
