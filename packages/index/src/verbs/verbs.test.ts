import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { serveFiles } from '@pith/core/node/http'
import { startVerb, type VerbInput, type VerbOptions, type VerbOutcome } from '@pith/core/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { colourModel, colourTokenizer } from '../../test/text-models.ts'
import { manifest } from '../manifest.ts'

const tmp = mkdtempSync(join(tmpdir(), 'pith-index-'))
afterAll(() => rmSync(tmp, { recursive: true }))
const at = (name: string): string => join(tmp, name)
const sample = (name: string): string => new URL(`../../../../examples/sample/${name}`, import.meta.url).pathname

const verb = (
  name: string,
  options: VerbOptions,
  operands: readonly string[] = [],
  input: VerbInput = {},
): Promise<VerbOutcome> => startVerb(manifest, `index ${name}`, options, { operands, ...input }).done

async function found(name: string, query: string, options: VerbOptions = {}): Promise<string[]> {
  const { out, error } = await verb('search', { json: true, ...options }, [at(name), query])
  expect(error).toBeUndefined()
  return JSON.parse(out).hits.map(({ id }: { id: string }) => id)
}

beforeAll(async () => {
  const { code, out } = await verb('build', { output: at('garden.pith'), json: true }, [sample('garden')])
  expect(code).toBe(0)
  expect(JSON.parse(out)).toMatchObject({ index: at('garden.pith'), documents: 10 })
})

describe('build and search', () => {
  test('a folder of Markdown', async () => {
    expect((await found('garden.pith', 'prune apple trees'))[0]).toBe('pruning-apples.md#pruning-apple-trees')
    // Misspelt words, phrases and beginnings.
    expect(await found('garden.pith', 'nematods')).toEqual(['slugs.md#slugs-and-snails'])
    expect(await found('garden.pith', '"wild bees"')).toEqual(['bees.md#a-garden-for-wild-bees'])
    expect(await found('garden.pith', 'evaporat*')).toEqual(['watering.md#watering-less'])
    const { out, err } = await verb('search', { count: '1', facets: 'lang' }, [at('garden.pith'), 'late', 'blight'])
    expect(out).toMatch(
      /^ {2}1\. [\d.]+ {2}potatoes\.md#potatoes {2}Potatoes\n {5}.*late blight.*\nlang: en \(\d+\)\n$/s,
    )
    expect(err).toMatch(/^1 of 10 in [\d.]+ ms\n$/)
  })

  test('conditions, facets and pages', async () => {
    const where = ['lang=en', 'year>=2020']
    expect(await found('garden.pith', 'soil', { where })).not.toContain('frost.md#frost')
    expect(await found('garden.pith', 'water', { where: 'tags=water|weather' })).toEqual(
      expect.arrayContaining(['frost.md#frost', 'watering.md#watering-less']),
    )
    const all = await found('garden.pith', 'soil')
    expect(await found('garden.pith', 'soil', { from: '2', count: '2' })).toEqual(all.slice(2, 4))
    const { out } = await verb('search', { json: true, facets: 'tags,lang' }, [at('garden.pith'), 'humus'])
    expect(JSON.parse(out).facets).toMatchObject({
      lang: [{ value: 'de', count: 1 }],
      tags: [{ value: 'soil', count: 1 }],
    })
  })

  test('a table, a BEIR folder, and both at once', async () => {
    writeFileSync(at('t.csv'), 'nr;name;body;year\na1;Alpha;"the first; row";2001\nb2;Beta;the second row;2002\n')
    const columns = { 'id-field': 'nr', 'title-field': 'name', 'text-field': 'body' }
    expect((await verb('build', { output: at('t.pith'), ...columns }, [at('t.csv')])).out).toMatch(/: 2 documents, /)
    expect(await found('t.pith', 'row', { where: 'year>2001' })).toEqual(['b2'])
    mkdirSync(at('beir/qrels'), { recursive: true })
    const lines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
    writeFileSync(
      at('beir/corpus.jsonl'),
      lines(['cat', 'dog', 'cow'].map((text, i) => ({ _id: `d${i}`, title: '', text }))),
    )
    writeFileSync(
      at('beir/queries.jsonl'),
      lines([
        { _id: 'q1', text: 'dog' },
        { _id: 'q2', text: 'cow cat' },
      ]),
    )
    writeFileSync(at('beir/qrels/test.tsv'), 'query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n')
    expect((await verb('build', { output: at('b.pith') }, [at('beir'), sample('garden')])).out).toMatch(
      /: 13 documents, /,
    )
    const { out } = await verb('eval', { json: true, measures: 'P@1,R@100,MRR' }, [at('b.pith'), at('beir')])
    expect(JSON.parse(out)).toMatchObject({ bm25: { 'P@1': expect.any(Number), 'R@100': 1 } })
    const shown = await verb('eval', {}, [at('b.pith'), at('beir')])
    expect(shown).toMatchObject({ code: 0, err: '2 judged queries\n' })
    expect(shown.out).toMatch(/^ +nDCG@10 +R@100\n(\w+ +[\d.]{6} +1\.0000\n)+$/)
  })

  test('runs go to trec_eval and come back', async () => {
    const queries = join(sample('garden-questions'), 'queries.jsonl')
    const { out } = await verb('search', { queries, trec: true, count: '5', mode: 'bm25' }, [at('garden.pith')])
    expect(out).toMatch(/^1 Q0 tomatoes\.md#growing-tomatoes 1 [\d.]+ pith\n/)
    writeFileSync(at('run.txt'), out)
    const qrels = join(sample('garden-questions'), 'qrels.tsv')
    const judged = await verb('eval', { measures: 'nDCG@10', 'per-query': true, against: at('run.txt') }, [
      at('run.txt'),
      qrels,
    ])
    expect(judged.out).toMatch(/^ndcg_cut_10 +\t1\t1\.0000\n/)
    expect(judged.out).toMatch(
      /\nnum_q +\tall\t12\nndcg_cut_10 +\tall\t0\.\d{4}\nnDCG@10: \+0\.0000 \[\+0\.0000, \+0\.0000\]/,
    )
    const asked = await verb('search', { queries: '-' }, [at('garden.pith')], {
      stdin: 'a\tblight\nb\tnothing-like-it\n',
    })
    expect(asked.out).toMatch(/^a\t1\tpotatoes\.md#potatoes\t[\d.]+\n/)
  })

  test('an index appears as a whole or not at all', async () => {
    expect(await verb('build', { output: at('garden.pith') }, [sample('garden')])).toMatchObject({
      error: expect.stringContaining('garden.pith exists'),
    })
    mkdirSync(at('other'))
    writeFileSync(at('other/precious.txt'), 'x')
    expect(await verb('build', { output: at('other'), force: true }, [sample('garden')])).toMatchObject({
      error: expect.stringContaining('holds no index'),
    })
    writeFileSync(at('bad.jsonl'), '{"_id": "1", "text": "a"}\n{')
    expect((await verb('build', { output: at('new.pith') }, [sample('garden'), at('bad.jsonl')])).error).toContain(
      'bad.jsonl',
    )
    const running = startVerb(manifest, 'index build', { output: at('new.pith') }, { operands: [sample('garden')] })
    running.stop(new Error('interrupted'))
    await expect(running.done).rejects.toThrow('interrupted')
    expect(readdirSync(tmp).filter((name) => name.startsWith('new.pith'))).toEqual([])
    expect((await verb('build', { output: at('t.pith'), force: true }, [at('t.csv')])).code).toBe(0)
    expect(existsSync(at('other/precious.txt'))).toBe(true)
  })
})

test('add, delete, merge', async () => {
  writeFileSync(
    at('more.jsonl'),
    '{"id":"n1","text":"zebra crossing","lang":"fr"}\n{"id":"n2","text":"zebra foal","lang":"fr"}\n',
  )
  await verb('build', { output: at('c.pith') }, [sample('garden')])
  expect((await verb('add', {}, [at('c.pith'), at('more.jsonl')])).out).toBe(`${at('c.pith')}: 2 documents added\n`)
  expect(await found('c.pith', 'zebra', { mode: 'bm25' })).toHaveLength(2)
  expect((await verb('delete', {}, [at('c.pith'), 'n1', 'no-such'])).out).toContain(': 1 document deleted')
  expect((await verb('delete', { json: true }, [at('c.pith'), '-'], { stdin: 'n2\n' })).out).toContain('"deleted":1')
  expect(await found('c.pith', 'zebra', { mode: 'bm25' })).toEqual([])
  const left = await verb('delete', { where: 'lang=en', json: true }, [at('c.pith')])
  expect(JSON.parse(left.out)).toMatchObject({ deleted: 9 })
  const merged = JSON.parse((await verb('merge', { json: true }, [at('c.pith')])).out)
  expect(merged.after.segments).toBe(1)
  expect(merged.after.bytes).toBeLessThanOrEqual(merged.before.bytes)
  const { out } = await verb('info', { json: true }, [at('c.pith')])
  expect(JSON.parse(out)).toMatchObject({ documents: 1, segments: [{ rows: 1, deleted: 0 }], damaged: [] })
})

test('64 documents and more are searched by meaning, too', async () => {
  const kinds = ['cat purrs kitten', 'dog barks puppy', 'ship sails harbour', 'tree grows leaf']
  const rows = Array.from({ length: 80 }, (_, i) => {
    const words = (kinds[i % 4] as string).split(' ')
    return { _id: `d${i}`, text: `${words[i % 3]} ${words[(i >> 2) % 3]} number ${i}`, kind: i % 4 }
  })
  const lines = (all: readonly object[]): string => all.map((row) => `${JSON.stringify(row)}\n`).join('')
  mkdirSync(at('kinds/qrels'), { recursive: true })
  writeFileSync(at('kinds/corpus.jsonl'), lines(rows))
  const asked = kinds.flatMap((kind, own) => kind.split(' ').map((text) => ({ _id: `q-${text}`, text, kind: own })))
  writeFileSync(at('kinds/queries.jsonl'), lines(asked))
  const judged = asked.flatMap(({ _id, kind }) =>
    rows.flatMap((row) => (row.kind === kind ? `${_id}\t${row._id}\t1\n` : [])),
  )
  writeFileSync(at('kinds/qrels/test.tsv'), `query-id\tcorpus-id\tscore\n${judged.join('')}`)
  const options = { output: at('k.pith'), dim: '8', seed: '3', json: true } as const
  const built = JSON.parse((await verb('build', options, [at('kinds')])).out)
  expect(built.settings.dense).toMatchObject({ encoder: 'lsa', dim: 8, pq: { bits: 8, m: 1 } })
  const { out } = await verb('eval', { json: true }, [at('k.pith'), at('kinds')])
  const results = JSON.parse(out)
  expect(Object.keys(results)).toEqual(['bm25', 'dense', 'pq', 'hybrid'])
  // Words alone miss the documents that have only the other words of their kind.
  expect(results.bm25['R@100']).toBeLessThan(0.8)
  expect(results.dense['R@100']).toBe(1)
  expect(results.hybrid['R@100']).toBe(1)
  expect(results.dense['nDCG@10']).toBeGreaterThan(results.bm25['nDCG@10'])
  const tuned = JSON.parse((await verb('tune', { json: true, 'dry-run': true }, [at('k.pith'), at('kinds')])).out)
  expect(tuned).toMatchObject({ queries: 12, before: { fusion: 'rrf' }, taken: false })
  expect(tuned.table).toHaveLength(13)
  // The same seed gives the same bytes.
  await verb('export', { output: at('k1.pith') }, [at('k.pith')])
  await verb('build', { ...options, output: at('again.pith'), threads: '2' }, [at('kinds')])
  await verb('export', { output: at('k2.pith') }, [at('again.pith')])
  expect(readFileSync(at('k1.pith')).equals(readFileSync(at('k2.pith')))).toBe(true)
  const forced = await verb('tune', { force: true }, [at('k.pith'), at('kinds')])
  expect(forced.out).toMatch(
    /\nzsum 1 +[\d.]+\n[\w .-]+ instead of rrf: [-\d.]+ \[[-\d.]+, [-\d.]+\] on queries [a-z ]+\n$/,
  )
  expect((await verb('info', {}, [at('k.pith')])).out).toMatch(/\ntuning: fusion \S+, alpha /)
  const learning = { json: true, queries: '90', output: at('learned.pith'), force: true } as const
  const learned = JSON.parse((await verb('adapt', learning, [at('k.pith')])).out)
  expect(learned).toMatchObject({ method: 'gpl', model: 'jpq', taken: true, index: at('learned.pith') })
  expect(learned.rows.map(({ name }: { name: string }) => name)).toEqual([
    'vectors',
    'vectors, same adapter',
    'codes before',
    'codes after',
  ])
  expect(JSON.parse((await verb('eval', { json: true }, [at('learned.pith'), at('kinds')])).out).bm25).toEqual(
    results.bm25,
  )
  const bits = await verb('adapt', { model: 'bpr', method: 'genq', queries: '60' }, [at('k.pith')])
  expect(bits.out).toMatch(/^ +nDCG@10 +R@100\nvectors +[\s\S]*the index stays as it is: /)
  expect((await verb('adapt', {}, [at('garden.pith')])).error).toContain('PITH_CAPABILITY')
  for (const wrong of [
    { generator: 'onnx:x' },
    { teacher: 'magic' },
    { teacher: 'openai:x' },
    { teacher: 'onnx:none' },
  ]) {
    expect((await verb('adapt', wrong, [at('k.pith')])).error).toMatch(/^PITH_(ARG|IO): /)
  }
  await verb('build', { output: at('codes.pith'), dim: '8', keep: 'none', codes: 'pq4', ratio: '8' }, [at('kinds')])
  const { settings } = JSON.parse((await verb('info', { json: true }, [at('codes.pith')])).out)
  expect(settings.dense).toMatchObject({ vectors: 'none', pq: { bits: 4, m: 8 } })
  expect((await verb('build', { output: at('no.pith'), dense: 'field' }, [at('kinds')])).error).toContain(
    'have no vectors',
  )
})

test('vectors of the documents, and queries that bring theirs', async () => {
  const lines = (all: readonly object[]): string => all.map((row) => `${JSON.stringify(row)}\n`).join('')
  const turn = (i: number): number[] => [Math.cos(i / 10), Math.sin(i / 10)]
  mkdirSync(at('own/qrels'), { recursive: true })
  writeFileSync(
    at('own/corpus.jsonl'),
    lines(Array.from({ length: 20 }, (_, i) => ({ _id: `v${i}`, text: `t${i}`, vector: turn(i) }))),
  )
  writeFileSync(at('own/queries.jsonl'), lines([{ _id: 'q', text: 'none', vector: turn(7) }]))
  writeFileSync(at('own/qrels/test.tsv'), 'query-id\tcorpus-id\tscore\nq\tv7\t1\n')
  const options = { output: at('v.pith'), codes: 'none', keep: 'f32', encoder: 'compass' }
  expect((await verb('build', options, [at('own')])).code).toBe(0)
  const { out } = await verb('eval', { json: true, measures: 'P@1' }, [at('v.pith'), at('own')])
  expect(JSON.parse(out)).toMatchObject({ dense: { 'P@1': 1 } })
  const near = await verb('search', { queries: at('own/queries.jsonl'), mode: 'dense', count: '1' }, [at('v.pith')])
  expect(near.out).toMatch(/^q\t1\tv7\t1\.0/)
  const running = startVerb(manifest, 'index serve', { port: '0', name: 'own' }, { operands: [at('v.pith')] })
  const url = (await running.said).trim()
  const ask = async (path: string, body: object): Promise<{ result: never; status: string }> => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    return (await (await fetch(url + path, init)).json()) as { result: never; status: string }
  }
  const asked = {
    vector: turn(4),
    limit: 2,
    with_payload: true,
    filter: { must_not: [{ key: 'x', match: { value: 1 } }] },
  }
  expect(await ask('collections/own/points/search', asked)).toMatchObject({
    status: 'ok',
    result: [
      { id: 'v4', score: expect.closeTo(1, 5), payload: { text: 't4' } },
      { id: expect.stringMatching(/v3|v5/) },
    ],
  })
  const { result } = await ask('collections/own/points/query', { query: turn(4), limit: 1, offset: 1 })
  expect(result).toMatchObject({ points: [{ id: expect.stringMatching(/v3|v5/) }] })
  for (const wild of [
    { vector: 'x' },
    { vector: turn(1), limit: 0 },
    { vector: turn(1), filter: { must: [{ key: 'x', geo: 1 }] } },
  ]) {
    expect(await ask('collections/own/points/search', wild)).toMatchObject({ error: { code: 'PITH_ARG' } })
  }
  running.stop(new Error('over'))
  await expect(running.done).rejects.toThrow('over')
})

test('an encoder of the user, which an index names and refuses others', async () => {
  mkdirSync(at('encoder'))
  writeFileSync(at('encoder/model.onnx'), colourModel(6))
  writeFileSync(at('encoder/tokenizer.json'), colourTokenizer())
  const texts = ['red', 'green', 'blue', 'warm red', 'cold blue', 'warm green', 'cold']
  writeFileSync(at('colours.jsonl'), texts.map((text, i) => `{"_id":"c${i}","text":"${text}"}\n`).join(''))
  const encoder = `onnx:${at('encoder')}`
  const built = await verb('build', { output: at('e.pith'), encoder, codes: 'none', keep: 'f32', json: true }, [
    at('colours.jsonl'),
  ])
  expect(JSON.parse(built.out).settings.dense).toMatchObject({
    dim: 6,
    metric: 'cos',
    encoder: expect.stringMatching(/onnx/),
  })
  expect(await found('e.pith', 'cold blue', { encoder, mode: 'dense', count: '1' })).toEqual(['c4'])
  writeFileSync(at('more-colours.jsonl'), '{"_id":"d","text":"cold green"}\n')
  expect((await verb('add', { encoder }, [at('e.pith'), at('more-colours.jsonl')])).code).toBe(0)
  expect(await found('e.pith', 'cold green', { encoder, mode: 'dense', count: '1' })).toEqual(['d'])
  const words = await verb('search', {}, [at('e.pith'), 'red'])
  expect(words.err).toMatch(/^vectors of \S+ are left out: name their encoder by --encoder\n2 of 8 in/)
  const other = await verb('search', { encoder, 'query-prefix': 'warm ' }, [at('e.pith'), 'red'])
  expect(other.error).toMatch(/^PITH_MODEL: the index was built with the encoder/)
  mkdirSync(at('splade'))
  writeFileSync(at('splade/model.onnx'), colourModel(8))
  writeFileSync(at('splade/tokenizer.json'), colourTokenizer())
  const sparse = { 'sparse-encoder': `onnx:${at('splade')}` }
  expect((await verb('build', { output: at('s.pith'), dense: 'none', ...sparse }, [at('colours.jsonl')])).code).toBe(0)
  expect(await found('s.pith', 'cold blue', { ...sparse, mode: 'sparse' })).toContain('c4')
  const ways = JSON.parse((await verb('search', { ...sparse, json: true }, [at('s.pith'), 'cold blue'])).out)
  expect(Object.keys(ways.hits[0].scores).sort()).toEqual(['bm25', 'sparse'])
  expect((await verb('search', { 'sparse-encoder': 'openai:x' }, [at('s.pith'), 'red'])).error).toContain(
    'must be onnx:FOLDER',
  )
  for (const wrong of ['onnx:none', 'openai:nothing', 'openai:http://127.0.0.1:1/v1#m']) {
    expect((await verb('search', { encoder: wrong }, [at('e.pith'), 'red'])).error).toMatch(/^PITH_(IO|ARG|NETWORK): /)
  }
}, 20_000)

test('one file is searched like a folder; damage is found and named', async () => {
  expect((await verb('export', { output: at('one.pith') }, [at('garden.pith')])).out).toContain(': 10 documents')
  await verb('build', { output: at('single.pith') }, [at('t.csv')])
  await verb('build', { output: at('single.pith'), single: true, force: true }, [sample('garden')])
  expect(readFileSync(at('single.pith')).equals(readFileSync(at('one.pith')))).toBe(true)
  expect(readdirSync(tmp).filter((name) => /\.(part|old|file)-\d+$/.test(name))).toEqual([])
  expect(await found('one.pith', 'frost')).toEqual(await found('garden.pith', 'frost'))
  expect(await verb('verify', {}, [at('one.pith')])).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^ok: 10 documents, /),
  })
  const server = await serveFiles({ root: tmp })
  const { out: far } = await verb('search', { json: true }, [`${server.url}one.pith`, 'frost'])
  expect(JSON.parse(far).hits.map(({ id }: { id: string }) => id)).toEqual(await found('garden.pith', 'frost'))
  await server.close()
  const bytes = readFileSync(at('one.pith'))
  bytes[Math.floor(bytes.length / 3)]! ^= 8
  writeFileSync(at('bad.pith'), bytes)
  const { code, out } = await verb('verify', { json: true }, [at('bad.pith')])
  expect(code).toBe(1)
  expect(JSON.parse(out)).toMatchObject({ ok: false, bad: [{ code: expect.stringMatching(/^PITH_/) }] })
  expect((await verb('info', {}, [at('garden.pith')])).out).toMatch(/^10 documents, [\d.]+ kB, .* a document\n/)
})

test('documents go to other systems', async () => {
  const given = async (to: string): Promise<string> =>
    (await verb('export', { to, output: '-' }, [at('garden.pith')])).out
  const lines = (await given('jsonl')).trim().split('\n')
  expect(lines).toHaveLength(10)
  expect(JSON.parse(lines[2] as string)).toMatchObject({ id: 'frost.md#frost', title: 'Frost', lang: 'en', year: 2018 })
  expect(await given('pgvector')).toMatch(
    /^CREATE EXTENSION .*\nCREATE TABLE docs \(.*\);\nINSERT INTO docs VALUES\n\('bees\.md/,
  )
  const database = new DatabaseSync(':memory:')
  database.exec(await given('sqlite-vec'))
  expect(database.prepare("SELECT id FROM docs WHERE fields ->> 'year' = 2018").all()).toEqual([
    { id: 'frost.md#frost' },
  ])
  database.close()
  expect(JSON.parse((await given('qdrant')).split('\n')[1] as string).body.points).toHaveLength(10)
  expect((await given('opensearch')).split('\n')).toHaveLength(21)
  const asked = await verb('export', { to: 'pgvector', query: 'frost' }, [at('garden.pith')])
  expect(asked.error).toContain('PITH_CAPABILITY')
})

test('serve', async () => {
  const running = startVerb(manifest, 'index serve', { port: '0', facets: 'tags' }, { operands: [at('garden.pith')] })
  const page = await fetch(`${(await running.said).trim()}?q=slugs`)
  expect(await page.text()).toContain('<mark>Slugs</mark> and snails')
  running.stop(new Error('over'))
  await expect(running.done).rejects.toThrow('over')
})

test.each([
  ['build', {}, ['garden'], 'option --output is missing'],
  ['build', { output: 'x' }, ['none'], 'there is no file or folder'],
  ['search', {}, ['garden.pith'], 'give a query'],
  ['search', {}, ['none.pith', 'x'], 'none.pith'],
  ['search', { count: '0' }, ['garden.pith', 'x'], '--count must be'],
  ['search', { where: 'lang' }, ['garden.pith', 'x'], '--where must be'],
  ['delete', {}, ['garden.pith'], 'give ids'],
  ['add', {}, ['t.csv', 't.csv'], 'PITH_'],
  ['eval', {}, ['garden.pith', 'none'], 'there is no file or folder'],
  ['eval', {}, ['garden.pith', 'garden'], 'has no queries or no judgements'],
  ['tune', {}, ['garden.pith', 'garden'], 'has no queries or no judgements'],
  ['export', {}, ['garden.pith'], 'option --output is missing'],
] as const)('%s refuses what it cannot do: %o %o', async (name, options, operands, wanted) => {
  const own = 'output' in options ? { output: at(options.output) } : options
  const paths = operands.map((word, i) =>
    word === 'garden' ? sample('garden') : i === 0 || word.includes('.') || word === 'none' ? at(word) : word,
  )
  const { error } = await verb(name, own, paths)
  expect(error).toContain(wanted)
})
