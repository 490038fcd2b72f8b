import { throwIfAborted } from '../cancel.ts'
import type { BlockRow, Codec, EntryReader, EntryWriter, Reader, ReadRun } from '../codec.ts'
import { isDamage, isPithError, PithError } from '../errors.ts'
import type { Source } from '../io.ts'
import { meterProgress } from '../progress.ts'
import { makeReport, type Report } from '../report.ts'
import type { Run } from '../run.ts'
import { decodeBlock, encodeBlock } from './block.ts'
import { blocksOf } from './blocks-of.ts'

/** Options of the general codec. */
export interface GeneralOptions {
  /** Effort; default `default`. */
  level?: 'fast' | 'default' | 'max'
  /** Bytes of input per block, 4096..67108864; default 1, 4 and 8 MiB for the three levels. */
  chunkBytes?: number
}

/** Answers from the blocks of one entry of the general codec. */
export interface GeneralReader extends Reader {
  /** Decoded length in bytes. */
  readonly rawBytes: number
  /**
   * Bytes `[from, to)` of the decoded entry, decoding only the blocks they lie in.
   *
   * @throws PithError `PITH_ARG` a range outside the entry; whatever the blocks are found to be wrong with
   */
  read(from: number, to: number, run?: Run): AsyncIterable<Uint8Array>
}

const SECTION = 'data'
const MIN_CHUNK = 4096
const MAX_CHUNK = 1 << 26
const LEVELS = {
  fast: { quality: 5, lgwin: 22, chunkBytes: 1 << 20 },
  default: { quality: 9, lgwin: 24, chunkBytes: 1 << 22 },
  max: { quality: 11, lgwin: 24, chunkBytes: 1 << 23 },
} as const

/** For what no other codec claims: blocks of brotli, or the bytes as they are where that is smaller. */
export const generalCodec: Codec<GeneralOptions, GeneralReader> = {
  id: 'general',
  version: 1,
  probe: () => 0.01,
  encode,
  decode,
  open: async (entry) => new EntryBytes(entry),
}

async function encode(source: Source, sink: EntryWriter, options: GeneralOptions & Run): Promise<Report> {
  const startedAt = performance.now()
  const { quality, lgwin, chunkBytes } = settings(options)
  const { signal } = options
  const size = source.size === undefined ? {} : { total: source.size }
  const meter = meterProgress(options, { stage: 'compress', unit: 'bytes', ...size })
  const pending: { raw: number; coded: Promise<Uint8Array> }[] = []
  const threads = Math.max(1, options.threads ?? 1)
  let bytesIn = 0
  let bytesOut = 0
  const writeFirst = async (): Promise<void> => {
    const { raw, coded } = pending.shift()!
    const payload = await coded
    await sink.block(SECTION, payload, { rawBytes: raw })
    bytesIn += raw
    bytesOut += payload.length
    meter.update(bytesIn)
  }
  for await (const raw of blocksOf(source.stream(), chunkBytes)) {
    throwIfAborted(signal)
    const coded = encodeBlock(raw, { quality, lgwin, signal })
    // A failure is met when its turn to be written comes.
    coded.catch(() => undefined)
    pending.push({ raw: raw.length, coded })
    if (pending.length >= threads) await writeFirst()
  }
  while (pending.length > 0) await writeFirst()
  throwIfAborted(signal)
  meter.finish()
  return makeReport({ codec: 'general', bytesIn, bytesOut, startedAt })
}

function settings(options: GeneralOptions): { quality: number; lgwin: number; chunkBytes: number } {
  const level = options.level ?? 'default'
  if (!Object.hasOwn(LEVELS, level)) {
    throw new PithError('PITH_ARG', `level must be fast, default or max, got ${String(level).slice(0, 40)}`)
  }
  const chunkBytes = options.chunkBytes ?? LEVELS[level].chunkBytes
  if (!Number.isInteger(chunkBytes) || chunkBytes < MIN_CHUNK || chunkBytes > MAX_CHUNK) {
    throw new PithError('PITH_ARG', `chunkBytes must be ${MIN_CHUNK}..${MAX_CHUNK}, got ${chunkBytes}`)
  }
  return { ...LEVELS[level], chunkBytes }
}

function decode(entry: EntryReader, run: ReadRun = {}): ReadableStream<Uint8Array> {
  const pieces = decodedBlocks(entry, run)
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await pieces.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await pieces.return(undefined)
      },
    },
    { highWaterMark: 0 },
  )
}

/** Every block of the entry in order; the next one is read and decoded while the caller uses the last. */
async function* decodedBlocks(entry: EntryReader, run: ReadRun): AsyncGenerator<Uint8Array, undefined> {
  const rows = await entry.blocks(SECTION)
  const total = rows.reduce((sum, row) => sum + row.rawBytes, 0)
  if (total !== entry.rawBytes) {
    throw new PithError('PITH_CORRUPT', `the blocks hold ${total} bytes, the entry declares ${entry.rawBytes}`, {
      at: place(entry),
    })
  }
  let ahead: Promise<Uint8Array> | undefined
  const meter = meterProgress(run, { stage: 'decompress', unit: 'bytes', total })
  let done = 0
  let offset = 0
  for (let i = 0; i < rows.length; i++) {
    throwIfAborted(run.signal)
    const row = rows[i]!
    const bytes = await (ahead ?? decodedBlock(entry, row, run)).catch((error: unknown) => {
      if (run.onDamage === undefined || !isDamage(error)) throw error
      run.onDamage({ part: i, rawOffset: offset, rawBytes: row.rawBytes, error })
      return undefined
    })
    offset += row.rawBytes
    ahead = i + 1 < rows.length ? decodedBlock(entry, rows[i + 1]!, run) : undefined
    ahead?.catch(() => undefined)
    if (bytes === undefined) continue
    done += bytes.length
    checkOutput(entry, run, done)
    yield bytes
    meter.update(done)
  }
  meter.finish()
}

async function decodedBlock(entry: EntryReader, row: BlockRow, run: Run): Promise<Uint8Array> {
  const payload = await entry.read(row, run)
  try {
    return await decodeBlock(payload, row.rawBytes)
  } catch (error) {
    if (!isPithError(error)) throw error
    throw new PithError(error.code, `block ${row.block}: ${error.message}`, { at: place(entry), cause: error })
  }
}

function checkOutput(entry: EntryReader, run: Run, bytes: number): void {
  const limit = run.limits?.outputBytes ?? entry.limits.outputBytes
  if (bytes <= limit) return
  throw new PithError('PITH_LIMIT', `more than the ${limit} bytes allowed would be decoded`, {
    at: place(entry),
    hint: 'Raise limits.outputBytes if you trust the file.',
  })
}

function place(entry: EntryReader): { section: string; entry?: string } {
  return entry.path === undefined ? { section: SECTION } : { section: SECTION, entry: entry.path }
}

/** Ranges of an entry by the running sum of its blocks' lengths. */
class EntryBytes implements GeneralReader {
  readonly rawBytes: number
  readonly #entry: EntryReader

  constructor(entry: EntryReader) {
    this.#entry = entry
    this.rawBytes = entry.rawBytes
  }

  async *read(from: number, to: number, run: Run = {}): AsyncGenerator<Uint8Array> {
    if (!(from >= 0 && from <= to && to <= this.rawBytes)) {
      throw new PithError('PITH_ARG', `range [${from}, ${to}) is not within the ${this.rawBytes} bytes of the entry`)
    }
    let start = 0
    for (const row of await this.#entry.blocks(SECTION)) {
      const end = start + row.rawBytes
      if (end > from && start < to) {
        throwIfAborted(run.signal)
        const bytes = await decodedBlock(this.#entry, row, run)
        yield bytes.subarray(Math.max(0, from - start), Math.min(bytes.length, to - start))
      }
      start = end
    }
  }

  async close(): Promise<void> {}
}
