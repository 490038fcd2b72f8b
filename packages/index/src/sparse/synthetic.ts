/** Vectors that look like those of a learned-sparse model, for benchmarks. */
import { PithError, Random } from '@pith/core'
import type { SparseMatrix } from '../types.ts'

/** How many vectors, over what. */
export interface SyntheticOptions {
  docs: number
  queries: number
  /** Default 0. */
  seed?: number
}

const DIM = 30522
const SUPER_TOPICS = 150
const SUPER_TERMS = 400
const TOPICS = 3000
const TOPIC_TERMS = 45
const NEIGHBOURS = 10
/** Weights by rank, as real SPLADE vectors have them. */
const DOCUMENT: readonly (readonly [rank: number, weight: number])[] = [
  [1, 2.25],
  [2, 1.92],
  [3, 1.77],
  [5, 1.62],
  [10, 1.29],
  [15, 1.11],
  [20, 0.96],
  [30, 0.76],
  [50, 0.49],
  [80, 0.26],
  [100, 0.16],
  [150, 0.05],
  [300, 0.01],
]
const QUERY: readonly (readonly [rank: number, weight: number])[] = [
  [1, 2.48],
  [2, 2.17],
  [3, 2.07],
  [5, 1.55],
  [10, 0.79],
  [15, 0.5],
  [20, 0.35],
  [30, 0.14],
  [60, 0.03],
]
const JITTER = 0.12

/**
 * Documents and queries with the weights by rank, the lengths and the topics of learned-sparse vectors: a document is 14 to 30 terms
 * of a topic and of the background with what expands them, a query 3 to 6 strong terms of one document with what expands them.
 *
 * @throws PithError `PITH_ARG` counts out of range
 */
export function syntheticSparse(options: SyntheticOptions): { documents: SparseMatrix; queries: SparseMatrix } {
  const { docs, queries, seed = 0 } = options
  for (const [name, value] of Object.entries({ docs, queries })) {
    if (!(Number.isInteger(value) && value >= 1 && value <= 2 ** 24)) {
      throw new PithError('PITH_ARG', `${name} must be 1..2^24, got ${value}`)
    }
  }
  const root = new Random(seed)
  const world = makeWorld(root.split(0))
  const documents = makeDocuments(world, docs, root.split(1))
  return { documents, queries: makeQueries(world, documents, queries, root.split(2)) }
}

interface World {
  readonly topics: Uint16Array
  /** u16[dim, 10], and how strongly each term brings them in, 1..255. */
  readonly neighbours: Uint16Array
  readonly strengths: Uint8Array
  readonly background: Float64Array
  readonly documentWeights: Float64Array
  readonly queryWeights: Float64Array
}

function makeWorld(random: Random): World {
  const background = new Float64Array(DIM)
  let sum = 0
  for (let rank = 0; rank < DIM; rank++) {
    sum += zipf(rank + 30)
    background[rank] = sum
  }
  // Ranks belong to terms in no order.
  const names = random.shuffle(Uint16Array.from({ length: DIM }, (_, i) => i))
  const drawAny = (): number => names[placeIn(background, random.uniform() * sum)] as number
  const supers = Uint16Array.from({ length: SUPER_TOPICS * SUPER_TERMS }, drawAny)
  const topics = new Uint16Array(TOPICS * TOPIC_TERMS)
  const home = Uint8Array.from({ length: DIM }, () => random.integer(SUPER_TOPICS))
  for (let i = 0; i < supers.length; i++) home[supers[i] as number] = Math.floor(i / SUPER_TERMS)
  const drawFrom = (topic: number): number => supers[topic * SUPER_TERMS + random.integer(SUPER_TERMS)] as number
  for (let topic = 0; topic < TOPICS; topic++) {
    const above = random.integer(SUPER_TOPICS)
    for (let i = 0; i < TOPIC_TERMS; i++) {
      topics[topic * TOPIC_TERMS + i] = random.uniform() < 0.65 ? drawFrom(above) : drawAny()
    }
  }
  const neighbours = new Uint16Array(DIM * NEIGHBOURS)
  const strengths = new Uint8Array(DIM * NEIGHBOURS)
  for (let i = 0; i < neighbours.length; i++) {
    neighbours[i] = random.uniform() < 0.7 ? drawFrom(home[Math.floor(i / NEIGHBOURS)] as number) : drawAny()
    strengths[i] = 60 + random.integer(140)
  }
  // The background of documents is drawn by term.
  let before = 0
  const byTerm = new Float64Array(DIM)
  for (let rank = 0; rank < DIM; rank++) {
    byTerm[names[rank] as number] = (background[rank] as number) - before
    before = background[rank] as number
  }
  for (let i = 1; i < DIM; i++) byTerm[i] = (byTerm[i] as number) + (byTerm[i - 1] as number)
  return {
    topics,
    neighbours,
    strengths,
    background: byTerm,
    documentWeights: weightsByRank(DOCUMENT),
    queryWeights: weightsByRank(QUERY),
  }
}

/** x^-0.9 by + - * / alone, so that it has the same bits everywhere. */
function zipf(x: number): number {
  let root = 2
  for (let i = 0; i < 60; i++) root = (9 * root + x / root ** 9) / 10
  return root / x
}

function weightsByRank(points: readonly (readonly [rank: number, weight: number])[]): Float64Array {
  const last = points.at(-1) as readonly [number, number]
  const weights = new Float64Array(last[0])
  for (let p = 1; p < points.length; p++) {
    const [fromRank, fromWeight] = points[p - 1] as readonly [number, number]
    const [toRank, toWeight] = points[p] as readonly [number, number]
    for (let rank = fromRank; rank <= toRank; rank++) {
      weights[rank - 1] = fromWeight + ((toWeight - fromWeight) * (rank - fromRank)) / (toRank - fromRank)
    }
  }
  return weights
}

function placeIn(sums: Float64Array, value: number): number {
  let [low, high] = [0, sums.length - 1]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sums[middle] as number) > value) high = middle
    else low = middle + 1
  }
  return low
}

/** Terms with how strongly they stand in a text, the strongest of which become a vector. */
class Terms {
  readonly #strength = new Uint16Array(DIM)
  readonly #touched = new Uint16Array(DIM)
  readonly #keys = new Uint32Array(DIM)
  #count = 0

  add(term: number, strength: number): void {
    if (this.#strength[term] === 0) this.#touched[this.#count++] = term
    if (strength > (this.#strength[term] as number)) this.#strength[term] = strength
  }

  expand(world: World, term: number, strength: number): void {
    for (let i = term * NEIGHBOURS; i < (term + 1) * NEIGHBOURS; i++) {
      this.add(world.neighbours[i] as number, Math.max(1, (strength * (world.strengths[i] as number)) >> 8))
    }
  }

  /** Terms by falling strength; empty afterwards. The result lives until the next call. */
  take(): Uint32Array {
    const keys = this.#keys.subarray(0, this.#count)
    for (let i = 0; i < keys.length; i++) {
      const term = this.#touched[i] as number
      keys[i] = (65535 - (this.#strength[term] as number)) * 65536 + term
      this.#strength[term] = 0
    }
    this.#count = 0
    keys.sort()
    for (let i = 0; i < keys.length; i++) keys[i] = (keys[i] as number) & 0xffff
    return keys
  }
}

function makeDocuments(world: World, docs: number, random: Random): SparseMatrix {
  const out = new Rows(docs, 155)
  const terms = new Terms()
  const total = world.background[DIM - 1] as number
  const own = new Uint32Array(30)
  for (let doc = 0; doc < docs; doc++) {
    const topic = random.integer(TOPICS)
    const count = 14 + random.integer(17)
    for (let i = 0; i < count; i++) {
      const term =
        random.u32() % 5 < 3
          ? (world.topics[topic * TOPIC_TERMS + random.integer(TOPIC_TERMS)] as number)
          : placeIn(world.background, random.uniform() * total)
      const strength = 16000 + random.integer(16000)
      own[i] = term
      terms.add(term, strength)
      terms.expand(world, term, strength)
    }
    let length = Math.max(20, Math.round(150 + 30 * random.normal()))
    const ranked = terms.take()
    length = Math.min(length, ranked.length)
    out.push(ranked.subarray(0, length), world.documentWeights, random)
  }
  return out.finish()
}

function makeQueries(world: World, documents: SparseMatrix, queries: number, random: Random): SparseMatrix {
  const out = new Rows(queries, 50)
  const terms = new Terms()
  const docs = documents.indptr.length - 1
  for (let query = 0; query < queries; query++) {
    const doc = random.integer(docs)
    const from = documents.indptr[doc] as number
    const length = (documents.indptr[doc + 1] as number) - from
    const ranks = Array.from({ length }, (_, i) => i)
    ranks.sort((a, b) => (documents.values[from + b] as number) - (documents.values[from + a] as number) || a - b)
    const strong = random.shuffle(ranks.slice(0, 10)).slice(0, 3 + random.integer(4))
    for (const rank of strong) {
      const term = documents.indices[from + rank] as number
      const strength = 24000 + random.integer(8000)
      terms.add(term, strength)
      terms.expand(world, term, strength)
      // What fills a query up behind all that its own terms bring in.
      terms.expand(world, world.neighbours[term * NEIGHBOURS] as number, 4000)
    }
    const wanted = Math.max(8, Math.round(43 + 8 * random.normal()))
    const ranked = terms.take()
    out.push(ranked.subarray(0, Math.min(wanted, ranked.length)), world.queryWeights, random)
  }
  return out.finish()
}

/** Rows that grow. */
class Rows {
  readonly #indptr: Uint32Array
  #indices: Uint16Array
  #values: Float32Array
  #rows = 0
  #used = 0

  constructor(rows: number, usual: number) {
    this.#indptr = new Uint32Array(rows + 1)
    this.#indices = new Uint16Array(rows * usual + 1024)
    this.#values = new Float32Array(rows * usual + 1024)
  }

  /** Add a row whose terms stand by falling weight. */
  push(ranked: Uint32Array, weights: Float64Array, random: Random): void {
    const end = this.#used + ranked.length
    if (end > this.#values.length) this.#grow(Math.ceil(1.1 * end))
    const keys = new Uint32Array(ranked.length)
    for (let rank = 0; rank < keys.length; rank++) keys[rank] = (ranked[rank] as number) * 65536 + rank
    keys.sort()
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as number
      const bits = random.u32()
      // Four bytes together are near to a normal number; e^x by its first terms.
      const sum = (bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24)
      const x = (JITTER * (sum - 510)) / 147.8
      const weight = weights[Math.min(key & 0xffff, weights.length - 1)] as number
      this.#indices[this.#used + i] = key >>> 16
      this.#values[this.#used + i] = weight * (1 + x + (x * x) / 2)
    }
    this.#used = end
    this.#indptr[++this.#rows] = end
  }

  finish(): SparseMatrix {
    const end = this.#used
    return {
      dim: DIM,
      indptr: this.#indptr,
      indices: this.#indices.subarray(0, end),
      values: this.#values.subarray(0, end),
    }
  }

  #grow(size: number): void {
    const [indices, values] = [this.#indices, this.#values]
    this.#indices = new Uint16Array(size)
    this.#indices.set(indices)
    this.#values = new Float32Array(size)
    this.#values.set(values)
  }
}
