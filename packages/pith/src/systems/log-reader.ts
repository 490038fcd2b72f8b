import type { Reader, Run } from '@pith/core'
import type { ChunkFacts } from '@pith/text/logzip'
import type { Query } from '../search/plan.ts'

/** Selected lines of a part of a log. */
export interface LineBatch {
  /** Numbers of the lines, from 0, ascending. */
  readonly lines: ArrayLike<number>
  /** The lines one behind the other, each with a line feed. */
  readonly bytes: Uint8Array
  /** Where each line starts in `bytes`, and the end of the last. */
  readonly offsets: ArrayLike<number>
}

/** A kind of line. */
export interface TemplateRow {
  readonly id: number
  readonly text: string
  readonly count: number
  /** Earliest and latest time in milliseconds since 1970, by the clock of the log. */
  readonly first?: number
  readonly last?: number
}

/** What the command uses of a reader that answers by lines. */
export interface LineReader extends Reader {
  readonly lines: number
  /** Earliest and latest time of the log; `dated` says whether its years are known. */
  readonly times: { readonly first: number; readonly last: number; readonly dated: boolean } | undefined
  read(from: number, to: number, run?: Run): AsyncIterable<Uint8Array>
  grep(query: Query, run?: Run): AsyncIterable<LineBatch>
  templates(run?: Run): Promise<TemplateRow[]>
  /** Of its chunks in order; `stored`: with what their bytes in the file are for. */
  facts?(options: Run & { stored?: boolean }): AsyncIterable<ChunkFacts>
}

/** Whether a reader answers by lines. */
export function isLogReader(reader: Reader): reader is LineReader {
  return 'lines' in reader && 'grep' in reader
}
