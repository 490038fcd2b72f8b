import type { Reader, Run } from '@pith/core'

/** The part of a log's reader that reads lines. */
export interface LineReader extends Reader {
  readonly lines: number
  read(from: number, to: number, run?: Run): AsyncIterable<Uint8Array>
}

/** Whether a reader answers by lines. */
export function isLogReader(reader: Reader): reader is LineReader {
  return 'lines' in reader && 'grep' in reader
}
