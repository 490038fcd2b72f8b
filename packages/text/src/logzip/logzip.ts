/** The codec of logs: pieces of the input to chunks on workers, chunks to blocks of the container, and back. */
import {
  type BlockRow,
  type Codec,
  type Continuation,
  type EntryReader,
  type EntryWriter,
  makeReport,
  meterProgress,
  PithError,
  type ReadRun,
  type Report,
  type Run,
  resolveLimits,
  type Source,
  throwIfAborted,
} from '@pith/core'
import { mapOrdered, type Pool } from '@pith/core/workers'
import type { EncodedChunk, Level } from './chunk-encode.ts'
import { piecesOf } from './cut.ts'
import {
  atChunk,
  chunkRows,
  damagedChunk,
  nextPriorKey,
  outcomeOf,
  packPrior,
  readAnyPrior,
  readPrior,
} from './entry.ts'
import { ChunkLedger } from './ledger.ts'
import { checkChunkFits, chunkWithin, codingBytes, decodingBytes, poolOf } from './log-pool.ts'
import { LogReader } from './reader.ts'
import { repairLog } from './repair.ts'
import { shareBytes } from './share.ts'
import { shareSignatures } from './signature-pack.ts'
import type { DecodeCall, logTasks, PriorBytes } from './tasks.ts'

/** How a log is coded. */
export interface LogzipOptions {
  /** Effort; default `default`. `max` decodes as slowly as it codes: it is for cold archives. */
  level?: Level
  /** Bytes of raw log that are coded apart, 4096 to 2^26; default 8 MiB. */
  chunkBytes?: number
}

/** What holds where {@link LogzipOptions} say nothing. */
export const LOGZIP_DEFAULTS: Readonly<Required<LogzipOptions>> = /* @__PURE__ */ Object.freeze({
  level: 'default',
  chunkBytes: 2 ** 23,
})

const MAX_CHUNK = 2 ** 26

/**
 * Options with their defaults, and chunks as small as the limit memoryBytes wants them.
 *
 * @throws PithError `PITH_ARG` options out of range · `PITH_LIMIT` the limit memoryBytes is too low for them
 */
export function checkOptions(options: LogzipOptions & Run): Required<LogzipOptions> {
  const level = options.level ?? LOGZIP_DEFAULTS.level
  const chunkBytes = options.chunkBytes ?? LOGZIP_DEFAULTS.chunkBytes
  if (level !== 'fast' && level !== 'default' && level !== 'max') {
    throw new PithError('PITH_ARG', `level must be fast, default or max, got ${JSON.stringify(level)}`)
  }
  if (!(Number.isInteger(chunkBytes) && chunkBytes >= 4096 && chunkBytes <= MAX_CHUNK)) {
    throw new PithError('PITH_ARG', `chunkBytes must be an integer in 4096..${MAX_CHUNK}, got ${chunkBytes}`)
  }
  return { level, chunkBytes: chunkWithin(options, level, options.chunkBytes, chunkBytes) }
}

async function encode(source: Source, sink: EntryWriter, options: LogzipOptions & Run & Continuation): Promise<Report> {
  const { level, chunkBytes } = checkOptions(options)
  if ((options.previous?.rawBytes ?? 0) > 0) {
    throw new PithError('PITH_UNSUPPORTED', 'an encode of logzip writes a log from its start', {
      hint: 'Use LogAppender to go on with one.',
    })
  }
  throwIfAborted(options.signal)
  const started = performance.now()
  const meter = meterProgress(options, {
    stage: 'compress',
    unit: 'bytes',
    ...(source.size === undefined ? {} : { total: source.size }),
  })
  const pool = poolOf(options, { needed: codingBytes(level, chunkBytes), total: source.size })
  const { threads } = pool
  const ledger = new ChunkLedger(sink)
  try {
    const pieces = piecesOf(source, chunkBytes)
    const first = await pieces.next()
    if (first.done !== true) {
      const second = await pieces.next()
      const add = async (chunks: readonly EncodedChunk[]): Promise<void> => {
        for (const chunk of chunks) await ledger.add(chunk)
        meter.update(ledger.bytesIn)
      }
      let prior: PriorBytes | undefined
      const code = (bytes: Uint8Array<ArrayBuffer>): Promise<EncodedChunk[]> =>
        pool.run('encode', { bytes, level, prior, spent: true }, { transfer: [bytes.buffer] })
      if (second.done === true) await add(await code(first.value))
      else {
        const learning = pool.run(
          'encodeFirst',
          { bytes: first.value, level, prior: undefined, spent: true },
          { transfer: [first.value.buffer] },
        )
        // Nothing depends on it.
        warmUp(pool, learning, second.value, level).catch(() => {})
        const learned = await learning
        prior = {
          key: nextPriorKey(),
          bytes: shareBytes(learned.prior),
          signatures: shareSignatures(learned.signatures),
        }
        const rest = mapOrdered(withFirst(second.value, pieces), code, {
          concurrency: threads === 1 ? 1 : threads + 1,
          signal: options.signal,
        })
        // The workers have begun before the prior is packed.
        const begun = rest.next()
        try {
          await sink.profile(packPrior(learned.prior, level))
          await add(learned.chunks)
          for (let step = await begun; step.done !== true; step = await rest.next()) await add(step.value)
        } catch (error) {
          begun.catch(() => {})
          await rest.return()
          throw error
        }
      }
    }
    await ledger.finish()
  } finally {
    await pool.close()
  }
  throwIfAborted(options.signal)
  meter.finish()
  return makeReport({
    codec: 'logzip',
    bytesIn: ledger.bytesIn,
    bytesOut: ledger.bytesOut,
    startedAt: started,
  })
}

/** Bytes that a worker is warmed up with at a time. */
const WARM_BYTES = 2 ** 18

/**
 * While one worker codes the first chunk, on which all others depend, the others code pieces of the next one for nothing: then
 * their code is compiled. At level `max` all that takes long is compiled already.
 */
async function warmUp(
  pool: Pool<typeof logTasks>,
  learning: Promise<unknown>,
  next: Uint8Array,
  level: Level,
): Promise<void> {
  if (pool.threads === 1 || level === 'max') return
  let learned = false
  const done = (): void => void (learned = true)
  learning.then(done, done)
  const warm = async (): Promise<void> => {
    for (let at = 0; at < next.length && !learned; at += WARM_BYTES) {
      const bytes = next.slice(at, at + WARM_BYTES)
      await pool.run('warm', { bytes }, { transfer: [bytes.buffer] })
    }
  }
  await Promise.all(Array.from({ length: pool.threads - 1 }, warm))
}

async function* withFirst<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T> {
  yield first
  yield* rest
}

function decode(entry: EntryReader, run: ReadRun = {}): ReadableStream<Uint8Array> {
  const iterator = decodeChunks(entry, run)
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await iterator.next()
        if (done === true) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await iterator.return()
      },
    },
    { highWaterMark: 0 },
  )
}

async function* decodeChunks(entry: EntryReader, run: ReadRun): AsyncGenerator<Uint8Array, void, undefined> {
  throwIfAborted(run.signal)
  const limits = resolveLimits(run.limits ?? entry.limits)
  const rows = await chunkRows(entry, run.onDamage)
  const total = rows.reduce((sum, [row]) => sum + (row as BlockRow).rawBytes, 0)
  const meter = meterProgress(run, { stage: 'decompress', unit: 'bytes', total })
  const { onDamage } = run
  const prior = onDamage === undefined ? await readPrior(entry, run) : (await readAnyPrior(entry, run)).prior
  const largest = rows.reduce((most, [row]) => Math.max(most, (row as BlockRow).rawBytes), 0)
  const pool = poolOf({ ...run, limits }, { needed: decodingBytes(largest), total })
  const { threads } = pool
  let done = 0
  let index = 0
  let rawOffset = 0
  try {
    const call = async (chunk: readonly BlockRow[], index: number): Promise<Uint8Array> => {
      try {
        checkChunkFits(limits, chunk)
        const blocks: DecodeCall['blocks'] = []
        for (const row of chunk) blocks.push({ section: row.section, payload: await entry.read(row, run) })
        const bytes = await pool.run('decode', { blocks, prior })
        const declared = (chunk[0] as BlockRow).rawBytes
        if (bytes.length === declared) return bytes
        throw new PithError('PITH_CORRUPT', `a chunk has ${bytes.length} bytes, the index says ${declared}`)
      } catch (error) {
        throw atChunk(error, entry, index)
      }
    }
    for await (const outcome of mapOrdered(rows, (chunk, i) => outcomeOf(call(chunk, i), onDamage), {
      concurrency: threads === 1 ? 1 : threads + 1,
      signal: run.signal,
    })) {
      const [head] = rows[index] as [BlockRow]
      if ('error' in outcome) onDamage?.(damagedChunk(outcome.error, { part: index, rawOffset, head }))
      rawOffset += head.rawBytes
      index++
      if ('error' in outcome) continue
      const bytes = outcome.value
      done += bytes.length
      if (done > limits.outputBytes) {
        throw new PithError('PITH_LIMIT', `more than ${limits.outputBytes} bytes come out`, {
          hint: 'Raise the limit outputBytes if you trust the file.',
        })
      }
      meter.update(done)
      yield bytes
    }
    meter.finish()
  } finally {
    await pool.close()
  }
}

/** Confidence that a head is a log: lines of text of which many share their beginning, or hold a time. */
function probe(head: Uint8Array, name?: string): number {
  let control = 0
  let lines = 0
  let digits = 0
  const n = Math.min(head.length, 65536)
  for (let i = 0; i < n; i++) {
    const c = head[i] as number
    if (c === 10) lines++
    else if (c >= 48 && c <= 57) digits++
    else if (c < 32 && c !== 9 && c !== 13 && c !== 27) control++
  }
  if (n === 0 || control * 20 > n) return 0
  const named = name !== undefined && /\.(?:log|jsonl|ndjson|out)(?:\.\d+)?$/i.test(name)
  if (named) return 0.9
  // Prose has few digits; a log has a time or an id on nearly every line.
  return lines > 3 && digits > lines * 3 ? 0.7 : 0.2
}

/** The codec `logzip` of the container. */
export const logzipCodec: Codec<LogzipOptions, LogReader> = {
  id: 'logzip',
  version: 1,
  probe,
  encode,
  decode,
  open: (entry, run) => LogReader.open(entry, run),
  repair: (entry, sink, run = {}) =>
    repairLog(entry, sink, run, () => poolOf(run, { needed: decodingBytes(LOGZIP_DEFAULTS.chunkBytes) })),
}
