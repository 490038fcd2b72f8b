import { PithError, type Run } from '@pith/core'
import { analyzerOf } from '@pith/core/lexical'
import type { Encoder } from '../types.ts'
import type { DensePart } from './dense-part.ts'
import { encodedText } from './document.ts'
import { type LiveSegment, mergeDocuments } from './merge.ts'
import type { Models } from './models.ts'
import { type IndexTools, openDensePart } from './parts.ts'
import type { PlacedDocument } from './segment.ts'
import { LSA } from './settings.ts'

/** Rows that centroids are learned from at most. */
const SAMPLE_ROWS = 65_536
const TEXTS_AT_ONCE = 256

/**
 * Learn from the documents of segments what the index is to encode and code them by.
 *
 * @returns undefined where there is nothing to learn, or nothing to learn from
 * @throws PithError `PITH_CAPABILITY` the index has no vectors, or the encoder is not at hand; the abort reason
 */
export async function trainModels(
  segments: readonly LiveSegment[],
  tools: IndexTools,
  run?: Run,
): Promise<Models | undefined> {
  const { settings, models } = tools
  const { dense } = settings
  if (dense === undefined) {
    throw new PithError('PITH_CAPABILITY', 'the index has nothing to train', { hint: 'Build it with `dense`.' })
  }
  const count = segments.reduce((sum, { segment, live }) => sum + (live?.count ?? segment.rows), 0)
  const isOwn = dense.encoder === LSA
  if (count === 0 || (!isOwn && dense.pq === undefined)) return undefined
  const encoder = isOwn ? await trainEncoder(segments, tools, run) : tools.encoder
  const base = { version: models.version + 1, ...(isOwn && encoder !== undefined ? { encoder } : {}) }
  if (dense.pq === undefined) return base
  const parts = segments.map(({ segment }) => (isOwn ? undefined : openDensePart(segment, settings, models, run)))
  const rows = await sampleRows(mergeDocuments(segments, run), Math.ceil(count / SAMPLE_ROWS), {
    parts,
    encode: async (items) => {
      if (encoder === undefined) return []
      const texts = items.map(({ document }) => encodedText(document))
      const { data, dim } = await encoder.encode(texts, 'document', run)
      return texts.map((_, i) => data.slice(i * dim, (i + 1) * dim))
    },
  })
  if (rows.length === 0) {
    throw new PithError(
      'PITH_CAPABILITY',
      `no document has a vector, and the encoder ${dense.encoder} is not at hand`,
      {
        hint: 'Add documents with vectors, or open the index with its encoder.',
      },
    )
  }
  const dim = rows[0].length
  const data = new Float32Array(rows.length * dim)
  for (const [i, row] of rows.entries()) data.set(row, i * dim)
  const { trainPq } = await import('../pq/index.ts')
  const { bits, m } = dense.pq
  const pq = await trainPq({ n: rows.length, dim, data }, { ...run, bits, m: Math.min(m, dim), metric: dense.metric })
  return { ...base, pq }
}

async function trainEncoder(segments: readonly LiveSegment[], { settings }: IndexTools, run?: Run): Promise<Encoder> {
  const { trainLsa } = await import('../dense/index.ts')
  async function* texts(): AsyncGenerator<string> {
    for await (const { document } of mergeDocuments(segments, run)) yield encodedText(document)
  }
  const { dense, lexical } = settings
  return trainLsa(texts(), {
    ...run,
    ...(dense === undefined ? {} : { dim: dense.dim }),
    ...(lexical === undefined ? {} : { analyzer: analyzerOf(lexical.analyzer) }),
  })
}

/** Vectors of every `step`-th document: as they stand in its segment, or of its text. */
async function sampleRows(
  documents: AsyncIterable<PlacedDocument>,
  step: number,
  sources: {
    readonly parts: readonly (Promise<DensePart | undefined> | undefined)[]
    encode(items: readonly PlacedDocument[]): Promise<Float32Array[]>
  },
): Promise<Float32Array[]> {
  const rows: Float32Array[] = []
  let waiting: PlacedDocument[] = []
  let number = 0
  for await (const item of documents) {
    if (number++ % step !== 0) continue
    const { origin } = item
    const part = origin === undefined ? undefined : await sources.parts[origin.from]
    const known = origin === undefined ? undefined : part?.vectors?.vector(origin.row)
    if (known !== undefined) rows.push(known)
    else waiting.push(item)
    if (waiting.length < TEXTS_AT_ONCE) continue
    rows.push(...(await sources.encode(waiting)))
    waiting = []
  }
  if (waiting.length > 0) rows.push(...(await sources.encode(waiting)))
  return rows
}
