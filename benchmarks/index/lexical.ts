/** BM25 against what else ranks text in a Node process: quality, CPU time of builds and queries, bytes over a network. */
import { createRequire } from 'node:module'
import { DatabaseSync } from 'node:sqlite'
import { bytesAccess, countAccess, MemorySink, pairedBootstrap, Random } from '@pith/core'
import { createContainer, openContainer } from '@pith/core/container'
import { makeAnalyzer } from '@pith/core/lexical'
import type { IndexDocument } from '@pith/index'
import { buildLexical, LexicalBuilder, LexicalIndex, openLexical, writeLexical } from '@pith/index/lexical'
import { evaluate } from '@pith/index/metrics'
import MiniSearch from 'minisearch'
import { openSections, writeSections } from '../../packages/index/src/sections.ts'
import { type AcceptContext, costAtLeast, costAtMost } from '../measure/accept.ts'
import type { BenchContext } from '../measure/case.ts'
import { interleave, median, quantile } from '../measure/statistics.ts'
import { textTable } from '../measure/table.ts'
import { COLLECTIONS, type CollectionName, type LoadedCollection, loadCollection } from './collections.ts'

/** Bars of quality, for the two collections that no constant was chosen on. */
const NDCG_BARS: Partial<Record<CollectionName, number>> = { cranfield: 0.36, npl: 0.435 }
/** Where times are compared: the largest collection. */
const TIMED: CollectionName = 'npl'
/** Bytes that a first query may read over a network. */
const TRANSFER = 300_000

/** Something that finds rows of documents by text. */
interface Contender {
  readonly name: string
  build(
    documents: readonly IndexDocument[],
  ): Promise<{ search(text: string, k: number): Promise<Ranked>; close?(): void }>
}

interface Ranked {
  readonly ids: ArrayLike<number>
  readonly scores: ArrayLike<number>
}

const analyzer = makeAnalyzer()

const PITH: Contender = {
  name: 'pith',
  async build(documents) {
    const index = await buildLexical(documents)
    return { search: (text, k) => index.search(text, k) }
  },
}

/** SQLite's own index with its Porter stems; stop words go only where `telling` says so. */
function fts5(name: string, telling: boolean): Contender {
  return {
    name,
    async build(documents) {
      const db = new DatabaseSync(':memory:')
      db.exec(`CREATE VIRTUAL TABLE docs USING fts5(title, text, tokenize='porter unicode61')`)
      const insert = db.prepare('INSERT INTO docs(rowid, title, text) VALUES (?, ?, ?)')
      db.exec('BEGIN')
      for (const [row, { title = '', text }] of documents.entries()) insert.run(row, title, text)
      db.exec('COMMIT')
      const select = db.prepare('SELECT rowid, rank FROM docs WHERE docs MATCH ? ORDER BY rank LIMIT ?')
      return {
        async search(text, k) {
          const words = text.match(/[\p{L}\p{N}]+/gu) ?? []
          const kept = telling ? words.filter((word) => !analyzer.isStop(word)) : words
          if (kept.length === 0) return { ids: [], scores: [] }
          const rows = select.all(kept.map((word) => `"${word}"`).join(' OR '), k)
          return { ids: rows.map((row) => Number(row['rowid'])), scores: rows.map((row) => -Number(row['rank'])) }
        },
        close: () => db.close(),
      }
    },
  }
}

/** MiniSearch with the same stems and without the same stop words. */
const MINISEARCH: Contender = {
  name: 'minisearch',
  async build(documents) {
    const search = new MiniSearch({
      fields: ['title', 'text'],
      processTerm: (word) => (analyzer.isStop(word) ? null : analyzer.term(word)),
    })
    search.addAll(documents.map(({ title = '', text }, id) => ({ id, title, text })))
    return {
      async search(text, k) {
        const hits = search.search(text).slice(0, k)
        return { ids: hits.map(({ id }) => id as number), scores: hits.map(({ score }) => score) }
      },
    }
  },
}

/** The part of lunr that is used; it comes without types. */
interface Lunr {
  (
    fill: (this: { ref(name: string): void; field(name: string): void; add(document: object): void }) => void,
  ): {
    query(
      ask: (query: { term(words: readonly object[], options: object): void }) => void,
    ): { ref: string; score: number }[]
  }
  tokenizer(text: string): object[]
}

const LUNR: Contender = {
  name: 'lunr',
  async build(documents) {
    const lunr = createRequire(import.meta.url)('lunr') as Lunr
    const index = lunr(function () {
      this.ref('id')
      this.field('title')
      this.field('text')
      for (const [id, { title = '', text }] of documents.entries()) this.add({ id, title, text })
    })
    return {
      async search(text, k) {
        const hits = index.query((query) => query.term(lunr.tokenizer(text), {})).slice(0, k)
        return { ids: hits.map(({ ref }) => Number(ref)), scores: hits.map(({ score }) => score) }
      },
    }
  },
}

const PEERS: readonly Contender[] = [fts5('fts5', false), fts5('fts5, no stop words', true), MINISEARCH, LUNR]

/** nDCG@10 and R@100 of each query. */
async function judge(contender: Contender, { documents, queries, qrels }: LoadedCollection) {
  const index = await contender.build(documents)
  const run = new Map<string, Map<string, number>>()
  for (const { id, text } of queries) {
    const { ids, scores } = await index.search(text, 100)
    run.set(id, new Map(Array.from(ids, (row, i) => [(documents[row] as IndexDocument).id, scores[i] as number])))
  }
  index.close?.()
  return evaluate(run, qrels, { measures: ['nDCG@10', 'R@100'] })
}

/** Quality on all collections, ours and that of peers. */
export async function benchLexicalQuality(context: BenchContext): Promise<void> {
  const rows: string[][] = []
  for (const name of COLLECTIONS) {
    const collection = await loadCollection(name)
    const ours = await judge(PITH, collection)
    for (const peer of PEERS) {
      const theirs = await judge(peer, collection)
      const [own, other] = [ours.perQuery['nDCG@10'] as Float64Array, theirs.perQuery['nDCG@10'] as Float64Array]
      const { value, interval } = pairedBootstrap(own, other)
      context.add({
        system: 'index',
        kind: 'bm25 quality',
        peer: { name: peer.name },
        data: { name, bytes: collection.documents.reduce((sum, { text }) => sum + text.length, 0) },
        params: { queries: own.length, documents: collection.documents.length },
        ours: { quality: ours.mean },
        theirs: { quality: theirs.mean },
        vs: { 'nDCG@10': value, low: interval[0], high: interval[1] },
        repeats: 1,
      })
      const figures = [ours.mean['nDCG@10'], theirs.mean['nDCG@10'], value, ...interval] as number[]
      rows.push([name, peer.name, ...figures.map((figure) => figure.toFixed(4))])
    }
  }
  context.say(textTable(['collection', 'peer', 'pith', 'theirs', 'difference', 'low', 'high'], rows))
}

interface Times {
  /** CPU milliseconds of a build, and of a query for 10 documents. */
  readonly buildMs: number
  readonly queryMs: number
}

/** CPU times of all contenders in turn; the first of the repeats warms up and does not count. */
async function timeAll(
  collection: LoadedCollection,
  repeats: number,
  rounds: number,
): Promise<Record<string, Times[]>> {
  const { documents, queries } = collection
  const measures = [PITH, ...PEERS].map((contender): [string, () => Promise<Times>] => [
    contender.name,
    async () => {
      const [buildMs, index] = await cpuOf(() => contender.build(documents))
      const ask = async (): Promise<void> => {
        for (const { text } of queries) await index.search(text, 10)
      }
      await ask()
      const [askMs] = await cpuOf(async () => {
        for (let round = 0; round < rounds; round++) await ask()
      })
      index.close?.()
      return { buildMs, queryMs: askMs / rounds / queries.length }
    },
  ])
  const times = await interleave(Object.fromEntries(measures), repeats + 1)
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, all.slice(1)]))
}

async function cpuOf<T>(work: () => Promise<T>): Promise<[ms: number, result: T]> {
  const start = process.cpuUsage()
  const result = await work()
  const { user, system } = process.cpuUsage(start)
  return [(user + system) / 1000, result]
}

/** CPU times of builds and queries beside peers. */
export async function benchLexicalSpeed(context: BenchContext): Promise<void> {
  const collection = await loadCollection(TIMED)
  const times = await timeAll(collection, context.repeats, 5)
  const ours = times[PITH.name] as Times[]
  const middle = (all: readonly Times[], of: keyof Times): number => median(all.map((own) => own[of]))
  const rows = [['pith', middle(ours, 'buildMs').toFixed(0), middle(ours, 'queryMs').toFixed(4), '1', '1']]
  for (const { name } of PEERS) {
    const theirs = times[name] as Times[]
    const vs = {
      build: middle(ours, 'buildMs') / middle(theirs, 'buildMs'),
      query: middle(theirs, 'queryMs') / middle(ours, 'queryMs'),
    }
    for (const figure of ['buildMs', 'queryMs'] as const) {
      context.add({
        system: 'index',
        kind: `bm25 ${figure === 'buildMs' ? 'build' : 'query'}`,
        peer: { name },
        data: { name: TIMED, bytes: collection.documents.length },
        params: { queries: collection.queries.length, k: 10 },
        ours: { cpuMs: middle(ours, figure) },
        theirs: { cpuMs: middle(theirs, figure) },
        vs: figure === 'buildMs' ? { build: vs.build } : { query: vs.query },
        repeats: context.repeats,
      })
    }
    const figures = [middle(theirs, 'buildMs').toFixed(0), middle(theirs, 'queryMs').toFixed(4)]
    rows.push([name, ...figures, vs.build.toFixed(2), vs.query.toFixed(1)])
  }
  context.say(textTable(['', 'build, CPU ms', 'query, CPU ms', 'our build over theirs', 'their query over ours'], rows))
}

/** Bytes of a file with the index of documents and nothing else. */
async function fileOf(index: LexicalIndex): Promise<Uint8Array<ArrayBuffer>> {
  const sink = new MemorySink()
  const container = createContainer(sink)
  const entry = await container.entry({ codec: 'index' })
  const sections = writeSections(entry)
  await writeLexical(index, sections, 'lexical/')
  await sections.finish()
  await entry.finish()
  await container.finish()
  return sink.bytes()
}

/** What the first query of each reader costs over a network: bytes and requests of opening and asking, one reader a query. */
async function transfers({
  documents,
  queries,
}: LoadedCollection): Promise<{ bytes: number[]; requests: number[]; file: number }> {
  const file = await fileOf(await buildLexical(documents))
  const own = bytesAccess(file)
  const found = { bytes: [] as number[], requests: [] as number[], file: file.length }
  for (const { text } of queries) {
    const access = countAccess({ size: own.size, remote: true, read: (at, length) => own.read(at, length) })
    const entry = await (await openContainer(access)).entry(1)
    if (entry === undefined) throw new Error('the file has no entry')
    const index = await openLexical(await openSections(entry, file.length), 'lexical/')
    await index.search(text, 10)
    found.bytes.push(access.bytes)
    found.requests.push(access.requests)
  }
  return found
}

/** Bytes that a first query reads over a network. */
export async function benchLexicalTransfer(context: BenchContext): Promise<void> {
  const collection = await loadCollection(TIMED)
  const { bytes, requests, file } = await transfers(collection)
  context.add({
    system: 'index',
    kind: 'bm25 transfer',
    peer: { name: 'the whole file' },
    data: { name: TIMED, bytes: file },
    params: { queries: bytes.length, requests: median(requests), most: Math.max(...bytes) },
    ours: { bytes: median(bytes) },
    theirs: { bytes: file },
    vs: { bytes: median(bytes) / file },
    repeats: 1,
  })
  context.say(
    `first query of ${TIMED}: ${median(bytes)} bytes in ${median(requests)} requests, at most ${Math.max(...bytes)}; file ${file}`,
  )
}

/** Words by a law like Zipf's, so that a few are in most documents and most are in a few. */
function* generateDocuments(count: number, vocabulary: number): Generator<{ title: string; text: string }> {
  const random = new Random(1)
  const letters = 'etaoinshrdlu'
  const wordOf = (rank: number): string => {
    let word = 'x'
    for (let rest = rank + 7; rest > 0; rest = Math.floor(rest / letters.length)) word = letters[rest % 12] + word
    return word
  }
  const words = Array.from({ length: vocabulary }, (_, rank) => wordOf(rank))
  const draw = (): string => {
    const rank = Math.floor(vocabulary ** random.uniform()) - 1
    return words[Math.min(rank, vocabulary - 1)] as string
  }
  for (let i = 0; i < count; i++) {
    const text = Array.from({ length: 20 + random.integer(120) }, draw)
    yield { title: `${draw()} ${draw()}`, text: text.join(' ') }
  }
}

interface Large {
  readonly documents: number
  readonly words: number
  readonly buildMs: number
  readonly writeMs: number
  readonly heldBytes: number
  readonly fileBytes: number
  readonly peakBytes: number
  readonly queryMs: readonly number[]
}

/** An index of a million documents of 80 words: time and memory to build and write it, and times of queries. */
async function buildLarge(scale: number): Promise<Large> {
  const documents = Math.round(1_000_000 * scale)
  const builder = new LexicalBuilder()
  const [buildMs] = await cpuOf(async () => {
    for (const document of generateDocuments(documents, 500_000)) builder.add(document)
  })
  let fileBytes = 0
  const count = async (content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const piece of content) fileBytes += piece.length
  }
  const sections = {
    write: (_name: string, content: Parameters<typeof count>[0] | Uint8Array) =>
      count(content instanceof Uint8Array ? [content] : content),
  }
  const [writeMs] = await cpuOf(() => writeLexical(builder, sections, ''))
  const index = new LexicalIndex(builder)
  const queries = [...generateDocuments(40, 20_000)].map(({ text }) => text.split(' ').slice(-4).join(' '))
  const queryMs: number[] = []
  for (const query of queries) queryMs.push((await cpuOf(() => index.search(query, 10)))[0])
  const peakBytes = process.resourceUsage().maxRSS * 1024
  return {
    documents,
    words: builder.info.totalLength,
    buildMs,
    writeMs,
    heldBytes: builder.memory,
    fileBytes,
    peakBytes,
    queryMs: queryMs.slice(10),
  }
}

/** A million documents of generated text. */
export async function benchLexicalLarge(context: BenchContext): Promise<void> {
  const large = await buildLarge(context.scale)
  context.add({
    system: 'index',
    kind: 'bm25 large',
    peer: { name: 'none' },
    data: { name: 'generated text', bytes: large.fileBytes },
    params: { documents: large.documents, words: large.words, held: large.heldBytes, writeMs: large.writeMs },
    ours: { cpuMs: large.buildMs, bytes: large.fileBytes, peakMiB: large.peakBytes / 2 ** 20 },
    theirs: {},
    vs: {},
    repeats: 1,
  })
  context.say(sayLarge(large))
}

function sayLarge({ documents, words, buildMs, writeMs, heldBytes, fileBytes, peakBytes, queryMs }: Large): string {
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`
  return [
    `${documents} documents, ${words} words: built in ${(buildMs / 1000).toFixed(1)} s of CPU time, written in ${(writeMs / 1000).toFixed(1)} s`,
    `postings held ${mib(heldBytes)}, file ${mib(fileBytes)}, most memory of the process ${mib(peakBytes)}`,
    `queries of 4 words, median ${median(queryMs).toFixed(2)} ms of CPU time, nine of ten within ${quantile(queryMs, 0.9).toFixed(2)} ms`,
  ].join('\n')
}

/** Quality of BM25, with the bars of two collections and the intervals against peers. */
export async function acceptLexicalQuality(context: AcceptContext): Promise<void> {
  for (const name of COLLECTIONS) {
    const collection = await loadCollection(name)
    const ours = await judge(PITH, collection)
    const theirs = await judge(PEERS[0] as Contender, collection)
    const [own, other] = [ours.perQuery['nDCG@10'] as Float64Array, theirs.perQuery['nDCG@10'] as Float64Array]
    const { value, interval } = pairedBootstrap(own, other)
    const figure = (ours.mean['nDCG@10'] as number).toFixed(4)
    context.say(
      `${name}: nDCG@10 ${figure}, fts5 ${theirs.mean['nDCG@10']?.toFixed(4)}, ours is ${value.toFixed(4)} more [${interval.map((x) => x.toFixed(4)).join(', ')}]`,
    )
    const bar = NDCG_BARS[name]
    if (bar !== undefined) {
      context.check(`bm25 nDCG@10 of ${name}`, (ours.mean['nDCG@10'] as number) >= bar, `${figure} (at least ${bar})`)
    }
  }
  const { bytes, requests } = await transfers(await loadCollection(TIMED))
  const most = Math.max(...bytes)
  context.check(
    `bm25 first query of ${TIMED} over a network`,
    most <= TRANSFER,
    `median ${median(bytes)}, most ${most} bytes, ${median(requests)} requests (at most ${TRANSFER} bytes)`,
  )
}

/** CPU times of BM25 beside those of peers. */
export async function acceptLexicalSpeed(context: AcceptContext): Promise<void> {
  const times = await timeAll(await loadCollection(TIMED), context.scale < 1 ? 2 : 5, context.scale < 1 ? 1 : 5)
  const middle = (name: string, of: keyof Times): number => median((times[name] as Times[]).map((own) => own[of]))
  for (const { name } of [PITH, ...PEERS]) {
    context.say(
      `${name}: build ${middle(name, 'buildMs').toFixed(0)} ms, query ${middle(name, 'queryMs').toFixed(4)} ms`,
    )
  }
  const query = (name: string): number => middle(name, 'queryMs') / middle('pith', 'queryMs')
  costAtLeast(context, 'query of fts5 over bm25', query('fts5'), 5, 1)
  costAtLeast(context, 'query of fts5 without stop words over bm25', query('fts5, no stop words'), 5, 1)
  costAtMost(context, 'build of bm25 over minisearch', middle('pith', 'buildMs') / middle('minisearch', 'buildMs'), 0.5)
}

/** Memory to build an index of a million documents; in a process of its own, so that nothing else counts. */
export async function acceptLexicalLarge(context: AcceptContext): Promise<void> {
  const large = await buildLarge(context.scale)
  context.say(sayLarge(large))
  costAtMost(context, 'memory to build bm25 of a million documents, GiB', large.peakBytes / 2 ** 30, 4)
}
