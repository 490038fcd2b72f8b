/** The systems of this room. */
import type { SystemCard } from '@pith/core'
import { card as cachegen } from './cachegen/card.ts'
import { card as gear } from './gear/card.ts'
import { card as store } from './store/card.ts'
import { card as uncomp } from './uncomp/card.ts'

export const cards: readonly SystemCard[] = [cachegen, gear, store, uncomp]
