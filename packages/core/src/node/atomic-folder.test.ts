import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { readAll } from '../source.ts'
import { atomicFolder, type FolderOptions, type FolderSnapshot, openFolder } from './atomic-folder.ts'
import { faultyFiles, tryEveryFault } from './faulty-files.ts'

let folder: string
let path: string

beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'pith-folder-'))
  path = join(folder, 'index')
})
afterAll(() => fs.rm(folder, { recursive: true }))
const reset = (): Promise<void> => fs.rm(path, { recursive: true, force: true })
beforeEach(reset)

async function change(
  content: Record<string, string>,
  options: FolderOptions = {},
  remove: string[] = [],
): Promise<void> {
  const change = await atomicFolder(path, options)
  try {
    for (const [name, value] of Object.entries(content)) {
      const sink = await change.create(name)
      await sink.write(new TextEncoder().encode(value.slice(0, 2)))
      await sink.write(new TextEncoder().encode(value.slice(2)))
      await sink.close()
    }
    for (const name of remove) change.remove(name)
    await change.commit()
  } catch (error) {
    await change.abort()
    throw error
  }
}

async function contentOf(snapshot: FolderSnapshot): Promise<Record<string, string>> {
  const content: Record<string, string> = {}
  for (const { name } of snapshot.files) {
    const file = await snapshot.open(name)
    content[name] = new TextDecoder().decode(await readAll(file))
    await file.close()
  }
  return content
}

const content = async (): Promise<Record<string, string>> => contentOf(await openFolder(path))
const tree = async (): Promise<string[]> => (await fs.readdir(path, { recursive: true })).sort()

test('a folder is made, updated, replaced, and holds nothing that it does not need', async () => {
  await change({ a: 'first', 'b.bin': 'second' })
  expect(await content()).toEqual({ a: 'first', 'b.bin': 'second' })
  expect(await tree()).toEqual(['1', '1/a', '1/b.bin', 'manifest.json'])
  await change({ a: 'third' }, { mode: 'update' })
  expect(await content()).toEqual({ a: 'third', 'b.bin': 'second' })
  expect(await tree()).toEqual(['1', '1/b.bin', '2', '2/a', 'manifest.json'])
  await change({ c: '' }, { mode: 'update' }, ['a'])
  expect(await content()).toEqual({ 'b.bin': 'second', c: '' })
  await change({ d: 'fourth' }, { mode: 'replace' })
  expect(await content()).toEqual({ d: 'fourth' })
  expect((await openFolder(path)).generation).toBe(4)
  expect(await tree()).toEqual(['4', '4/d', 'manifest.json'])
})

test('an abort leaves what was there, or nothing', async () => {
  const first = await atomicFolder(path)
  await first.create('a')
  await first.abort()
  await expect(fs.stat(path)).rejects.toMatchObject({ code: 'ENOENT' })
  await change({ a: 'first' })
  const before = await tree()
  const second = await atomicFolder(path, { mode: 'replace' })
  await (await second.create('b')).close()
  await second.abort()
  expect(await tree()).toEqual(before)
  await expect(second.commit()).rejects.toMatchObject({ code: 'PITH_ARG' })
})

test('what is not ours is not touched', async () => {
  await fs.mkdir(path)
  await fs.writeFile(join(path, 'photo.jpg'), 'mine')
  await expect(change({ a: 'x' }, { mode: 'replace' })).rejects.toMatchObject({ code: 'PITH_IO' })
  expect(await tree()).toEqual(['photo.jpg'])
})

test('an existing folder needs a mode, a second change waits for the first', async () => {
  await change({ a: 'x' })
  await expect(change({ a: 'y' })).rejects.toMatchObject({ code: 'PITH_IO', hint: expect.stringContaining('--force') })
  const first = await atomicFolder(path, { mode: 'update' })
  await expect(atomicFolder(path, { mode: 'update' })).rejects.toMatchObject({ code: 'PITH_LOCKED' })
  await first.abort()
  await change({ a: 'z' }, { mode: 'update' })
  expect(await content()).toEqual({ a: 'z' })
})

test('wrong use is a PITH_ARG', async () => {
  const open = await atomicFolder(path)
  for (const name of ['', '../x', 'a/b', '.hidden', 'a\0']) {
    await expect(open.create(name)).rejects.toMatchObject({ code: 'PITH_ARG' })
  }
  await open.create('late')
  await expect(open.commit()).rejects.toMatchObject({ code: 'PITH_ARG', message: expect.stringContaining('late') })
  await open.abort()
  await change({ a: 'x' })
  await expect((await openFolder(path)).open('b')).rejects.toMatchObject({ code: 'PITH_ARG' })
})

test('damage is found', async () => {
  await change({ a: 'some bytes' })
  const snapshot = await openFolder(path)
  await snapshot.verify()
  await fs.writeFile(join(path, '1/a'), 'some bytfs')
  await expect(snapshot.verify()).rejects.toMatchObject({ code: 'PITH_CHECKSUM', at: { entry: 'a' } })
  await fs.writeFile(join(path, '1/a'), 'some')
  await expect(snapshot.open('a')).rejects.toMatchObject({ code: 'PITH_TRUNCATED', at: { entry: 'a' } })
})

test.each([
  ['no JSON', '{', 'PITH_CORRUPT'],
  ['another format', '{"format":"npm"}', 'PITH_CORRUPT'],
  ['a list', '[]', 'PITH_CORRUPT'],
  ['a newer version', '{"format":"pith-folder","version":2,"generation":1,"files":[]}', 'PITH_VERSION'],
  [
    'a path that leads out',
    '{"format":"pith-folder","version":1,"generation":1,"files":[{"name":"../x","bytes":1,"crc32c":1,"generation":1}]}',
    'PITH_CORRUPT',
  ],
  [
    'a file of a later generation',
    '{"format":"pith-folder","version":1,"generation":1,"files":[{"name":"x","bytes":1,"crc32c":1,"generation":2}]}',
    'PITH_CORRUPT',
  ],
  [
    'a negative size',
    '{"format":"pith-folder","version":1,"generation":1,"files":[{"name":"x","bytes":-1,"crc32c":1,"generation":1}]}',
    'PITH_CORRUPT',
  ],
])('a manifest with %s is refused', async (_, text, code) => {
  await fs.mkdir(path)
  await fs.writeFile(join(path, 'manifest.json'), text)
  await expect(openFolder(path)).rejects.toMatchObject({ code })
})

test('a folder without a manifest is a PITH_IO', async () => {
  await expect(openFolder(path)).rejects.toMatchObject({ code: 'PITH_IO' })
})

test('whatever fails or dies, the old content or the new one stands, and the next change clears the rest', async () => {
  const old = { a: 'first', b: 'second' }
  const next = { a: 'third', b: 'second' }
  await tryEveryFault(
    async () => {
      await reset()
      await change(old)
    },
    async (files) => change({ a: 'third' }, { mode: 'update', files }),
    async ({ error }) => {
      // The lock names this process, which lives on in the test.
      await fs.rm(join(path, 'manifest.json.lock'), { force: true })
      const now = await content()
      await (await openFolder(path)).verify()
      expect([old, next]).toContainEqual(now)
      if (error === undefined) expect(now).toEqual(next)
      await change({ c: 'later' }, { mode: 'update' })
      expect(await content()).toEqual({ ...now, c: 'later' })
      const held = (await tree()).filter((name) => name.includes('/'))
      expect(held).toHaveLength(3)
    },
  )
}, 30_000)

test('a full disk leaves the old content', async () => {
  await change({ a: 'first' })
  const files = faultyFiles({ capacity: 110 })
  await expect(change({ a: 'x'.repeat(200) }, { mode: 'update', files })).rejects.toMatchObject({ code: 'PITH_IO' })
  expect(await content()).toEqual({ a: 'first' })
  expect(await tree()).toEqual(['1', '1/a', 'manifest.json'])
})
