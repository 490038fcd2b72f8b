/** How columns get their numbers from the templates alone, in coder and decoder. */

/**
 * Gives columns their numbers. A slot's column is named by everything before it in its template: the static texts and the
 * layouts of the slots, its own layout last. In a template that starts with `{` it is named by the path of the JSON key
 * instead. A name that comes again in the same template is another column. Names get numbers in the order of templates
 * and slots, from 1.
 */
export class ColumnNamer {
  readonly #names: NameTable

  /** @param base numbers that stand already; it is not changed */
  constructor(base?: ColumnNamer) {
    this.#names = new NameTable(base === undefined ? undefined : base.#names)
  }

  /** Number of columns, with that of raw lines. */
  get columns(): number {
    return this.#names.size + 1
  }

  /** Columns of a template's slots. */
  number(statics: readonly string[], layouts: readonly string[]): number[] {
    if ((statics[0] as string).startsWith('{')) return this.#numberPaths(statics, layouts)
    const columns: number[] = []
    // The column before stands for all that leads to it, so no name comes again.
    let column = 0
    for (let k = 0; k < layouts.length; k++) {
      column = this.#names.number(`${column}\0${statics[k]}\0${layouts[k]}`)
      columns.push(column)
    }
    return columns
  }

  #numberPaths(statics: readonly string[], layouts: readonly string[]): number[] {
    const path = new JsonPath()
    const seen = new Map<string, number>()
    return layouts.map((layout, k) => {
      const name = `${path.advance(statics[k] as string)}\0${layout}`
      const times = seen.get(name) ?? 0
      seen.set(name, times + 1)
      // No name of the other kind starts with a brace.
      return this.#names.number(`{${name}\0${times}`)
    })
  }
}

/** Numbers for names, from 1, on top of those of another table. */
class NameTable {
  readonly #base: NameTable | undefined
  readonly #own: Map<string, number> = new Map()
  size: number

  constructor(base: NameTable | undefined) {
    this.#base = base
    this.size = base?.size ?? 0
  }

  /** Number of a name; a new one gets the next. */
  number(name: string): number {
    let id = this.#base?.find(name) ?? this.#own.get(name)
    if (id === undefined) {
      id = ++this.size
      this.#own.set(name, id)
    }
    return id
  }

  find(name: string): number | undefined {
    return this.#own.get(name) ?? this.#base?.find(name)
  }
}

/** Follows the keys that lead to a value through the static text of a JSON line. */
export class JsonPath {
  readonly #keys: string[] = []
  #key: string = ''

  /** Read the text up to the next slot; returns the path of the value there. */
  advance(text: string): string {
    // Quotes before it open no key: each of them would run to the same end as the one that has failed.
    let failed = 0
    for (let i = 0; i < text.length; i++) {
      const c = text[i] as string
      if (c === '{' || c === '[') this.#keys.push(this.#key)
      else if (c === '}' || c === ']') this.#key = this.#keys.pop() ?? ''
      else if (c === '"' && i >= failed) {
        const end = quoteEnd(text, i + 1)
        if (text[end] === '"' && text[end + 1] === ':') {
          this.#key = text.slice(i + 1, end)
          i = end + 1
        } else failed = end
      }
    }
    return `${this.#keys.join('\0')}\0${this.#key}`
  }
}

/** Place of the quote that closes a body, of a line break behind a backslash, or the end of the text. */
function quoteEnd(text: string, from: number): number {
  let i = from
  while (i < text.length && text[i] !== '"') {
    if (text[i] !== '\\') i++
    else if (i + 1 < text.length && text[i + 1] !== '\r') i += 2
    else return i
  }
  return i
}
