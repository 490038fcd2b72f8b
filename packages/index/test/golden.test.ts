import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { serveFiles } from '@pith/core/node/http'
import { openIndex as openBytes } from '@pith/index/store'
import { openIndex } from '@pith/index/store/node'
import { expect, test } from 'vitest'
import { describeIndex } from './golden-cases.ts'

const golden = join(import.meta.dirname, 'golden')

test.each(['folder', 'file'])('the golden %s is read as when it was made', async (name) => {
  const path = join(golden, name === 'file' ? 'file.pith' : 'folder')
  const index = await openIndex(path)
  expect(await describeIndex(index)).toEqual(JSON.parse(readFileSync(join(golden, `${name}.json`), 'utf8')))
  await index.close()
})

test('bytes, Blobs and files are read alike', async () => {
  const bytes = new Uint8Array(readFileSync(join(golden, 'file.pith')))
  const told = JSON.parse(readFileSync(join(golden, 'file.json'), 'utf8'))
  for (const source of [bytes, new Blob([bytes])]) {
    const index = await openBytes(source)
    expect(await describeIndex(index)).toEqual(told)
    await index.close()
  }
})

test('a server without ranges gives the whole file, if it is small enough', async () => {
  const server = await serveFiles({ root: golden, ranges: false })
  const url = new URL('file.pith', server.url)
  const index = await openBytes(url)
  expect((await index.search({ text: 'boats', mode: 'bm25' })).hits[0]?.id).toBe('sea')
  expect(server.bytes).toBe(readFileSync(join(golden, 'file.pith')).length)
  await index.close()
  for (const wholeBytes of [0, 1000]) {
    await expect(openBytes(url, { wholeBytes })).rejects.toMatchObject({ code: 'PITH_NETWORK' })
  }
  await expect(openBytes(new URL('none.pith', server.url))).rejects.toMatchObject({ code: 'PITH_NETWORK' })
  await server.close()
  await expect(openBytes(url)).rejects.toMatchObject({ code: 'PITH_NETWORK' })
})
