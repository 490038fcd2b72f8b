/** Whether the pages of a Parquet column are what they say, before a library that trusts their counts reads them. */
import type { ColumnMetaData, PageHeader, SchemaTree } from 'hyparquet'
import { BadParquet, checkThrift } from './parquet-thrift.ts'

/** Parts of hyparquet that the checks use. */
export interface PageTools {
  readonly parquetHeader: typeof import('hyparquet/src/column.js').parquetHeader
  readonly deltaBinaryUnpack: typeof import('hyparquet/src/delta.js').deltaBinaryUnpack
  readonly readRleBitPackedHybrid: typeof import('hyparquet/src/encoding.js').readRleBitPackedHybrid
}

/** What a column may take. */
export interface ColumnBudget {
  /** Bytes that its pages may unpack to, and values that they may hold, in all. */
  bytes: number
  values: number
}

/** Unpacks pages by the name of the codec. */
export type Unpackers = Readonly<Record<string, (bytes: Uint8Array, length: number) => Uint8Array>>

const MAX_HEADER_BYTES = 2 ** 24

/**
 * Walk over the pages of a column chunk and take what they hold from the budget.
 *
 * @param path  from the root of the schema to the column
 * @param rows  that the column must have
 * @throws BadParquet a page beyond the chunk, pages of another number of rows, a count beyond what its bytes can say, a budget that is spent
 */
export function checkColumn(
  chunk: Uint8Array,
  meta: ColumnMetaData,
  path: readonly SchemaTree[],
  unpackers: Unpackers,
  tools: PageTools,
  budget: ColumnBudget,
  rows: number,
): void {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  const reader = { view, offset: 0 }
  let values = 0
  while (reader.offset < chunk.length - 1) {
    checkThrift(chunk.subarray(0, Math.min(chunk.length, reader.offset + MAX_HEADER_BYTES)), reader.offset)
    const header = tools.parquetHeader(reader)
    const { compressed_page_size: packed, uncompressed_page_size: raw } = header
    if (!(isCount(packed) && packed <= chunk.length - reader.offset)) throw new BadParquet('a page is cut short')
    if (!isCount(raw)) throw new BadParquet('a page has no size')
    spend(budget, 'bytes', raw)
    const page = chunk.subarray(reader.offset, reader.offset + packed)
    checkPage({ header, page, meta, path, unpackers, tools, budget })
    values += header.data_page_header?.num_values ?? header.data_page_header_v2?.num_values ?? 0
    reader.offset += packed
  }
  // A row of a list has an entry or more, any other exactly one.
  const [repetition] = levelsOf(path)
  if (repetition > 0 ? values < rows : values !== rows)
    throw new BadParquet(`a column has ${values} values for ${rows} rows`)
}

interface Page {
  readonly header: PageHeader
  readonly page: Uint8Array
  readonly meta: ColumnMetaData
  readonly path: readonly SchemaTree[]
  readonly unpackers: Unpackers
  readonly tools: PageTools
  readonly budget: ColumnBudget
}

function checkPage(own: Page): void {
  const { header, page, budget } = own
  const { data_page_header: first, data_page_header_v2: second, dictionary_page_header: dictionary } = header
  if (header.type === 'DATA_PAGE' && first !== undefined) {
    spend(budget, 'values', first.num_values)
    const bytes = unpack(own, page, header.uncompressed_page_size)
    let at = 0
    for (const max of levelsOf(own.path)) {
      if (max === 0) continue
      const length =
        at + 4 <= bytes.length ? new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0, true) : Number.NaN
      if (!(length <= bytes.length - at - 4)) throw new BadParquet('levels are cut short')
      checkRuns(bytes.subarray(at + 4, at + 4 + length), widthOf(max), first.num_values, true)
      at += 4 + length
    }
    const nulls = (): number => countNulls(own, bytes, first.num_values)
    checkValues(own, bytes.subarray(at), first.encoding, first.num_values, nulls, false)
  } else if (header.type === 'DATA_PAGE_V2' && second !== undefined) {
    const { num_values: values, num_nulls: nulls, encoding, is_compressed: isPacked } = second
    const { repetition_levels_byte_length: repetitions, definition_levels_byte_length: definitions } = second
    spend(budget, 'values', values)
    const rest = header.uncompressed_page_size - repetitions - definitions
    if (!(isCount(nulls) && nulls <= values && isCount(repetitions) && isCount(definitions) && rest >= 0)) {
      throw new BadParquet('the counts of a page contradict each other')
    }
    if (repetitions + definitions > page.length) throw new BadParquet('levels are cut short')
    const [repetition, definition] = levelsOf(own.path)
    if (repetition > 0) checkRuns(page.subarray(0, repetitions), widthOf(repetition), values, true)
    if (definition > 0)
      checkRuns(page.subarray(repetitions, repetitions + definitions), widthOf(definition), values, true)
    const packed = page.subarray(repetitions + definitions)
    checkValues(own, isPacked ? unpack(own, packed, rest) : packed, encoding, values, () => nulls, true)
  } else if (header.type === 'DICTIONARY_PAGE' && dictionary !== undefined) {
    spend(budget, 'values', dictionary.num_values)
    unpack(own, page, header.uncompressed_page_size)
  } else {
    throw new BadParquet('a page is of no known kind')
  }
}

/** The values behind the levels. `nulls` of them are absent. */
function checkValues(
  { meta, path, tools, budget }: Page,
  bytes: Uint8Array,
  encoding: string,
  values: number,
  nulls: () => number,
  isSecond: boolean,
): void {
  if (encoding === 'PLAIN_DICTIONARY' || encoding === 'RLE_DICTIONARY' || encoding === 'RLE') {
    const isBoolean = encoding === 'RLE' && (isSecond || meta.type === 'BOOLEAN')
    const width = isBoolean ? 1 : (bytes[0] ?? 0)
    if (width > 32) throw new BadParquet('references are wider than 32 bits')
    checkRuns(bytes.subarray(isBoolean ? 4 : 1), width, values, false)
  } else if (encoding === 'DELTA_BYTE_ARRAY') {
    // Each value may repeat the one before it: a page can stand for far more than its bytes.
    const count = values - nulls()
    const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 }
    const lengths = [new Int32Array(count), new Int32Array(count)]
    for (const own of lengths) tools.deltaBinaryUnpack(reader, count, own)
    for (const own of lengths) for (const length of own) spend(budget, 'bytes', length)
  } else if (encoding === 'BYTE_STREAM_SPLIT') {
    spend(budget, 'bytes', values * (path.at(-1)?.element.type_length ?? 8))
  }
}

/**
 * Runs of the hybrid of run lengths and packed bits: none may hold more than there are values.
 *
 * @param isWhole  whether the bytes must hold all values; else a library that reads on is stopped by their end
 */
function checkRuns(bytes: Uint8Array, width: number, values: number, isWhole: boolean): void {
  let at = 0
  let seen = 0
  while (seen < values && at < bytes.length) {
    let head = 0
    let shift = 1
    for (;;) {
      const own = bytes[at++]
      if (own === undefined || shift > 2 ** 28) throw new BadParquet('runs are cut short')
      head += (own & 127) * shift
      if (own < 128) break
      shift *= 128
    }
    const count = head % 2 === 1 ? 8 * Math.floor(head / 2) : head / 2
    if (count > values + 7) throw new BadParquet(`a run of ${count} stands for ${values} values`)
    at += head % 2 === 1 ? (count / 8) * width : (width + 7) >> 3
    seen += count
  }
  if (isWhole && seen < values) throw new BadParquet('levels are cut short')
}

function countNulls({ path, tools }: Page, bytes: Uint8Array, values: number): number {
  const [repetition, definition] = levelsOf(path)
  if (definition === 0) return 0
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 }
  for (const max of repetition > 0 ? [repetition, definition] : [definition]) {
    const levels: number[] = new Array(values)
    tools.readRleBitPackedHybrid(reader, widthOf(max), levels)
    if (max === definition) return levels.filter((level) => level !== max).length
  }
  return 0
}

function unpack({ meta, unpackers }: Page, bytes: Uint8Array, length: number): Uint8Array {
  const { codec } = meta
  const page = codec === 'UNCOMPRESSED' ? bytes : unpackers[codec]?.(bytes, length)
  if (page === undefined) throw new BadParquet(`unsupported compression codec: ${codec}`)
  if (page.length !== length) throw new BadParquet('a page unpacks to another size')
  return page
}

function levelsOf(path: readonly SchemaTree[]): [repetition: number, definition: number] {
  const repetition = path.filter(({ element }) => element.repetition_type === 'REPEATED').length
  const definition = path.slice(1).filter(({ element }) => element.repetition_type !== 'REQUIRED').length
  return [repetition, definition]
}

function widthOf(max: number): number {
  return 32 - Math.clz32(max)
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0
}

function spend(budget: ColumnBudget, what: keyof ColumnBudget, count: number): void {
  if (!isCount(count)) throw new BadParquet('a page has no count')
  budget[what] -= count
  if (budget[what] < 0) throw new BadParquet(`too many ${what} for memory`)
}
