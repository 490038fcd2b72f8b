import { execFile, spawn } from 'node:child_process'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readAll } from '../source.ts'
import { fileSource, inputSource } from './file-source.ts'
import { nodeFiles, readFully } from './file-system.ts'

const BYTES = Uint8Array.from({ length: 600_000 }, (_, i) => (i * 7) ^ (i >> 8))
let folder: string
let path: string

beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'pith-source-'))
  path = join(folder, 'data.bin')
  await fs.writeFile(path, BYTES)
})
afterAll(() => fs.rm(folder, { recursive: true }))

test('a file is read at any place and as a stream, as plain arrays', async () => {
  const file = await fileSource(path)
  expect(file).toMatchObject({ name: 'data.bin', size: BYTES.length })
  expect(await file.read(599_990, 100)).toEqual(BYTES.slice(599_990))
  expect(await file.read(700_000, 100)).toEqual(new Uint8Array(0))
  expect(await file.head(5)).toEqual(BYTES.slice(0, 5))
  expect(Object.getPrototypeOf(await file.read(0, 1))).toBe(Uint8Array.prototype)
  expect(await readAll(file)).toEqual(BYTES)
  await expect(file.read(-1, 2)).rejects.toMatchObject({ code: 'PITH_ARG' })
  await file.close()
})

test('what is added after opening is not seen', async () => {
  const growing = join(folder, 'growing.log')
  await fs.writeFile(growing, 'one\n')
  const file = await fileSource(growing)
  await fs.appendFile(growing, 'two\n')
  expect(new TextDecoder().decode(await readAll(file))).toBe('one\n')
  await file.close()
})

test('missing files, folders and devices are refused with a hint', async () => {
  await expect(fileSource(join(folder, 'none'))).rejects.toMatchObject({ code: 'PITH_IO', hint: 'Check the path.' })
  await expect(fileSource(folder)).rejects.toMatchObject({ code: 'PITH_IO', hint: 'Name a file.' })
  await expect(fileSource('/dev/null')).rejects.toMatchObject({ code: 'PITH_UNSUPPORTED' })
  await expect(inputSource(join(folder, 'none'))).rejects.toMatchObject({ code: 'PITH_IO' })
  await expect(inputSource(folder)).rejects.toMatchObject({ code: 'PITH_IO' })
})

test('more than the memory holds is refused', async () => {
  const handle = await nodeFiles.open(path, 'read')
  await expect(readFully(handle, Number.MAX_SAFE_INTEGER, 0)).rejects.toMatchObject({ code: 'PITH_LIMIT' })
  await handle.close()
})

test('an abort rejects with its reason', async () => {
  const abort = new AbortController()
  const file = await fileSource(path, { signal: abort.signal })
  abort.abort('enough')
  await expect(readAll(file)).rejects.toBe('enough')
  await expect(file.read(0, 1)).rejects.toBe('enough')
  await file.close()
  await expect(fileSource(path, { signal: abort.signal })).rejects.toBe('enough')
})

test('pipes, devices and files that say that they are empty are read to their end', async () => {
  const pipe = join(folder, 'pipe')
  await promisify(execFile)('mkfifo', [pipe])
  const writer = spawn('sh', ['-c', `printf 'through a pipe' > ${pipe}`])
  const source = await inputSource(pipe)
  expect(source.size).toBeUndefined()
  expect(await source.head(7)).toEqual(new TextEncoder().encode('through'))
  expect(new TextDecoder().decode(await readAll(source))).toBe('through a pipe')
  await source.close()
  await new Promise((done) => (writer.exitCode === null ? writer.once('exit', done) : done(undefined)))

  const cpus = await inputSource('/proc/self/status')
  expect(new TextDecoder().decode(await readAll(cpus))).toContain('Pid:')
  await cpus.close()
  const nothing = await inputSource('/dev/null')
  expect(await readAll(nothing)).toHaveLength(0)
  await nothing.close()
  const regular = await inputSource(path)
  expect(regular.size).toBe(BYTES.length)
  await regular.close()
})

test('- is standard input', async () => {
  const child = spawn(
    process.execPath,
    [
      '--conditions=pith-dev',
      '--input-type=module',
      '-e',
      `const { inputSource } = await import(${JSON.stringify(new URL('./file-source.ts', import.meta.url).href)})
       const source = await inputSource('-')
       const head = await source.head(3)
       let length = 0
       for await (const chunk of source.stream()) length += chunk.length
       await source.close()
       process.stdout.write(head.join() + ' ' + length)`,
    ],
    { cwd: fileURLToPath(new URL('.', import.meta.url)), stdio: ['pipe', 'pipe', 'inherit'] },
  )
  child.stdin.end(BYTES)
  expect(new TextDecoder().decode(await readAll(child.stdout))).toBe(`${BYTES.slice(0, 3).join()} 600000`)
})
