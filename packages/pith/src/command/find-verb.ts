import { PithError, type VerbSpec } from '@pith/core'
import { manifest } from '../manifest/index.ts'
import { roomsOf, roomWords } from '../manifest/rooms.ts'
import { nearest } from './nearest.ts'

/** A verb, and how many words named it. */
export interface FoundVerb {
  verb: VerbSpec
  words: number
}

/**
 * Find the verb that a command line starts with: the longest name that fits.
 *
 * @throws PithError `PITH_ARG` no such verb (the hint names the nearest) · `PITH_CAPABILITY` its room is not installed
 */
export async function findVerb(words: readonly string[]): Promise<FoundVerb> {
  const first = words[0] ?? ''
  const own = longest(manifest.verbs, words)
  if (own !== undefined) return own
  const rooms = await roomsOf(first)
  if (rooms !== undefined) {
    const verbs = rooms.manifests.flatMap((room) => room.verbs)
    const found = longest(verbs, words)
    if (found !== undefined) return found
    const more = rooms.missing.map((room) => ` More come with npm install ${room}.`).join('')
    throw new PithError('PITH_ARG', `pith ${first} needs one of its verbs`, {
      hint: `There are: ${verbs.map((verb) => verb.name).join(', ')}.${more}`,
    })
  }
  const near = nearest(first, [...manifest.verbs.map((verb) => verb.name), ...roomWords()])
  throw new PithError('PITH_ARG', `there is no verb ${first.slice(0, 80)}`, {
    hint: near === undefined ? 'See pith help.' : `Did you mean pith ${near}?`,
  })
}

function longest(verbs: readonly VerbSpec[], words: readonly string[]): FoundVerb | undefined {
  let found: FoundVerb | undefined
  for (const verb of verbs) {
    const name = verb.name.split(' ')
    if (name.length <= (found?.words ?? 0) || name.some((word, at) => words[at] !== word)) continue
    found = { verb, words: name.length }
  }
  return found
}
