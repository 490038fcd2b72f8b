/** Profiles as files of their own. Mirrors docs/format-kv.md section 2. */
import { MemorySink, PithError, type RandomAccess } from '@pith/core'
import { type ContainerEntry, createContainer, openContainer } from '@pith/core/container'
import { KV_CODEC } from './kv-file.ts'
import type { KvProfile } from './profile.ts'
import { readProfile, writeProfile } from './profile-format.ts'

/** The codec of entries that hold a profile. */
export const PROFILE_CODEC = 'kv-profile'

/** Longest profile that is read. */
const MOST_BYTES = 2 ** 30

/** A profile as a .pith file. */
export async function writeProfileFile(profile: KvProfile): Promise<Uint8Array> {
  const sink = new MemorySink()
  const writer = createContainer(sink)
  const entry = await writer.entry({ codec: PROFILE_CODEC })
  const bytes = writeProfile(profile)
  await entry.block('profile', bytes, { rawBytes: bytes.length })
  await entry.finish(bytes.length)
  await writer.finish()
  return sink.bytes()
}

/**
 * Read the profile of a file: one of its own, or that of a cache.
 *
 * @throws PithError `PITH_CORRUPT`, `PITH_TRUNCATED`, `PITH_CHECKSUM`, `PITH_LIMIT`, `PITH_VERSION` · `PITH_ARG` the file holds none
 */
export async function readProfileFile(source: RandomAccess | Uint8Array): Promise<KvProfile> {
  const container = await openContainer(source)
  try {
    const entry = await container.entry(1)
    const profile = await profileIn(entry)
    if (profile !== undefined) return profile
    const embedded = entry?.codec === KV_CODEC ? await entry.profile() : undefined
    if (embedded !== undefined) return readProfile(embedded)
    throw new PithError('PITH_ARG', 'the file holds no profile of keys and values', {
      hint: 'Make one: pith kv profile.',
    })
  } finally {
    await container.close()
  }
}

/** The profile of a file that is nothing but one; undefined of any other container. @throws PithError as {@link readProfileFile} */
export async function profileAlone(source: RandomAccess | Uint8Array): Promise<KvProfile | undefined> {
  const container = await openContainer(source)
  try {
    return await profileIn(await container.entry(1))
  } finally {
    await container.close()
  }
}

async function profileIn(entry: ContainerEntry | undefined): Promise<KvProfile | undefined> {
  if (entry?.codec !== PROFILE_CODEC) return undefined
  const [row] = await entry.blocks('profile')
  if (row === undefined) throw new PithError('PITH_CORRUPT', 'the file has lost its profile')
  if (row.rawBytes > MOST_BYTES) throw new PithError('PITH_LIMIT', 'the profile is too large')
  return readProfile(await entry.read(row))
}
