import type { Manifest } from '@pith/core'
import { ABOUT_VERBS } from './about.ts'
import { READ_VERBS } from './read.ts'
import { STORE_VERBS } from './store.ts'

/** The verbs that are always there. */
export const manifest: Manifest = {
  room: 'pith',
  summary: 'compress, grep, read and inspect logs and other data without unpacking them',
  verbs: [...STORE_VERBS, ...READ_VERBS, ...ABOUT_VERBS],
}
