/** Texts of a column that are coded as a log, back to texts. */
import { ByteReader, ByteWriter, PithError } from '@pith/core'
import type { Streams } from './chunk-streams.ts'
import { escapeQuotes } from './escape.ts'
import type { ColumnSource, SymbolContext } from './streams.ts'
import type { ColumnSpec, NestedSpec } from './tables.ts'

/** Logs within logs within logs. */
export const MAX_DEPTH: number = 3

/** What the logs within one chunk may still take. */
export interface NestedBudget {
  /** Rows, in all depths. */
  rows: { left: number }
  /** Bytes of texts, each with its newline. */
  bytes: number
}

/** The streams of a log within a column: parameters and tables of its own, symbols and texts where its column has its own. */
export function nestedStreams(
  { rawBytes, meta }: NestedSpec,
  { own, texts: lines }: ColumnSpec,
  source: ColumnSource,
  context: SymbolContext,
): Streams {
  const head = new ByteWriter(32)
  head.varint(rawBytes)
  head.varint(lines)
  head.u32(0)
  head.varint(1)
  head.varint(lines * 4)
  return {
    head: new ByteReader(head.view()),
    tables: () => ({ meta, tables: own }),
    templates: (ids, rows, count) => source.ids({ ...context, rows, isInner: true }, ids, count),
    columns: () => new NestedSource(source, context.column),
    texts: undefined,
  }
}

/** Takes the symbols of a log within a column for those of the column. */
class NestedSource implements ColumnSource {
  readonly #source: ColumnSource
  readonly #column: number

  constructor(source: ColumnSource, column: number) {
    this.#source = source
    this.#column = column
  }

  ids(context: SymbolContext, ids: number, limit: number): void {
    this.#source.ids({ ...context, column: this.#column }, ids, limit)
  }

  residuals(context: SymbolContext, residuals: number, width: number, kind: 'number' | 'time', mode: number): void {
    this.#source.residuals({ ...context, column: this.#column }, residuals, width, kind, mode)
  }

  flags(context: SymbolContext, flags: number): void {
    this.#source.flags({ ...context, column: this.#column }, flags)
  }

  texts(context: SymbolContext, starts: number, ends: number, count: number, kind: number): void {
    this.#source.texts({ ...context, column: this.#column }, starts, ends, count, kind)
  }
}

/**
 * Texts as they stand in the lines of the chunk, from those of the log.
 *
 * @throws PithError `PITH_CORRUPT` more bytes than all columns of the chunk can hold
 */
export function nestedTexts(lines: Uint8Array, { isEscaped }: NestedSpec, budget: NestedBudget): Uint8Array {
  const texts = isEscaped ? escapeQuotes(lines, budget.bytes) : lines
  budget.bytes -= texts.length
  if (budget.bytes < 0) throw new PithError('PITH_CORRUPT', 'the texts of columns are longer than their chunk')
  return texts
}
