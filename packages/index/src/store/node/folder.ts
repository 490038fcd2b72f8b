import { crc32c, isDamage, isPithError, PithError } from '@pith/core'
import {
  type FileSource,
  type FileSystem,
  type FolderChange,
  type FolderSnapshot,
  openFolder,
  systemCode,
} from '@pith/core/node'
import { damaged } from '../document.ts'
import { parseJson } from '../segment.ts'
import { checkState, encodeState, type IndexState, type SegmentRow, STATE_FILE } from '../state.ts'
import { type Change, readWal } from './wal.ts'

/** Times that a folder is opened anew when it changes under the hand. */
const MAX_TRIES = 20
const MAX_SMALL_BYTES = 2 ** 28

/** A segment of a folder with its files open: they stay readable when the index goes on without them. */
export interface PinnedSegment {
  readonly row: SegmentRow
  /** Undefined where the file is missing or was cut. */
  readonly file: FileSource | undefined
  /** A bit for each row that is gone; undefined where all are there. */
  readonly dead: Uint8Array | undefined
  readonly error: PithError | undefined
}

/** A folder as one change left it. */
export interface PinnedFolder {
  readonly generation: number
  readonly state: IndexState
  readonly segments: readonly PinnedSegment[]
  readonly models: FileSource | undefined
  /** What came since, in order. */
  readonly changes: readonly Change[]
  readonly warnings: readonly string[]
  close(): Promise<void>
}

/**
 * Open all files of an index folder as its last change left them.
 *
 * @param log  whether what its log holds is read, and whether a damaged log is read as far as it is sound
 * @throws PithError `PITH_IO` no such folder · `PITH_CORRUPT` · `PITH_CHECKSUM` the state of the index, or its log, is damaged
 */
export async function pinFolder(
  path: string,
  files: FileSystem,
  log: 'strict' | 'partial' | 'none',
): Promise<PinnedFolder> {
  for (let tries = 1; ; tries++) {
    const snapshot = await openFolder(path, { files })
    try {
      return await pinSnapshot(path, snapshot, files, log)
    } catch (error) {
      // A writer may have taken files away after the manifest was read.
      const isGone = isPithError(error, 'PITH_IO') && systemCode(error.cause) === 'ENOENT'
      if (!isGone || tries === MAX_TRIES) throw error
      const now = await openFolder(path, { files })
      if (now.generation === snapshot.generation) throw error
    }
  }
}

async function pinSnapshot(
  path: string,
  snapshot: FolderSnapshot,
  files: FileSystem,
  log: 'strict' | 'partial' | 'none',
): Promise<PinnedFolder> {
  const state = await readState(snapshot)
  const opened: FileSource[] = []
  const close = async (): Promise<void> => {
    for (const file of opened.splice(0)) await file.close()
  }
  const open = async (name: string): Promise<FileSource> => {
    const file = await snapshot.open(name)
    opened.push(file)
    return file
  }
  try {
    const segments: PinnedSegment[] = []
    for (const row of state.segments) {
      segments.push(await pinSegment(snapshot, row, open))
    }
    const models = state.models === undefined ? undefined : await open(state.models)
    const { changes, warnings } = await readChanges(path, state.wal, files, log)
    return { generation: snapshot.generation, state, segments, models, changes, warnings, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function pinSegment(
  snapshot: FolderSnapshot,
  row: SegmentRow,
  open: (name: string) => Promise<FileSource>,
): Promise<PinnedSegment> {
  try {
    const dead = row.tombstones === undefined ? undefined : await readSmall(snapshot, row.tombstones)
    if (dead !== undefined && dead.length !== Math.ceil(row.rows / 8)) {
      throw damaged(`${row.tombstones} has ${dead.length} bytes for ${row.rows} rows`)
    }
    return { row, file: await open(row.name), dead, error: undefined }
  } catch (error) {
    if (!isDamage(error)) throw error
    return { row, file: undefined, dead: undefined, error }
  }
}

/** The state of the index in a snapshot. */
async function readState(snapshot: FolderSnapshot): Promise<IndexState> {
  return checkState(parseJson(await readSmall(snapshot, STATE_FILE)))
}

/** Write the state of the index, the last file of a change, and make the change visible. */
export async function commitState(change: FolderChange, state: IndexState): Promise<void> {
  try {
    const sink = await change.create(STATE_FILE)
    await sink.write(encodeState(state))
    await sink.close()
  } catch (error) {
    await change.abort().catch(() => {})
    throw error
  }
  await change.commit()
}

/** A small file of a snapshot, against its checksum. */
async function readSmall(snapshot: FolderSnapshot, name: string): Promise<Uint8Array> {
  const row = snapshot.files.find((file) => file.name === name)
  if (row === undefined) throw damaged(`the folder lacks ${name}`)
  if (row.bytes > MAX_SMALL_BYTES) throw damaged(`${name} has ${row.bytes} bytes`)
  const file = await snapshot.open(name)
  try {
    const bytes = await file.read(0, row.bytes)
    if (crc32c(bytes) === row.crc32c) return bytes
    throw new PithError('PITH_CHECKSUM', `${name} is damaged`, {
      hint: 'Restore the index from a snapshot.',
      at: { entry: name },
    })
  } finally {
    await file.close()
  }
}

async function readChanges(
  path: string,
  wal: number,
  files: FileSystem,
  log: 'strict' | 'partial' | 'none',
): Promise<{ changes: Change[]; warnings: string[] }> {
  const changes: Change[] = []
  const warnings: string[] = []
  if (log === 'none') return { changes, warnings }
  try {
    for await (const change of readWal(path, wal, files)) changes.push(change)
  } catch (error) {
    if (isPithError(error, 'PITH_IO') && systemCode(error.cause) === 'ENOENT') {
      // The log of an index appears with the first change; one that is gone goes with another state.
      const now = await openFolder(path, { files })
      if ((await readState(now)).wal !== wal) throw error
    } else if (log === 'partial' && isDamage(error)) {
      warnings.push(`what was added last is damaged, ${changes.length} changes are kept: ${error.message}`)
    } else throw error
  }
  return { changes, warnings }
}

/** Name of the file of a segment. */
export function segmentName(number: number): string {
  return `segment-${String(number).padStart(6, '0')}.pith`
}

/** Write which rows of a segment are gone. @returns the row that names them */
export async function writeTombstones(change: FolderChange, row: SegmentRow, bits: Uint8Array): Promise<SegmentRow> {
  const tombstones = `${row.name}.gone`
  const sink = await change.create(tombstones)
  await sink.write(bits)
  await sink.close()
  return { ...row, tombstones }
}
