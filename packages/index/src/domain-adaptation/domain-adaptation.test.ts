import { Random } from '@pith/core'
import { expect, test } from 'vitest'
import { colourModel, colourRow, colourTokenizer } from '../../test/text-models.ts'
import { trainLsa } from '../dense/index.ts'
import type { Hits, IndexDocument } from '../types.ts'
import { adapt } from './adapt.ts'
import { queryTerms, readCorpus, scoreAll, textOf } from './corpus.ts'
import { openCrossEncoder } from './cross-encoder.ts'
import { contentOf, endpointGenerator, endpointTeacher, gradeOf, linesOf } from './endpoint-models.ts'
import { type GeneratedQuery, generateQueries } from './generator.ts'
import { compareRankings, rankAll } from './guard.ts'
import { labelMargins, mineNegatives } from './labels.ts'
import { builtinTeacher } from './teacher.ts'

const SUBJECTS = ['wing', 'compiler', 'enzyme', 'antenna', 'bridge', 'orbit', 'neuron', 'market']

/** Documents of a title and three sentences about one of eight subjects. */
function someDocuments(n: number, seed = 1): IndexDocument[] {
  const random = new Random(seed)
  const word = (): string => `${SUBJECTS[random.integer(8)]}${random.integer(12)}`
  return Array.from({ length: n }, (_, i) => {
    const own = Array.from({ length: 6 }, word)
    const sentence = (): string =>
      `The ${own[random.integer(6)]} of the ${own[random.integer(6)]} has a ${word()} and the ${own[random.integer(6)]} is ${word()} here.`
    return {
      id: `d${i}`,
      title: `${own[0]} and ${own[1]} ${own[2]}`,
      text: `${sentence()} ${sentence()} ${sentence()}`,
    }
  })
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

test('queries are about the documents that they come from, the same each time', async () => {
  const documents = [...someDocuments(40), { id: 'empty', text: '' }, { id: 'stop', text: 'and of the' }]
  const corpus = readCorpus(documents)
  const queries = await all(generateQueries(documents, { seed: 3 }))
  expect(queries.length).toBeGreaterThan(90)
  expect(new Set(queries.map(({ id }) => id)).size).toBe(queries.length)
  const scores = new Float32Array(documents.length)
  for (const { text, document } of queries) {
    const terms = queryTerms(corpus, text)
    expect(terms.length).toBeGreaterThanOrEqual(2)
    scoreAll(corpus, terms, scores)
    expect(scores.filter((score) => score > (scores[document] as number)).length).toBeLessThan(20)
    const own = new Set(corpus.terms.subarray(corpus.starts[document], corpus.starts[document + 1]))
    expect([...terms].every((term) => own.has(term))).toBe(true)
  }
  expect(await all(generateQueries(documents, { seed: 3, corpus }))).toEqual(queries)
  expect(await all(generateQueries(documents, { seed: 4 }))).not.toEqual(queries)
  const few = await all(generateQueries(documents, { perDocument: 1, most: 12 }))
  expect(few.length).toBeLessThan(30)
  await expect(all(generateQueries(documents, { perDocument: 0 }))).rejects.toMatchObject({ code: 'PITH_ARG' })
  await expect(all(generateQueries(documents, { signal: AbortSignal.abort('enough') }))).rejects.toBe('enough')
})

test('queries of others are kept where their documents are found by them', async () => {
  const documents = someDocuments(30)
  const generate = async (document: IndexDocument): Promise<string[]> => [
    document.title as string,
    'nothing of this kind',
  ]
  const queries = await all(generateQueries(documents, { generator: { id: 'titles', generate }, within: 3 }))
  expect(queries.length).toBeGreaterThan(20)
  expect(queries.every(({ text, document }) => text === documents[document]?.title)).toBe(true)
})

test('the teacher likes terms that match, that match nearly, and that stand together', async () => {
  const texts = [
    'turbine blade cooling air',
    'turbine of the old plant where much later a blade was kept',
    'propeller blade cooling air',
    'market prices fell',
    'propeller turbine rotor',
    'propeller turbine engine',
  ]
  const documents = texts.map((text, i) => ({ id: String(i), text }))
  const corpus = readCorpus(documents)
  const lsa = await trainLsa(texts, { dim: 4 })
  const teacher = await builtinTeacher(corpus, lsa)
  const scores = await teacher.score('turbine blade', Uint32Array.of(0, 1, 2, 3))
  const [together, apart, near, none] = [...scores] as [number, number, number, number]
  expect(together).toBeGreaterThan(apart)
  expect(apart).toBeGreaterThan(near)
  expect(near).toBeGreaterThan(none)
  expect([...(await teacher.score('of the', Uint32Array.of(0, 1)))]).toEqual([0, 0])
  expect([...(await teacher.score('turbine', Uint32Array.of(3)))]).toEqual([0])
})

test('rows are mined once, without the answer, and labelled with it first', async () => {
  const queries: GeneratedQuery[] = [
    { id: 'a', text: 'one', document: 2 },
    { id: 'b', text: 'two', document: 9 },
  ]
  const hits = (...ids: number[]): Hits => ({ ids: Uint32Array.from(ids), scores: new Float32Array(ids.length) })
  const asked: unknown[] = []
  const mined = await mineNegatives(
    queries,
    [
      (number, text, k) => {
        asked.push([number, text, k])
        return hits(2, 3, 4)
      },
      async () => hits(4, 5, 6),
    ],
    { n: 2 },
  )
  expect(mined.map((rows) => [...rows])).toEqual([
    [3, 4, 5],
    [2, 3, 4, 5],
  ])
  expect(asked).toEqual([
    [0, 'one', 3],
    [1, 'two', 3],
  ])
  const teacher = { id: 'rows', score: async (_: string, rows: Uint32Array) => Float64Array.from(rows) }
  const labelled = await labelMargins(queries, mined, teacher)
  expect([...(labelled[0]?.rows ?? [])]).toEqual([2, 3, 4, 5])
  expect([...Array.from(labelled[0]?.scores ?? [])]).toEqual([2, 3, 4, 5])
  const mixed = await labelMargins(queries.slice(0, 1), mined, teacher, {}, { share: 1, score: () => [4, 3, 2, 1] })
  expect(mixed[0]?.scores[0]).toBeCloseTo(3 / Math.sqrt(5), 9)
})

test('codes are replaced only where queries show that they are better', () => {
  const ids = ['a', 'b']
  const queries = Array.from({ length: 20 }, (_, i) => ({ id: `q${i}`, text: '' }))
  const qrels = new Map(queries.map(({ id }) => [id, new Map([['a', 1]])]))
  const ranked = (good: number) =>
    rankAll('row', queries, qrels, ids, (query) => ({
      ids: Uint32Array.from(query < good ? [0, 1] : [1, 0]),
      scores: Float32Array.of(1, 0),
    }))
  expect(ranked(20).row).toEqual({ name: 'row', ndcg10: 1, recall100: 1 })
  expect(compareRankings(ranked(5), ranked(18), 2, 0)).toMatchObject({ accepted: true })
  expect(compareRankings(ranked(5), ranked(18), 0, 0)).toMatchObject({ accepted: false })
  expect(compareRankings(ranked(10), ranked(11), 1, 0)).toMatchObject({ accepted: false })
  expect(compareRankings(ranked(18), ranked(5), 1, 0).difference?.value).toBeLessThan(0)
  const none = rankAll('row', [], new Map(), ids, () => ({ ids: new Uint32Array(0), scores: new Float32Array(0) }))
  expect(compareRankings(none, none, 1, 0)).toMatchObject({ difference: undefined, accepted: false })
})

test('an index is adapted, told with its control, the same each time', async () => {
  const documents = someDocuments(150)
  const encoder = await trainLsa(documents.map(textOf), { dim: 16 })
  for (const model of ['jpq', 'bpr'] as const) {
    for (const method of ['gpl', 'genq'] as const) {
      const options = { model, method, seed: 2, epochs: 1, most: 150 }
      const found = await adapt({ documents, encoder }, options)
      const { report } = found
      expect(report.rows.map(({ name }) => name)).toEqual([
        'vectors',
        model === 'jpq' ? 'vectors, same adapter' : 'vectors, same layer',
        'codes before',
        'codes after',
      ])
      expect(report).toMatchObject({ method, model, measuredOn: { kind: 'generated' } })
      expect(report.teacher === undefined).toBe(method === 'genq')
      const [after, before] = [report.rows[3], report.rows[2]]
      expect(report.difference?.value).toBeCloseTo((after?.ndcg10 ?? 0) - (before?.ndcg10 ?? 0), 9)
      expect(report.accepted).toBe((report.difference?.interval[0] ?? 0) > 0)
      expect([found.jpq !== undefined, found.bpr !== undefined]).toEqual([model === 'jpq', model === 'bpr'])
      if (method === 'gpl') expect(await adapt({ documents, encoder }, options)).toEqual(found)
    }
  }
  const judged = {
    queries: documents.slice(0, 30).map(({ id, title = '' }) => ({ id, text: title })),
    qrels: new Map(documents.slice(0, 30).map(({ id }) => [id, new Map([[id, 1]])])),
  }
  const { report } = await adapt({ documents, encoder }, { judged, epochs: 1, most: 60 })
  expect(report.measuredOn).toEqual({ queries: 30, kind: 'judged' })
})

test('documents that are the same, empty or alone are adapted to nothing, and refused', async () => {
  const same = { title: 'same title here', text: 'the same words in each of them' }
  for (const documents of [
    [{ id: 'a', text: '' }],
    [{ id: 'a', ...same }],
    Array.from({ length: 12 }, (_, i) => ({ id: String(i), ...same })),
  ]) {
    const encoder = await trainLsa(documents.map(textOf), { dim: 8 })
    for (const model of ['jpq', 'bpr'] as const) {
      const { report, jpq, bpr } = await adapt({ documents, encoder }, { model, epochs: 1 })
      expect(report.accepted).toBe(false)
      for (const { loss } of jpq?.epochs ?? bpr?.epochs ?? []) expect(Number.isFinite(loss)).toBe(true)
    }
  }
})

test('a cross-encoder reads query and document together', async () => {
  const documents = ['red', 'green blue', 'cold'].map((text, i) => ({ id: String(i), text }))
  const teacher = await openCrossEncoder(documents, {
    model: colourModel(1, 'sum'),
    tokenizer: colourTokenizer(),
    batch: 2,
  })
  const value = (...ids: number[]): number => ids.reduce((sum, id) => sum + (colourRow(id, 1)[0] as number), 0)
  const scores = await teacher.score('warm', Uint32Array.of(0, 1, 2))
  expect([...scores]).toEqual([value(1, 6, 2, 3, 2), value(1, 6, 2, 4, 5, 2), value(1, 6, 2, 7, 2)])
  await teacher.close()
  const two = await openCrossEncoder(documents, { model: colourModel(2, 'sum'), tokenizer: colourTokenizer() })
  const [own] = await two.score('warm', Uint32Array.of(0))
  const sums = [0, 1].map((j) => [1, 6, 2, 3, 2].reduce((sum, id) => sum + (colourRow(id, 2)[j] as number), 0))
  expect(own).toBe((sums[1] as number) - (sums[0] as number))
  await two.close()
  const wide = await openCrossEncoder(documents, { model: colourModel(3, 'sum'), tokenizer: colourTokenizer() })
  await expect(wide.score('warm', Uint32Array.of(0))).rejects.toMatchObject({ code: 'PITH_MODEL' })
  await wide.close()
})

test('what language models answer is read, or told that it can not be', async () => {
  expect(linesOf('1. first query\n\n- "second one"\n* third')).toEqual(['first query', 'second one', 'third'])
  expect([gradeOf('8'), gradeOf('Score: 7.5/10'), gradeOf('99')]).toEqual([8, 7.5, 10])
  expect(contentOf({ choices: [{ message: { content: 'text' } }] })).toBe('text')
  const lacking = expect.objectContaining({ code: 'PITH_NETWORK' })
  expect(() => gradeOf('none')).toThrow(lacking)
  for (const wrong of [null, {}, { choices: [] }, { choices: [{ message: { content: 4 } }] }]) {
    expect(() => contentOf(wrong)).toThrow(lacking)
  }
  const nowhere = { url: 'http://127.0.0.1:1/v1', model: 'any', retries: 0 }
  const documents = [{ id: 'a', text: 'words' }]
  await expect(endpointTeacher(documents, nowhere).score('words', Uint32Array.of(0))).rejects.toEqual(lacking)
  await expect(endpointGenerator(nowhere).generate(documents[0] as IndexDocument, 0, 2, {})).rejects.toEqual(lacking)
})
