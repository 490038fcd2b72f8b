import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { Random } from '@pith/core'
import { expect, test } from 'vitest'
import { testFolder } from '../../../test/folder.ts'
import { hashDocuments, hashQueries } from '../../bpr/index.ts'
import { BinaryIndex, type Pq } from '../../pq/index.ts'
import type { DenseMatrix, Encoder, IndexDocument } from '../../types.ts'
import type { IndexOptions, IndexReader, IndexSearch } from '../index.ts'
import { createIndex, exportIndex, openIndex, openWriter } from './index.ts'

const TOPICS = [
  'wing lift drag airfoil flow boundary layer pressure',
  'heart blood cell tissue protein patient dose clinic',
  'code compiler type loop memory program thread stack',
  'river rain flood soil forest climate storm season',
].map((line) => line.split(' '))

function someDocuments(count: number, seed = 1): IndexDocument[] {
  const random = new Random(seed)
  return Array.from({ length: count }, (_, i) => {
    const topic = TOPICS[i % TOPICS.length] as string[]
    const text = Array.from({ length: 12 }, () => topic[random.integer(topic.length)]).join(' ')
    return { id: `d${String(i).padStart(4, '0')}`, text, fields: { topic: i % TOPICS.length } }
  })
}

/** Counts of letters, which is enough to tell encoders apart. */
function letterEncoder(id = 'letters', dim = 24): Encoder {
  return {
    id,
    dim,
    async encode(texts): Promise<DenseMatrix> {
      const data = new Float32Array(texts.length * dim)
      for (const [i, text] of texts.entries()) {
        for (const letter of text.replaceAll(' ', '')) data[i * dim + (letter.charCodeAt(0) % dim)]++
      }
      return { n: texts.length, dim, data }
    },
  }
}

async function built(
  options: IndexOptions & { encoder?: Encoder },
  documents: readonly IndexDocument[],
  parts = 1,
  isTrained = true,
): Promise<string> {
  const path = testFolder()
  const { encoder, ...own } = options
  const writer = await createIndex(path, { ...own, ...(encoder && { encoder }), autoMerge: false })
  for (let part = 0; part < parts; part++) {
    await writer.add(documents.filter((_, i) => i % parts === part))
    await writer.flush()
  }
  if (isTrained) await writer.train({ seed: 7 })
  await writer.close()
  return path
}

async function answers(index: IndexReader, queries: readonly IndexSearch[]): Promise<unknown[]> {
  return Promise.all(queries.map((query) => index.search(query)))
}

test('what words must or must not stand in a document holds for vectors too; a text that says nothing finds nothing', async () => {
  const path = await built({ dense: { encoder: 'lsa', dim: 16 } }, someDocuments(120), 2)
  const index = await openIndex(path)
  const textsOf = async (search: IndexSearch): Promise<string[]> => {
    const { hits } = await index.search({ k: 100, documents: true, ...search })
    return hits.map(({ document }) => ` ${document?.text} `)
  }
  for (const fusion of ['rrf', 'zsum', 'sparse-first'] as const) {
    const wing = await textsOf({ text: 'wing lift', fusion })
    expect(wing.some((text) => text.includes(' drag '))).toBe(true)
    expect(wing.some((text) => text.includes(' heart '))).toBe(fusion !== 'sparse-first')
    const unwanted = await textsOf({ text: 'wing lift -drag', syntax: true, fusion })
    expect(unwanted.length).toBeGreaterThan(5)
    expect(unwanted.some((text) => text.includes(' drag '))).toBe(false)
    const needed = await textsOf({ text: 'wing +drag', syntax: true, fusion })
    expect(needed.length).toBeGreaterThan(5)
    expect(needed.every((text) => text.includes(' drag '))).toBe(true)
  }
  const { hits, total } = await index.search({ text: 'wing +drag', syntax: true, total: true, k: 100 })
  expect(total).toBe(hits.length)
  for (const mode of ['hybrid', 'dense', 'pq'] as const) {
    expect((await index.search({ text: 'xylophone', mode })).hits).toEqual([])
  }
  const [plain, without] = [
    await index.search({ text: 'wing', mode: 'dense' }),
    await index.search({ text: 'wing -heart', syntax: true, mode: 'dense' }),
  ]
  expect(without.hits).toEqual(plain.hits)
  await index.close()
})

test('an index that learns its own encoder finds by meaning, also what comes later, also from one file', async () => {
  const documents = someDocuments(160)
  const dense = { encoder: 'lsa', dim: 16, pq: { m: 4 } }
  const path = await built({ dense }, documents, 2)
  const queries: IndexSearch[] = (['dense', 'pq', 'hybrid', undefined] as const).flatMap((mode) => [
    { text: 'airfoil pressure', k: 12, ...(mode && { mode }) },
    { text: 'storm', k: 12, where: { topic: { in: [1, 3] } }, ...(mode && { mode }) },
  ])
  const folder = await openIndex(path)
  expect(folder.info.segments).toMatchObject([{ rows: 160, parts: ['dense', 'lexical'] }])
  expect((await folder.learned()).models).toMatchObject({ version: 1, pq: { m: 4, bits: 8 } })
  const found = await answers(folder, queries)
  for (const [i, { hits }] of (found as { hits: { id: string }[] }[]).entries()) {
    expect(hits.length).toBe(12)
    const topic = i % 2 === 0 ? 0 : 3
    const own = hits.filter(({ id }) => Number(id.slice(1)) % TOPICS.length === topic)
    expect(own.length, JSON.stringify(queries[i])).toBeGreaterThanOrEqual(10)
  }
  const file = `${path}-one`
  expect(await exportIndex(folder, file)).toBe(160)
  const single = await openIndex(file)
  expect(await answers(single, queries)).toEqual(found)
  await single.close()
  await folder.close()

  const writer = await openWriter(path)
  await expect(writer.add({ id: 'x', text: '', vector: new Float32Array(16) })).rejects.toMatchObject({
    code: 'PITH_MODEL',
  })
  await writer.add({ id: 'late', text: 'climate soil flood' })
  const before = await openIndex(path)
  const late = { text: 'climate soil flood', mode: 'dense' as const, k: 3 }
  expect((await before.search(late)).hits.map(({ id }) => id)).toContain('late')
  await writer.merge()
  await writer.close()
  const after = await openIndex(path)
  expect((await after.search(late)).hits).toEqual((await before.search(late)).hits)
  await before.close()
  await after.close()
})

test('vectors as they are give the same answers for one segment and for three', async () => {
  const encoder = letterEncoder()
  const documents = someDocuments(150, 5)
  const queries: IndexSearch[] = ['compiler loop', 'blood', 'river flow'].flatMap((text) => [
    { text, mode: 'dense' },
    { text, mode: 'hybrid', fusion: 'rrf', k: 20 },
    { text, fusion: 'zsum', alpha: 0.3 },
    { text, fusion: 'sparse-first', where: { topic: { ne: 2 } } },
  ])
  for (const vectors of ['f32', 'f16', 'int8'] as const) {
    const dense = { encoder, pq: false, vectors } as const
    const [one, three] = await Promise.all(
      [1, 3].map(async (parts) => openIndex(await built({ dense, encoder }, documents, parts, false), { encoder })),
    )
    expect(three.info.segments.length).toBe(3)
    expect(await answers(three, queries)).toEqual(await answers(one, queries))
    await one.close()
    await three.close()
  }
})

test('another encoder is refused, and what needs one says so', async () => {
  const encoder = letterEncoder()
  const path = await built({ dense: { encoder, pq: false }, encoder }, someDocuments(40), 1, false)
  const other = { encoder: letterEncoder('others') }
  await expect(openIndex(path, other)).rejects.toMatchObject({ code: 'PITH_MODEL' })
  await expect(openWriter(path, other)).rejects.toMatchObject({ code: 'PITH_MODEL' })
  const index = await openIndex(path)
  const code = (query: IndexSearch): Promise<string> =>
    index.search(query).then(
      () => 'none',
      (error) => error.code,
    )
  expect(await code({ text: 'river', mode: 'dense' })).toBe('PITH_MODEL')
  expect(await code({ vector: new Float32Array(3), mode: 'dense' })).toBe('PITH_MODEL')
  expect(await code({ text: 'river', mode: 'pq' })).toBe('PITH_CAPABILITY')
  expect(await code({ text: 'river', mode: 'sparse' })).toBe('PITH_CAPABILITY')
  // Without a mode, what can be asked is.
  expect((await index.search('river')).hits.length).toBeGreaterThan(0)
  const vector = (await encoder.encode(['river rain'], 'query')).data
  expect((await index.search({ vector })).hits.length).toBe(10)
  await index.close()
  const writer = await openWriter(path)
  await expect(writer.add({ id: 'x', text: '', vector: new Float32Array(3) })).rejects.toMatchObject({
    code: 'PITH_SHAPE',
  })
  await writer.close()
})

test('codes alone can be kept; documents without a vector are not found by one', async () => {
  const encoder = letterEncoder()
  const vectors = (
    await encoder.encode(
      someDocuments(80).map(({ text }) => text),
      'document',
    )
  ).data
  const documents = someDocuments(80).map((document, i) =>
    i % 5 === 4 ? document : { ...document, vector: vectors.slice(24 * i, 24 * i + 24) },
  )
  const dense = { encoder: 'letters', dim: 24, vectors: 'none', pq: { bits: 4, m: 12 } } as const
  const path = await built({ dense }, documents, 2)
  const index = await openIndex(path)
  const vector = vectors.slice(0, 24)
  const { hits } = await index.search({ vector, k: 80 })
  expect(hits.length).toBe(64)
  expect(hits.every(({ id }) => Number(id.slice(1)) % 5 !== 4)).toBe(true)
  await index.close()
  const writer = await openWriter(path)
  await writer.add({ id: 'x', text: 'late', vector })
  await writer.merge()
  await expect(writer.train()).rejects.toMatchObject({ code: 'PITH_CAPABILITY' })
  await writer.close()
  const again = await openIndex(path)
  expect((await again.search({ vector, k: 80 })).hits.length).toBe(65)
  await again.close()
})

test('sparse vectors: exact sums over all segments, blocks of lists where they are many', async () => {
  const random = new Random(6)
  const names = Array.from({ length: 40 }, (_, i) => `token${i}`)
  const sparseOf = (): Record<string, number> =>
    Object.fromEntries(Array.from({ length: 8 }, () => [names[random.integer(40)], 0.25 + random.integer(16) / 8]))
  const documents = someDocuments(120).map((document, i) => (i === 7 ? document : { ...document, sparse: sparseOf() }))
  const queries = Array.from({ length: 8 }, sparseOf)
  const [one, three, blocks] = await Promise.all(
    [
      [1, undefined],
      [3, undefined],
      [2, 0],
    ].map(async ([parts, seismicFrom]) =>
      openIndex(
        await built(
          { sparse: seismicFrom === undefined ? {} : { seismicFrom, seismic: { keep: 1, energy: 1 } } },
          documents,
          parts,
          false,
        ),
      ),
    ),
  )
  for (const query of queries) {
    const scores = documents.flatMap(({ id, sparse = {} }) => {
      const score = Object.entries(query).reduce((sum, [name, value]) => sum + value * (sparse[name] ?? 0), 0)
      return score > 0 ? [{ id, score }] : []
    })
    const best = scores.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1)).slice(0, 10)
    const exact = (await one.search({ sparse: query, mode: 'sparse' })).hits
    expect(exact).toEqual(best)
    expect((await three.search({ sparse: query, mode: 'sparse' })).hits).toEqual(exact)
    expect((await blocks.search({ sparse: query, exact: true })).hits).toEqual(exact)
    const near = (await blocks.search({ sparse: query })).hits
    expect(near.length).toBe(10)
    expect(near.filter(({ id }) => exact.some((hit) => hit.id === id)).length).toBeGreaterThanOrEqual(5)
  }
  for (const index of [one, three, blocks]) await index.close()
})

test('tuning and adapted models last; the same documents and seed give the same bytes', async () => {
  const documents = someDocuments(90).map((document, i) => (i % 9 ? document : { ...document, sparse: { ninth: 1 } }))
  const dense = { encoder: 'lsa', dim: 8, pq: { m: 4 } } as const
  const make = async (): Promise<Map<string, string>> => {
    const path = await built({ dense, sparse: {} }, documents, 2)
    const writer = await openWriter(path)
    await writer.tune({ fusion: 'zsum', alpha: 0.75 })
    const before = await openIndex(path)
    const pq = (await before.learned()).models.pq as Pq
    const weight = Float32Array.from({ length: 64 }, (_, i) => (i % 9 === 0 ? 2 : 0))
    await writer.adapt({
      scoring: pq.scoring.map((x) => x / 2),
      adapter: { dim: 8, weight, bias: new Float32Array(8) },
    })
    await writer.add({ id: 'late', text: 'wing' })
    await writer.close()
    const index = await openIndex(path)
    expect(index.info.settings.tuning).toEqual({ fusion: 'zsum', alpha: 0.75 })
    const { models } = await index.learned()
    expect(models.adapter?.weight).toEqual(weight)
    expect(models.pq?.encoding).toEqual(pq.encoding)
    const query = { text: 'wing drag', mode: 'pq', where: { topic: { exists: true } } } as const
    const [old, adapted] = await Promise.all([before, index].map((reader) => reader.search(query)))
    expect((await index.search({ sparse: { ninth: 1 }, mode: 'sparse', k: 50 })).hits.length).toBe(10)
    // Twice the query, half of the centroids.
    expect(adapted?.hits.map(({ id }) => id)).toEqual(old?.hits.map(({ id }) => id))
    expect((await index.verify()).ok).toBe(true)
    await before.close()
    await index.close()
    const names = (await fs.readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
    const files = names.map(
      async ({ name, parentPath }) => [name, await fs.readFile(join(parentPath, name), 'latin1')] as const,
    )
    return new Map(await Promise.all(files))
  }
  expect(await make()).toEqual(await make())
})

test('signs of a layer find what its numbers would, also what comes later', async () => {
  const encoder = letterEncoder()
  const documents = someDocuments(100, 8)
  const path = await built({ dense: { encoder, pq: false, vectors: 'f32' }, encoder }, documents, 2, false)
  const writer = await openWriter(path, { encoder })
  const random = new Random(2)
  const layer = {
    dim: 24,
    bits: 40,
    weight: Float32Array.from({ length: 24 * 40 }, () => random.normal()),
    bias: Float32Array.from({ length: 40 }, () => random.normal() - 1),
  }
  await expect(writer.hash({ ...layer, dim: 23 })).rejects.toMatchObject({ code: 'PITH_SHAPE' })
  await writer.hash(layer)
  await writer.add({ id: 'late', text: 'storm season forest' })
  await writer.close()
  const index = await openIndex(path, { encoder })
  expect(index.modes()).toContain('hash')
  const { encode } = encoder
  const queries = ['storm forest', 'lift wing drag']
  for (const text of queries) {
    const all = [...documents, { id: 'late', text: 'storm season forest' }]
    const codes = hashDocuments(
      layer,
      await encode(
        all.map((document) => document.text),
        'document',
      ),
    )
    const query = hashQueries(layer, await encode([text], 'query')).data
    const { ids } = new BinaryIndex(codes).search(query, 8)
    const { hits } = await index.search({ text, mode: 'hash', k: 8 })
    expect(hits.map(({ id }) => id).sort()).toEqual(Array.from(ids, (row) => all[row]?.id).sort())
  }
  const file = `${path}-one`
  await exportIndex(index, file)
  const single = await openIndex(file, { encoder })
  const query = { text: queries[0], mode: 'hash' } as const
  expect((await single.search(query)).hits).toEqual((await index.search(query)).hits)
  await single.close()
  await index.close()
})
