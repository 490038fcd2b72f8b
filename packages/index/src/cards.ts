/** The systems of this room. */
import type { SystemCard } from '@pith/core'
import { card as bpr } from './bpr/card.ts'
import { card as domainAdaptation } from './domain-adaptation/card.ts'
import { card as jpq } from './jpq/card.ts'
import { card as lexical } from './lexical/card.ts'
import { card as pq } from './pq/card.ts'
import { card as seismic } from './seismic/card.ts'
import { card as store } from './store/card.ts'

export const cards: readonly SystemCard[] = [lexical, seismic, pq, jpq, bpr, domainAdaptation, store]
