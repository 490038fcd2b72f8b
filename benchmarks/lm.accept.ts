/** What the language models promise: `npm run accept -- lm`. */
import { acceptLoaders, acceptRecall } from './lm/accept-models.ts'
import { acceptOracle, acceptReference, acceptSpeed } from './lm/accept-runtime.ts'
import type { Accept } from './measure/accept.ts'

export const accept: Accept = {
  system: 'lm',
  shortfalls: {
    'pith-recall, a token behind 900: q4 against node-llama-cpp Q4_0':
      'llama.cpp holds keys and values as f16 and reads half the bytes; it falls behind where the vocabulary is larger',
    'stories260K, a token behind 900: q4 against a growing cache':
      'its past is 32 numbers wide, so that copying it costs less than starting operators, which both must do',
  },
  sections: {
    loaders: { needsData: true, run: acceptLoaders },
    oracle: { needsData: true, run: acceptOracle },
    reference: { needsData: true, run: acceptReference },
    speed: { needsData: false, run: acceptSpeed },
    recall: { needsData: true, run: acceptRecall },
  },
}
