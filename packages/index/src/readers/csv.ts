/** Cells of comma-separated text (RFC 4180), piece by piece. */
import type { PithError } from '@pith/core'

/** Longest cell, in characters: a quote that is never closed must not take in the whole file. */
const MAX_CELL = 2 ** 24
/** Most cells of a row. */
const MAX_CELLS = 65_536

/** A row and the line where it starts, from 1. */
export interface CsvRow {
  readonly line: number
  readonly cells: readonly string[]
}

/**
 * Splits text into rows. A cell may stand in quotes, with quotes doubled inside it; then it may hold delimiters and new lines.
 * Rows of one empty cell are empty lines and are left out.
 */
export class CsvParser {
  readonly #delimiter: string
  readonly #quotes: boolean
  readonly #fail: (code: 'PITH_CORRUPT' | 'PITH_LIMIT', line: number, what: string) => PithError
  #line = 1
  #rowLine = 1
  #cells: string[] = []
  #cell = ''
  /** In a quoted cell; behind its closing quote; in a plain one. */
  #state: 'start' | 'plain' | 'quoted' | 'closed' = 'start'
  #openLine = 0
  /** A carriage return came last: it belongs to the new line behind it, if one comes. */
  #return = false

  constructor(
    { delimiter, quotes }: { delimiter: string; quotes: boolean },
    fail: (code: 'PITH_CORRUPT' | 'PITH_LIMIT', line: number, what: string) => PithError,
  ) {
    this.#delimiter = delimiter
    this.#quotes = quotes
    this.#fail = fail
  }

  /** Rows that end in this piece of the text. */
  push(text: string): CsvRow[] {
    const rows: CsvRow[] = []
    let at = 0
    while (at < text.length) {
      if (this.#state === 'quoted') at = this.#quoted(text, at)
      else at = this.#open(text, at, rows)
    }
    return rows
  }

  /** The row that no new line ends. */
  end(): CsvRow[] {
    if (this.#state === 'quoted') throw this.#fail('PITH_CORRUPT', this.#openLine, 'opens a quote that is never closed')
    if (this.#return) this.#append('\r')
    const rows: CsvRow[] = []
    if (this.#cells.length > 0 || this.#state !== 'start') this.#endRow(rows)
    return rows
  }

  #quoted(text: string, from: number): number {
    const quote = text.indexOf('"', from)
    const part = quote < 0 ? text.slice(from) : text.slice(from, quote)
    for (let at = part.indexOf('\n'); at >= 0; at = part.indexOf('\n', at + 1)) this.#line++
    this.#append(part)
    if (quote < 0) return text.length
    this.#state = 'closed'
    return quote + 1
  }

  #open(text: string, at: number, rows: CsvRow[]): number {
    const letter = text[at] as string
    if (letter === '\n') {
      this.#return = false
      this.#line++
      this.#endRow(rows)
      return at + 1
    }
    if (this.#return) {
      this.#return = false
      this.#append('\r')
    }
    if (letter === '"' && this.#state === 'closed') {
      this.#append('"')
      this.#state = 'quoted'
      return at + 1
    }
    if (letter === '"' && this.#state === 'start' && this.#quotes) {
      this.#state = 'quoted'
      this.#openLine = this.#line
      return at + 1
    }
    if (letter === this.#delimiter) {
      this.#endCell()
      return at + 1
    }
    if (letter === '\r') {
      this.#return = true
      return at + 1
    }
    if (this.#state === 'closed') throw this.#fail('PITH_CORRUPT', this.#line, 'has text behind a closing quote')
    this.#state = 'plain'
    let end = at + 1
    while (end < text.length && !this.#isSpecial(text[end] as string)) end++
    this.#append(text.slice(at, end))
    return end
  }

  #isSpecial(letter: string): boolean {
    return letter === this.#delimiter || letter === '\n' || letter === '\r'
  }

  #append(part: string): void {
    if (this.#state === 'closed' && part === '\r') {
      throw this.#fail('PITH_CORRUPT', this.#line, 'has text behind a closing quote')
    }
    this.#cell += part
    if (this.#cell.length > MAX_CELL) {
      throw this.#fail('PITH_LIMIT', this.#openLine || this.#line, `has a cell of more than ${MAX_CELL} characters`)
    }
    if (this.#state === 'start') this.#state = 'plain'
  }

  #endCell(): void {
    if (this.#cells.length === MAX_CELLS) {
      throw this.#fail('PITH_LIMIT', this.#rowLine, `has more than ${MAX_CELLS} cells`)
    }
    this.#cells.push(this.#cell)
    this.#cell = ''
    this.#state = 'start'
  }

  #endRow(rows: CsvRow[]): void {
    const isEmpty = this.#cells.length === 0 && this.#state === 'start'
    this.#endCell()
    if (!isEmpty) rows.push({ line: this.#rowLine, cells: this.#cells })
    this.#cells = []
    this.#rowLine = this.#line
  }
}

/** The delimiter that stands most often in a heading, outside of quotes: a comma, a semicolon, a tab or a bar. */
export function delimiterOf(heading: string): string {
  const counts = new Map([',', ';', '\t', '|'].map((letter) => [letter, 0]))
  let isQuoted = false
  for (const letter of heading) {
    if (letter === '"') isQuoted = !isQuoted
    else if (letter === '\n' && !isQuoted) break
    else if (!isQuoted && counts.has(letter)) counts.set(letter, (counts.get(letter) as number) + 1)
  }
  return [...counts].reduce((best, own) => (own[1] > best[1] ? own : best))[0]
}
