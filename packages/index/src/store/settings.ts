import { PithError } from '@pith/core'
import { type AnalyzerOptions, analyzerOf, makeAnalyzer } from '@pith/core/lexical'
import type { Metric, PqBits } from '../pq/index.ts'
import { buildSettings, type SeismicOptions } from '../seismic/options.ts'
import type { Encoder, SparseEncoder } from '../types.ts'
import { damaged } from './document.ts'
import { checkAlpha, FUSIONS, type Fusion } from './fusion.ts'

/** What an index finds documents by; it is chosen when the index is made. */
export interface IndexOptions {
  /** Words of title and text, ranked by BM25. Default on, with English stems. */
  lexical?: boolean | LexicalSettingsOptions
  /** Vectors of meaning. Default none. */
  dense?: DenseSettingsOptions
  /** Learned-sparse vectors. Default none. */
  sparse?: SparseSettingsOptions
}

/** How words are indexed. */
export interface LexicalSettingsOptions extends AnalyzerOptions {
  /** What a word of the title counts for, against 1 in the text: an integer 1..16. Default 2. */
  titleWeight?: number
}

/** How vectors are kept beside their codes; `none` keeps codes only. */
export type VectorType = 'f32' | 'f16' | 'int8' | 'none'

/** Where vectors come from, and how they are kept. */
export interface DenseSettingsOptions {
  /**
   * `lsa`: an encoder that is learned from the documents when the index is trained. An encoder, which must be given again
   * whenever texts are added or searched. Or the name of one, whose vectors come with documents and queries.
   */
  encoder: 'lsa' | Encoder | (string & {})
  /** Numbers of a vector; of an encoder its own. Default 256 with `lsa`. */
  dim?: number
  /** Default `ip`. */
  metric?: Metric
  /** Product-quantised codes, made when the index is trained. Default 8 bits and dim / 8 parts, which is 32x smaller than f32; `false` for none. */
  pq?: false | { bits?: PqBits; m?: number }
  /** What stands behind the codes, by which the best are ranked anew. Default `int8`. */
  vectors?: VectorType
}

/** Where sparse vectors come from, and how they are searched. */
export interface SparseSettingsOptions {
  /** An encoder, or the name of one whose vectors come with documents and queries. Default `documents`. */
  encoder?: SparseEncoder | (string & {})
  /** Search blocks of lists by their summaries instead of all postings, from so many documents on. Default 50,000. */
  seismicFrom?: number
  seismic?: SeismicOptions
}

/** The same as it is stored. */
export interface IndexSettings {
  readonly lexical?: { readonly analyzer: string; readonly titleWeight: number }
  readonly dense?: DenseSettings
  readonly sparse?: SparseSettings
  readonly tuning?: Tuning
}

/** How rankings are joined where a query does not say. */
export interface Tuning {
  readonly fusion: Fusion
  /** Weight of vectors against words in `zsum`. */
  readonly alpha: number
}

/** Vectors of an index. */
export interface DenseSettings {
  /** Id of the encoder, or `lsa`: then the index has its own. */
  readonly encoder: string
  readonly dim: number
  readonly metric: Metric
  readonly vectors: VectorType
  readonly pq?: { readonly bits: PqBits; readonly m: number }
}

/** Sparse vectors of an index. */
export interface SparseSettings {
  readonly encoder: string
  readonly seismicFrom: number
  readonly seismic: Required<SeismicOptions>
}

/** The encoder of an index that learns its own. */
export const LSA = 'lsa'
const METRICS: readonly Metric[] = ['ip', 'l2', 'cos']
const VECTORS: readonly VectorType[] = ['f32', 'f16', 'int8', 'none']
const MAX_DIM = 65_536
const MAX_ENCODER = 200

/** Options as they are stored. @throws PithError `PITH_ARG` */
export function makeSettings(options: IndexOptions = {}): IndexSettings {
  checkKeys(options, ['lexical', 'dense', 'sparse'], 'an option of an index')
  const { lexical = true, dense, sparse } = options
  const settings = {
    ...(lexical === false ? {} : { lexical: lexicalSettings(lexical === true ? {} : lexical) }),
    ...(dense === undefined ? {} : { dense: denseSettings(dense) }),
    ...(sparse === undefined ? {} : { sparse: sparseSettings(sparse) }),
  }
  return settings
}

function lexicalSettings(options: LexicalSettingsOptions): NonNullable<IndexSettings['lexical']> {
  const { titleWeight = 2, ...analyzer } = options
  checkKeys(analyzer, ['stem', 'accents', 'stop'], 'an option of lexical')
  checkWhole('titleWeight', titleWeight, 1, 16)
  return { analyzer: makeAnalyzer(analyzer).id, titleWeight }
}

function denseSettings(options: DenseSettingsOptions): DenseSettings {
  checkKeys(options, ['encoder', 'dim', 'metric', 'pq', 'vectors'], 'an option of dense')
  const { encoder, metric = 'ip', pq = {}, vectors = 'int8' } = options
  const own = typeof encoder === 'object' ? encoder.dim : encoder === LSA ? 256 : undefined
  const dim = options.dim ?? own
  checkWhole('dim', dim, 1, MAX_DIM)
  if (typeof encoder === 'object' && encoder.dim !== dim) {
    throw new PithError('PITH_ARG', `the encoder gives ${encoder.dim} numbers, dim is ${dim}`)
  }
  checkOneOf('metric', metric, METRICS)
  checkOneOf('vectors', vectors, VECTORS)
  const base = { encoder: encoderId(encoder), dim, metric, vectors }
  if (pq === false) {
    if (vectors === 'none') throw new PithError('PITH_ARG', 'dense needs codes (pq) or vectors')
    return base
  }
  checkKeys(pq, ['bits', 'm'], 'an option of pq')
  const { bits = 8 } = pq
  if (bits !== 4 && bits !== 8) throw new PithError('PITH_ARG', `bits must be 4 or 8, got ${String(bits).slice(0, 40)}`)
  const { m = Math.max(1, Math.round(dim / bits)) } = pq
  checkWhole('m', m, 1, dim)
  return { ...base, pq: { bits, m } }
}

function sparseSettings(options: SparseSettingsOptions): SparseSettings {
  checkKeys(options, ['encoder', 'seismicFrom', 'seismic'], 'an option of sparse')
  const { encoder = 'documents', seismicFrom = 50_000, seismic = {} } = options
  checkWhole('seismicFrom', seismicFrom, 0, Number.MAX_SAFE_INTEGER)
  return { encoder: encoderId(encoder), seismicFrom, seismic: buildSettings(seismic) }
}

function encoderId(encoder: { readonly id: string } | string): string {
  const id = typeof encoder === 'object' ? encoder.id : encoder
  if (typeof id === 'string' && id.length >= 1 && id.length <= MAX_ENCODER) return id
  throw new PithError('PITH_ARG', `an encoder needs an id of 1..${MAX_ENCODER} characters`)
}

/** Check a tuning. @throws PithError `PITH_ARG` */
export function checkTuning({ fusion, alpha }: Tuning): Tuning {
  checkOneOf('fusion', fusion, FUSIONS)
  return { fusion, alpha: checkAlpha(alpha) }
}

/** Check stored settings. @throws PithError `PITH_CORRUPT` · `PITH_VERSION` an analyzer that is not known here */
export function checkSettings(content: unknown): IndexSettings {
  if (typeof content !== 'object' || content === null) throw damaged('the settings of the index are damaged')
  const { lexical, dense, sparse, tuning } = content as Record<string, Record<string, unknown> | undefined>
  if (lexical !== undefined) analyzerOf(String(lexical?.['analyzer']))
  try {
    const { analyzer: _, ...titles } = lexical ?? {}
    const made = makeSettings({
      lexical: lexical === undefined ? false : titles,
      ...(dense === undefined ? {} : { dense: { pq: false, ...dense } as unknown as DenseSettingsOptions }),
      ...(sparse === undefined ? {} : { sparse: sparse as unknown as SparseSettingsOptions }),
    })
    return {
      ...made,
      ...(made.lexical && { lexical: { ...made.lexical, analyzer: String(lexical?.['analyzer']) } }),
      ...(tuning && { tuning: checkTuning(tuning as unknown as Tuning) }),
    }
  } catch (cause) {
    throw new PithError('PITH_CORRUPT', 'the settings of the index are damaged', { cause })
  }
}

function checkWhole(name: string, value: unknown, least: number, most: number): asserts value is number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return
  throw new PithError('PITH_ARG', `${name} must be an integer ${least}..${most}, got ${String(value).slice(0, 40)}`)
}

function checkOneOf<T extends string>(name: string, value: T, known: readonly T[]): void {
  if (known.includes(value)) return
  throw new PithError('PITH_ARG', `${name} must be ${known.join(', ')}, got ${String(value).slice(0, 40)}`)
}

function checkKeys(options: object, known: readonly string[], what: string): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue
    throw new PithError('PITH_ARG', `${JSON.stringify(key.slice(0, 40))} is not ${what}`, {
      hint: `Use ${known.join(', ')}.`,
    })
  }
}
