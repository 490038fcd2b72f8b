/** CSV and TSV files. */
import { type ByteSource, isSource, type Source, throwIfAborted, toSource } from '@pith/core'
import { encodingOf, lineError, nameOf } from '../lines.ts'
import type { IndexDocument } from '../types.ts'
import { CsvParser, type CsvRow, delimiterOf } from './csv.ts'
import { type Row, type RowOptions, RowReader } from './rows.ts'

/** Bytes that are looked at to find the delimiter. */
const HEAD_BYTES = 64 * 1024

/** How a table is read. */
export interface TableOptions extends RowOptions {
  /** Names of the columns, for a file that has no heading. */
  columns?: readonly string[]
  /** Default the one that stands most often in the first line, of `,` `;` tab and `|`. */
  delimiter?: string
  /** Whether a cell that starts with `"` ends at the next one. Default true, false where tabs delimit. */
  quotes?: boolean
}

/**
 * Documents of a file of comma- or tab-separated rows; the first row names the columns. Cells that numbers write
 * themselves as are numbers in fields, `true` and `false` are booleans, empty ones are absent; a vector is a cell of JSON.
 *
 * @throws PithError `PITH_CORRUPT` a row with more or fewer cells than the heading, a quote that is not closed, parts that are
 * not what they must be, with the line · `PITH_LIMIT` a cell above 2^24 characters
 */
export async function* readTable(
  input: ByteSource | Source,
  options: TableOptions = {},
): AsyncGenerator<IndexDocument, void, undefined> {
  const { signal } = options
  const source = isSource(input) ? input : toSource(input, signal === undefined ? {} : { signal })
  const name = nameOf(source, options)
  const rows = new RowReader(options, name, 'line')
  const head = await source.head(HEAD_BYTES)
  const encoding = encodingOf(head)
  const delimiter = options.delimiter ?? delimiterOf(new TextDecoder(encoding).decode(head))
  const quotes = options.quotes ?? delimiter !== '\t'
  const parser = new CsvParser({ delimiter, quotes }, (code, line, what) => lineError(code, name, line, what))
  const decoder = new TextDecoder(encoding)
  let columns = options.columns
  const documents = function* (found: readonly CsvRow[]): Generator<IndexDocument, void, undefined> {
    for (const { line, cells } of found) {
      if (columns === undefined) columns = headingOf(cells, line, name)
      else yield rows.document(rowOf(columns, cells, line, name, options), line)
    }
  }
  for await (const chunk of source.stream()) {
    throwIfAborted(signal)
    yield* documents(parser.push(decoder.decode(chunk, { stream: true })))
  }
  yield* documents([...parser.push(decoder.decode()), ...parser.end()])
}

function headingOf(cells: readonly string[], line: number, name: string): string[] {
  const columns = cells.map((cell) => cell.trim())
  const seen = new Set<string>()
  const twice = columns.find((column) => column !== '' && seen.size === seen.add(column).size)
  if (twice !== undefined) {
    throw lineError('PITH_CORRUPT', name, line, `names the column ${JSON.stringify(twice.slice(0, 60))} twice`)
  }
  return columns
}

function rowOf(
  columns: readonly string[],
  cells: readonly string[],
  line: number,
  name: string,
  { vectorField, sparseField, idField, titleField, textField }: RowOptions,
): Row {
  if (cells.length !== columns.length) {
    const what = `has ${cells.length} cells, the heading has ${columns.length}`
    throw lineError('PITH_CORRUPT', name, line, what, 'Check the delimiter, and whether cells stand in quotes.')
  }
  const texts = new Set([idField, titleField, ...(typeof textField === 'string' ? [textField] : (textField ?? []))])
  return Object.fromEntries(
    columns.map((column, i) => {
      const cell = cells[i] as string
      const isVector = column === vectorField || column === sparseField || VECTOR_COLUMNS.has(column)
      if (isVector) return [column, jsonOf(cell)]
      return [column, texts.has(column) || TEXT_COLUMNS.has(column) ? cell : cellValue(cell)]
    }),
  )
}

const VECTOR_COLUMNS: ReadonlySet<string> = new Set(['vector', 'embedding', 'sparse'])
/** Columns that stay as they are written: an id of 007 is not 7. */
const TEXT_COLUMNS: ReadonlySet<string> = new Set(['_id', 'id', 'docid', 'doc_id', 'docno', 'title', 'name', 'text'])

function jsonOf(cell: string): unknown {
  try {
    return cell === '' ? undefined : JSON.parse(cell)
  } catch {
    return cell
  }
}

function cellValue(cell: string): string | number | boolean | undefined {
  if (cell === '') return undefined
  if (cell === 'true' || cell === 'false') return cell === 'true'
  const number = Number(cell)
  return Number.isFinite(number) && String(number) === cell ? number : cell
}
