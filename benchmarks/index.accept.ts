/** What search indexes promise: `npm run accept -- index`. */
import { acceptLexicalLarge, acceptLexicalQuality, acceptLexicalSpeed } from './index/lexical.ts'
import { acceptPqRecall, acceptPqScan } from './index/pq.ts'
import { acceptReaders } from './index/readers.ts'
import { acceptStoreKills, acceptStoreMillion, acceptStoreSegments, acceptStoreTransfer } from './index/store.ts'
import { acceptTrecEval } from './index/trec-eval.ts'
import type { Accept } from './measure/accept.ts'

export const accept: Accept = {
  system: 'index',
  shortfalls: {},
  sections: {
    bm25: { needsData: true, lane: 'bm25', run: acceptLexicalQuality },
    'bm25-large': { needsData: false, lane: 'bm25-large', run: acceptLexicalLarge },
    'bm25-speed': { needsData: true, run: acceptLexicalSpeed },
    'pq-recall': { needsData: false, lane: 'pq', run: acceptPqRecall },
    'pq-scan': { needsData: false, run: acceptPqScan },
    readers: { needsData: true, lane: 'metrics', run: acceptReaders },
    'store-kills': { needsData: false, lane: 'store', run: acceptStoreKills },
    'store-million': { needsData: false, lane: 'store-million', run: acceptStoreMillion },
    'store-segments': { needsData: true, lane: 'store', run: acceptStoreSegments },
    'store-transfer': { needsData: true, lane: 'store', run: acceptStoreTransfer },
    trec: { needsData: true, lane: 'metrics', run: acceptTrecEval },
  },
}
