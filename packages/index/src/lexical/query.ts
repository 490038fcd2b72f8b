/** What is asked of a lexical index. */

import { PithError } from '@pith/core'
import type { Analyzer, Term } from '@pith/core/lexical'

/** One part of a query. */
export interface LexicalClause {
  /**
   * `term`: the term itself. `prefix`: terms that begin with it. `typos`: terms at most `distance` edits away, the nearest that there
   * are. `phrase`: its terms at their offsets.
   */
  readonly kind: 'term' | 'prefix' | 'typos' | 'phrase'
  readonly terms: readonly { readonly text: string; readonly offset: number }[]
  /** What it counts for, above 0; 1 is usual. */
  readonly weight: number
  /** Edits of `typos`, 1 or 2: letters that are put in, left out, replaced, or swapped with their neighbour. */
  readonly distance?: 1 | 2
  /** Whether documents need it, may have it, or must not. */
  readonly role: 'must' | 'any' | 'not'
}

/** What is asked: its parts, each of which may find documents. */
export interface LexicalQuery {
  readonly clauses: readonly LexicalClause[]
}

/** How text becomes a query. */
export interface QueryOptions {
  /** Words that no document has are taken for misspelt: 1 edit from 4 letters on, 2 from 8 on. Default false. */
  typos?: boolean
  /** The last word is taken for the beginning of one, as while somebody types. Default false. */
  lastIsPrefix?: boolean
}

const MAX_CLAUSES = 1024
/** A word or a phrase, with the sign before it. */
const PART = /([+-]?)(?:"([^"]*)"|([^\s"]+))/gu

/**
 * Text as words, any of which a document may have; a word that comes twice counts twice. Stop words are left out, unless there is nothing else.
 *
 * @throws PithError `PITH_LIMIT` more than 1024 different words
 */
export function wordsQuery(analyzer: Analyzer, text: string, options: QueryOptions = {}): LexicalQuery {
  const terms = withoutStops(analyzer.analyze(text, 'query'))
  const last = options.lastIsPrefix === true && /[\p{L}\p{N}]$/u.test(text) ? terms.at(-1) : undefined
  return { clauses: joined(terms.map((term) => wordClause(analyzer, term, text, term === last, options))) }
}

/**
 * Text with signs: `"words in a row"`, `begin*`, `mispelt~` or `mispelt~1`, `+needed`, `-unwanted`. All else is words as in
 * {@link wordsQuery}; nothing is an error.
 *
 * @throws PithError `PITH_LIMIT` more than 1024 different parts
 */
export function parseQuery(analyzer: Analyzer, text: string, options: QueryOptions = {}): LexicalQuery {
  const clauses: LexicalClause[] = []
  const plain: LexicalClause[] = []
  const stopped: LexicalClause[] = []
  for (const part of text.matchAll(PART)) {
    const [all, sign, quoted, bare = ''] = part as unknown as [string, string, string | undefined, string | undefined]
    const role = sign === '+' ? 'must' : sign === '-' ? 'not' : 'any'
    const ending = quoted === undefined ? (/(?:\*|~[12]?)$/.exec(bare)?.[0] ?? '') : ''
    const inner = quoted ?? bare.slice(0, bare.length - ending.length)
    const terms = analyzer.analyze(inner, 'query')
    const isLast = options.lastIsPrefix === true && part.index + all.length === text.length && ending === ''
    const final = terms.at(-1)
    if (final === undefined) continue
    if (quoted !== undefined || (role !== 'any' && terms.length > 1)) {
      clauses.push(phraseClause(terms, role === 'not' ? 'not' : 'must'))
      continue
    }
    for (const term of terms) {
      let clause = wordClause(analyzer, term, inner, term === final && (ending === '*' || isLast), options)
      if (term === final && ending.startsWith('~')) {
        clause = { ...clause, kind: 'typos', distance: ending === '~1' ? 1 : 2 }
      }
      const into = role !== 'any' ? clauses : term.stop && clause.kind === 'term' ? stopped : plain
      into.push({ ...clause, role })
    }
  }
  const hasWords = plain.length > 0 || clauses.some(({ role }) => role !== 'not')
  return { clauses: joined([...clauses, ...plain, ...(hasWords ? [] : stopped)]) }
}

/** The text without the words that are unwanted, for what does not know their sign. */
export function wantedText(text: string): string {
  return Array.from(text.matchAll(PART), ([part, sign]) => (sign === '-' ? '' : part)).join(' ')
}

function withoutStops(terms: readonly Term[]): readonly Term[] {
  const telling = terms.filter(({ stop }) => !stop)
  return telling.length > 0 ? telling : terms
}

function wordClause(
  analyzer: Analyzer,
  term: Term,
  text: string,
  isPrefix: boolean,
  { typos = false }: QueryOptions,
): LexicalClause {
  if (isPrefix || term.partial) {
    // As it was typed: the stem of half a word is another one.
    const typed = analyzer.plain(text.slice(term.start, term.end))
    const words = [{ text: typed, offset: 0 }, ...(typed === term.text ? [] : [{ text: term.text, offset: 0 }])]
    return { kind: 'prefix', terms: words, weight: 1, role: 'any' }
  }
  const plain: LexicalClause = { kind: 'term', terms: [{ text: term.text, offset: 0 }], weight: 1, role: 'any' }
  const letters = term.end - term.start
  if (!typos || letters < 4 || !/^\p{L}+$/u.test(term.text)) return plain
  return { ...plain, kind: 'typos', distance: letters < 8 ? 1 : 2 }
}

function phraseClause(terms: readonly Term[], role: 'must' | 'not'): LexicalClause {
  const base = (terms[0] as Term).position
  const words = terms.map(({ text, position }) => ({ text, offset: position - base }))
  return { kind: terms.length === 1 ? 'term' : 'phrase', terms: words, weight: 1, role }
}

/** Equal clauses become one that counts as often as they came. */
function joined(clauses: readonly LexicalClause[]): LexicalClause[] {
  const byKey = new Map<string, LexicalClause>()
  for (const clause of clauses) {
    const key = JSON.stringify([clause.kind, clause.role, clause.distance, clause.terms])
    const known = byKey.get(key)
    byKey.set(key, known === undefined ? clause : { ...known, weight: known.weight + clause.weight })
  }
  if (byKey.size > MAX_CLAUSES) {
    throw new PithError('PITH_LIMIT', `a query may have ${MAX_CLAUSES} different words, this one has ${byKey.size}`, {
      hint: 'Search with less text.',
    })
  }
  return [...byKey.values()]
}
