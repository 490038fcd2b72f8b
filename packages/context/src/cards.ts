/** The systems of this room. */
import type { SystemCard } from '@pith/core'
import { card as prompt } from './card.ts'
import { card as llmlingua2 } from './llmlingua2/card.ts'
import { card as longcodezip } from './longcodezip/card.ts'

export const cards: readonly SystemCard[] = [llmlingua2, longcodezip, prompt]
