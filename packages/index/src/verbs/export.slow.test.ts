import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { PGlite } from '@electric-sql/pglite'
import { vector } from '@electric-sql/pglite-pgvector'
import { Random } from '@pith/core'
import { startVerb, type VerbOptions } from '@pith/core/testing'
import { getLoadablePath } from 'sqlite-vec'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { manifest } from '../manifest.ts'
import { openIndex } from '../store/node/index.ts'

const [DOCUMENTS, QUERIES] = [1000, 50]
const tmp = mkdtempSync(join(tmpdir(), 'pith-export-'))
afterAll(() => rmSync(tmp, { recursive: true }))
const at = (name: string): string => join(tmp, name)

async function verb(name: string, options: VerbOptions, operands: readonly string[]): Promise<string> {
  const { out, error } = await startVerb(manifest, `index ${name}`, options, { operands }).done
  expect(error).toBeUndefined()
  return out
}

/** Texts whose words go together by subject. */
function someText(random: Random, words: number): string {
  const subject = random.integer(40)
  return Array.from({ length: words }, () => `w${(subject * 7 + random.integer(25)) % 300}`).join(' ')
}

const queries: string[] = []
const wanted: string[][] = []

beforeAll(async () => {
  const random = new Random(5)
  const rows = Array.from({ length: DOCUMENTS }, (_, i) => ({
    id: `d${i}`,
    text: someText(random, 12),
    n: i % 7,
    tags: ['a', `t${i % 3}`],
  }))
  writeFileSync(at('docs.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  await verb('build', { output: at('x.pith'), dim: '32', codes: 'none', keep: 'f32' }, [at('docs.jsonl')])
  const index = await openIndex(at('x.pith'))
  for (let i = 0; i < QUERIES; i++) {
    queries.push(someText(random, 4))
    const { hits } = await index.search({ text: queries[i] as string, mode: 'dense' })
    wanted.push(hits.map(({ id }) => id))
  }
  await index.close()
})

/** The ten best of each query, which may swap where their scores are the same but for rounding. */
function sameHits(got: readonly { id: string }[][]): void {
  expect(got.map((rows) => rows.map(({ id }) => id))).toEqual(wanted)
}

async function asked(to: string, query: string): Promise<string> {
  return await verb('export', { to, query }, [at('x.pith')])
}

test('PostgreSQL with pgvector finds the ten best that exact search finds', async () => {
  const pg = await PGlite.create({ extensions: { vector } })
  await pg.exec(await verb('export', { to: 'pgvector', output: '-' }, [at('x.pith')]))
  const { rows } = await pg.query(
    "SELECT count(*)::int AS n, count(*) FILTER (WHERE fields->>'n' = '3')::int AS threes FROM docs",
  )
  expect(rows).toEqual([{ n: DOCUMENTS, threes: 143 }])
  const got: { id: string }[][] = []
  for (const query of queries) got.push((await pg.query<{ id: string }>(await asked('pgvector', query))).rows)
  sameHits(got)
  await pg.close()
})

test('SQLite with sqlite-vec finds the ten best that exact search finds', async () => {
  await verb('export', { to: 'sqlite-vec', output: at('x.sql') }, [at('x.pith')])
  const database = new DatabaseSync(':memory:', { allowExtension: true })
  database.loadExtension(getLoadablePath())
  database.exec(readFileSync(at('x.sql'), 'utf8'))
  expect(database.prepare('SELECT count(*) AS n FROM docs').get()).toMatchObject({ n: DOCUMENTS })
  const got: { id: string }[][] = []
  for (const query of queries) got.push(database.prepare(await asked('sqlite-vec', query)).all() as { id: string }[])
  sameHits(got)
  database.close()
})

test('documents come back from their lines; requests to other systems hold each of them', async () => {
  await verb('export', { to: 'jsonl', output: at('again.jsonl') }, [at('x.pith')])
  await verb('build', { output: at('again.pith'), dense: 'none' }, [at('again.jsonl')])
  const read = async (path: string): Promise<unknown[]> => {
    const index = await openIndex(path)
    const list: unknown[] = []
    for await (const document of index.documents()) list.push(document)
    await index.close()
    return list
  }
  expect(await read(at('again.pith'))).toEqual(await read(at('x.pith')))
  const requests = (await verb('export', { to: 'qdrant', output: '-', name: 'papers' }, [at('x.pith')]))
    .trim()
    .split('\n')
  expect(JSON.parse(requests[0] as string)).toMatchObject({ method: 'PUT', path: '/collections/papers' })
  expect(requests.slice(1).flatMap((line) => JSON.parse(line).body.points)).toHaveLength(DOCUMENTS)
  const bulk = (await verb('export', { to: 'opensearch', output: '-' }, [at('x.pith')])).trim().split('\n')
  expect(bulk).toHaveLength(2 * DOCUMENTS)
  expect(JSON.parse(await verb('export', { to: 'opensearch', mapping: true }, [at('x.pith')]))).toMatchObject({
    mappings: { properties: { vector: { dimension: 32 } } },
  })
  expect(JSON.parse(await asked('opensearch', queries[0] as string))).toMatchObject({ size: 10 })
  expect(JSON.parse(await asked('qdrant', queries[0] as string))).toMatchObject({ body: { using: 'dense' } })
})
