/** Scans of codes against those of faiss, and what codes keep of real vectors; sizes beside usearch at the same recall. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemorySink, Random } from '@pith/core'
import { createContainer } from '@pith/core/container'
import type { DenseMatrix, Hits } from '@pith/index'
import {
  BinaryIndex,
  type DenseSearcher,
  encodePq,
  encodeRabitq,
  flatIndex,
  type Int8Index,
  int8Index,
  makeRabitq,
  type Pq,
  PqIndex,
  packSigns,
  RabitqIndex,
  trainPq,
  writeVectors,
} from '@pith/index/pq'
import { Index, MetricKind, ScalarKind } from 'usearch'
import { writeSections } from '../../packages/index/src/sections.ts'
import { Peer } from '../engine/peers.ts'
import { type AcceptContext, costAtMost } from '../measure/accept.ts'
import type { BenchContext } from '../measure/case.ts'
import { interleave, median, spread } from '../measure/statistics.ts'
import { textTable } from '../measure/table.ts'

const DIM = 384
const ROWS = 200_000
const QUERIES = 10
const K = 10
const PYTHON = '/usr/bin/python3'

/** Time of a search in CPU milliseconds, and what is found by each query. */
interface Scan {
  readonly ms: number
  readonly hits: readonly (readonly [scores: readonly number[], ids: readonly number[]])[]
}

/** A scan of ours, and the one of faiss that it is held against. */
interface Contest {
  readonly name: string
  /** What faiss calls what it does. */
  readonly peer: string
  /** Most that ours may take of theirs. */
  readonly most: number
  readonly ours: number
  readonly theirs: number
  readonly spread: number
}

function bytesAt(seed: number, count: number): Uint8Array {
  const random = new Random(seed)
  const words = Uint32Array.from({ length: Math.ceil(count / 4) }, () => random.u32())
  return new Uint8Array(words.buffer, 0, count)
}

function normalsAt(seed: number, count: number): Float32Array {
  const random = new Random(seed)
  return Float32Array.from({ length: count }, () => random.normal())
}

/** A quantiser with drawn centroids: how long a scan takes does not depend on them. */
function drawnPq(m: number, bits: 4 | 8): Pq {
  const encoding = normalsAt(m, (DIM / m) * (m << bits))
  const mean = new Float32Array(DIM)
  return { dim: DIM, padded: DIM, m, bits, metric: 'ip', mean, rotation: undefined, encoding, scoring: encoding }
}

function scanOf(search: (query: Float32Array) => Hits, queries: Float32Array): Scan {
  const start = process.cpuUsage()
  const found = Array.from({ length: QUERIES }, (_, i) => search(queries.subarray(i * DIM, (i + 1) * DIM)))
  const { user, system } = process.cpuUsage(start)
  return { ms: (user + system) / 1000 / QUERIES, hits: found.map(({ scores, ids }) => [[...scores], [...ids]]) }
}

/** Our scans beside those of faiss, turn by turn over the same codes. @returns undefined where there is no faiss */
async function runContests(
  scale: number,
  repeats: number,
): Promise<{ version: string; contests: Contest[] } | undefined> {
  if (!hasFaiss()) return undefined
  const rows = Math.round(ROWS * scale)
  const folder = mkdtempSync(join(tmpdir(), 'pith-faiss-'))
  try {
    const queries = normalsAt(9, QUERIES * DIM)
    const [wide, narrow] = [drawnPq(DIM / 8, 8), drawnPq(DIM / 4, 4)]
    const codes = bytesAt(1, (rows * DIM) / 8)
    writeFileSync(join(folder, 'queries'), new Uint8Array(queries.buffer))
    writeFileSync(join(folder, 'pq8.books'), new Uint8Array(wide.encoding.buffer))
    writeFileSync(join(folder, 'pq4.books'), new Uint8Array(narrow.encoding.buffer))
    for (const name of ['pq8', 'pq4', 'bits']) writeFileSync(join(folder, `${name}.codes`), codes)
    writeFileSync(join(folder, 'bits.queries'), packSigns({ n: QUERIES, dim: DIM, data: queries }).data)
    const own = { n: rows, rowBytes: DIM / 8, data: codes }
    const eight = new PqIndex(wide, own)
    const four = new PqIndex(narrow, own)
    const bits = new BinaryIndex({ n: rows, dim: DIM, data: codes })
    const script = join(import.meta.dirname, 'faiss_peer.py')
    const peer = await Peer.start<{ version: string }, Scan>([PYTHON, script, folder, String(rows), String(DIM)])
    try {
      const all = await interleave<Scan>(
        {
          pq8: async () => scanOf((query) => eight.search(query, K), queries),
          'faiss pq8': () => peer.ask('pq8'),
          pq4: async () => scanOf((query) => four.search(query, K), queries),
          'faiss pq4': () => peer.ask('pq4'),
          bits: async () => scanOf((query) => bits.search(query, K, { rerank: 0 }), queries),
          'faiss bits': () => peer.ask('bits'),
        },
        repeats + 1,
      )
      const timesOf = (name: string): number[] => (all[name] as Scan[]).slice(1).map(({ ms }) => ms)
      for (const name of ['pq8', 'pq4', 'bits'])
        checkSame(name, all[name]?.[0] as Scan, all[`faiss ${name}`]?.[0] as Scan)
      const contest = (name: string, mine: string, theirs: string, peerName: string, most: number): Contest => ({
        name,
        peer: peerName,
        most,
        ours: median(timesOf(mine)),
        theirs: median(timesOf(theirs)),
        spread: spread(timesOf(mine)),
      })
      return {
        version: peer.hello.version,
        contests: [
          contest('8 bits, 48 bytes', 'pq8', 'faiss pq8', 'IndexPQ of 8 bits, 48 bytes', 1.15),
          contest('4 bits, 48 bytes', 'pq4', 'faiss pq8', 'IndexPQ of 8 bits, 48 bytes', 0.5),
          contest('4 bits, 48 bytes', 'pq4', 'faiss pq4', 'IndexPQ of 4 bits, 48 bytes', 0.5),
          contest('Hamming, 384 bits', 'bits', 'faiss bits', 'IndexBinaryFlat, 384 bits', 0.5),
        ],
      }
    } finally {
      await peer.stop()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @throws Error where the scores that the two find are not the same */
function checkSame(name: string, ours: Scan, theirs: Scan): void {
  for (const [i, [scores]] of ours.hits.entries()) {
    const other = theirs.hits[i]?.[0] as readonly number[]
    for (const [j, score] of scores.entries()) {
      // faiss gives numbers of bits, we give inner products of signs.
      const expected = name === 'bits' ? DIM - 2 * (other[j] as number) : (other[j] as number)
      if (Math.abs(score - expected) > 1e-4 * Math.abs(expected)) {
        throw new Error(`${name}, query ${i}, place ${j}: we score ${score}, faiss ${expected}`)
      }
    }
  }
}

function hasFaiss(): boolean {
  if (!existsSync(PYTHON)) return false
  try {
    execFileSync(PYTHON, ['-c', 'import faiss'], { stdio: 'ignore', timeout: 60_000 })
    return true
  } catch {
    return false
  }
}

/** CPU times of scans beside faiss. */
export async function benchPqScan(context: BenchContext): Promise<void> {
  const found = await runContests(context.scale, 2 * context.repeats)
  if (found === undefined) {
    context.say('python3-faiss is not here: not measured against it')
    return
  }
  const rows: string[][] = []
  for (const { name, peer, ours, theirs, spread: own } of found.contests) {
    context.add({
      system: 'index',
      kind: 'pq scan',
      peer: { name: `faiss ${peer}`, version: found.version },
      data: { name: 'drawn codes', bytes: Math.round(ROWS * context.scale) * 48 },
      params: { scan: name, rows: Math.round(ROWS * context.scale), k: K },
      ours: { cpuMs: ours },
      theirs: { cpuMs: theirs },
      vs: { cpu: ours / theirs },
      repeats: 2 * context.repeats,
      spread: own,
    })
    rows.push([name, peer, ours.toFixed(3), theirs.toFixed(3), (ours / theirs).toFixed(2)])
  }
  context.say(textTable(['scan', `faiss ${found.version}`, 'ours, CPU ms', 'theirs', 'ours over theirs'], rows))
}

/** CPU times of scans beside faiss, with their bars. */
export async function acceptPqScan(context: AcceptContext): Promise<void> {
  // On fewer rows what a search costs anyway would count.
  const found = await runContests(1, context.scale < 1 ? 8 : 25)
  if (found === undefined) {
    context.say('python3-faiss is not here: not measured against it')
    return
  }
  for (const { name, peer, most, ours, theirs } of found.contests) {
    context.say(`${name}: ${ours.toFixed(3)} ms, faiss ${peer}: ${theirs.toFixed(3)} ms`)
    costAtMost(context, `scan of ${name} over faiss ${peer}`, ours / theirs, most)
  }
}

/** 778 sentences by all-MiniLM-L6-v2: f32[778, 384] of length 1. */
function realVectors(): DenseMatrix {
  const require = createRequire(import.meta.url)
  const folder = join(require.resolve('@sap-ux/fiori-docs-embeddings/package.json'), '..')
  const bytes = Uint8Array.from(readFileSync(join(folder, 'data/embeddings/embeddings.bin')))
  const data = new Float32Array(bytes.buffer)
  return { n: data.length / DIM, dim: DIM, data }
}

/** Vectors of length 1 around `centres`, as near to each other as sentences on the same thing are. */
function clusteredVectors(n: number, centres: number): DenseMatrix {
  const random = new Random(3)
  const middle = normalsAt(4, centres * DIM)
  const data = new Float32Array(n * DIM)
  for (let i = 0; i < n; i++) {
    const from = random.integer(centres) * DIM
    let sum = 0
    for (let j = 0; j < DIM; j++) {
      // Numbers fall in size, as those of learned vectors do behind a rotation.
      const value = (0.7 * (middle[from + j] as number) + random.normal()) / Math.sqrt(1 + j / 16)
      data[i * DIM + j] = value
      sum += value * value
    }
    for (let j = 0; j < DIM; j++) data[i * DIM + j] = (data[i * DIM + j] as number) / Math.sqrt(sum)
  }
  return { n, dim: DIM, data }
}

/** Share of the ten best rows by the vectors as they are that a search finds, each of `asked` rows being a query. */
function recallOf(x: DenseMatrix, asked: number, search: (query: Float32Array) => ArrayLike<number>): number {
  const flat = flatIndex(x)
  let found = 0
  for (let i = 0; i < asked; i++) {
    const row = Math.floor((i * x.n) / asked)
    const query = x.data.subarray(row * DIM, (row + 1) * DIM)
    const truth = new Set(flat.search(query, K).ids)
    found += Array.from(search(query)).filter((id) => truth.has(id)).length
  }
  return found / asked / K
}

interface Kept {
  readonly name: string
  readonly bytes: number
  readonly recall: number
  /** Least that the recall must be. */
  readonly least: number
}

/** What forms of the real vectors keep, mean of `seeds` runs where chance has a part. */
async function keptOfReal(seeds: number, rounds: number): Promise<Kept[]> {
  const x = realVectors()
  const recall = (searcher: DenseSearcher, options = {}): number =>
    recallOf(x, x.n, (query) => searcher.search(query, K, options).ids)
  const int8 = int8Index(x)
  const out: Kept[] = []
  const forms = [
    { name: 'PQ, 8 bits', m: 48, bits: 8, opq: false, metric: 'ip', least: 0.795, vectors: undefined },
    { name: 'OPQ, 8 bits', m: 48, bits: 8, opq: true, metric: 'ip', least: 0.846, vectors: undefined },
    { name: 'OPQ, 8 bits, cosine', m: 48, bits: 8, opq: true, metric: 'cos', least: 0.87, vectors: undefined },
    { name: 'PQ, 4 bits', m: 96, bits: 4, opq: false, metric: 'ip', least: 0.731, vectors: undefined },
    { name: 'OPQ, 4 bits', m: 96, bits: 4, opq: true, metric: 'ip', least: 0.735, vectors: undefined },
    { name: 'OPQ, 4 bits, cosine', m: 96, bits: 4, opq: true, metric: 'cos', least: 0.78, vectors: undefined },
    { name: 'OPQ, 4 bits, then int8', m: 96, bits: 4, opq: true, metric: 'ip', least: 0.985, vectors: int8 },
  ] as const
  for (const { name, m, bits, opq, metric, least, vectors } of forms) {
    const recalls: number[] = []
    for (let seed = 0; seed < seeds; seed++) {
      const pq = await trainPq(x, { m, bits, opq, metric, rounds, seed })
      recalls.push(recall(new PqIndex(pq, await encodePq(pq, x), { vectors })))
    }
    const mean = recalls.reduce((sum, value) => sum + value) / seeds
    out.push({ name, bytes: vectors === undefined ? 48 : 48 + DIM + 4, recall: mean, least })
  }
  const estimates: number[] = []
  for (let seed = 0; seed < seeds; seed++) {
    const code = makeRabitq(x, { seed })
    estimates.push(recall(new RabitqIndex(code, encodeRabitq(code, x))))
  }
  const estimate = estimates.reduce((sum, value) => sum + value) / seeds
  out.push({ name: 'a bit a number, estimated', bytes: 48 + 8, recall: estimate, least: 0.8 })
  const signs = new BinaryIndex(packSigns(x))
  out.push({ name: 'signs, Hamming', bytes: 48, recall: recall(signs, { rerank: 0 }), least: 0.55 })
  out.push({ name: 'signs, the query as it is', bytes: 48, recall: recall(signs), least: 0.62 })
  out.push({ name: 'int8', bytes: DIM + 4, recall: recall(int8), least: 0.991 })
  out.push({ name: 'f16', bytes: 2 * DIM, recall: recall(flatIndex(x, { type: 'f16' })), least: 0.999 })
  return out
}

/** A file of vectors at a recall. */
interface Sized {
  readonly rows: number
  readonly name: string
  readonly ours: { readonly bytes: number; readonly recall: number; readonly ms: number }
  readonly theirs: { readonly bytes: number; readonly recall: number; readonly ms: number }
}

/** Bytes of a file with vectors in 8 bits. */
async function fileBytes(vectors: Int8Index): Promise<number> {
  const sink = new MemorySink()
  const container = createContainer(sink)
  const entry = await container.entry({ codec: 'index' })
  const sections = writeSections(entry)
  await writeVectors(vectors, sections, 'vectors/')
  await sections.finish()
  await entry.finish()
  await container.finish()
  return sink.bytes().length
}

/** Files of 8 bits a number, ours without a graph and that of usearch with one. */
async function sizeBesideUsearch(name: string, x: DenseMatrix, asked: number): Promise<Sized> {
  const int8 = int8Index(x)
  const graph = new Index({
    dimensions: DIM,
    metric: MetricKind.Cos,
    quantization: ScalarKind.I8,
    connectivity: 16,
    expansion_add: 128,
    expansion_search: 64,
    multi: false,
  })
  for (let i = 0; i < x.n; i++) graph.add(BigInt(i), x.data.subarray(i * DIM, (i + 1) * DIM), 1)
  const folder = mkdtempSync(join(tmpdir(), 'pith-usearch-'))
  try {
    graph.save(join(folder, 'graph'))
    const ask = {
      ours: (query: Float32Array) => [...int8.search(query, K).ids],
      theirs: (query: Float32Array) => [...graph.search(query, K, 1).keys].map(Number),
    }
    return {
      rows: x.n,
      name,
      ours: { bytes: await fileBytes(int8), recall: recallOf(x, asked, ask.ours), ms: cpuOf(x, ask.ours) },
      theirs: {
        bytes: statSync(join(folder, 'graph')).size,
        recall: recallOf(x, asked, ask.theirs),
        ms: cpuOf(x, ask.theirs),
      },
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function cpuOf(x: DenseMatrix, search: (query: Float32Array) => unknown): number {
  const start = process.cpuUsage()
  for (let i = 0; i < 200; i++) search(x.data.subarray((i % x.n) * DIM, ((i % x.n) + 1) * DIM))
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000 / 200
}

async function sizes(scale: number): Promise<Sized[]> {
  const real = realVectors()
  const n = Math.max(5000, Math.round(100_000 * scale))
  const drawn = clusteredVectors(n, Math.round(n / 100))
  return [
    await sizeBesideUsearch('sentences', real, real.n),
    await sizeBesideUsearch('drawn around centres', drawn, 200),
  ]
}

function saySized({ name, rows, ours, theirs }: Sized): string[] {
  const figures = [ours, theirs].flatMap(({ bytes, recall, ms }) => [
    (bytes / rows).toFixed(0),
    recall.toFixed(4),
    ms.toFixed(3),
  ])
  return [`${rows} ${name}`, ...figures]
}

/** What codes keep of real vectors, and sizes beside usearch. */
export async function benchPqRecall(context: BenchContext): Promise<void> {
  const kept = await keptOfReal(3, 20)
  for (const { name, bytes, recall } of kept) {
    context.add({
      system: 'index',
      kind: 'pq recall',
      peer: { name: 'f32' },
      data: { name: 'sentences by MiniLM', bytes: 778 * 4 * DIM },
      params: { form: name, k: K },
      ours: { bytes, quality: { 'recall@10': recall } },
      theirs: { bytes: 4 * DIM },
      vs: { bytes: bytes / (4 * DIM) },
      repeats: 3,
    })
  }
  context.say(
    textTable(
      ['form', 'bytes a row', 'recall@10'],
      kept.map(({ name, bytes, recall }) => [name, String(bytes), recall.toFixed(4)]),
    ),
  )
  const sized = await sizes(context.scale)
  for (const { name, rows, ours, theirs } of sized) {
    context.add({
      system: 'index',
      kind: 'vector files',
      peer: { name: 'usearch, HNSW in i8' },
      data: { name, bytes: rows * 4 * DIM },
      params: { rows, k: K },
      ours: { bytes: ours.bytes, cpuMs: ours.ms, quality: { 'recall@10': ours.recall } },
      theirs: { bytes: theirs.bytes, cpuMs: theirs.ms, quality: { 'recall@10': theirs.recall } },
      vs: { bytes: ours.bytes / theirs.bytes, cpu: ours.ms / theirs.ms },
      repeats: 1,
    })
  }
  const head = ['rows', 'int8, bytes a row', 'recall@10', 'CPU ms', 'usearch i8, bytes a row', 'recall@10', 'CPU ms']
  context.say(textTable(head, sized.map(saySized)))
}

/** The same with bars. */
export async function acceptPqRecall(context: AcceptContext): Promise<void> {
  for (const { name, recall, least } of await keptOfReal(context.scale < 1 ? 1 : 5, context.scale < 1 ? 6 : 20)) {
    context.check(`recall@10 of ${name}`, recall >= least, `${recall.toFixed(4)} (at least ${least})`)
  }
  for (const { name, ours, theirs, rows } of await sizes(context.scale)) {
    const times = `${ours.ms.toFixed(3)} ms a query beside ${theirs.ms.toFixed(3)} ms`
    context.check(
      `file of ${name} beside usearch`,
      ours.bytes < theirs.bytes && ours.recall >= theirs.recall - 0.005,
      `${rows} rows: ${ours.bytes} bytes at recall ${ours.recall.toFixed(4)}, usearch i8 ${theirs.bytes} at ${theirs.recall.toFixed(4)}; ${times}`,
    )
  }
}
