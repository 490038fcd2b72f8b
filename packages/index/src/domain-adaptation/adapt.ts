/** An index is adapted to its own documents, and only kept where it is provably better. */
import { type Estimate, PithError, Random, type Run } from '@pith/core'
import { type Bpr, centredItq, hashDocuments, hashQueries, trainBpr } from '../bpr/index.ts'
import { LsaEncoder, trainLsa } from '../dense/index.ts'
import { adaptQueries, type Jpq, trainJpq } from '../jpq/index.ts'
import type { LabelledRows } from '../margin-loss.ts'
import { BinaryIndex, encodePq, flatIndex, type Pq, type PqCodes, PqIndex, trainPq } from '../pq/index.ts'
import { TopK } from '../top-k.ts'
import type { DenseMatrix, Encoder, Hits, IndexDocument, IndexQuery, Qrels } from '../types.ts'
import { queryTerms, readCorpus, scoreAll, type TermCorpus, textOf } from './corpus.ts'
import { type GeneratedQuery, generateQueries, type QueryGenerator } from './generator.ts'
import { compareRankings, type RankingRow, rankAll } from './guard.ts'
import { labelMargins, mineNegatives, type Retriever } from './labels.ts'
import { builtinTeacher, type Teacher } from './teacher.ts'

/** What is adapted. */
export interface AdaptInput {
  readonly documents: readonly IndexDocument[]
  readonly encoder: Encoder
  /** f32[documents.length, dim]: what the encoder gives for the documents. Default is asking it. */
  readonly vectors?: DenseMatrix
  /** The codes that are adapted with `jpq`; default OPQ of 32 times fewer bytes, for cosines. */
  readonly pq?: Pq
  readonly codes?: PqCodes
}

/** Options of {@link adapt}. */
export interface AdaptOptions extends Run {
  /** `gpl` (default) learns the margins of a teacher, `genq` only that documents answer their queries. */
  method?: 'gpl' | 'genq'
  /** Default `jpq`. */
  model?: 'jpq' | 'bpr'
  /** Default 3. */
  queriesPerDocument?: number
  /** Queries in all at most. Default 12,000. */
  most?: number
  generator?: QueryGenerator
  teacher?: Teacher
  /** Queries with judgements to decide by; default generated ones that were held out. */
  judged?: { readonly queries: readonly IndexQuery[]; readonly qrels: Qrels }
  /** Default 4 with `jpq`, 2 with `bpr`. */
  epochs?: number
}

/** What was measured, and whether the index may be replaced. */
export interface AdaptReport {
  readonly method: 'gpl' | 'genq'
  readonly model: 'jpq' | 'bpr'
  readonly generator: string
  /** Undefined where none was asked. */
  readonly teacher: string | undefined
  readonly trainedOn: number
  /** By what was decided. */
  readonly measuredOn: { readonly queries: number; readonly kind: 'judged' | 'generated' }
  /** The vectors as they are, the control (the vectors behind the same trained layer), codes before, and codes after. */
  readonly rows: readonly RankingRow[]
  /** nDCG@10 of codes after less codes before, with its 95 % interval of 10,000 paired resamples. */
  readonly difference: Estimate | undefined
  /** Whether the interval is above 0. */
  readonly accepted: boolean
  readonly reason: string
}

/** What {@link adapt} learned; also where the report refuses it. */
export interface Adapted {
  readonly report: AdaptReport
  readonly jpq?: Jpq
  readonly bpr?: Bpr
}

/** Share of documents whose queries are held out, and how many of these choose the epoch and decide at most. */
const HELD = 1 / 6
const CHOOSING = 300
const DECIDING = 600
const MINED = 30
/** Share of the uncompressed vectors in the labels. */
const OWN_SHARE = 0.3
const MOST_QUERIES = 12_000

/**
 * Adapt codes to documents without labels: queries are generated from them, a teacher says how well rows answer these, the codes
 * and the query side learn it, and held-out queries decide whether they are better.
 * Method: GPL (arXiv 2112.07577) and GenQ for hashed retrievers (arXiv 2205.11498) over JPQ or BPR.
 *
 * @throws PithError `PITH_ARG` · `PITH_SHAPE`; what generator, teacher and encoder throw; the abort reason
 */
export async function adapt(input: AdaptInput, options: AdaptOptions = {}): Promise<Adapted> {
  const { method = 'gpl', model = 'jpq', judged } = options
  const { documents, encoder } = input
  const vectors = input.vectors ?? (await encoder.encode(documents.map(textOf), 'document', options))
  if (vectors.n !== documents.length) {
    throw new PithError('PITH_SHAPE', `${vectors.n} vectors for ${documents.length} documents`)
  }
  const corpus = readCorpus(documents, undefined, options)
  const { training, choosing, deciding } = await drawQueries(documents, corpus, options)
  const encode = async (texts: readonly string[]): Promise<DenseMatrix> => await encoder.encode(texts, 'query', options)
  const queries = await encode(training.map(({ text }) => text))
  const held = {
    queries: await encode(choosing.map(({ text }) => text)),
    relevant: choosing.map(({ document }) => [document]),
  }
  const teacher =
    method === 'gpl' ? (options.teacher ?? (await ownTeacher(corpus, encoder, documents, options))) : undefined
  const flat = flatIndex(vectors)
  const label = async (find: (query: Float32Array, k: number) => Hits): Promise<LabelledRows[]> => {
    const rowOf = (query: number): Float32Array => rowAt(queries, query)
    const retrievers: Retriever[] = [(query, _, k) => find(rowOf(query), k), lexicalRetriever(corpus)]
    const negatives = await mineNegatives(training, retrievers, { ...options, n: MINED })
    const own = { share: OWN_SHARE, score: (query: number, rows: Uint32Array) => flat.scoreRows(rowOf(query), rows) }
    return await labelMargins(training, negatives, teacher as Teacher, options, own)
  }
  const asked = judged ?? generatedJudgements(deciding, documents)
  const test = await encode(asked.queries.map(({ text }) => text))
  const ids = documents.map(({ id }) => id)
  const measure = (name: string, find: (query: Float32Array) => Hits, own = test) =>
    rankAll(name, asked.queries, asked.qrels, ids, (i) => find(rowAt(own, i)))
  const answers = training.map(({ document }) => document)
  const run = { ...options, held, seed: options.seed ?? 0 }
  const before = measure('vectors', (query) => flat.search(query, 100))
  const learned =
    model === 'jpq'
      ? await adaptCodes(input, vectors, queries, { method, answers, label, measure, test, run })
      : await adaptSigns(vectors, queries, { method, answers, label, measure, test, run })
  const { rows, kept, ...found } = learned
  const report: AdaptReport = {
    ...{ method, model, generator: options.generator?.id ?? `pith:ways-1:${options.seed ?? 0}`, teacher: teacher?.id },
    ...{
      trainedOn: training.length,
      measuredOn: { queries: test.n, kind: judged === undefined ? 'generated' : 'judged' },
    },
    rows: [before, ...rows].map(({ row }) => row),
    ...compareRankings(rows[1], rows[2], kept, options.seed ?? 0),
  }
  return { report, ...found }
}

/** Queries of documents, parted by document. */
async function drawQueries(
  documents: readonly IndexDocument[],
  corpus: TermCorpus,
  options: AdaptOptions,
): Promise<Record<'training' | 'choosing' | 'deciding', GeneratedQuery[]>> {
  const { queriesPerDocument: perDocument = 3, most = MOST_QUERIES, seed = 0, generator } = options
  const random = new Random(seed).split(9)
  const order = random.shuffle(Uint32Array.from(documents.keys()))
  const partOf = new Uint8Array(documents.length)
  const count = Math.min(Math.floor(HELD * documents.length), CHOOSING + DECIDING)
  for (let i = 0; i < count; i++) partOf[order[i] as number] = i % 3 === 0 ? 1 : 2
  const parts: GeneratedQuery[][] = [[], [], []]
  const run = { ...options, perDocument, most, seed, corpus, ...(generator && { generator }) }
  for await (const query of generateQueries(documents, run)) parts[partOf[query.document] as number]?.push(query)
  const [training = [], choosing = [], deciding = []] = parts
  return {
    training,
    choosing: random.shuffle(choosing).slice(0, CHOOSING),
    deciding: random.shuffle(deciding).slice(0, DECIDING),
  }
}

async function ownTeacher(
  corpus: TermCorpus,
  encoder: Encoder,
  documents: readonly IndexDocument[],
  run: Run,
): Promise<Teacher> {
  const lsa = encoder instanceof LsaEncoder ? encoder : await trainLsa(documents.map(textOf), run)
  return await builtinTeacher(corpus, lsa, run)
}

/** BM25 over a corpus. */
export function lexicalRetriever(corpus: TermCorpus): Retriever {
  const scores = new Float32Array(corpus.documents.length)
  return (_, text, k) => {
    scoreAll(corpus, queryTerms(corpus, text), scores)
    const top = new TopK(k)
    for (const [row, score] of scores.entries()) if (score > 0 && score > top.least) top.push(row, score)
    return top.take()
  }
}

function generatedJudgements(
  queries: readonly GeneratedQuery[],
  documents: readonly IndexDocument[],
): { queries: readonly IndexQuery[]; qrels: Qrels } {
  return {
    queries,
    qrels: new Map(queries.map(({ id, document }) => [id, new Map([[(documents[document] as IndexDocument).id, 1]])])),
  }
}

type Measured = ReturnType<typeof rankAll>

interface Learning {
  readonly method: 'gpl' | 'genq'
  /** The document of each query. */
  readonly answers: readonly number[]
  readonly label: (find: (query: Float32Array, k: number) => Hits) => Promise<LabelledRows[]>
  readonly measure: (name: string, find: (query: Float32Array) => Hits, queries?: DenseMatrix) => Measured
  readonly test: DenseMatrix
  readonly run: AdaptOptions & { held: { queries: DenseMatrix; relevant: number[][] } }
}

/** The control, codes before, codes after. */
type Three = readonly [Measured, Measured, Measured]

async function adaptCodes(
  input: AdaptInput,
  vectors: DenseMatrix,
  queries: DenseMatrix,
  { method, answers, label, measure, test, run }: Learning,
): Promise<{ rows: Three; kept: number; jpq: Jpq }> {
  const { signal, onProgress, seed = 0, threads } = run
  const own = { seed, ...(signal && { signal }), ...(onProgress && { onProgress }), ...(threads && { threads }) }
  const pq = input.pq ?? (await trainPq(vectors, { ...own, m: Math.max(1, vectors.dim >> 3), metric: 'cos' }))
  const codes = input.codes ?? (await encodePq(pq, vectors, own))
  const index = new PqIndex(pq, codes)
  const targets =
    method === 'gpl'
      ? ({ loss: 'margin', labelled: await label((query, k) => index.search(query, k)) } as const)
      : ({ loss: 'rank', relevant: answers.map((row) => [row]) } as const)
  const jpq = await trainJpq(pq, codes, queries, targets, run)
  const turned = adaptQueries(jpq.adapter, test)
  const flat = flatIndex(vectors)
  const before = measure('codes before', (query) => index.search(query, 100))
  const after = new PqIndex(jpq.pq, codes)
  return {
    rows: [
      measure('vectors, same adapter', (query) => flat.search(query, 100), turned),
      before,
      measure('codes after', (query) => after.search(query, 100), turned),
    ],
    kept: jpq.kept,
    jpq,
  }
}

async function adaptSigns(
  vectors: DenseMatrix,
  queries: DenseMatrix,
  { method, answers, label, measure, test, run }: Learning,
): Promise<{ rows: Three; kept: number; bpr: Bpr }> {
  const start = await centredItq(vectors, run)
  const indexOf = (layer: typeof start) => new BinaryIndex(hashDocuments(layer, vectors))
  const index = indexOf(start)
  const targets =
    method === 'gpl'
      ? ({
          loss: 'margin',
          labelled: await label((query, k) =>
            index.search(hashQueries(start, { n: 1, dim: vectors.dim, data: query }).data, k),
          ),
        } as const)
      : ({ loss: 'softmax', relevant: answers } as const)
  const bpr = await trainBpr(vectors, queries, targets, { ...run, start })
  const after = indexOf(bpr.layer)
  // Before their signs are taken, rows of the layer are full-precision vectors; a bias adds the same to all that a query scores.
  const flat = flatIndex(hashQueries(bpr.layer, vectors))
  const turned = hashQueries(bpr.layer, test)
  return {
    rows: [
      measure('vectors, same layer', (query) => flat.search(query, 100), turned),
      measure('codes before', (query) => index.search(query, 100), hashQueries(start, test)),
      measure('codes after', (query) => after.search(query, 100), turned),
    ],
    kept: bpr.kept,
    bpr,
  }
}

function rowAt({ dim, data }: DenseMatrix, row: number): Float32Array {
  return data.slice(row * dim, (row + 1) * dim)
}
