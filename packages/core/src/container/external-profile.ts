import { PithError } from '../errors.ts'
import { fingerprint } from '../hash.ts'
import type { ContainerEntry } from './reader.ts'

/**
 * Check that `profile` is the one that an entry names.
 *
 * @returns the profile
 * @throws PithError `PITH_CHECKSUM` its SHA-256 differs · `PITH_ARG` the entry needs none
 */
export function checkExternalProfile(
  entry: Pick<ContainerEntry, 'id' | 'path' | 'externalProfile'>,
  profile: Uint8Array,
): Uint8Array {
  const wanted = entry.externalProfile
  const at = { entry: entry.path ?? String(entry.id) }
  if (wanted === undefined) throw new PithError('PITH_ARG', 'the entry needs no profile from elsewhere', { at })
  const found = fingerprint(profile)
  if (found === wanted) return profile
  throw new PithError('PITH_CHECKSUM', `the profile has the SHA-256 ${found}, the entry needs ${wanted}`, {
    hint: 'Give the profile that the file was made with.',
    at,
  })
}
