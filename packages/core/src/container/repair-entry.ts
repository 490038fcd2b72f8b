import type { BlockRow, Codec, EntryReader } from '../codec.ts'
import type { ErrorPlace } from '../errors.ts'
import { PithError } from '../errors.ts'
import type { Limits, Run } from '../run.ts'
import type { EntryState, Row } from './catalog.ts'
import { nameOf } from './store.ts'
import type { ContainerEntryWriter } from './writer.ts'

/** Something that could not be saved. */
export interface LostPlace extends ErrorPlace {
  what: string
  block?: number
  /** Decoded bytes that are gone, where a codec knows it. */
  rawBytes?: number
  /** Range of keys (lines of a log, from 0) in the damaged entry, where a codec knows it; last exclusive. */
  keys?: readonly [first: number, last: number]
}

/** A row that was found, with the name of its section where that is known. */
export type FoundRow = Row & { name: string | undefined }

/** What was found of a damaged entry. */
export interface SavedParts {
  rows: readonly FoundRow[]
  /** A block's payload, undefined where it is damaged. */
  payload(row: Row): Promise<Uint8Array | undefined>
  /** Versions of the profile from the first, undefined where one is damaged. */
  profiles: readonly (Uint8Array | undefined)[]
  summary: Uint8Array | undefined
}

/** A damaged entry on its way to another file. */
export interface EntryRepair {
  state: EntryState
  parts: SavedParts
  target: ContainerEntryWriter
  /** What is lost, to be added to. */
  lost: LostPlace[]
  limits: Limits
}

/** Let the codec of an entry save what it can of it. */
export async function repairEntry(job: EntryRepair, repair: NonNullable<Codec['repair']>, run: Run): Promise<void> {
  const { state, target, lost } = job
  const entry = nameOf(state)
  for (const { what, rawBytes, keys } of await repair(readerOf(job, entry), target, run)) {
    lost.push({ what, entry, rawBytes, ...(keys === undefined ? {} : { keys }) })
  }
  await target.finish()
}

function readerOf({ state, parts, lost, limits }: EntryRepair, entry: string): EntryReader {
  const { head } = state
  const places = new Map<BlockRow, FoundRow>()
  const sections = new Map<string, BlockRow[]>()
  for (const row of parts.rows) {
    if (row.name === undefined) lost.push({ what: 'a block of a section without a name', entry, offset: row.offset })
    else {
      const shown = publicRow(row, row.name)
      places.set(shown, row)
      const own = sections.get(row.name)
      if (own === undefined) sections.set(row.name, [shown])
      else own.push(shown)
    }
  }
  for (const rows of sections.values()) rows.sort((a, b) => a.block - b.block || a.variant - b.variant)
  return {
    id: state.id,
    ...(head.path === undefined ? {} : { path: head.path }),
    codec: head.codec,
    codecVersion: head.codecVersion,
    rawBytes: parts.rows.reduce((sum, { variant, rawBytes }) => sum + (variant === 0 ? rawBytes : 0), 0),
    limits,
    remote: false,
    blocks: async (section) => sections.get(section) ?? [],
    sections: async () => [...sections.keys()],
    async read(shown) {
      const row = places.get(shown)
      const payload = row === undefined ? undefined : await parts.payload(row)
      if (payload !== undefined) return payload
      const { section, block } = shown
      const at = { entry, section, ...(row === undefined ? {} : { offset: row.offset }) }
      lost.push({ what: 'a block', ...at, block })
      throw new PithError('PITH_CHECKSUM', `block ${block} of section ${section} is damaged`, { at })
    },
    async profile(version = parts.profiles.length) {
      if (version === 0) return undefined
      const payload = parts.profiles[version - 1]
      if (payload !== undefined) return payload
      throw new PithError('PITH_CHECKSUM', `version ${version} of the profile is damaged`, { at: { entry } })
    },
    summary: async () => parts.summary,
  }
}

function publicRow(row: Row, section: string): BlockRow {
  const { block, variant, storedBytes, rawBytes, profile, keyFirst, keyCount } = row
  const shared = { section, block, variant, storedBytes, rawBytes, profile }
  return keyFirst < 0 ? shared : { ...shared, keys: [keyFirst, keyFirst + keyCount] }
}
