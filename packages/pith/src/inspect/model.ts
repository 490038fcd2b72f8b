import type { Run } from '@pith/core'
import type { Container, ContainerEntry } from '@pith/core/container'
import { codecOf } from '../input/open-file.ts'

/** Bytes of one section of an entry. */
export interface SectionPart {
  readonly name: string
  readonly blocks: number
  readonly storedBytes: number
  readonly rawBytes: number
}

/** Bytes that a codec says it spent on one thing: a stream, a column, its templates. */
export interface StreamPart {
  readonly name: string
  readonly storedBytes: number
  /** Bytes before the entropy coder, where the codec knows them. */
  readonly rawBytes?: number
}

export interface EntryParts {
  readonly path?: string
  readonly kind: ContainerEntry['kind']
  readonly codec: string
  readonly codecVersion: number
  readonly rawBytes: number
  readonly storedBytes: number
  readonly profiles: number
  readonly summaryBytes: number
  readonly sections: readonly SectionPart[]
  /** What the codec tells beyond that. */
  readonly streams: readonly StreamPart[]
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
  return {
    ...(entry.path === undefined ? {} : { path: entry.path }),
    kind,
    codec,
    codecVersion,
    rawBytes,
    storedBytes,
    profiles: profileVersion,
    summaryBytes: (await entry.summary())?.length ?? 0,
    sections,
    streams: kind === 'file' ? await streamsOf(entry, run) : [],
  }
}

/** What a reader tells of its streams, if it tells anything. */
interface TellingReader {
  stats(run?: Run): Promise<{ streams?: readonly StreamPart[] }>
}

async function streamsOf(entry: ContainerEntry, run: Run): Promise<readonly StreamPart[]> {
  const codec = await codecOf(entry)
  const reader = await codec.open?.(entry, run)
  if (reader === undefined) return []
  try {
    if (!('stats' in reader)) return []
    return (await (reader as unknown as TellingReader).stats(run)).streams ?? []
  } finally {
    await reader.close()
  }
}
