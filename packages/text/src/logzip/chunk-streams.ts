/** The streams of a coded chunk, whichever way they are laid out in its blocks. */
import { ByteReader, PithError } from '@pith/core'
import { FORM, type LogSection } from './chunk-encode.ts'
import { giveBack } from './give-back.ts'
import { type MaxParts, MaxSource } from './max.ts'
import { formOf, METHOD, methodOf, unpackBytes } from './pack.ts'
import { PlainSource, SYMBOL_KINDS } from './plain.ts'
import { type ColumnSource, idWidth } from './streams.ts'
import type { TextStreams } from './text-streams.ts'
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
  columns: (texts: TextStreams | undefined) => ColumnSource
  /** Where texts stand by class, with those of dictionaries: what says so, behind the tables. */
  classes?: ByteReader
  /** Gives a stream of texts; undefined where they can't be had without decoding the columns. */
  texts: ((stream: number) => Uint8Array) | undefined
}

/** Open the streams of a chunk. @throws PithError `PITH_CORRUPT` a block that is needed at once is missing */
export function openStreams(workspace: Workspace, load: BlockLoader): Streams {
  const block = load('chunk', 0)
  if (block === undefined) throw lacks('chunk')
  const form = formOf(block)
  const most = methodOf(block) === METHOD.mixed ? FORM.whole : FORM.sorted
  if (form > most) throw new PithError('PITH_CORRUPT', `a chunk has the unknown form ${form}`)
  const whole = form === FORM.whole
  if (methodOf(block) === METHOD.mixed) return mixedStreams(workspace, block, whole, load)
  return whole ? wholeStreams(workspace, block) : blockStreams(workspace, block, load, form === FORM.sorted)
}

function blockStreams(workspace: Workspace, block: Uint8Array, load: BlockLoader, isSorted: boolean): Streams {
  const head = new ByteReader(unpackBytes(block, mostBytes(workspace)))
  let groups: number[] = []
  let owned: ArrayBufferLike | undefined
  return {
    head,
    tables() {
      groups = Array.from({ length: isSorted ? SYMBOL_KINDS : 1 }, () => head.varint())
      return readTables(head)
    },
    templates: (ids, lines, count) => {
      const packed = load('ids', 0)
      if (packed === undefined) throw lacks('ids')
      putTemplates(workspace, unpackBytes(packed, lines * idWidth(count)), ids, lines, count)
    },
    columns: (texts) =>
      new PlainSource(workspace, {
        groups,
        texts: texts as TextStreams,
        group: (index) => {
          const packed = load('columns', index)
          if (packed === undefined) throw lacks('columns')
          const bytes = unpackBytes(packed, mostBytes(workspace))
          owned = bytes.buffer === packed.buffer ? undefined : bytes.buffer
          return bytes
        },
        spent: (bytes) => bytes.buffer === owned && giveBack(bytes.buffer),
      }),
    // There is no block for no texts.
    texts: (stream) => {
      const packed = load('texts', stream)
      return packed === undefined ? new Uint8Array(0) : unpackBytes(packed, mostBytes(workspace))
    },
    ...(isSorted ? { classes: head } : {}),
  }
}

function lacks(section: LogSection): PithError {
  return new PithError('PITH_CORRUPT', `a chunk lacks a block of section ${section}`)
}

/** Streams that stand one behind the other in a single block: head, ids, groups with their lengths, texts. */
function wholeStreams(workspace: Workspace, block: Uint8Array): Streams {
  const reader = new ByteReader(unpackBytes(block, mostBytes(workspace)))
  const groups: Uint8Array[] = []
  let count = 0
  let texts: Uint8Array | undefined
  return {
    head: reader,
    tables() {
      count = reader.varint()
      return readTables(reader)
    },
    templates: (ids, lines, templates) =>
      putTemplates(workspace, reader.take(lines * idWidth(templates)), ids, lines, templates),
    columns(streams) {
      for (let i = 0; i < count; i++) groups.push(reader.take(reader.varint()))
      return new PlainSource(workspace, {
        groups: [count],
        texts: streams as TextStreams,
        group: (index) => groups[index] as Uint8Array,
      })
    },
    texts() {
      texts ??= reader.take(reader.remaining)
      return texts
    },
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
    texts: undefined,
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
