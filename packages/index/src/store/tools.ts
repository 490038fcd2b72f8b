import { PithError } from '@pith/core'
import type { Encoder, SparseEncoder } from '../types.ts'
import { encoderFor, type Models } from './models.ts'
import type { IndexTools, ReaderTools } from './parts.ts'
import type { IndexSettings } from './settings.ts'

/** What an index works with, given encoders included. @throws PithError `PITH_MODEL` other encoders than those of the index */
export function toolsFor(
  settings: IndexSettings,
  models: Models,
  given: { readonly encoder?: Encoder; readonly sparseEncoder?: SparseEncoder },
): IndexTools {
  const { sparseEncoder } = given
  const { sparse } = settings
  if (sparseEncoder !== undefined && sparse !== undefined && sparseEncoder.id !== sparse.encoder) {
    throw new PithError('PITH_MODEL', `the index has sparse vectors of ${sparse.encoder}, not of ${sparseEncoder.id}`, {
      hint: 'Open it with the same encoder, or build the index again.',
    })
  }
  return { settings, models, encoder: encoderFor(settings.dense, models, given.encoder), sparseEncoder }
}

/** Tools that are at hand, for a reader. */
export function readerTools(tools: IndexTools, given: { readonly encoder?: Encoder }): ReaderTools {
  const { settings, sparseEncoder } = tools
  return { settings, encoder: given.encoder, sparseEncoder, load: async () => tools }
}
