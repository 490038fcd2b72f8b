/** Columns that are decoded out of turn. */
import type { PlainSource, StreamPlace } from './plain.ts'
import { idWidth, KIND } from './streams.ts'
import type { ColumnSpec } from './tables.ts'

/** A stream of symbols or texts, as far as the columns in it have been passed over. */
interface Passed {
  /** The first column, by its place in the list, that has not been. */
  next: number
  /** Where its symbols or texts start. */
  place: StreamPlace
  /** The same of earlier columns. */
  readonly known: Map<number, StreamPlace>
}

/** Knows where the symbols of each column start, as far as it has passed over those before; logs within columns must have streams of their own. */
export class ColumnPlaces {
  readonly #source: PlainSource
  readonly #specs: readonly ColumnSpec[]
  /** Texts that a column's dictionary has from the prior. */
  readonly #known: (column: number) => number
  readonly #streams: Passed[]

  /** @param first column, by its place in the list, whose symbols come next from the source */
  constructor(source: PlainSource, specs: readonly ColumnSpec[], first: number, known: (column: number) => number) {
    this.#source = source
    this.#specs = specs
    this.#known = known
    this.#streams = source.places().map((place) => ({ next: first, place, known: new Map() }))
  }

  /** Make the symbols and texts of a column, by its place in the list, the next of the source. */
  goTo(index: number): void {
    const spec = this.#specs[index] as ColumnSpec
    const [symbols, texts] = [this.#symbolsOf(spec), this.#textsOf(spec)]
    if (symbols !== undefined) this.#goToIn(symbols, index)
    if (texts !== undefined) this.#goToIn(texts, index)
  }

  #goToIn(stream: number, index: number): void {
    const passed = this.#streams[stream] as Passed
    if (passed.next <= index) {
      this.#source.goTo(stream, passed.place)
      for (; passed.next < index; passed.next++) {
        const spec = this.#specs[passed.next] as ColumnSpec
        const [symbols, texts] = [this.#symbolsOf(spec), this.#textsOf(spec)]
        if (symbols !== stream && texts !== stream) continue
        passed.known.set(passed.next, this.#source.place(stream))
        if (symbols === stream) this.#passSymbols(spec)
        else this.#source.skipTexts(spec.texts, spec.textClass)
      }
      passed.place = this.#source.place(stream)
    }
    this.#source.goTo(stream, index < passed.next ? (passed.known.get(index) as StreamPlace) : passed.place)
  }

  /** The stream that holds the symbols of a column. */
  #symbolsOf({ kind, other }: ColumnSpec): number | undefined {
    const source = this.#source
    if (kind === KIND.number) return source.residualStream('number')
    if (kind === KIND.time) return source.residualStream('time')
    if (kind === KIND.dict || kind === KIND.logDict) return source.idStream()
    return (kind === KIND.raw || kind === KIND.log) && other > 0 ? source.idStream() : undefined
  }

  #textsOf({ kind, textClass }: ColumnSpec): number | undefined {
    return kind === KIND.raw ? this.#source.textStream(textClass) : undefined
  }

  #passSymbols({ id, kind, rows, other, texts, bytes }: ColumnSpec): void {
    const source = this.#source
    if (kind === KIND.number) source.skipResiduals(rows, bytes, 'number')
    else if (kind === KIND.time) source.skipResiduals(rows, bytes, 'time')
    else if (kind === KIND.dict || kind === KIND.logDict) {
      source.skipIds(rows * idWidth(this.#known(id) + texts + (other > 0 ? 1 : 0)))
    } else source.skipIds(rows)
  }
}
