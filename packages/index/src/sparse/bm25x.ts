/** Sparse vectors without a model: BM25 impacts, and words that go together. */
import { ByteReader, ByteWriter, fingerprint, meterProgress, PithError, type Run, throwIfAborted } from '@pith/core'
import { type Analyzer, analyzerOf, bm25Saturation, inverseDocumentFrequency } from '@pith/core/lexical'
import {
  type Cooccurrence,
  findCooccurrence,
  type LexicalIndex,
  openCooccurrence,
  writeCooccurrence,
} from '../lexical/index.ts'
import type { SectionReader, SectionWriter } from '../sections.ts'
import type { SparseEncoder, SparseMatrix, SparseVector } from '../types.ts'
import { openVocabulary, writeVocabulary } from './format.ts'
import { sparseMatrix } from './matrix.ts'
import { SparseVocabulary } from './vocabulary.ts'

const VERSION = 1
/** Terms of a text that bring in others, its highest. */
const EXPANDED = 8
/** Terms that each brings in. */
const NEIGHBOURS = 8
/** What neighbours count, of what the term itself does. */
const SHARE = { document: 0.35, query: 0.25 } as const

/** What the weights are made of. */
export interface Bm25xParts {
  /** Of the analyzer. */
  readonly analyzer: string
  readonly vocabulary: SparseVocabulary
  /** f32[terms]: weight of each term. */
  readonly idf: Float32Array
  /** Words of a document in the mean. */
  readonly averageLength: number
  readonly neighbours: Cooccurrence
}

/**
 * Texts to BM25 impacts by term, in which the highest terms bring in what goes together with them. Queries are weights of terms, with
 * fewer of these.
 */
export class Bm25xEncoder implements SparseEncoder {
  readonly id: string
  readonly parts: Bm25xParts
  readonly #analyzer: Analyzer

  /** @throws PithError `PITH_VERSION` the analyzer is not known */
  constructor(parts: Bm25xParts) {
    this.parts = parts
    this.#analyzer = analyzerOf(parts.analyzer)
    const own = new ByteWriter()
    const { vocabulary, idf, averageLength, neighbours } = parts
    own.bytes(new TextEncoder().encode(JSON.stringify([parts.analyzer, vocabulary.names, neighbours.terms])))
    own.f64(averageLength)
    for (let i = 0; i < idf.length; i++) own.f32(idf[i] as number)
    for (const numbers of [neighbours.starts, neighbours.neighbours]) for (const value of numbers) own.u32(value)
    own.bytes(neighbours.weights)
    this.id = `bm25x:${fingerprint(own.view()).slice(0, 32)}`
  }

  get dim(): number {
    return this.parts.vocabulary.size
  }

  /** @throws the abort reason */
  async encode(texts: readonly string[], kind: 'query' | 'document', run: Run = {}): Promise<SparseMatrix> {
    const meter = meterProgress(run, { stage: 'sparse vectors', unit: 'rows', total: texts.length })
    const rows: SparseVector[] = []
    for (const text of texts) {
      throwIfAborted(run.signal)
      rows.push(this.#vector(text, kind))
      meter.update(rows.length)
    }
    meter.finish()
    return sparseMatrix(rows, this.dim)
  }

  #vector(text: string, kind: 'query' | 'document'): SparseVector {
    const { vocabulary, idf, averageLength, neighbours } = this.parts
    const counts = new Map<number, number>()
    let length = 0
    for (const { text: term, stop } of this.#analyzer.analyze(text, kind)) {
      length++
      const id = stop ? undefined : vocabulary.idOf(term)
      if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    const own = [...counts].map(([id, count]) => {
      const times = kind === 'query' ? count : bm25Saturation(count, length, averageLength)
      return { id, weight: times * (idf[id] as number) }
    })
    own.sort((a, b) => b.weight - a.weight || a.id - b.id)
    const weights = new Map(own.map(({ id, weight }) => [id, weight]))
    for (const { id, weight } of own.slice(0, EXPANDED)) {
      for (const near of neighbours.of(vocabulary.names[id] as string).slice(0, NEIGHBOURS)) {
        const other = vocabulary.idOf(near.term)
        const added = SHARE[kind] * near.weight * weight
        if (other !== undefined && added > (weights.get(other) ?? 0)) weights.set(other, added)
      }
    }
    const kept = [...weights].filter(([, weight]) => Math.fround(weight) > 0).sort(([a], [b]) => a - b)
    return { indices: kept.map(([id]) => id), values: kept.map(([, weight]) => weight) }
  }
}

/** Learn the weights of terms, and which go together, from a lexical index. @throws what reading throws; the abort reason */
export async function trainBm25x(index: LexicalIndex, run: Run = {}): Promise<Bm25xEncoder> {
  const { info } = index.source
  const terms: [name: string, documents: number][] = []
  for await (const entries of index.source.walk('', run)) {
    for (const { term, documents } of entries) terms.push([term, documents])
  }
  terms.sort(([a], [b]) => (a < b ? -1 : 1))
  return new Bm25xEncoder({
    analyzer: info.analyzer,
    vocabulary: new SparseVocabulary(terms.map(([name]) => name)),
    idf: Float32Array.from(terms, ([, documents]) => inverseDocumentFrequency(info.rows, documents)),
    averageLength: info.totalLength / Math.max(1, info.rows),
    neighbours: await findCooccurrence(index, {}, run),
  })
}

/** Write an encoder into sections behind a prefix. @throws what the writer throws */
export async function writeBm25x(encoder: Bm25xEncoder, sections: SectionWriter, prefix: string): Promise<void> {
  const { analyzer, vocabulary, idf, averageLength, neighbours } = encoder.parts
  const head = new ByteWriter()
  const name = new TextEncoder().encode(analyzer)
  head.varint(VERSION)
  head.varint(name.length)
  head.bytes(name)
  head.f64(averageLength)
  for (let i = 0; i < idf.length; i++) head.f32(idf[i] as number)
  await sections.write(`${prefix}head`, head.view())
  await writeVocabulary(vocabulary, sections, prefix)
  await writeCooccurrence(neighbours, sections, `${prefix}near/`)
}

/**
 * An encoder that {@link writeBm25x} wrote.
 *
 * @throws PithError `PITH_CORRUPT` the sections contradict each other · `PITH_VERSION`; what the sections throw; the abort reason
 */
export async function openBm25x(sections: SectionReader, prefix: string, run?: Run): Promise<Bm25xEncoder> {
  const head = new ByteReader(await sections.read(`${prefix}head`, undefined, undefined, run))
  const version = head.varint()
  if (version !== VERSION)
    throw new PithError('PITH_VERSION', `version ${VERSION} of bm25x is expected, got ${version}`)
  const analyzer = head.utf8(head.varint())
  const averageLength = head.f64()
  const vocabulary = await openVocabulary(sections, prefix, run)
  if (head.remaining !== 4 * vocabulary.size || !(averageLength >= 0 && averageLength < Number.POSITIVE_INFINITY)) {
    throw new PithError('PITH_CORRUPT', `${head.remaining} bytes of weights for ${vocabulary.size} terms`)
  }
  const idf = Float32Array.from({ length: vocabulary.size }, () => head.f32())
  if (!idf.every((weight) => weight > 0 && weight < 100))
    throw new PithError('PITH_CORRUPT', 'a weight is out of range')
  const neighbours = await openCooccurrence(sections, `${prefix}near/`, run)
  return new Bm25xEncoder({ analyzer, vocabulary, idf, averageLength, neighbours })
}
