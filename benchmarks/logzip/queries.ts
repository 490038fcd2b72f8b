/** Searches as people make them, drawn from a log by a seed. */
import { randomWords } from '../generate-log.ts'

/** What a query is an example of. */
export type QueryKind =
  | 'frequent'
  | 'rare'
  | 'span'
  | 'expression'
  | 'none'
  | 'case'
  | 'invert'
  | 'only'
  | 'context'
  | 'count'
  | 'word'
  | 'bytes'

export interface Query {
  readonly kind: QueryKind
  /** Options as GNU grep takes them, without the pattern. */
  readonly flags: readonly string[]
  readonly pattern: string
  /** Whether the pattern can only be handed over in a file (`-f`): it has bytes that no argument can carry. */
  readonly inFile: boolean
}

const SHARES: Readonly<Record<QueryKind, number>> = {
  frequent: 34,
  rare: 38,
  span: 26,
  expression: 34,
  none: 14,
  case: 12,
  invert: 8,
  only: 10,
  context: 10,
  count: 6,
  word: 6,
  bytes: 2,
}

/** Queries of one log of which `SHARES` tells the kinds; `count` is spread over them. `text` is latin1, one byte a character. */
export function makeQueries(text: string, count: number, seed: number): Query[] {
  const draw = new Draw(text, seed)
  const total = Object.values(SHARES).reduce((sum, share) => sum + share, 0)
  const queries: Query[] = []
  for (const [kind, share] of Object.entries(SHARES) as [QueryKind, number][]) {
    const wanted = Math.max(1, Math.round((share * count) / total))
    for (let i = 0; i < wanted; i++) queries.push(draw.query(kind))
  }
  return queries
}

class Draw {
  readonly #random: () => number
  readonly #lines: readonly string[]
  readonly #frequent: readonly string[]
  readonly #rare: readonly string[]

  constructor(text: string, seed: number) {
    this.#random = randomWords(seed)
    this.#lines = text.split('\n').filter((line) => line.length > 2)
    const words = new Map<string, number>()
    for (const line of this.#lines) {
      for (const word of line.match(/[A-Za-z0-9_.:-]{3,40}/g) ?? []) words.set(word, (words.get(word) ?? 0) + 1)
    }
    const ranked = [...words].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    this.#frequent = ranked.slice(0, 120).map(([word]) => word)
    this.#rare = ranked.filter(([word, uses]) => uses <= 3 && /\d/.test(word) && word.length > 5).map(([word]) => word)
  }

  query(kind: QueryKind): Query {
    switch (kind) {
      case 'frequent':
        return fixed(kind, this.#pick(this.#frequent))
      case 'rare':
        return fixed(kind, this.#pick(this.#rare.length > 0 ? this.#rare : this.#frequent))
      case 'span':
        return fixed(kind, this.#piece(5, 40))
      case 'none':
        return fixed(kind, this.#absent())
      case 'expression':
        return { kind, flags: ['-E'], pattern: this.#expression(), inFile: false }
      case 'case':
        return this.#withFlags(kind, ['-i'], this.#swapCase(this.#piece(4, 20)))
      case 'invert':
        return this.#withFlags(kind, ['-v'], this.#pick(this.#frequent))
      case 'only':
        return { kind, flags: ['-E', '-o'], pattern: this.#expression(), inFile: false }
      case 'context':
        return this.#withFlags(
          kind,
          [this.#pick(['-C2', '-A3', '-B1', '-C10', '-A1']), ...this.#pick([[], ['-n'], ['-m', '3']])],
          this.#pick(this.#rare.length > 0 ? this.#rare : this.#frequent),
        )
      case 'count':
        return this.#withFlags(
          kind,
          this.#pick([['-c'], ['-c', '-v'], ['-c', '-i'], ['-n', '-m', '5']]),
          this.#pick(this.#frequent),
        )
      case 'word':
        return this.#withFlags(kind, [this.#pick(['-w', '-w', '-x'])], this.#piece(3, 12).trim() || 'a')
      case 'bytes': {
        const line = this.#pick(this.#lines)
        const from = this.#random() % line.length
        return { kind, flags: ['-F'], pattern: line.slice(from, from + 2 + (this.#random() % 12)), inFile: true }
      }
    }
  }

  #withFlags(kind: QueryKind, flags: readonly string[], pattern: string): Query {
    return { ...fixed(kind, pattern), flags: ['-F', ...flags] }
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#random() % values.length]!
  }

  /** A stretch of a line that an argument can carry. */
  #piece(least: number, most: number): string {
    for (let attempt = 0; attempt < 50; attempt++) {
      const line = this.#pick(this.#lines)
      const from = this.#random() % line.length
      const piece = line.slice(from, from + least + (this.#random() % (most - least)))
      if (piece.length >= Math.min(least, line.length) && /^[\t\r -~]+$/.test(piece)) return piece
    }
    return this.#pick(this.#frequent)
  }

  /** Something that is not there but looks as if it could be. */
  #absent(): string {
    const word = this.#pick(this.#rare.length > 0 ? this.#rare : this.#frequent)
    const changed = word.replace(/[0-9a-z]/g, (char) =>
      this.#random() % 2 === 0
        ? char
        : char < 'a'
          ? String(this.#random() % 10)
          : String.fromCharCode(97 + (this.#random() % 26)),
    )
    return this.#random() % 3 === 0 ? `q${changed}zq` : changed
  }

  #swapCase(text: string): string {
    return text.replace(/[A-Za-z]/g, (char) =>
      this.#random() % 2 === 0 ? char : char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase(),
    )
  }

  #expression(): string {
    const piece = escapeExpression(this.#piece(6, 30))
    const frequent = escapeExpression(this.#pick(this.#frequent))
    const rare = escapeExpression(this.#pick(this.#rare.length > 0 ? this.#rare : this.#frequent))
    const digits = piece.replace(/\d+/g, '[0-9]+')
    return this.#pick([
      digits,
      piece.replace(/[A-Za-z]{3,}/, '[a-zA-Z]+'),
      `${frequent}|${rare}`,
      `(${rare}|${piece}).*`,
      `${frequent}.*${escapeExpression(this.#pick(this.#frequent))}`,
      `^.{${this.#random() % 30}}${frequent.slice(0, 3)}`,
      `${digits}.?$`,
      `[0-9]{${2 + (this.#random() % 4)},}[^0-9]+${frequent}`,
      `\\b${rare}\\b`,
      `(${frequent.slice(0, 2)}){1,2}`,
      `^[[:upper:]][[:alpha:]]+ +[0-9]+.*${frequent}`,
      `${piece.slice(0, 8).replace(/\\$/, '')}[[:space:]]*\r?$`,
    ])
  }
}

function fixed(kind: QueryKind, pattern: string): Query {
  return { kind, flags: ['-F'], pattern, inFile: false }
}

function escapeExpression(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')
}
