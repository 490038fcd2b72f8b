import { ByteReader, ByteWriter } from '../bytes.ts'
import { crc32c } from '../crc32c.ts'
import { PithError } from '../errors.ts'
import type { FileSink } from '../io.ts'
import { fileSink } from './file-sink.ts'
import { fileSource } from './file-source.ts'
import type { FileSystem } from './file-system.ts'

/** Length and CRC-32C before each record; the CRC covers the length too, so zeros are no record. */
const FRAME_BYTES = 8

/** How a log is opened. */
export interface LogOptions {
  /** Largest record in bytes. Default 64 MiB. */
  maxRecordBytes?: number
  files?: FileSystem
  signal?: AbortSignal
}

/** A file of records that only grows. */
export interface AppendLog {
  /** Length of the file in bytes. */
  readonly size: number
  /** Records in it. */
  readonly count: number
  /** Bytes of a torn record that were cut off when the log was opened: the program or the machine died in a write. */
  readonly droppedBytes: number
  /** Add a record; it survives a crash of the program once this resolves, of the machine after `flush`. */
  append(record: Uint8Array): Promise<void>
  flush(): Promise<void>
  close(): Promise<void>
}

/**
 * Open a log to append to, making it where it does not exist. A torn record at its end is cut off; the log is locked until
 * `close`. A failed append leaves the records before it.
 *
 * @throws PithError `PITH_LOCKED` · `PITH_IO` · `PITH_CHECKSUM` a record in the middle is damaged
 */
export async function openLog(path: string, options: LogOptions = {}): Promise<AppendLog> {
  const { maxRecordBytes = 2 ** 26, files, signal } = options
  const sink = await fileSink(path, {
    mode: 'either',
    ...(files === undefined ? {} : { files }),
    ...(signal === undefined ? {} : { signal }),
  })
  let count = 0
  let end = 0
  let droppedBytes = 0
  try {
    for await (const { next } of scan(sink.size, (offset, length) => sink.readAt(offset, length), maxRecordBytes)) {
      count++
      end = next
    }
    if (end < sink.size) {
      droppedBytes = sink.size - end
      await sink.truncate(end)
      await sink.flush()
    }
  } catch (error) {
    await sink.abort(error).catch(() => {})
    throw error
  }
  let broken = false
  let last: Promise<unknown> = Promise.resolve()
  /** One after the other: a record goes where the one before it ends. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work)
    last = turn.catch(() => {})
    return turn
  }
  return {
    get size() {
      return end
    },
    get count() {
      return count
    },
    droppedBytes,
    append(record) {
      if (record.length > maxRecordBytes) {
        return Promise.reject(
          new PithError('PITH_LIMIT', `a record may have ${maxRecordBytes} bytes, got ${record.length}`),
        )
      }
      const bytes = frame(record)
      return inTurn(async () => {
        if (broken) throw new PithError('PITH_IO', `${path} is damaged by a failed write`, { hint: 'Open it again.' })
        await appendFrame(sink, end, bytes).catch((error) => {
          broken = sink.size !== end
          throw error
        })
        end += bytes.length
        count++
      })
    },
    flush: () => inTurn(() => sink.flush()),
    close: () => inTurn(() => sink.close()),
  }
}

async function appendFrame(sink: FileSink, end: number, bytes: Uint8Array): Promise<void> {
  try {
    await sink.writeAt(end, bytes)
  } catch (error) {
    // Part of it may stand in the file although the sink does not count it.
    await sink.truncate(end).catch(() => {})
    throw error
  }
}

/** The records of a log, in order, up to a torn one. @throws PithError `PITH_IO` · `PITH_CHECKSUM` as {@link openLog} */
export async function* readLog(path: string, options: LogOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
  const source = await fileSource(path, options)
  try {
    const records = scan(
      source.size,
      (offset, length) => source.read(offset, length),
      options.maxRecordBytes ?? 2 ** 26,
    )
    for await (const { record } of records) yield record
  } finally {
    await source.close()
  }
}

function frame(record: Uint8Array): Uint8Array {
  const writer = new ByteWriter(FRAME_BYTES + record.length)
  writer.u32(record.length)
  writer.u32(crc32c(record, crc32c(writer.view())))
  writer.bytes(record)
  return writer.view()
}

async function* scan(
  size: number,
  read: (offset: number, length: number) => Promise<Uint8Array>,
  maxRecordBytes: number,
): AsyncGenerator<{ record: Uint8Array; next: number }, void, undefined> {
  let window = new Uint8Array(0) as Uint8Array
  let windowAt = 0
  /** Bytes from `offset`, read ahead so that small records do not cost a call each. */
  const take = async (offset: number, length: number): Promise<Uint8Array> => {
    if (offset < windowAt || offset + length > windowAt + window.length) {
      window = await read(offset, Math.max(length, 65536))
      windowAt = offset
    }
    return window.subarray(offset - windowAt, offset - windowAt + length)
  }
  const recordAt = async (at: number): Promise<{ record?: Uint8Array; next: number } | undefined> => {
    if (at + FRAME_BYTES > size) return undefined
    const head = await take(at, FRAME_BYTES)
    const reader = new ByteReader(head)
    const length = reader.u32()
    const next = at + FRAME_BYTES + length
    if (length > maxRecordBytes || next > size) return undefined
    const crc = crc32c(head.subarray(0, 4))
    const expected = reader.u32()
    const record = await take(at + FRAME_BYTES, length)
    return crc32c(record, crc) === expected ? { record: record.slice(), next } : { next }
  }
  for (let at = 0; ; ) {
    const found = await recordAt(at)
    if (found === undefined) return
    if (found.record === undefined) {
      // A torn write is the last thing in the file; sound records behind it mean damage.
      if ((await recordAt(found.next))?.record === undefined) return
      throw new PithError('PITH_CHECKSUM', `the record at ${at} is damaged`, {
        hint: 'Restore the file from a copy: records behind this one are sound and would be lost.',
        at: { offset: at },
      })
    }
    yield { record: found.record, next: found.next }
    at = found.next
  }
}
