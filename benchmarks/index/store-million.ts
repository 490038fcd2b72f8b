/** Builds an index of so many generated documents with vectors, and searches it. Prints its figures as a line of JSON. */
import { Random } from '@pith/core'
import type { IndexDocument } from '@pith/index'
import type { IndexSearch } from '@pith/index/store'
import { createIndex, openIndex } from '@pith/index/store/node'

const [path = '', count = '1000000'] = process.argv.slice(2)

const DIM = 64
const TOPICS = 500
const QUERIES = 200
const BATCH = 1000

const random = new Random(17)
const centres = Array.from({ length: TOPICS }, () => Float32Array.from({ length: DIM }, () => random.normal()))

/** Words by a law like Zipf's; each topic has some of its own. */
function wordOf(rank: number): string {
  const syllables = ['ta', 'ko', 'me', 'da', 'ro', 'ne', 'ga', 'si', 'lu', 'ba', 'ri', 'fe']
  let word = ''
  for (let rest = rank + 12; rest > 0; rest = Math.floor(rest / 12)) word += syllables[rest % 12]
  return word
}

function textOf(own: Random, topic: number, words: number): string {
  const one = (): string => {
    if (own.integer(4) === 0) return wordOf(50_000 + topic * 20 + own.integer(20))
    return wordOf(Math.floor(50_000 ** own.uniform()))
  }
  return Array.from({ length: words }, one).join(' ')
}

function vectorOf(own: Random, topic: number): Float32Array {
  return Float32Array.from(centres[topic] as Float32Array, (value) => value + 0.7 * own.normal())
}

function documentOf(i: number): IndexDocument {
  const own = random.split(i)
  const topic = own.integer(TOPICS)
  const id = `d${String(i).padStart(8, '0')}`
  const fields = { year: 1950 + own.integer(70), topic: `t${topic}` }
  return { id, title: textOf(own, topic, 4), text: textOf(own, topic, 30), fields, vector: vectorOf(own, topic) }
}

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const start = performance.now()
const writer = await createIndex(path, {
  dense: { encoder: 'generated', dim: DIM, pq: { m: 16 }, vectors: 'int8' },
  durability: 'none',
  flushDocuments: 50_000,
})
const total = Number(count)
for (let at = 0; at < total; at += BATCH) {
  await writer.add(Array.from({ length: Math.min(BATCH, total - at) }, (_, i) => documentOf(at + i)))
}
await writer.train({ seed: 1, threads: 2 })
await writer.close()
const build = { cpuMs: cpuMs(), wallMs: performance.now() - start }

const index = await openIndex(path)
const queries = Array.from({ length: QUERIES }, (_, i): IndexSearch => {
  const own = random.split(2 ** 31 + i)
  const topic = own.integer(TOPICS)
  return { text: textOf(own, topic, 5), vector: vectorOf(own, topic) }
})
const times: Record<string, number> = {}
let hits = 0
for (const mode of ['bm25', 'dense', 'hybrid'] as const) {
  for (const round of ['first', 'again']) {
    const from = cpuMs()
    for (const query of queries) hits += (await index.search({ ...query, mode })).hits.length
    times[`${mode} ${round}`] = (cpuMs() - from) / QUERIES
  }
}
const filtered = await index.search({ ...queries[0], where: { year: { gte: 2000 } }, facets: ['topic'], total: true })
const { info } = index
await index.close()
process.stdout.write(
  `${JSON.stringify({ documents: info.documents, bytes: info.bytes, build, times, hits, filtered: filtered.total })}\n`,
)
