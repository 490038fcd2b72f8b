/** What search adds to the `pith` command. */
import type { Manifest } from '@pith/core'
import { makingVerbs } from './verbs/making-specs.ts'
import { readingVerbs } from './verbs/reading-specs.ts'

/** The verbs of indexes. */
export const manifest: Manifest = {
  room: '@pith/index',
  summary: 'search documents by words and meaning, in indexes that stay small',
  cards: async () => (await import('./cards.ts')).cards,
  verbs: [...makingVerbs, ...readingVerbs],
}
