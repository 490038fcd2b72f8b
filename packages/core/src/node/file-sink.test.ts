import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { faultyFiles } from './faulty-files.ts'
import { fileSink } from './file-sink.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
let folder: string
let path: string

beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'pith-sink-'))
  path = join(folder, 'app.pith')
})
afterAll(() => fs.rm(folder, { recursive: true }))
beforeEach(async () => {
  for (const name of await fs.readdir(folder)) await fs.rm(join(folder, name))
})

test('a file is appended to, changed, cut and read in place', async () => {
  await fs.writeFile(path, 'abc')
  const sink = await fileSink(path)
  expect(sink.size).toBe(3)
  await sink.write(text('def'))
  await sink.writeAt(1, text('XY'))
  expect(sink.size).toBe(6)
  await sink.flush()
  expect(await fs.readFile(path, 'utf8')).toBe('aXYdef')
  await sink.truncate(4)
  await sink.write(text('!'))
  expect(new TextDecoder().decode(await sink.readAt(2, 10))).toBe('Yd!')
  expect(await sink.readAt(9, 10)).toHaveLength(0)
  await expect(sink.writeAt(6, text('z'))).rejects.toMatchObject({ code: 'PITH_ARG' })
  await sink.close()
  expect(await fs.readFile(path, 'utf8')).toBe('aXYd!')
  expect(await fs.readdir(folder)).toEqual(['app.pith'])
  await expect(sink.write(text('z'))).rejects.toMatchObject({ code: 'PITH_IO' })
})

test('the mode says whether the file must exist', async () => {
  await expect(fileSink(path)).rejects.toMatchObject({ code: 'PITH_IO' })
  await (await fileSink(path, { mode: 'create' })).close()
  await expect(fileSink(path, { mode: 'create' })).rejects.toMatchObject({ code: 'PITH_IO' })
  await (await fileSink(path, { mode: 'either' })).close()
  expect(await fs.readdir(folder)).toEqual(['app.pith'])
})

test('a second writer is told that the file is in use', async () => {
  const sink = await fileSink(path, { mode: 'create' })
  await expect(fileSink(path)).rejects.toMatchObject({
    code: 'PITH_LOCKED',
    message: expect.stringContaining(`process ${process.pid}`),
  })
  await sink.abort()
  await (await fileSink(path)).close()
})

test('failures are PITH_IO with their place, the sink goes on', async () => {
  const plain = faultyFiles()
  await (await fileSink(path, { mode: 'create', files: plain, lock: false })).close()
  const files = faultyFiles({ failAt: 1, code: 'ENOSPC' })
  const sink = await fileSink(path, { files, lock: false })
  await sink.write(text('abcd'))
  await expect(sink.write(text('efgh'))).rejects.toMatchObject({ code: 'PITH_IO', at: { offset: 4 } })
  expect(sink.size).toBe(4)
  await sink.truncate(4)
  await sink.write(text('EFGH'))
  await sink.close()
  expect(await fs.readFile(path, 'utf8')).toBe('abcdEFGH')
})

test('an abort of the run rejects with its reason', async () => {
  const abort = new AbortController()
  const sink = await fileSink(path, { mode: 'create', signal: abort.signal })
  abort.abort('enough')
  await expect(sink.write(text('a'))).rejects.toBe('enough')
  await sink.abort()
  expect(await fs.readdir(folder)).toEqual(['app.pith'])
})
