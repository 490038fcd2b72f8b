/** The systems of this room. */
import type { SystemCard } from '@pith/core'
import { card as prompt } from './card.ts'

export const cards: readonly SystemCard[] = [prompt]
