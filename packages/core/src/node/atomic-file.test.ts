import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { atomicFile, writeAtomic } from './atomic-file.ts'
import { faultyFiles, Killed, tryEveryFault } from './faulty-files.ts'
import type { FileSystem } from './file-system.ts'

const OLD = 'the old content'
const NEW = new TextEncoder().encode('the new content, which is longer')
let folder: string
let path: string

beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'pith-atomic-'))
  path = join(folder, 'out.pith')
})
afterAll(() => fs.rm(folder, { recursive: true }))

async function reset(content?: string): Promise<void> {
  for (const name of await fs.readdir(folder)) await fs.rm(join(folder, name), { recursive: true })
  if (content !== undefined) await fs.writeFile(path, content)
}

async function writeNew(files?: FileSystem): Promise<void> {
  const sink = await atomicFile(path, { force: true, ...(files === undefined ? {} : { files }) })
  await sink.write(NEW.subarray(0, 10))
  await sink.write(NEW.subarray(10))
  await sink.close()
}

const content = (): Promise<string> => fs.readFile(path, 'utf8')
const names = async (): Promise<string[]> => (await fs.readdir(folder)).sort()

test('a file appears whole, under its name only', async () => {
  await reset()
  const sink = await atomicFile(path)
  await sink.write(NEW)
  expect(await names()).toEqual([expect.stringMatching(new RegExp(`^out\\.pith\\.tmp-${process.pid}-\\d+$`))])
  await sink.close()
  expect(await names()).toEqual(['out.pith'])
  expect(await fs.readFile(path)).toEqual(Buffer.from(NEW))
  await expect(sink.write(NEW)).rejects.toMatchObject({ code: 'PITH_IO' })
})

test('an existing file is kept without force, with a hint', async () => {
  await reset(OLD)
  await expect(atomicFile(path)).rejects.toMatchObject({
    code: 'PITH_IO',
    message: `${path} exists`,
    hint: expect.stringContaining('--force'),
  })
  expect(await content()).toBe(OLD)
})

test('a file that appears in the meantime is kept', async () => {
  await reset()
  const sink = await atomicFile(path)
  await sink.write(NEW)
  await fs.writeFile(path, OLD)
  await expect(sink.close()).rejects.toMatchObject({ code: 'PITH_IO' })
  expect(await content()).toBe(OLD)
  expect(await names()).toEqual(['out.pith'])
})

test('an abort leaves the old file and nothing else', async () => {
  await reset(OLD)
  const sink = await atomicFile(path, { force: true })
  await sink.write(NEW)
  await sink.abort()
  await sink.abort()
  expect(await content()).toBe(OLD)
  expect(await names()).toEqual(['out.pith'])

  const abort = new AbortController()
  const other = await atomicFile(path, { force: true, signal: abort.signal })
  await other.write(NEW)
  abort.abort('enough')
  await expect(other.close()).rejects.toBe('enough')
  expect(await names()).toEqual(['out.pith'])
})

test('permissions of the replaced file stay', async () => {
  await reset(OLD)
  await fs.chmod(path, 0o640)
  await writeNew()
  expect((await fs.stat(path)).mode & 0o777).toBe(0o640)
})

test('the target of a link is replaced, the link stays', async () => {
  await reset(OLD)
  const link = join(folder, 'link')
  await fs.symlink('out.pith', link)
  await writeAtomic(link, NEW, { force: true })
  expect(await content()).toBe(new TextDecoder().decode(NEW))
  expect((await fs.lstat(link)).isSymbolicLink()).toBe(true)
})

test('a device is written to and stays', async () => {
  await writeAtomic('/dev/null', NEW)
  expect((await fs.stat('/dev/null')).isCharacterDevice()).toBe(true)
})

test('folders and missing folders are PITH_IO', async () => {
  await expect(atomicFile(folder, { force: true })).rejects.toMatchObject({ code: 'PITH_IO' })
  await expect(atomicFile(join(folder, 'none', 'x'))).rejects.toMatchObject({
    code: 'PITH_IO',
    hint: 'Check the path.',
  })
})

test('each write, fsync and rename may fail, and the program may die at any of them: the old file or the new one', async () => {
  const kinds = new Set<string>()
  let olds = 0
  const tried = await tryEveryFault(
    () => reset(OLD),
    writeNew,
    async ({ kind, step, error }) => {
      kinds.add(step.split(' ')[0])
      const now = await content()
      expect([OLD, new TextDecoder().decode(NEW)]).toContain(now)
      if (now === OLD) olds++
      // Only after the rename the new file stands, and then the failure is still reported.
      expect(error).toBeDefined()
      expect(now === OLD).toBe(!step.startsWith('syncFolder'))
      if (kind === 'fail') {
        expect(error).toMatchObject({ code: 'PITH_IO' })
        expect(await names()).toEqual(['out.pith'])
      } else {
        expect(error).toBeInstanceOf(Killed)
      }
    },
  )
  expect([...kinds].sort()).toEqual(['create', 'rename', 'sync', 'syncFolder', 'write'])
  expect(olds).toBe(tried - 2)
})

test('a full disk leaves the old file', async () => {
  for (let capacity = 0; capacity < NEW.length; capacity += 5) {
    await reset(OLD)
    await expect(writeNew(faultyFiles({ capacity }))).rejects.toMatchObject({
      code: 'PITH_IO',
      message: expect.stringContaining('disk is full'),
    })
    expect(await content()).toBe(OLD)
    expect(await names()).toEqual(['out.pith'])
  }
})
