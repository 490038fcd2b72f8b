import type { SystemCard } from '../system.ts'

/** What the general codec is, for `pith systems` and the docs. */
export const card: SystemCard = {
  id: 'general',
  title: 'General codec',
  summary: 'Takes what no other codec claims: brotli over blocks, or the bytes as they are where that is smaller.',
  entryPoints: ['pith compress FILE', "import { generalCodec } from '@pith/core/general'"],
  differences: [],
}
