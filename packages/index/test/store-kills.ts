/** Kills writers of an index and looks at what they leave. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Random } from '@pith/core'
import { createIndex, type Durability, openIndex } from '@pith/index/store/node'
import { expect } from 'vitest'
import { applyRound } from './store-changes.ts'

/** Start a writer at a round. It starts faster from code that was compiled before. */
function startWriter(path: string, first: number, durability: Durability): ChildProcessByStdio<null, Readable, null> {
  const script = join(import.meta.dirname, 'store-writer.ts')
  const args = ['--conditions=pith-dev', '--no-warnings', script, path, String(first), durability]
  const env = { ...process.env, NODE_COMPILE_CACHE: `${path}-compiled` }
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env })
}

/** Kill a writer some milliseconds after it has opened the index. @returns what it said */
async function killWriter(path: string, first: number, after: number, durability: Durability): Promise<string> {
  const child = startWriter(path, first, durability)
  const said = text(child.stdout)
  const gone = once(child, 'exit')
  await Promise.race([once(child.stdout, 'readable'), gone])
  setTimeout(() => child.kill('SIGKILL'), after)
  await gone
  return said
}

/** The documents that an index gives, by id; what its words find must be the same. */
async function documentsOf(path: string): Promise<Map<string, string>> {
  const reader = await openIndex(path)
  const found = new Map<string, string>()
  for await (const { id, text: own } of reader.documents()) found.set(id, own)
  const { hits } = await reader.search({ text: 'document', k: 1000 })
  expect(hits.map(({ id }) => id).sort()).toEqual([...found.keys()].sort())
  await reader.close()
  return found
}

/**
 * Kill writers of one index again and again. After each, what was acknowledged is there, what was begun last is there wholly
 * or not at all, and nothing else is.
 *
 * @returns rounds that were acknowledged
 */
export async function killAgainAndAgain(path: string, kills: number, seed: number): Promise<number> {
  const random = new Random(seed)
  await (await createIndex(path)).close()
  await once(startWriter(path, 0, 'none'), 'exit')
  let documents = new Map<string, string>()
  let round = 0
  for (let kill = 0; kill < kills; kill++) {
    const durability = random.integer(2) === 0 ? 'each' : 'group'
    const said = await killWriter(path, round, random.integer(150), durability)
    const lines = said.split('\n').filter((line) => line !== 'open' && line !== '')
    for (const line of lines) {
      if (!line.startsWith('done')) continue
      documents = applyRound(documents, round)
      expect(line).toBe(`done ${round}`)
      round++
    }
    const found = await documentsOf(path)
    if (lines.at(-1)?.startsWith('begin')) {
      const after = applyRound(documents, round)
      expect([Object.fromEntries(documents), Object.fromEntries(after)]).toContainEqual(Object.fromEntries(found))
      documents = found
      round++
    } else expect(Object.fromEntries(found)).toEqual(Object.fromEntries(documents))
  }
  return round
}

/**
 * Open an index again and again while a process changes, flushes and merges it.
 *
 * @returns how often it was opened, and by how many changes the index went on meanwhile
 */
export async function readWhileWritten(path: string, times: number): Promise<{ opened: number; rounds: number }> {
  await (await createIndex(path)).close()
  const child = startWriter(path, 0, 'group')
  const said = text(child.stdout)
  const gone = once(child, 'exit')
  await once(child.stdout, 'readable')
  let opened = 0
  for (; opened < times; opened++) {
    for (const [id, own] of await documentsOf(path)) expect(own.startsWith(`document ${id} of round`)).toBe(true)
  }
  child.kill('SIGKILL')
  await gone
  return { opened, rounds: (await said).split('\n').filter((line) => line.startsWith('done')).length }
}
