/** The streams of a coded chunk, whichever way they are laid out in its blocks. */
import { ByteReader, PithError } from '@pith/core'
import { FORM, type LogSection } from './chunk-encode.ts'
import { giveBack } from './give-back.ts'
import { type MaxParts, MaxSource } from './max.ts'
import { formOf, METHOD, methodOf, unpackBytes } from './pack.ts'
import { PlainSource } from './plain.ts'
import { type ColumnSource, idWidth } from './streams.ts'
import type { Workspace } from './workspace.ts'

/** Most bytes of one stream of a chunk: each has less than two bytes for one of the log. */
export const MAX_STREAM_BYTES: number = 2 ** 27

/** The same within the memory that the chunk may take. */
function mostBytes({ memory }: Workspace): number {
  return Math.min(MAX_STREAM_BYTES, memory.maxBytes)
}

/** Gives a block of the chunk by its section; `index` counts the groups of columns. */
export type BlockLoader = (section: LogSection, index: number) => Uint8Array | undefined

/** The streams of a chunk, asked for in this order. */
export interface Streams {
  /** Size, lines, checksum and line endings. */
  head: ByteReader
  /** Parameters and tables. */
  tables: () => { meta: Uint8Array; tables: Uint8Array }
  /** Fill the template of each line. */
  templates: (ids: number, lines: number, count: number) => void
  columns: () => ColumnSource
  /** Texts of all raw columns as they stand; undefined where they can't be had without decoding the columns. */
  texts: () => Uint8Array | undefined
}

/** Open the streams of a chunk. @throws PithError `PITH_CORRUPT` a block that is needed at once is missing */
export function openStreams(workspace: Workspace, load: BlockLoader): Streams {
  const need = (section: LogSection, index: number): Uint8Array => {
    const block = load(section, index)
    if (block === undefined) throw new PithError('PITH_CORRUPT', `a chunk lacks a block of section ${section}`)
    return block
  }
  const block = need('chunk', 0)
  const whole = formOf(block) === FORM.whole
  if (methodOf(block) === METHOD.mixed) return mixedStreams(workspace, block, whole, load)
  return whole ? wholeStreams(workspace, block) : blockStreams(workspace, block, need)
}

function blockStreams(
  workspace: Workspace,
  block: Uint8Array,
  need: (section: LogSection, index: number) => Uint8Array,
): Streams {
  const head = new ByteReader(unpackBytes(block, mostBytes(workspace)))
  let groups = 0
  let owned: ArrayBufferLike | undefined
  const unpack = (packed: Uint8Array): Uint8Array => {
    const bytes = unpackBytes(packed, mostBytes(workspace))
    owned = bytes.buffer === packed.buffer ? undefined : bytes.buffer
    return bytes
  }
  return {
    head,
    tables() {
      groups = head.varint()
      return readTables(head)
    },
    templates: (ids, lines, count) =>
      putTemplates(workspace, unpackBytes(need('ids', 0), lines * idWidth(count)), ids, lines, count),
    columns: () =>
      new PlainSource(
        workspace,
        (index) => {
          if (index >= groups) throw tooFewGroups()
          return unpack(need('columns', index))
        },
        () => unpack(need('texts', 0)),
        (bytes) => bytes.buffer === owned && giveBack(bytes.buffer),
      ),
    texts: () => unpackBytes(need('texts', 0), mostBytes(workspace)),
  }
}

/** Streams that stand one behind the other in a single block: head, ids, groups with their lengths, texts. */
function wholeStreams(workspace: Workspace, block: Uint8Array): Streams {
  const reader = new ByteReader(unpackBytes(block, mostBytes(workspace)))
  const groups: Uint8Array[] = []
  let count = 0
  let texts: Uint8Array | undefined
  const readTexts = (): Uint8Array => {
    texts ??= reader.take(reader.remaining)
    return texts
  }
  return {
    head: reader,
    tables() {
      count = reader.varint()
      return readTables(reader)
    },
    templates: (ids, lines, templates) =>
      putTemplates(workspace, reader.take(lines * idWidth(templates)), ids, lines, templates),
    columns() {
      for (let i = 0; i < count; i++) groups.push(reader.take(reader.varint()))
      return new PlainSource(
        workspace,
        (index) => {
          if (index >= groups.length) throw tooFewGroups()
          return groups[index] as Uint8Array
        },
        readTexts,
      )
    },
    texts: readTexts,
  }
}

/** Level `max`. Parts that were not loaded are empty: whoever asks for columns has loaded all. */
function mixedStreams(workspace: Workspace, block: Uint8Array, whole: boolean, load: BlockLoader): Streams {
  const head = new ByteReader(block, 1)
  let source: MaxSource | undefined
  const none = new Uint8Array(0)
  const parts = (): MaxParts => {
    if (!whole) {
      const tables = head.take(head.remaining)
      const [ids = none, columns = none, texts = none] = (['ids', 'columns', 'texts'] as const).map((s) => load(s, 0))
      return { tables, ids, columns, texts }
    }
    const [tables, ids, columns] = [0, 1, 2].map(() => head.take(head.varint())) as [Uint8Array, Uint8Array, Uint8Array]
    return { tables, ids, columns, texts: head.take(head.remaining) }
  }
  const opened = (): MaxSource => {
    source ??= new MaxSource(workspace, parts(), mostBytes(workspace))
    return source
  }
  return {
    head,
    tables: () => opened(),
    templates: (ids, lines, count) => opened().templates({ ids, lines, count }),
    columns: opened,
    texts: () => undefined,
  }
}

function readTables(head: ByteReader): { meta: Uint8Array; tables: Uint8Array } {
  const meta = head.take(head.varint())
  return { meta, tables: head.take(head.varint()) }
}

/** Template of each line from planes of bytes. */
function putTemplates(workspace: Workspace, planes: Uint8Array, ids: number, lines: number, count: number): void {
  const width = idWidth(count)
  if (planes.length !== lines * width) throw new PithError('PITH_CORRUPT', 'a chunk has too few template ids')
  const { memory, kernels } = workspace
  const mark = memory.mark()
  kernels.getPlanes(memory.put(planes), lines, width, ids)
  memory.release(mark)
}

function tooFewGroups(): PithError {
  return new PithError('PITH_CORRUPT', 'a chunk needs more groups of columns than it has')
}
