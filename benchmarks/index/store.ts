/** The store of an index: segments, kills, what a page reads over a network, and a million documents. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { IndexSearch, SearchResult } from '@pith/index/store'
import { createIndex, exportIndex, openIndex } from '@pith/index/store/node'
import { killAgainAndAgain } from '../../packages/index/test/store-kills.ts'
import { openPage } from '../../scripts/browser/open-page.ts'
import { type AcceptContext, atMost, costAtMost } from '../measure/accept.ts'
import type { BenchContext } from '../measure/case.ts'
import { ROOT } from '../measure/machine.ts'
import { mustRun } from '../measure/process.ts'
import { median } from '../measure/statistics.ts'
import { textTable } from '../measure/table.ts'
import { type CollectionName, loadCollection } from './collections.ts'

declare const inPage: {
  open(name: string, how: 'url' | 'blob'): Promise<number>
  search(query: string | IndexSearch): Promise<SearchResult | undefined>
}

/** The largest collection. */
const COLLECTION: CollectionName = 'npl'
const SEGMENTS = 7
const KILLS = 200
/** Bytes that the first answer may cost a page. */
const TRANSFER = 300_000
const MILLION = 1_000_000
const MEMORY = 8 * 2 ** 30

type Context = Pick<AcceptContext, 'cache'> & { say(text: string): void }

/** Work in a folder that goes afterwards. */
async function inFolder<T>({ cache }: Context, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(cache, 'index-store-'))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The same documents in one segment and in seven: the same ten for every query? */
export async function acceptStoreSegments(context: AcceptContext): Promise<void> {
  const { documents, queries } = await loadCollection(COLLECTION)
  await inFolder(context, async (folder) => {
    const build = async (segments: number) => {
      const path = join(folder, `of-${segments}`)
      const writer = await createIndex(path, { autoMerge: false, durability: 'none' })
      for (let part = 0; part < segments; part++) {
        await writer.add(documents.filter((_, i) => i % segments === part))
        await writer.flush()
      }
      await writer.close()
      return openIndex(path)
    }
    const [one, parts] = [await build(1), await build(SEGMENTS)]
    let same = 0
    for (const { text } of queries) {
      const [a, b] = [await one.search(text), await parts.search(text)]
      if (JSON.stringify(a.hits) === JSON.stringify(b.hits)) same++
    }
    await one.close()
    await parts.close()
    const figure = `${same} of ${queries.length} queries of ${COLLECTION}, scores included`
    context.check(`the same ten for 1 and ${SEGMENTS} segments`, same === queries.length, figure)
  })
}

/** Writers that are killed: what was acknowledged is found, and nothing else. */
export async function acceptStoreKills(context: AcceptContext): Promise<void> {
  const kills = Math.max(10, Math.round(KILLS * context.scale))
  await inFolder(context, async (folder) => {
    const halves = await Promise.all(
      [1, 2].map((seed) => killAgainAndAgain(join(folder, `killed-${seed}`), Math.ceil(kills / 2), seed)),
    )
    const rounds = halves.reduce((sum, own) => sum + own, 0)
    context.check('what was acknowledged is found, and nothing else', true, `${kills} kills, ${rounds} changes`)
  })
}

/** Bytes that the server sent until the first answer was there, for each query. */
async function transfers(context: Context): Promise<{ bytes: number[]; requests: number[]; file: number }> {
  const { documents, queries } = await loadCollection(COLLECTION)
  const page = new URL('../../packages/index/test/browser/page.ts', import.meta.url)
  const chromium = await openPage({ page })
  try {
    return await inFolder(context, async (folder) => {
      const writer = await createIndex(join(folder, 'of-1'), { durability: 'none' })
      await writer.add(documents)
      await writer.close()
      const index = await openIndex(join(folder, 'of-1'))
      await exportIndex(index, join(chromium.folder, 'papers.pith'))
      const [bytes, requests]: [number[], number[]] = [[], []]
      for (const { text } of queries) {
        chromium.server.resetCounts()
        await chromium.page.evaluate(() => inPage.open('papers.pith', 'url'))
        const found = await chromium.page.evaluate((own) => inPage.search(own), text)
        bytes.push(chromium.server.bytes)
        requests.push(chromium.server.requests)
        if (JSON.stringify(found?.hits) !== JSON.stringify((await index.search(text)).hits)) {
          throw new Error(`the page finds something else for ${text}`)
        }
      }
      await index.close()
      return { bytes, requests, file: readFileSync(join(chromium.folder, 'papers.pith')).length }
    })
  } finally {
    await chromium.close()
  }
}

/** Chromium opens the index on a server and answers its first query. */
export async function acceptStoreTransfer(context: AcceptContext): Promise<void> {
  const { bytes, requests, file } = await transfers(context)
  context.say(
    `${COLLECTION}, ${bytes.length} queries: median ${median(bytes)} bytes of ${file}, ${median(requests)} requests`,
  )
  atMost(context, 'KB of the first answer in Chromium, worst query', Math.max(...bytes) / 1000, TRANSFER / 1000, 1)
}

/** What a million documents took. */
interface MillionRun {
  readonly documents: number
  readonly bytes: number
  readonly build: { readonly cpuMs: number; readonly wallMs: number }
  /** CPU milliseconds of a query. */
  readonly times: Readonly<Record<string, number>>
  readonly filtered: number
}

async function buildMillion(context: Context, documents: number): Promise<{ run: MillionRun; peakBytes: number }> {
  return inFolder(context, async (folder) => {
    const stdout = join(folder, 'figures.json')
    const script = join(ROOT, 'benchmarks/index/store-million.ts')
    const command = [process.execPath, '--conditions=pith-dev', '--no-warnings', script, join(folder, 'x.pith')]
    const { peakBytes } = await mustRun([...command, String(documents)], { stdout, limitMs: 3_600_000 })
    return { run: JSON.parse(readFileSync(stdout, 'utf8')), peakBytes }
  })
}

/** A million documents with vectors are indexed and searched in bounded memory. */
export async function acceptStoreMillion(context: AcceptContext): Promise<void> {
  if (context.scale < 1) return context.say('only at full size')
  const { run, peakBytes } = await buildMillion(context, MILLION)
  context.say(JSON.stringify(run))
  context.check('documents that are found', run.documents === MILLION, String(run.documents))
  costAtMost(context, 'GiB of memory to build and search them', peakBytes / 2 ** 30, MEMORY / 2 ** 30)
}

export async function benchStoreTransfer(context: BenchContext): Promise<void> {
  const { bytes, requests, file } = await transfers(context)
  context.add({
    system: 'index',
    kind: 'store transfer',
    peer: { name: 'the whole file' },
    data: { name: COLLECTION, bytes: file },
    params: { queries: bytes.length, requests: median(requests), most: Math.max(...bytes) },
    ours: { bytes: median(bytes) },
    theirs: { bytes: file },
    vs: { bytes: median(bytes) / file },
    repeats: 1,
  })
  context.say(`first answer in Chromium: ${median(bytes)} bytes, at most ${Math.max(...bytes)}, of ${file}`)
}

export async function benchStoreMillion(context: BenchContext): Promise<void> {
  const documents = Math.round(MILLION * context.scale)
  const { run, peakBytes } = await buildMillion(context, documents)
  for (const [name, cpuMs] of Object.entries(run.times)) {
    context.add({
      system: 'index',
      kind: 'store million',
      peer: { name: 'none' },
      data: { name: `${documents} generated`, bytes: run.bytes },
      params: { search: name, documents },
      ours: { cpuMs, peakMiB: peakBytes / 2 ** 20 },
      theirs: {},
      vs: {},
      repeats: 1,
    })
  }
  const rows = Object.entries(run.times).map(([name, ms]) => [name, ms.toFixed(2)])
  const minutes = (run.build.cpuMs / 60_000).toFixed(1)
  context.say(
    `${documents} documents: ${minutes} CPU minutes, ${(peakBytes / 2 ** 30).toFixed(2)} GiB, ${run.bytes} bytes`,
  )
  context.say(textTable(['search', 'CPU ms'], rows))
}
