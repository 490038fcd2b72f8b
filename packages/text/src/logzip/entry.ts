/** Reading the blocks of a log from its entry. */
import {
  type BlockRow,
  type DamagedPart,
  type EntryReader,
  isDamage,
  PithError,
  type ReadRun,
  type Run,
} from '@pith/core'
import { loadBrotli } from '@pith/core/brotli'
import type { Level } from './chunk-encode.ts'
import { packBytes, packText, QUALITY, unpackBytes } from './pack.ts'
import type { PriorBytes } from './tasks.ts'

/** Logs opened or coded so far by this realm; tells their priors apart. */
let serial = 0

/** A number for the prior of one more log. */
export function nextPriorKey(): number {
  return ++serial
}

/** Most bytes of a prior. */
const MAX_PRIOR_BYTES = 2 ** 26

/**
 * Blocks of an entry by chunk: the row of section `chunk` first. What unpacks them is ready once they are there. Where
 * damage is no failure, blocks of no chunk are passed over: the chunk that lacks them does not decode.
 */
export async function chunkRows(entry: EntryReader, onDamage?: ReadRun['onDamage']): Promise<BlockRow[][]> {
  await loadBrotli()
  const chunks = (await entry.blocks('chunk')).map((row) => [row])
  const sections = new Set(await entry.sections())
  for (const section of ['ids', 'columns', 'texts']) {
    if (!sections.has(section)) continue
    for (const row of await entry.blocks(section)) {
      const chunk = chunks[row.keys?.[0] ?? -1]
      if (chunk === undefined) {
        if (onDamage !== undefined) continue
        throw new PithError('PITH_CORRUPT', `block ${row.block} belongs to no chunk`, { at: { section } })
      }
      chunk.push(row)
    }
  }
  return chunks
}

/** The prior of an entry, undefined where it has none. */
export async function readPrior(entry: EntryReader, run?: Run): Promise<PriorBytes | undefined> {
  const bytes = await entry.profile(undefined, run)
  return bytes === undefined ? undefined : await unpackPrior(bytes)
}

/** The prior of a damaged entry as far as it can be had; what is decoded with it must be checked where it is `unsure`. */
export async function readAnyPrior(
  entry: EntryReader,
  run?: Run,
): Promise<{ prior: PriorBytes | undefined; unsure: boolean; storedBytes: number }> {
  for (const unsure of [false, true]) {
    try {
      const bytes = await entry.profile(undefined, { ...run, unchecked: unsure })
      return {
        prior: bytes === undefined ? undefined : await unpackPrior(bytes),
        unsure,
        storedBytes: bytes?.length ?? 0,
      }
    } catch (error) {
      if (!isDamage(error)) throw error
    }
  }
  // The chunks that need it will say so.
  return { prior: undefined, unsure: true, storedBytes: 0 }
}

/** What came of one of many parts: where it may be left out, its failure is a value too. */
export type Outcome<T> = { value: T } | { error: unknown }

/** The outcome of a part; its failure fails all where nobody wants to be told of it. */
export async function outcomeOf<T>(part: Promise<T>, onDamage: ReadRun['onDamage']): Promise<Outcome<T>> {
  if (onDamage === undefined) return { value: await part }
  return await part.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
}

/** A chunk that cannot be read, as a reader is told of it. @throws `error` where it is none of its damage */
export function damagedChunk(
  error: unknown,
  chunk: Pick<DamagedPart, 'part' | 'rawOffset'> & { head: BlockRow },
): DamagedPart {
  if (!isDamage(error)) throw error
  const { part, rawOffset, head } = chunk
  const lines = head.keys === undefined ? {} : { lines: head.keys }
  return { part, rawOffset, rawBytes: head.rawBytes, ...lines, error }
}

/** A serialised prior as the payload of a profile. */
export function packPrior(bytes: Uint8Array, level: Level): Uint8Array {
  return level === 'max' ? packText(bytes) : packBytes(bytes, QUALITY[level])
}

/** A prior from the payload of its profile. */
export async function unpackPrior(payload: Uint8Array): Promise<PriorBytes> {
  await loadBrotli()
  return { key: nextPriorKey(), bytes: unpackBytes(payload, MAX_PRIOR_BYTES) }
}

/** The same error with the chunk it happened in. */
export function atChunk(error: unknown, entry: EntryReader, index: number): unknown {
  if (!(error instanceof PithError) || error.at?.section !== undefined) return error
  const at = { ...error.at, section: `chunk ${index}`, ...(entry.path === undefined ? {} : { entry: entry.path }) }
  return new PithError(error.code, error.message, { ...error, at, cause: error.cause })
}
