import { cpSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isPithError } from '@pith/core'
import type { FileSystem } from '@pith/core/node'
import { tryEveryFault } from '@pith/core/node/testing'
import { createIndex, openIndex, openWriter } from '@pith/index/store/node'
import { expect, test } from 'vitest'
import { testFolder } from './folder.ts'

/** Changes in order: documents that come by id, or an id that goes. */
const STEPS: readonly (readonly [id: string, text: string | undefined])[] = [
  ['a', 'first'],
  ['b', 'second'],
  ['old1', undefined],
  ['c', 'third'],
  ['a', 'fourth'],
  ['old2', 'fifth'],
]
const OLD = { old1: 'was here', old2: 'was here too' }

function after(count: number): Record<string, string> {
  const documents: Record<string, string> = { ...OLD }
  for (const [id, text] of STEPS.slice(0, count)) {
    if (text === undefined) delete documents[id]
    else documents[id] = text
  }
  return documents
}

test('whatever goes wrong with a file or a disk, what was acknowledged is found, and nothing else', async () => {
  const base = testFolder()
  const path = `${base}-used`
  const writer = await createIndex(base)
  await writer.add(Object.entries(OLD).map(([id, text]) => ({ id, text })))
  await writer.close()
  let acknowledged = 0
  const prepare = async (): Promise<void> => {
    rmSync(path, { recursive: true, force: true })
    cpSync(base, path, { recursive: true })
    acknowledged = 0
  }
  const scenario = async (files: FileSystem): Promise<void> => {
    const own = await openWriter(path, { files, durability: 'each', flushDocuments: 3, mergeFactor: 2 })
    try {
      for (const [id, text] of STEPS) {
        if (text === undefined) await own.delete(id)
        else await own.add({ id, text })
        acknowledged++
      }
      await own.merge()
    } finally {
      await own.close().catch((error: unknown) => {
        if (acknowledged === STEPS.length) throw error
      })
    }
  }
  const tried = await tryEveryFault(prepare, scenario, async ({ kind, step, error }) => {
    if (kind === 'fail' && error !== undefined) expect(isPithError(error), `${step}: ${error}`).toBe(true)
    // Whoever died here lives on as this process: its locks would hold.
    for (const name of readdirSync(path)) if (name.includes('.lock')) rmSync(join(path, name))
    const index = await openIndex(path)
    const found: Record<string, string> = {}
    for await (const { id, text } of index.documents()) found[id] = text
    expect([after(acknowledged), after(acknowledged + 1)], `${kind} ${step}`).toContainEqual(found)
    expect((await index.verify()).ok).toBe(true)
    await index.close()
    // The next writer goes on from there.
    const next = await openWriter(path)
    await next.add({ id: 'next', text: 'sixth' })
    await next.close()
    const again = await openIndex(path)
    expect(again.info.documents).toBe(Object.keys(found).length + 1)
    await again.close()
  })
  expect(tried).toBeGreaterThan(150)
})
