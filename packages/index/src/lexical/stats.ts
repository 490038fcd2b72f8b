/** What is known of the terms of a query over all documents, and what it says about them. */

import { PithError, type Run } from '@pith/core'
import { inverseDocumentFrequency } from '@pith/core/lexical'
import type { LexicalClause, LexicalQuery } from './query.ts'
import type { LexicalSource } from './source.ts'
import { EditDistance } from './typos.ts'

/** Counts over one or more indexes; those of several add up, so that a score does not hang on how documents are spread. */
export interface LexicalStats {
  readonly documents: number
  /** Words of all documents. */
  readonly totalLength: number
  /** Documents of each term that the query may mean; terms that none has are absent. */
  readonly terms: ReadonlyMap<string, number>
}

/** A clause with the terms that it means. */
export interface ResolvedClause {
  readonly clause: LexicalClause
  /** Terms that count as one, each with a factor on its count; for a phrase all of its terms. */
  readonly terms: readonly { readonly text: string; readonly factor: number }[]
  /** Weight of the clause times the weight of its terms. */
  readonly weight: number
}

/** Terms that a beginning or a misspelt word may stand for, from one index. */
const MAX_CANDIDATES = 1024
/** Terms that it does stand for, from all of them. */
const MAX_MEANT = { prefix: 64, typos: 8 } as const
/** Letters that a stem may be shorter than the beginning of its word. */
const MAX_OUTGROWN = 5

/** Counts of one index for a query. */
export async function gatherStats(source: LexicalSource, query: LexicalQuery, run?: Run): Promise<LexicalStats> {
  const { rows, totalLength } = source.info
  const asked = new Set<string>()
  const terms = new Map<string, number>()
  for (const clause of query.clauses) {
    for (const { text } of clause.terms) asked.add(text)
    if (clause.kind === 'prefix') for (const stem of outgrown(clause)) asked.add(stem)
  }
  const found = await source.find([...asked], run)
  for (const entry of found) if (entry !== undefined) terms.set(entry.term, entry.documents)
  for (const clause of query.clauses) {
    if (clause.kind === 'prefix') await gatherPrefix(source, textOf(clause), terms, run)
    // A word that is there is not misspelt.
    if (clause.kind === 'typos' && !terms.has(textOf(clause))) await gatherTypos(source, clause, terms, run)
  }
  return { documents: rows, totalLength, terms }
}

/** Counts of several indexes together. */
export function sumStats(parts: readonly LexicalStats[]): LexicalStats {
  const terms = new Map<string, number>()
  let documents = 0
  let totalLength = 0
  for (const part of parts) {
    documents += part.documents
    totalLength += part.totalLength
    for (const [term, count] of part.terms) terms.set(term, (terms.get(term) ?? 0) + count)
  }
  return { documents, totalLength, terms }
}

async function gatherPrefix(
  source: LexicalSource,
  prefix: string,
  terms: Map<string, number>,
  run: Run | undefined,
): Promise<void> {
  const candidates: [string, number][] = []
  walk: for await (const entries of source.walk(prefix, run)) {
    for (const { term, documents } of entries) {
      if (!term.startsWith(prefix)) break walk
      candidates.push([term, documents])
    }
  }
  for (const [term, count] of mostFrequent(candidates, MAX_CANDIDATES)) terms.set(term, count)
}

async function gatherTypos(
  source: LexicalSource,
  clause: LexicalClause,
  terms: Map<string, number>,
  run: Run | undefined,
): Promise<void> {
  const distance = new EditDistance(textOf(clause), clause.distance ?? 1)
  const candidates: [string, number][] = []
  for await (const entries of source.walk('', run)) {
    for (const { term, documents } of entries) {
      if (distance.to(term) <= (clause.distance ?? 1)) candidates.push([term, documents])
    }
  }
  for (const [term, count] of mostFrequent(candidates, MAX_CANDIDATES)) terms.set(term, count)
}

/** What the clauses of a query mean, given the counts over all documents. Clauses that nothing can match have no terms. */
export function resolveQuery(query: LexicalQuery, stats: LexicalStats): ResolvedClause[] {
  const weightOf = (count: number): number =>
    inverseDocumentFrequency(stats.documents, Math.min(count, stats.documents))
  return query.clauses.map((clause) => {
    if (!(clause.weight > 0 && Number.isFinite(clause.weight))) {
      throw new PithError('PITH_ARG', `the weight of a clause must be above 0, got ${clause.weight}`)
    }
    if (clause.kind === 'phrase') {
      const counts = clause.terms.map(({ text }) => stats.terms.get(text))
      if (counts.includes(undefined)) return { clause, terms: [], weight: 0 }
      const terms = clause.terms.map(({ text }) => ({ text, factor: 1 }))
      return { clause, terms, weight: clause.weight * (counts as number[]).reduce((sum, n) => sum + weightOf(n), 0) }
    }
    const terms = meant(clause, stats)
    const count = terms.reduce((sum, { text }) => sum + (stats.terms.get(text) as number), 0)
    return { clause, terms, weight: clause.weight * weightOf(count) }
  })
}

function meant(clause: LexicalClause, stats: LexicalStats): { text: string; factor: number }[] {
  const text = textOf(clause)
  const exact = stats.terms.has(text) ? [{ text, factor: 1 }] : []
  if (clause.kind === 'term') return exact
  if (clause.kind === 'prefix') {
    const all = [...stats.terms].filter(([term]) => term.startsWith(text))
    const own = clause.terms.slice(1).filter((word) => stats.terms.has(word.text) && !word.text.startsWith(text))
    const best = mostFrequent(all, MAX_MEANT.prefix).map(([term]) => ({ text: term, factor: 1 }))
    const found = [...best, ...own.map((word) => ({ text: word.text, factor: 1 }))]
    if (found.length > 0) return found
    const stem = outgrown(clause).find((term) => stats.terms.has(term))
    return stem === undefined ? [] : [{ text: stem, factor: 1 }]
  }
  if (exact.length > 0) return exact
  const edits = new EditDistance(text, clause.distance ?? 1)
  const near = [...stats.terms].map(([term, count]) => ({ term, count, edits: edits.to(term) }))
  const least = Math.min(...near.map((one) => one.edits))
  if (least > (clause.distance ?? 1)) return []
  const nearest = near.filter((one) => one.edits === least).map(({ term, count }) => [term, count] as const)
  return mostFrequent(nearest, MAX_MEANT.typos).map(([term]) => ({ text: term, factor: 1 / (1 + least) }))
}

/** Stems that the beginning of a word may have left behind, longest first: `computi` is on the way from `comput`. */
function outgrown(clause: LexicalClause): string[] {
  const text = textOf(clause)
  const least = Math.max(3, text.length - MAX_OUTGROWN)
  return Array.from({ length: Math.max(0, text.length - least) }, (_, i) => text.slice(0, text.length - 1 - i))
}

function textOf(clause: LexicalClause): string {
  const text = clause.terms[0]?.text
  if (text === undefined) throw new PithError('PITH_ARG', `a clause of kind ${clause.kind} needs a term`)
  return text
}

function mostFrequent(
  counts: readonly (readonly [string, number])[],
  most: number,
): readonly (readonly [string, number])[] {
  const sorted = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  return sorted.slice(0, most)
}
