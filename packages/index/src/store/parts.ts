import type { Run } from '@pith/core'
import type { Encoder, SparseEncoder } from '../types.ts'
import type { DensePart } from './dense-part.ts'
import { asStored } from './document.ts'
import type { Models } from './models.ts'
import type { PartWriter, Segment, SegmentPlan } from './segment.ts'
import type { IndexSettings } from './settings.ts'
import type { SparsePart } from './sparse-part.ts'

/** What an index works with: its settings, what it learned, and what texts are encoded by. */
export interface IndexTools {
  readonly settings: IndexSettings
  readonly models: Models
  readonly encoder: Encoder | undefined
  readonly sparseEncoder: SparseEncoder | undefined
}

/** What a reader works with: what was learned is read when it is asked for. */
export interface ReaderTools {
  readonly settings: IndexSettings
  /** Encoders that were given, and are those of the index. */
  readonly encoder: Encoder | undefined
  readonly sparseEncoder: SparseEncoder | undefined
  load(run?: Run): Promise<IndexTools>
}

/**
 * The parts that the settings of an index ask for, ready to take the documents of a segment.
 *
 * @param sources  segments that documents are taken from; their vectors are where `models` are given
 */
export async function planSegment(
  tools: IndexTools,
  sources: readonly { readonly segment: Segment; readonly models: Models | undefined }[],
  run?: Run,
): Promise<SegmentPlan> {
  const { settings, models, encoder, sparseEncoder } = tools
  const parts: Record<string, PartWriter> = {}
  const { lexical, dense, sparse } = settings
  if (dense !== undefined) {
    const { DensePartWriter } = await import('./dense-part.ts')
    const own = sources.map((source) => ({
      open: async (at?: Run) =>
        source.models === undefined ? undefined : openDensePart(source.segment, settings, source.models, at),
    }))
    parts['dense'] = new DensePartWriter({ settings: dense, models, encoder, sources: own }, run)
  }
  if (sparse !== undefined) {
    const { SparsePartWriter } = await import('./sparse-part.ts')
    const own = sources.map((source) => ({ open: (at?: Run) => openSparsePart(source.segment, at) }))
    parts['sparse'] = new SparsePartWriter({ settings: sparse, encoder: sparseEncoder, sources: own }, run)
  }
  if (lexical !== undefined) {
    const { LexicalBuilder, writeLexical } = await import('../lexical/index.ts')
    const builder = new LexicalBuilder(lexical)
    parts['lexical'] = {
      add: (document) => {
        builder.add(document)
      },
      async finish(sections) {
        await writeLexical(builder, sections, 'lexical/', run)
        return {}
      },
    }
  }
  return { settings, parts }
}

/** The vectors of a segment; undefined where it has none. @throws PithError damage */
export async function openDensePart(
  { info, rows, sections }: Segment,
  { dense }: IndexSettings,
  models: Models,
  run?: Run,
): Promise<DensePart | undefined> {
  if (dense === undefined || !Object.hasOwn(info.parts, 'dense')) return undefined
  const { openDense } = await import('./dense-part.ts')
  return asStored(() => openDense(info.parts['dense'], rows, dense, models, sections, run))
}

/** The sparse vectors of a segment; undefined where it has none. @throws PithError damage */
export async function openSparsePart({ info, rows, sections }: Segment, run?: Run): Promise<SparsePart | undefined> {
  if (!Object.hasOwn(info.parts, 'sparse')) return undefined
  const part = await import('./sparse-part.ts')
  return asStored(() => part.openSparsePart(info.parts['sparse'], rows, sections, run))
}
