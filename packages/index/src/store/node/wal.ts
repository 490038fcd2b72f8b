import { join } from 'node:path'
import { ByteReader, ByteWriter, PithError } from '@pith/core'
import { type AppendLog, type FileSystem, openLog, readLog, withPath } from '@pith/core/node'
import type { IndexDocument } from '../../types.ts'
import {
  asStored,
  checkDocument,
  checkId,
  damaged,
  readDocument,
  readText,
  writeDocument,
  writeText,
} from '../document.ts'

const ADD = 1
const DELETE = 2
/** Bytes of changes that share one record. */
const RECORD_BYTES = 2 ** 20
/** A single document may be longer than a record should be. */
const MAX_RECORD_BYTES = 2 ** 28

/** A change of an index: a document that comes or replaces the one of its id, or an id that goes. */
export type Change =
  | { readonly kind: 'add'; readonly document: IndexDocument }
  | { readonly kind: 'delete'; readonly id: string }

/** Name of the log of a number. */
export function walName(number: number): string {
  return `wal-${number}.log`
}

/** Whether a file of the folder is a log of changes, or its lock. */
export function isWal(name: string): boolean {
  return /^wal-\d+\.log(\.lock.*)?$/.test(name)
}

/** Open the log of a number to add to it, making it where it is not there yet. */
export async function startWal(folder: string, number: number, files: FileSystem): Promise<AppendLog> {
  const log = await openLog(join(folder, walName(number)), { files, maxRecordBytes: MAX_RECORD_BYTES })
  try {
    // Without this a crash of the machine could take the whole log away.
    await withPath(folder, () => files.syncFolder(folder))
    return log
  } catch (error) {
    await log.close().catch(() => {})
    throw error
  }
}

/** The changes of a log, in order, up to a torn record. @throws PithError `PITH_IO` there is none · `PITH_CHECKSUM` · `PITH_CORRUPT` */
export async function* readWal(folder: string, number: number, files: FileSystem): AsyncGenerator<Change> {
  for await (const record of readLog(join(folder, walName(number)), { files, maxRecordBytes: MAX_RECORD_BYTES })) {
    yield* decodeChanges(record)
  }
}

/** Changes as records of about a mebibyte, each of which is written as a whole. */
export function* encodeChanges(changes: readonly Change[]): Generator<Uint8Array> {
  const out = new ByteWriter(4096)
  for (const change of changes) {
    if (change.kind === 'add') {
      out.u8(ADD)
      writeText(out, change.document.id)
      writeDocument(out, change.document)
    } else {
      out.u8(DELETE)
      writeText(out, change.id)
    }
    if (out.length < RECORD_BYTES) continue
    if (out.length > MAX_RECORD_BYTES) {
      throw new PithError('PITH_LIMIT', `a document may have ${MAX_RECORD_BYTES} bytes, got ${out.length}`)
    }
    yield out.finish()
    out.reset()
  }
  if (out.length > 0) yield out.finish()
}

async function* decodeChanges(record: Uint8Array): AsyncGenerator<Change> {
  const input = new ByteReader(record)
  while (input.remaining > 0) {
    const kind = input.u8()
    if (kind !== ADD && kind !== DELETE) throw damaged(`a change of kind ${kind} in the log`, input.offset)
    const id = readText(input)
    if (kind === DELETE) {
      await asStored(() => checkId(id))
      yield { kind: 'delete', id }
    } else {
      const document = readDocument(input, id)
      await asStored(() => checkDocument(document))
      yield { kind: 'add', document }
    }
  }
}
