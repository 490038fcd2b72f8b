import type { Run } from '@pith/core'
import type { Container, ContainerEntry } from '@pith/core/container'
import { openReader } from '../input/open-file.ts'
import { isLogReader } from '../systems/log-reader.ts'

/** Bytes of one section of an entry. */
export interface SectionPart {
  readonly name: string
  readonly blocks: number
  readonly storedBytes: number
  readonly rawBytes: number
}

/** What a log says of itself. */
export interface LogParts {
  readonly lines: number
  readonly templates: number
  /** Earliest and latest time, in milliseconds since 1970 by the clock of the log. */
  readonly times?: { readonly first: number; readonly last: number; readonly dated: boolean }
}

export interface EntryParts {
  readonly path?: string
  readonly kind: ContainerEntry['kind']
  readonly codec: string
  readonly codecVersion: number
  readonly rawBytes: number
  readonly storedBytes: number
  readonly profiles: number
  /** Of all its profiles in the file. */
  readonly profileBytes: number
  readonly summaryBytes: number
  readonly sections: readonly SectionPart[]
  /** Of a log. */
  readonly log?: LogParts
}

/** Where the bytes of a file are: what `pith inspect` prints, as text, as JSON or as a page. */
export interface FileParts {
  readonly file: string
  readonly form: Container['form']
  readonly bytes: number
  readonly rawBytes: number
  readonly commit: number
  readonly uncommittedBytes: number
  readonly entries: readonly EntryParts[]
  /** Bytes that are no block of an entry: magic, frames, profiles, summaries, index, tail. */
  readonly overheadBytes: number
}

/** Gather where the bytes are. */
export async function partsOf(
  name: string,
  container: Container,
  entries: readonly ContainerEntry[],
  run: Run,
): Promise<FileParts> {
  const parts: EntryParts[] = []
  for (const entry of entries) parts.push(await entryParts(entry, run))
  const { bytes, rawBytes } = container.totals
  const stored = parts.reduce((sum, part) => sum + part.storedBytes, 0)
  const { form, commit, uncommittedBytes } = container
  return { file: name, form, bytes, rawBytes, commit, uncommittedBytes, entries: parts, overheadBytes: bytes - stored }
}

async function entryParts(entry: ContainerEntry, run: Run): Promise<EntryParts> {
  const sections: SectionPart[] = []
  for (const name of await entry.sections()) {
    const rows = await entry.blocks(name)
    const sum = (pick: (row: (typeof rows)[number]) => number): number =>
      rows.reduce((total, row) => total + pick(row), 0)
    sections.push({
      name,
      blocks: rows.length,
      storedBytes: sum((row) => row.storedBytes),
      rawBytes: sum((row) => row.rawBytes),
    })
  }
  const { kind, codec, codecVersion, rawBytes, storedBytes, profileVersion } = entry
  const log = kind === 'file' ? await logOf(entry, run) : undefined
  return {
    ...(entry.path === undefined ? {} : { path: entry.path }),
    kind,
    codec,
    codecVersion,
    rawBytes,
    storedBytes,
    profiles: profileVersion,
    profileBytes: await profileBytes(entry),
    summaryBytes: (await entry.summary())?.length ?? 0,
    sections,
    ...(log === undefined ? {} : { log }),
  }
}

async function profileBytes(entry: ContainerEntry): Promise<number> {
  let bytes = 0
  for (let version = 1; version <= entry.profileVersion; version++) {
    bytes += (await entry.profile(version))?.length ?? 0
  }
  return bytes
}

async function logOf(entry: ContainerEntry, run: Run): Promise<LogParts | undefined> {
  const opened = await openReader(entry, run)
  if (opened === undefined) return undefined
  const { reader, run: own } = opened
  try {
    if (!isLogReader(reader)) return undefined
    const { lines, times } = reader
    const templates = await reader.templates(own)
    return { lines, templates: templates.length, ...(times === undefined ? {} : { times }) }
  } finally {
    await reader.close()
  }
}
