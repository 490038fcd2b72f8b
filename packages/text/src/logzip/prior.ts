/** What later chunks take from the first one: templates and dictionaries. It is the profile of a log in the container. */
import { ByteReader, ByteWriter, concatBytes, PithError } from '@pith/core'
import type { ColumnPlan, DictPlan, PriorColumns } from './columns.ts'
import type { ParsedChunk } from './parse.ts'
import { writeTemplates } from './streams.ts'
import { MAX_PRIOR_SLOTS, readTemplates, TextCursor } from './tables.ts'
import { emptyTemplates, type KnownSignature, KnownTemplates } from './templates.ts'
import type { Workspace } from './workspace.ts'

/** Most bytes of dictionary texts that the prior keeps. */
const MAX_TEXT_BYTES = 2 ** 20

export class Prior implements PriorColumns {
  readonly templates: KnownTemplates
  readonly #texts: Map<number, readonly Uint8Array[]>
  readonly #joined: Map<number, Uint8Array> = new Map()

  constructor(templates: KnownTemplates, texts: Map<number, readonly Uint8Array[]>) {
    this.templates = templates
    this.#texts = texts
  }

  /** The prior that knows nothing. */
  static empty(): Prior {
    return new Prior(new KnownTemplates(emptyTemplates()), new Map())
  }

  texts(column: number): readonly Uint8Array[] {
    return this.#texts.get(column) ?? []
  }

  /** Texts of a column's dictionary one behind the other, each with a newline. */
  joined(column: number): Uint8Array {
    let joined = this.#joined.get(column)
    if (joined === undefined) {
      const newline = Uint8Array.of(10)
      joined = concatBytes(this.texts(column).flatMap((text) => [text, newline]))
      this.#joined.set(column, joined)
    }
    return joined
  }

  /** Columns that have a dictionary, ascending. */
  get columns(): number[] {
    return [...this.#texts.keys()].sort((a, b) => a - b)
  }

  /**
   * Take over what a first chunk has learned: all templates, and the dictionaries of columns whose texts come again and
   * again. The plans of those columns then know all their texts.
   */
  static learn(workspace: Workspace, chunk: ParsedChunk, plans: readonly ColumnPlan[]): Prior {
    let slots = 0
    for (const { columns } of chunk.templates.templates) slots += columns.length
    // Nothing that comes again would be worth that much.
    if (slots > MAX_PRIOR_SLOTS) return Prior.empty()
    const texts = new Map<number, readonly Uint8Array[]>()
    let bytes = 0
    for (const plan of plans) {
      if (plan.kind !== 'dict' || plan.distinct * 4 > plan.rows) continue
      const list = readTexts(workspace, plan)
      for (const text of list) bytes += text.length
      if (bytes > MAX_TEXT_BYTES) break
      texts.set(plan.id, list)
      plan.known = plan.distinct
    }
    return new Prior(new KnownTemplates(chunk.templates, chunk.signatures()), texts)
  }

  /** Layout: varint length of the parameters, parameters, texts. */
  serialize(): Uint8Array {
    const meta = new ByteWriter(1024)
    const tables = new ByteWriter(65536)
    writeTemplates(tables, meta, this.templates.set.templates.slice(1))
    const columns = this.columns
    meta.varint(columns.length)
    let last = 0
    for (const column of columns) {
      const texts = this.texts(column)
      meta.varint(column - last)
      meta.varint(texts.length)
      last = column
      for (const text of texts) {
        tables.bytes(text)
        tables.u8(10)
      }
    }
    const out = new ByteWriter(meta.length + tables.length + 8)
    out.varint(meta.length)
    out.bytes(meta.view())
    out.bytes(tables.view())
    return out.view()
  }

  /** @throws PithError `PITH_CORRUPT`, `PITH_TRUNCATED` */
  static parse(bytes: Uint8Array, signatures?: ReadonlyMap<string, KnownSignature>): Prior {
    const reader = new ByteReader(bytes)
    const meta = new ByteReader(reader.take(reader.varint()))
    const cursor = new TextCursor(reader.take(reader.remaining))
    const templates = readTemplates(meta, cursor, new KnownTemplates(emptyTemplates()))
    const texts = new Map<number, readonly Uint8Array[]>()
    const columns = meta.varint()
    let column = 0
    let textBytes = 0
    for (let i = 0; i < columns; i++) {
      column += meta.varint()
      const count = meta.varint()
      const list: Uint8Array[] = []
      for (let k = 0; k < count; k++) {
        const text = cursor.next()
        textBytes += text.length
        // Each chunk looks at them.
        if (textBytes > MAX_TEXT_BYTES) {
          throw new PithError('PITH_CORRUPT', `the dictionaries of the prior have more than ${MAX_TEXT_BYTES} bytes`)
        }
        list.push(text)
      }
      texts.set(column, list)
    }
    return new Prior(new KnownTemplates(templates, signatures), texts)
  }
}

function readTexts(workspace: Workspace, plan: DictPlan): Uint8Array[] {
  const list: Uint8Array[] = []
  for (let i = 0; i < plan.distinct; i++) {
    const start = workspace.word(plan.texts, 2 * i)
    list.push(workspace.memory.take(start, workspace.word(plan.texts, 2 * i + 1) - start))
  }
  return list
}
