/** One JSON object a line. */
import type { ByteSource, Source } from '@pith/core'
import { lineError, nameOf, readLines } from '../lines.ts'
import type { IndexDocument } from '../types.ts'
import { type Row, type RowOptions, RowReader } from './rows.ts'

/**
 * Documents of a file of JSON lines; empty lines are passed over.
 *
 * @throws PithError `PITH_CORRUPT` a line that is no object, or parts that are not what they must be, with the line; as `readLines`
 */
export async function* readJsonLines(
  source: ByteSource | Source,
  options: RowOptions = {},
): AsyncGenerator<IndexDocument, void, undefined> {
  const name = nameOf(source as Source, options)
  const rows = new RowReader(options, name, 'line')
  for await (const { first, lines } of readLines(source, options)) {
    for (const [i, line] of lines.entries()) {
      if (line.trim() !== '') yield rows.document(parseRow(line, name, first + i), first + i)
    }
  }
}

function parseRow(line: string, name: string, place: number): Row {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw lineError('PITH_CORRUPT', name, place, 'is no JSON', hintOf(line))
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Row
  throw lineError('PITH_CORRUPT', name, place, 'is no JSON object', hintOf(line))
}

function hintOf(line: string): string | undefined {
  return /^\s*\[/.test(line) || /^\s*\{\s*$/.test(line)
    ? 'Write one object a line (JSON Lines), not an array or indented JSON.'
    : undefined
}
