import type { Run } from '@pith/core'
import type { LineReader } from '../systems/log-reader.ts'
import type { Matcher } from '../systems/search.ts'
import type { LinePrinter } from './printer.ts'
import { type ShowPlan, searchStream } from './stream-search.ts'

/** Search a compressed log for lines and print them as grep does. */
export async function searchLog(
  reader: LineReader,
  matcher: Matcher,
  plan: ShowPlan,
  printer: LinePrinter,
  run: Run,
): Promise<number> {
  return await searchStream(reader.read(0, reader.lines, run), matcher, plan, printer)
}
