/** Reading the blocks of a log from its entry. */
import { type BlockRow, type EntryReader, PithError, type Run } from '@pith/core'
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

/** Blocks of an entry by chunk: the row of section `chunk` first. What unpacks them is ready once they are there. */
export async function chunkRows(entry: EntryReader): Promise<BlockRow[][]> {
  await loadBrotli()
  const chunks = (await entry.blocks('chunk')).map((row) => [row])
  const sections = new Set(await entry.sections())
  for (const section of ['ids', 'columns', 'texts']) {
    if (!sections.has(section)) continue
    for (const row of await entry.blocks(section)) {
      const chunk = chunks[row.keys?.[0] ?? -1]
      if (chunk === undefined) {
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
