import { readFileSync } from 'node:fs'
import { join } from 'node:path'
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
