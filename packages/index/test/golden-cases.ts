/** Indexes that must open for ever, and what is found in them. */
import type { IndexDocument } from '@pith/index'
import type { IndexReader, IndexSearch } from '@pith/index/store'
import { createIndex, exportIndex, openIndex, openWriter } from '@pith/index/store/node'

const QUERIES: readonly IndexSearch[] = [
  { text: 'boats on the sea', mode: 'bm25' },
  { text: '"the old" +sea -whale', mode: 'bm25', syntax: true },
  { text: 'pruning trees', mode: 'dense' },
  { text: 'pruning trees', mode: 'pq', where: { year: { gte: 2000 }, tags: { in: ['sea', 'garden'] } } },
  { sparse: { boat: 1, tree: 0.5 }, mode: 'sparse', exact: true },
  { text: 'sailing in winter', sparse: { sail: 2 }, fusion: 'zsum', facets: ['tags', 'year'], total: true },
  { text: 'nothing', mode: 'bm25', where: { or: [{ draft: true }, { not: { year: { exists: true } } }] }, total: true },
]

const DOCUMENTS: readonly IndexDocument[] = [
  {
    id: 'walden',
    title: 'Walden',
    text: 'A house by a pond, and a boat on it.',
    fields: { year: 1854, tags: ['pond'] },
  },
  {
    id: 'moby',
    title: 'Moby Dick',
    text: 'The whale, the sea and the old captain.',
    sparse: { whale: 2.5, sea: 1, boat: 0.25 },
  },
  { id: 'sea', text: 'The old man, his boats and the sea.', fields: { year: 1952, tags: ['sea'], draft: false } },
  {
    id: 'apple',
    text: 'Apple trees are pruned in winter.',
    fields: { year: 2019, tags: ['garden', 'tree'] },
    sparse: { tree: 2, prune: 1.5 },
  },
  {
    id: 'hedge',
    text: 'Hedges and trees are cut in summer.',
    fields: { year: 2021, tags: 'garden', draft: true },
    sparse: { tree: 1 },
  },
  {
    id: 'sail',
    title: 'Sailing',
    text: 'Boats sail in the wind of the sea.',
    fields: { year: 2024, tags: ['sea'] },
    sparse: { sail: 1.75, boat: 1 },
  },
  { id: '雪', text: '雪が降る冬の庭。', fields: { lang: 'ja' } },
]

/** Make an index folder with two segments, tombstones and a log, and the same as one file. */
export async function makeGolden(folder: string, file: string): Promise<void> {
  const writer = await createIndex(folder, {
    dense: { encoder: 'lsa', dim: 8, pq: { m: 4 } },
    sparse: {},
    autoMerge: false,
    durability: 'each',
  })
  await writer.add(DOCUMENTS.slice(0, 5))
  await writer.add({ id: 'old', text: 'This goes.' })
  await writer.train({ seed: 3 })
  await writer.tune({ fusion: 'zsum', alpha: 0.25 })
  await writer.delete('old')
  await writer.add(DOCUMENTS.slice(5, 6))
  await writer.flush()
  await writer.close()
  const index = await openIndex(folder)
  await exportIndex(index, file)
  await index.close()
}

/** Add to the log of a folder, and leave it there. */
export async function addToLog(folder: string): Promise<() => Promise<void>> {
  const writer = await openWriter(folder, { durability: 'each' })
  await writer.add(DOCUMENTS.slice(6))
  await writer.delete('walden')
  return () => writer.close()
}

/** All that an index says. */
export async function describeIndex(index: IndexReader): Promise<unknown> {
  const documents: IndexDocument[] = []
  for await (const document of index.documents()) documents.push(document)
  const { segments, settings } = index.info
  const answers: unknown[] = []
  for (const query of QUERIES) answers.push({ query, ...(await index.search(query)) })
  return JSON.parse(
    JSON.stringify({
      settings,
      segments: segments.map(({ name, rows, deleted, parts }) => ({ name, rows, deleted, parts })),
      documents,
      answers,
      ok: (await index.verify()).ok,
    }),
  )
}
