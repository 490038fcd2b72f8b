/** What an index finds documents by, as the options say. */
import { type Arguments, numberOf, PithError, type Run } from '@pith/core'
import type { Metric } from '../pq/index.ts'
import type { DenseSettingsOptions, IndexOptions, VectorType } from '../store/index.ts'
import type { Encoder, SparseEncoder } from '../types.ts'
import type { OwnEncoders } from './encoders.ts'
import { documentsOf } from './inputs.ts'

/** Documents from which on an encoder is learned from them: fewer say too little of which words go together. */
const LEAST_DOCUMENTS = 64
/** Bits of a number of single precision. */
const NUMBER_BITS = 32
const RATIO = 32
const DIM = 256
/** How far from 1 the length of a unit vector may be. */
const UNIT = 1e-3

/** What the first documents are like. */
interface Sample {
  readonly count: number
  /** Numbers of the vectors that come with them; 0 where none does. */
  readonly dim: number
  /** Whether all of these have length 1. */
  readonly unit: boolean
  readonly sparse: boolean
}

/**
 * The options of an index, for the documents that are to come.
 *
 * @throws PithError `PITH_ARG` an option that does not fit the documents
 */
export async function indexOptionsOf(args: Arguments, given: OwnEncoders['given'], run: Run): Promise<IndexOptions> {
  const sample = await sampleOf(args, run)
  const stem = args.value('stem') as 'porter2' | 'none' | undefined
  const stop = args.value('stop') as 'english' | 'none' | undefined
  const dense = denseOf(args, sample, given.encoder)
  const sparse = sparseOf(args, sample, given.sparseEncoder)
  return {
    lexical: { ...(stem === undefined ? {} : { stem }), ...(stop === undefined ? {} : { stop }) },
    ...(dense === undefined ? {} : { dense }),
    ...(sparse === undefined ? {} : { sparse }),
  }
}

/** There is nothing to index. */
export function noDocuments(): PithError {
  return new PithError('PITH_ARG', 'there are no documents', { hint: 'Check the paths, or name the --format.' })
}

async function sampleOf(args: Arguments, run: Run): Promise<Sample> {
  for await (const batch of documentsOf(args.operands, args, run)) {
    const vectors = batch.flatMap(({ vector }) => vector ?? [])
    return {
      count: batch.length,
      dim: vectors[0]?.length ?? 0,
      unit: vectors.every(isUnit),
      sparse: batch.some((document) => document.sparse !== undefined),
    }
  }
  throw noDocuments()
}

function isUnit(vector: Float32Array): boolean {
  let sum = 0
  for (const value of vector) sum += value * value
  return Math.abs(Math.sqrt(sum) - 1) < UNIT
}

function denseOf(args: Arguments, sample: Sample, given: Encoder | undefined): DenseSettingsOptions | undefined {
  if (given !== undefined) return { encoder: given, ...keptOf(args, given.dim, 'cos') }
  const encoder = args.value('dense') ?? (sample.dim > 0 ? 'field' : sample.count < LEAST_DOCUMENTS ? 'none' : 'lsa')
  if (encoder === 'none') return undefined
  if (encoder === 'field' && sample.dim === 0) {
    throw new PithError('PITH_ARG', 'the documents have no vectors', { hint: 'Name their field: --vector-field NAME.' })
  }
  const dim = encoder === 'field' ? sample.dim : args.has('dim') ? numberOf(args, 'dim', 2, 4096, true) : DIM
  return {
    encoder: encoder === 'field' ? (args.value('encoder') ?? 'documents') : encoder,
    dim,
    ...keptOf(args, dim, encoder === 'field' && !sample.unit ? 'ip' : 'cos'),
  }
}

/** How vectors are compared and kept. */
function keptOf(args: Arguments, dim: number, metric: Metric): Pick<DenseSettingsOptions, 'metric' | 'pq' | 'vectors'> {
  const vectors = args.value('keep') as VectorType | undefined
  return {
    metric: (args.value('metric') as Metric | undefined) ?? metric,
    pq: codesOf(args, dim),
    ...(vectors === undefined ? {} : { vectors }),
  }
}

/** Codes that are as many times smaller than vectors as --ratio says. */
function codesOf(args: Arguments, dim: number): NonNullable<DenseSettingsOptions['pq']> {
  const codes = args.value('codes') ?? 'pq'
  if (codes === 'none') return false
  const bits = codes === 'pq4' ? 4 : 8
  const ratio = args.has('ratio') ? numberOf(args, 'ratio', 1, 1024, false) : RATIO
  return { bits, m: Math.min(dim, Math.max(1, Math.round((NUMBER_BITS * dim) / ratio / bits))) }
}

function sparseOf(args: Arguments, sample: Sample, encoder: SparseEncoder | undefined): IndexOptions['sparse'] {
  if (encoder !== undefined) return { encoder }
  const name = args.value('sparse') ?? (sample.sparse ? 'field' : 'none')
  if (name === 'none') return undefined
  if (!sample.sparse) {
    throw new PithError('PITH_ARG', 'the documents have no sparse vectors', {
      hint: 'Name their field: --sparse-field NAME.',
    })
  }
  return {}
}
