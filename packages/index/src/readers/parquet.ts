/** Parquet files, read with hyparquet where that is installed. */
import {
  type ByteSource,
  isPithError,
  type Limits,
  PithError,
  type RandomAccess,
  resolveLimits,
  throwIfAborted,
  toRandomAccess,
} from '@pith/core'
import type { FileMetaData, RowGroup, SchemaTree } from 'hyparquet'
import { nameOf } from '../lines.ts'
import type { IndexDocument } from '../types.ts'
import { checkColumn, type PageTools, type Unpackers } from './parquet-guard.ts'
import { BadParquet, checkThrift } from './parquet-thrift.ts'
import { type Row, type RowOptions, RowReader } from './rows.ts'

/** Largest footer that is read, and most columns with their groups. */
const MAX_FOOTER_BYTES = 2 ** 25
const MAX_COLUMNS = 4096
/** Bytes that a value takes at least while a group of rows is in memory. */
const VALUE_BYTES = 16
/** Snappy copies at most 64 bytes for each 3. */
const MOST_SNAPPY = 24

/** Unpacks a page; it must give exactly `length` bytes. */
export type PageCodec = (bytes: Uint8Array, length: number) => Uint8Array

/** How a Parquet file is read. */
export interface ParquetOptions extends RowOptions {
  /** How pages are unpacked by the name that Parquet gives the codec: GZIP, BROTLI, ZSTD. Snappy needs none. */
  codecs?: Readonly<Record<string, PageCodec>>
  /** `memoryBytes` bounds a group of rows. */
  limits?: Partial<Limits>
}

interface Library extends PageTools {
  readonly parquetMetadata: typeof import('hyparquet').parquetMetadata
  readonly parquetReadObjects: typeof import('hyparquet').parquetReadObjects
  readonly parquetSchema: typeof import('hyparquet').parquetSchema
  readonly snappyUncompress: typeof import('hyparquet').snappyUncompress
}

/**
 * Documents of a Parquet file, one group of rows in memory at a time. Bytes that are no text are left out.
 *
 * @throws PithError `PITH_CAPABILITY` hyparquet is not installed · `PITH_CORRUPT` damage, or a group of rows that does not fit into
 * `limits.memoryBytes` · `PITH_UNSUPPORTED` a codec that is not there; parts that are not what they must be, with the row
 */
export async function* readParquet(
  source: ByteSource,
  options: ParquetOptions = {},
): AsyncGenerator<IndexDocument, void, undefined> {
  const access = toRandomAccess(source)
  const name = nameOf(source as { name?: string }, options)
  const { memoryBytes } = resolveLimits(options.limits)
  const library = await loadLibrary()
  const unpackers = unpackersOf(library, options.codecs ?? {})
  const { metadata, schema } = await within(name, 'the footer', async () => {
    const own = await readFooter(access, library)
    return { metadata: own, schema: library.parquetSchema(own) }
  })
  const rows = new RowReader(options, name, 'row')
  let start = 0
  for (const [i, group] of metadata.row_groups.entries()) {
    throwIfAborted(options.signal)
    const found = await within(name, `group ${i + 1} of rows`, () =>
      readGroup(access, { metadata, schema, group }, library, unpackers, memoryBytes),
    )
    for (const [row, own] of found.entries()) yield rows.document(own, start + row + 1)
    start += found.length
  }
}

async function readFooter(access: RandomAccess, library: Library): Promise<FileMetaData> {
  const tail = await access.read(Math.max(0, access.size - 8), 8)
  if (access.size < 12 || String.fromCharCode(...tail.subarray(4)) !== 'PAR1') {
    throw new BadParquet('it does not end as a Parquet file does')
  }
  const length = new DataView(tail.buffer, tail.byteOffset).getUint32(0, true)
  if (length > Math.min(access.size - 12, MAX_FOOTER_BYTES)) throw new BadParquet(`it says that it has ${length} bytes`)
  const bytes = (await access.read(access.size - 8 - length, length + 8)).slice()
  checkThrift(bytes.subarray(0, length))
  const metadata = library.parquetMetadata(bytes.buffer, { geoparquet: false })
  if (metadata.schema.length > MAX_COLUMNS) throw new BadParquet(`it has more than ${MAX_COLUMNS} columns`)
  return metadata
}

interface Group {
  readonly metadata: FileMetaData
  readonly schema: SchemaTree
  readonly group: RowGroup
}

async function readGroup(
  access: RandomAccess,
  { metadata, schema, group }: Group,
  library: Library,
  unpackers: Unpackers,
  memoryBytes: number,
): Promise<Row[]> {
  const count = Number(group.num_rows)
  if (!(Number.isSafeInteger(count) && count >= 0)) throw new BadParquet('it has no count of rows')
  if (count === 0) return []
  const ranges = group.columns.map(rangeOf)
  const from = Math.min(...ranges.map(({ start }) => start))
  const to = Math.max(...ranges.map(({ end }) => end))
  if (!(from >= 4 && to > from && to <= access.size)) throw new BadParquet('its columns lie outside of the file')
  if (to - from > memoryBytes) throw new BadParquet('its columns do not fit into memory')
  const bytes = (await access.read(from, to - from)).slice()
  const budget = { bytes: memoryBytes, values: Math.floor(memoryBytes / VALUE_BYTES) }
  for (const [i, { start, end }] of ranges.entries()) {
    const meta = group.columns[i]?.meta_data
    if (meta === undefined) throw new BadParquet('a column is not described')
    const path = pathOf(schema, meta.path_in_schema)
    checkColumn(bytes.subarray(start - from, end - from), meta, path, unpackers, library, budget, count)
  }
  const found = await library.parquetReadObjects({
    file: {
      byteLength: access.size,
      slice: (start, end = access.size) => bytes.buffer.slice(start - from, end - from),
    },
    // One group only: the library looks at all that it is given.
    metadata: { ...metadata, num_rows: BigInt(count), row_groups: [group] },
    compressors: unpackers,
    utf8: false,
    geoparquet: false,
  })
  if (found.length !== count) throw new BadParquet(`it has ${found.length} rows and says ${count}`)
  return found.map(withTexts)
}

function rangeOf({ meta_data: meta }: RowGroup['columns'][number]): { start: number; end: number } {
  const start = Number(meta?.dictionary_page_offset || meta?.data_page_offset)
  return { start, end: start + Number(meta?.total_compressed_size) }
}

function pathOf(schema: SchemaTree, names: readonly string[]): SchemaTree[] {
  const path = [schema]
  for (const name of names) {
    const child = path.at(-1)?.children.find(({ element }) => element.name === name)
    if (child === undefined) throw new BadParquet('a column is not in its schema')
    path.push(child)
  }
  return path
}

/** Old files do not say that bytes are text: those that are UTF-8 become text, others go. */
function withTexts(row: Row): Row {
  if (!Object.values(row).some((value) => value instanceof Uint8Array)) return row
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, value instanceof Uint8Array ? textOf(value) : value]),
  )
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function unpackersOf({ snappyUncompress }: Library, codecs: Readonly<Record<string, PageCodec>>): Unpackers {
  const snappy: PageCodec = (bytes, length) => {
    if (length > MOST_SNAPPY * bytes.length + 64) throw new BadParquet('a page unpacks to more than it can')
    const page = new Uint8Array(length)
    snappyUncompress(bytes, page)
    return page
  }
  return { SNAPPY: snappy, ...codecs }
}

async function loadLibrary(): Promise<Library> {
  try {
    const [main, column, delta, encoding] = await Promise.all([
      import('hyparquet'),
      import('hyparquet/src/column.js'),
      import('hyparquet/src/delta.js'),
      import('hyparquet/src/encoding.js'),
    ])
    return { ...main, ...column, ...delta, ...encoding }
  } catch (cause) {
    throw new PithError('PITH_CAPABILITY', 'Parquet files need the package hyparquet', {
      hint: 'Run: npm install hyparquet',
      cause,
    })
  }
}

/** Run a step; what it throws becomes an error that names the file and the part of it. */
async function within<T>(name: string, part: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (cause) {
    if (isPithError(cause)) throw cause
    const why = cause instanceof Error ? cause.message.slice(0, 200) : 'it cannot be read'
    if (/unsupported compression codec/.test(why)) {
      throw new PithError('PITH_UNSUPPORTED', `${part} of ${name} cannot be unpacked: ${why}`, {
        hint: 'Write the file with snappy or without compression.',
        at: { entry: name },
        cause,
      })
    }
    throw new PithError('PITH_CORRUPT', `${part} of ${name} cannot be read: ${why}`, { at: { entry: name }, cause })
  }
}
