import { ByteReader, ByteWriter, meterProgress, PithError, type Run, throwIfAborted } from '@pith/core'
import type { SectionReader, SectionWriter } from '../sections.ts'
import { LexicalIndex } from './lexical.ts'
import type { LexicalClause, LexicalQuery } from './query.ts'
import type { LexicalContent } from './source.ts'
import type { LexicalStats } from './stats.ts'

/** How words that go together are found. */
export interface CooccurrenceOptions {
  /** Documents that two terms must share, at least. Default 3. */
  minCount?: number
  /** Neighbours that a term has at most, 1..255. Default 8. */
  neighbours?: number
  /** Share of all documents above which a term is too common to have or be a neighbour. Default 0.1. */
  maxShare?: number
  /** Documents that are looked at for each term, at most. Default 2000. */
  sample?: number
}

/** Terms that come in the same documents more often than chance has it. */
export class Cooccurrence {
  /** Terms that have neighbours or are such, ascending. */
  readonly terms: readonly string[]
  /** u32[terms + 1] into the neighbours. */
  readonly starts: Uint32Array
  /** Numbers of terms; those of a term from its strongest. */
  readonly neighbours: Uint32Array
  /** Normalised positive mutual information of each, in steps of 1/255: 1 says that neither comes without the other. */
  readonly weights: Uint8Array

  constructor(terms: readonly string[], starts: Uint32Array, neighbours: Uint32Array, weights: Uint8Array) {
    this.terms = terms
    this.starts = starts
    this.neighbours = neighbours
    this.weights = weights
  }

  /** Neighbours of a term, strongest first, each with a weight in 0..1. */
  of(term: string): { readonly term: string; readonly weight: number }[] {
    let low = 0
    for (let high = this.terms.length; low < high; ) {
      const middle = (low + high) >>> 1
      if ((this.terms[middle] as string) < term) low = middle + 1
      else high = middle
    }
    if (this.terms[low] !== term) return []
    const found: { term: string; weight: number }[] = []
    for (let i = this.starts[low] as number; i < (this.starts[low + 1] as number); i++) {
      const number = this.neighbours[i] as number
      found.push({ term: this.terms[number] as string, weight: (this.weights[i] as number) / 255 })
    }
    return found
  }
}

/**
 * For each term of an index the terms with which it goes together, over whole documents (Church and Hanks 1990, normalised as in
 * Bouma 2009).
 *
 * @throws PithError `PITH_ARG` an option out of range; what reading throws; the abort reason
 * @complexity O(documents * words of a document squared), bounded by the sample of each term
 */
export async function findCooccurrence(
  index: LexicalIndex | LexicalContent,
  options: CooccurrenceOptions = {},
  run?: Run,
): Promise<Cooccurrence> {
  const { minCount = 3, neighbours = 8, maxShare = 0.1, sample = 2000 } = options
  if (!(minCount >= 1) || !(maxShare > 0 && maxShare <= 1) || !(sample >= 1)) {
    throw new PithError('PITH_ARG', 'minCount and sample must be at least 1, maxShare in 0..1')
  }
  if (!(Number.isInteger(neighbours) && neighbours >= 1 && neighbours <= 255)) {
    throw new PithError('PITH_ARG', `neighbours must be an integer 1..255, got ${neighbours}`)
  }
  const source = index instanceof LexicalIndex ? index.source : index
  const { rows: documents } = source.info
  const most = Math.max(20, maxShare * documents)
  const names: string[] = []
  const lists: Uint32Array[] = []
  for await (const entries of source.walk('', run)) {
    throwIfAborted(run?.signal)
    const kept = entries.filter((entry) => entry.documents >= minCount && entry.documents <= most)
    const postings = await source.postings(kept, run)
    for (const [i, { term }] of kept.entries()) {
      names.push(term)
      lists.push((postings[i] as { rows: Uint32Array }).rows)
    }
  }
  const forward = forwardLists(lists, documents)
  const progress = meterProgress(run, { stage: 'words that go together', unit: 'rows', total: names.length })
  const starts = new Uint32Array(names.length + 1)
  const found: number[] = []
  const weights: number[] = []
  const counts = new Uint32Array(names.length)
  for (let term = 0; term < names.length; term++) {
    if (term % 64 === 0) {
      throwIfAborted(run?.signal)
      progress.update(term)
    }
    const best = strongest(term, lists, forward, counts, { minCount, neighbours, sample, documents })
    for (const { other, weight } of best) {
      found.push(other)
      weights.push(Math.round(weight * 255))
    }
    starts[term + 1] = found.length
  }
  progress.finish()
  return new Cooccurrence(names, starts, Uint32Array.from(found), Uint8Array.from(weights))
}

interface Forward {
  readonly starts: Uint32Array
  readonly terms: Uint32Array
}

/** Terms of each document. */
function forwardLists(lists: readonly Uint32Array[], documents: number): Forward {
  const starts = new Uint32Array(documents + 1)
  for (const rows of lists) for (const row of rows) starts[row + 1]++
  for (let row = 0; row < documents; row++) starts[row + 1] += starts[row] as number
  const next = starts.slice()
  const terms = new Uint32Array(starts[documents] as number)
  for (const [term, rows] of lists.entries()) for (const row of rows) terms[next[row]++] = term
  return { starts, terms }
}

/** The strongest neighbours of one term; `counts` is all 0 before and after. */
function strongest(
  term: number,
  lists: readonly Uint32Array[],
  { starts, terms }: Forward,
  counts: Uint32Array,
  limits: { minCount: number; neighbours: number; sample: number; documents: number },
): { other: number; weight: number }[] {
  const rows = lists[term] as Uint32Array
  const looked = Math.min(rows.length, limits.sample)
  const touched: number[] = []
  for (let i = 0; i < looked; i++) {
    const row = rows[Math.floor((i * rows.length) / looked)] as number
    for (let at = starts[row] as number; at < (starts[row + 1] as number); at++) {
      const other = terms[at] as number
      if (counts[other]++ === 0) touched.push(other)
    }
  }
  const found: { other: number; weight: number }[] = []
  for (const other of touched) {
    const shared = ((counts[other] as number) * rows.length) / looked
    counts[other] = 0
    if (other === term || shared < limits.minCount) continue
    const chance = (rows.length * (lists[other] as Uint32Array).length) / limits.documents
    const information = Math.log(shared / chance)
    if (!(information > 0)) continue
    // In all documents both: nothing is more alike.
    const own = Math.log(limits.documents / shared)
    found.push({ other, weight: own > 0 ? Math.min(1, information / own) : 1 })
  }
  return found.sort((a, b) => b.weight - a.weight || a.other - b.other).slice(0, limits.neighbours)
}

/** How a query is expanded. */
export interface ExpandOptions {
  /** Terms of the query that are expanded, those with the greatest weight. Default 8. */
  terms?: number
  /** Neighbours of each. Default 8. */
  neighbours?: number
  /** Weight of a neighbour that never comes apart from its term, against that of a word of the query. Default 0.25. */
  weight?: number
}

/** A query with the neighbours of its rarest terms, at less weight; what the query has itself stays as it is. */
export function expandQuery(
  query: LexicalQuery,
  stats: LexicalStats,
  together: Cooccurrence,
  options: ExpandOptions = {},
): LexicalQuery {
  const { terms = 8, neighbours = 8, weight = 0.25 } = options
  const own = query.clauses.filter(({ kind, role }) => kind === 'term' && role !== 'not')
  const known = new Set(query.clauses.flatMap((clause) => clause.terms.map(({ text }) => text)))
  const byRarity = own
    .map((clause) => ({ clause, text: clause.terms[0]?.text as string }))
    .filter(({ text }) => stats.terms.has(text))
    .sort(
      (a, b) => (stats.terms.get(a.text) as number) - (stats.terms.get(b.text) as number) || (a.text < b.text ? -1 : 1),
    )
  const added = new Map<string, number>()
  for (const { clause, text } of byRarity.slice(0, terms)) {
    for (const other of together.of(text).slice(0, neighbours)) {
      const counts = weight * clause.weight * other.weight
      if (known.has(other.term) || !(counts > (added.get(other.term) ?? 0))) continue
      added.set(other.term, counts)
    }
  }
  const clauses = [...added].map(
    ([text, counts]): LexicalClause => ({
      kind: 'term',
      terms: [{ text, offset: 0 }],
      weight: counts,
      role: 'any',
    }),
  )
  return { clauses: [...query.clauses, ...clauses] }
}

/** Write what {@link findCooccurrence} found into the section `<prefix>together`. */
export async function writeCooccurrence(part: Cooccurrence, sections: SectionWriter, prefix: string): Promise<void> {
  const out = new ByteWriter(1 << 16)
  out.varint(part.terms.length)
  for (const [number, term] of part.terms.entries()) {
    const bytes = new TextEncoder().encode(term)
    out.varint(bytes.length)
    out.bytes(bytes)
    const [start, end] = [part.starts[number] as number, part.starts[number + 1] as number]
    out.varint(end - start)
    for (let i = start; i < end; i++) {
      out.varint(part.neighbours[i] as number)
      out.u8(part.weights[i] as number)
    }
  }
  await sections.write(`${prefix}together`, out.view())
}

/** Read it again. @throws PithError `PITH_CORRUPT` · `PITH_TRUNCATED` */
export async function openCooccurrence(sections: SectionReader, prefix: string, run?: Run): Promise<Cooccurrence> {
  const bytes = await sections.read(`${prefix}together`, undefined, undefined, run)
  const input = new ByteReader(bytes)
  const count = input.varint()
  // A term takes 2 bytes at least.
  if (count * 2 > input.remaining) throw corrupt(prefix, `${count} terms in ${bytes.length} bytes`)
  const terms: string[] = []
  const starts = new Uint32Array(count + 1)
  const neighbours: number[] = []
  const weights: number[] = []
  for (let number = 0; number < count; number++) {
    const term = input.utf8(input.varint())
    if (number > 0 && !(term > (terms[number - 1] as string))) throw corrupt(prefix, 'terms that do not ascend')
    terms.push(term)
    const own = input.varint()
    if (own > 255) throw corrupt(prefix, `${own} neighbours of a term`)
    for (let i = 0; i < own; i++) {
      const other = input.varint()
      if (other >= count) throw corrupt(prefix, `a neighbour ${other} of ${count} terms`)
      neighbours.push(other)
      weights.push(input.u8())
    }
    starts[number + 1] = neighbours.length
  }
  input.finish()
  return new Cooccurrence(terms, starts, Uint32Array.from(neighbours), Uint8Array.from(weights))
}

function corrupt(prefix: string, what: string): PithError {
  return new PithError('PITH_CORRUPT', `the words that go together are damaged: ${what}`, {
    hint: 'Build the index again, or restore it from a copy.',
    at: { section: `${prefix}together` },
  })
}
