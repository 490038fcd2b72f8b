/** What the language models promise: `npm run accept -- lm`. */
import { acceptLoaders, acceptRecall } from './lm/accept-models.ts'
import type { Accept } from './measure/accept.ts'

export const accept: Accept = {
  system: 'lm',
  shortfalls: {},
  sections: {
    loaders: { needsData: true, run: acceptLoaders },
    recall: { needsData: true, run: acceptRecall },
  },
}
