import { readdirSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { Random } from '@pith/core'
import { expect, test } from 'vitest'
import { testFolder } from '../../../test/folder.ts'
import type { IndexDocument } from '../../types.ts'
import type { IndexReader } from '../reader.ts'
import { createIndex, exportIndex, openIndex, openWriter, snapshotIndex } from './index.ts'

const WORDS = 'wing flow heat shock layer plate speed body jet cone mach drag lift edge tube wave'.split(' ')

function someDocuments(count: number, seed = 1): IndexDocument[] {
  const random = new Random(seed)
  return Array.from({ length: count }, (_, i) => ({
    id: `doc-${random.integer(1_000_000)}-${i}`,
    title: `${WORDS[random.integer(WORDS.length)]} ${i}`,
    text: Array.from({ length: 5 + random.integer(30) }, () => WORDS[random.integer(WORDS.length)]).join(' '),
    fields: { year: 1950 + random.integer(60), lang: random.integer(3) > 0 ? 'en' : 'de' },
  }))
}

async function allIds(reader: IndexReader): Promise<string[]> {
  const ids: string[] = []
  for await (const { id } of reader.documents()) ids.push(id)
  return ids
}

test('what is added is found, before and after it becomes a segment', async () => {
  const path = testFolder()
  const writer = await createIndex(path, { autoMerge: false })
  const documents = someDocuments(120)
  await writer.add(documents.slice(0, 50))
  await writer.flush()
  await writer.add(documents.slice(50, 100))
  await writer.flush()
  await writer.add(documents.slice(100))
  const ids = documents.map(({ id }) => id).sort()
  const early = await openIndex(path)
  expect(early.info).toMatchObject({
    documents: 120,
    segments: [{ rows: 50 }, { rows: 50 }, { name: 'log', rows: 20 }],
  })
  expect(await allIds(early)).toEqual(ids)
  const found = await early.search({ text: 'shock wave', k: 20, documents: true })
  expect(found.hits.length).toBe(20)
  await writer.merge()
  await writer.close()
  const late = await openIndex(path)
  expect(late.info.segments).toMatchObject([{ rows: 120, deleted: 0 }])
  expect(await allIds(late)).toEqual(ids)
  expect(await late.search({ text: 'shock wave', k: 20, documents: true })).toEqual(found)
  for (const document of documents.slice(0, 9)) expect(await late.get(document.id)).toEqual(document)
  expect(await late.get('nothing')).toBeUndefined()
  // Its files are gone from the folder, and still open.
  expect(await early.search({ text: 'shock wave', k: 20, documents: true })).toEqual(found)
  expect(await late.verify()).toMatchObject({ ok: true, documents: 120, bad: [] })
  await early.close()
  await late.close()
  expect(readdirSync(path).sort()).toEqual([expect.stringMatching(/^\d+$/), 'manifest.json', 'wal-4.log'])
})

test('updates and deletes hold, wherever the document stood', async () => {
  const path = testFolder()
  const random = new Random(3)
  const model = new Map<string, string>()
  let writer = await createIndex(path, { flushDocuments: 25, mergeFactor: 3 })
  for (let round = 0; round < 60; round++) {
    const id = `d${random.integer(60)}`
    const kind = random.integer(10)
    if (kind < 6) {
      const text = `round ${round} ${WORDS[random.integer(WORDS.length)]}`
      await writer.update({ id, text })
      model.set(id, text)
    } else if (kind < 8) {
      await writer.delete([id, 'stranger'])
      model.delete(id)
    } else if (kind === 8) await writer.flush()
    else if (round % 20 === 9) {
      await writer.close()
      writer = await openWriter(path, { flushDocuments: 7, mergeFactor: 2, durability: 'each' })
    }
    if (round % 12 !== 11) continue
    const reader = await openIndex(path)
    const found: [string, string][] = []
    for await (const { id: own, text } of reader.documents()) found.push([own, text])
    expect(found).toEqual([...model].sort((a, b) => (a[0] < b[0] ? -1 : 1)))
    expect(reader.info.documents).toBe(model.size)
    const { hits } = await reader.search({ text: 'round', k: 100 })
    expect(hits.map((hit) => hit.id).sort()).toEqual([...model.keys()].sort())
    await reader.close()
  }
  await writer.close()
})

test('the same ten for one segment and for seven, with and without a condition', async () => {
  const documents = someDocuments(700, 9)
  const [one, seven] = [testFolder(), testFolder()]
  const first = await createIndex(one)
  await first.add(documents)
  await first.close()
  const second = await createIndex(seven, { autoMerge: false, durability: 'none' })
  for (let part = 0; part < 7; part++) {
    await second.add(documents.filter((_, i) => i % 7 === part))
    await second.flush()
  }
  await second.close()
  const [whole, parts] = [await openIndex(one), await openIndex(seven)]
  expect([whole.info.segments.length, parts.info.segments.length]).toEqual([1, 7])
  for (const [i, word] of WORDS.entries()) {
    const text = `${word} ${WORDS[(i * 5 + 1) % WORDS.length]} unknown`
    for (const query of [
      { text },
      { text, where: { lang: 'de', year: { gte: 1980 } } },
      { text, k: 5, offset: 7, facets: ['lang', 'year'], total: true },
      { text: `"${text.slice(0, 9)}" +${word} -heat`, syntax: true },
    ]) {
      const [a, b] = [await whole.search(query), await parts.search(query)]
      expect(b).toEqual(a)
      expect(a.warnings).toEqual([])
    }
  }
  expect(await whole.facets(['lang'])).toEqual(await parts.facets(['lang']))
  await whole.close()
  await parts.close()
})

test('facets count what matches, pages follow each other', async () => {
  const path = testFolder()
  const writer = await createIndex(path)
  const documents = someDocuments(200, 4)
  await writer.add(documents)
  await writer.close()
  const reader = await openIndex(path)
  const matching = documents.filter(
    ({ title, text, fields }) => /\bwing\b/.test(`${title} ${text}`) && fields?.lang === 'de',
  )
  const { facets, total } = await reader.search({
    text: 'wing',
    where: { lang: 'de' },
    facets: ['year', 'none'],
    total: true,
  })
  expect(total).toBe(matching.length)
  expect(facets?.['year']?.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(matching.length)
  for (const { value, count } of facets?.['year'] ?? []) {
    expect(count).toBe(matching.filter(({ fields }) => fields?.year === value).length)
  }
  expect(facets?.['none']).toEqual([])
  expect(await reader.facets(['lang'])).toEqual({
    lang: [
      { value: 'en', count: documents.filter(({ fields }) => fields?.lang === 'en').length },
      { value: 'de', count: documents.filter(({ fields }) => fields?.lang === 'de').length },
    ],
  })
  const whole = await reader.search({ text: 'flow', k: 50 })
  const pages = await Promise.all(
    [0, 1, 2, 3, 4].map((page) => reader.search({ text: 'flow', k: 10, offset: 10 * page })),
  )
  expect(pages.flatMap(({ hits }) => hits)).toEqual(whole.hits)
  expect((await reader.search({ text: 'flow', where: { langg: 'de' } })).warnings).toEqual([
    'no document has the field "langg"',
  ])
  await reader.close()
})

test('a copy is taken while the index is changed', async () => {
  const [path, copy] = [testFolder(), testFolder()]
  const writer = await createIndex(path, { autoMerge: false })
  const documents = someDocuments(60)
  await writer.add(documents.slice(0, 40))
  await writer.flush()
  await writer.update({ ...(documents[0] as IndexDocument), text: 'changed' })
  await writer.delete(documents[1]?.id as string)
  await writer.add(documents.slice(40))
  const going = writer.add({ id: 'later', text: '' })
  expect(await snapshotIndex(path, copy)).toBeGreaterThanOrEqual(59)
  await going
  await writer.delete(documents.map(({ id }) => id))
  await writer.close()
  const index = await openIndex(copy)
  const ids = (await allIds(index)).filter((id) => id !== 'later')
  expect(ids).toEqual(
    documents
      .map(({ id }) => id)
      .filter((_, i) => i !== 1)
      .sort(),
  )
  expect((await index.get(documents[0]?.id as string))?.text).toBe('changed')
  expect(await index.verify()).toMatchObject({ ok: true })
  await index.close()
  await expect(snapshotIndex(path, copy)).rejects.toMatchObject({ code: 'PITH_IO' })
  const next = await openWriter(copy)
  await next.add({ id: 'more', text: 'wing' })
  await next.close()
})

test('there is one writer; who died is no writer', async () => {
  const path = testFolder()
  const writer = await createIndex(path)
  await expect(openWriter(path)).rejects.toMatchObject({ code: 'PITH_LOCKED' })
  await expect(createIndex(path)).rejects.toMatchObject({ code: 'PITH_IO' })
  await writer.close()
  await expect(writer.add({ id: 'a', text: '' })).rejects.toMatchObject({ code: 'PITH_ARG' })
  const lock = JSON.stringify({ pid: 2 ** 22 + 1, host: (await import('node:os')).hostname(), start: '1' })
  await fs.writeFile(join(path, 'writer.lock'), lock)
  const next = await openWriter(path)
  await next.close()
  await expect(openWriter(`${path}-none`)).rejects.toMatchObject({ code: 'PITH_IO' })
})

test('a log that was cut short gives what is whole, with a warning', async () => {
  const path = testFolder()
  const writer = await createIndex(path)
  const documents = someDocuments(3)
  for (const document of documents) await writer.add(document)
  const log = await fs.readFile(join(path, 'wal-1.log'))
  await writer.close()
  const copy = testFolder()
  const again = await createIndex(copy)
  await again.close()
  await fs.writeFile(join(copy, 'wal-1.log'), log.subarray(0, -3))
  const reader = await openIndex(copy)
  expect(reader.info.documents).toBe(2)
  await reader.close()
  const next = await openWriter(copy)
  expect(next.warnings).toEqual([expect.stringMatching(/bytes of an unfinished change/)])
  await next.add(documents[2])
  await next.close()
  const whole = await openIndex(copy)
  expect(await allIds(whole)).toEqual(documents.map(({ id }) => id).sort())
  await whole.close()
})

test('a log that is damaged in the middle is refused, or read as far as it is sound', async () => {
  const path = testFolder()
  const writer = await createIndex(path)
  for (const document of someDocuments(4)) await writer.add(document)
  // As who dies leaves it.
  const copy = testFolder()
  await fs.cp(path, copy, { recursive: true, filter: (name) => !name.includes('.lock') })
  await writer.close()
  const log = await fs.readFile(join(copy, 'wal-1.log'))
  log[log.length >> 1] ^= 1
  await fs.writeFile(join(copy, 'wal-1.log'), log)
  await expect(openIndex(copy)).rejects.toMatchObject({ code: 'PITH_CHECKSUM' })
  await expect(openWriter(copy)).rejects.toMatchObject({ code: 'PITH_CHECKSUM' })
  const reader = await openIndex(copy, { allowPartial: true })
  expect(reader.info.documents).toBeLessThan(4)
  expect(reader.info.warnings).toEqual([expect.stringMatching(/what was added last is damaged/)])
  await reader.close()
})

test('an empty index answers with nothing', async () => {
  const path = testFolder()
  const writer = await createIndex(path, { dense: { encoder: 'lsa' } })
  await writer.add([])
  await writer.delete('nobody')
  await writer.merge()
  await writer.train()
  await writer.add({ id: 'a', text: 'gone' })
  await writer.delete('a')
  await writer.close()
  const reader = await openIndex(path)
  expect(reader.info).toMatchObject({ documents: 0, segments: [] })
  expect(await reader.search({ text: 'gone', facets: ['x'], total: true })).toMatchObject({ hits: [], total: 0 })
  expect(await reader.get('a')).toBeUndefined()
  expect(await exportIndex(reader, `${path}-one`)).toBe(0)
  await reader.close()
  const single = await openIndex(`${path}-one`)
  expect((await single.search('gone')).hits).toEqual([])
  expect(await single.verify()).toMatchObject({ ok: true, documents: 0 })
  await single.close()
})

test('a damaged segment is named; the rest answers where that is allowed', async () => {
  const path = testFolder()
  const writer = await createIndex(path, { autoMerge: false })
  const documents = someDocuments(90)
  for (let part = 0; part < 3; part++) {
    await writer.add(documents.slice(30 * part, 30 * part + 30))
    await writer.flush()
  }
  await writer.close()
  const name = 'segment-000002.pith'
  const file = (await fs.readdir(path, { recursive: true })).find((entry) => entry.endsWith(name)) as string
  const bytes = await fs.readFile(join(path, file))
  let refused = 0
  for (let at = 40; at < bytes.length; at += 997) {
    const changed = Uint8Array.from(bytes)
    changed[at] ^= 16
    await fs.writeFile(join(path, file), changed)
    const query = { text: 'wing flow heat', k: 90, documents: true }
    const strict = async () => {
      const reader = await openIndex(path)
      try {
        expect((await reader.verify()).bad.every((bad) => bad.name === name)).toBe(true)
        return await reader.search(query)
      } finally {
        await reader.close()
      }
    }
    const partial = await openIndex(path, { allowPartial: true })
    const answer = await partial.search(query)
    const error: { code?: string; at?: object } | undefined = await strict().then(
      () => undefined,
      (failure) => failure,
    )
    if (error === undefined) expect(answer.leftOut).toEqual([])
    else {
      refused++
      expect(error.at).toMatchObject({ entry: name })
      expect(answer.leftOut).toEqual([name])
      expect(answer.hits.length).toBeGreaterThan(30)
      expect(partial.info.documents).toBe(60)
    }
    await partial.close()
  }
  expect(refused).toBeGreaterThan(3)
})

test('the same documents give the same bytes', async () => {
  const documents = someDocuments(300, 2)
  const files = async (): Promise<Map<string, string>> => {
    const path = testFolder()
    const writer = await createIndex(path, { flushDocuments: 40, mergeFactor: 3 })
    await writer.add(documents)
    await writer.delete(documents.slice(0, 30).map(({ id }) => id))
    await writer.close()
    const names = (await fs.readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
    return new Map(
      await Promise.all(
        names.map(
          async (entry) => [entry.name, await fs.readFile(join(entry.parentPath, entry.name), 'latin1')] as const,
        ),
      ),
    )
  }
  expect(await files()).toEqual(await files())
})
