/** Columns that are decoded out of turn. */
import type { Place, PlainSource } from './plain.ts'
import { idWidth, KIND } from './streams.ts'
import type { ColumnSpec } from './tables.ts'

/** Knows where the symbols of each column start, as far as it has passed over those before; none may hold a log. */
export class ColumnPlaces {
  readonly #source: PlainSource
  readonly #specs: readonly ColumnSpec[]
  /** Texts that a column's dictionary has from the prior. */
  readonly #known: (column: number) => number
  readonly #first: number
  readonly #places: Place[]

  /** @param first column, by its place in the list, whose symbols come next from the source */
  constructor(source: PlainSource, specs: readonly ColumnSpec[], first: number, known: (column: number) => number) {
    this.#source = source
    this.#specs = specs
    this.#known = known
    this.#first = first
    this.#places = [source.place()]
  }

  /** Make the symbols of a column, by its place in the list, the next of the source. */
  goTo(index: number): void {
    const at = index - this.#first
    while (this.#places.length <= at) {
      this.#source.goTo(this.#places.at(-1) as Place)
      this.#passOver(this.#specs[this.#first + this.#places.length - 1] as ColumnSpec)
      this.#places.push(this.#source.place())
    }
    this.#source.goTo(this.#places[at] as Place)
  }

  #passOver({ id, kind, rows, other, texts, bytes }: ColumnSpec): void {
    const source = this.#source
    if (kind === KIND.dict) source.skip(rows * idWidth(this.#known(id) + texts + (other > 0 ? 1 : 0)))
    else if (kind === KIND.raw) {
      if (other > 0) source.skip(rows)
      source.skipTexts(texts)
    } else if (kind === KIND.number || kind === KIND.time) {
      if (bytes === 1) source.skip(rows)
      else source.skipVarints(rows)
    }
  }
}
