/** What search indexes promise: `npm run accept -- index`. */
import { acceptTrecEval } from './index/trec-eval.ts'
import type { Accept } from './measure/accept.ts'

export const accept: Accept = {
  system: 'index',
  shortfalls: {},
  sections: {
    trec: { needsData: true, lane: 'metrics', run: acceptTrecEval },
  },
}
