/** What search indexes promise: `npm run accept -- index`. */
import { acceptBpr, acceptDense32, acceptJpq } from './index/adapt.ts'
import { acceptLexicalLarge, acceptLexicalQuality, acceptLexicalSpeed } from './index/lexical.ts'
import { acceptPqRecall, acceptPqScan } from './index/pq.ts'
import { acceptReaders } from './index/readers.ts'
import { acceptSeismic, acceptSeismicMillion } from './index/seismic.ts'
import { acceptStoreKills, acceptStoreMillion, acceptStoreSegments, acceptStoreTransfer } from './index/store.ts'
import { acceptTrecEval } from './index/trec-eval.ts'
import type { Accept } from './measure/accept.ts'

export const accept: Accept = {
  system: 'index',
  shortfalls: {
    'exact search of a million over seismic':
      'exact search takes 0.8 ns a posting here; at a million rows most of a query waits for memory',
  },
  sections: {
    bm25: { needsData: true, lane: 'bm25', run: acceptLexicalQuality },
    'bm25-large': { needsData: false, lane: 'bm25-large', run: acceptLexicalLarge },
    'bm25-speed': { needsData: true, run: acceptLexicalSpeed },
    bpr: { needsData: true, lane: 'bpr', run: acceptBpr },
    dense32x: { needsData: true, lane: 'jpq', run: acceptDense32 },
    jpq: { needsData: true, lane: 'jpq', run: acceptJpq },
    'pq-recall': { needsData: false, lane: 'pq', run: acceptPqRecall },
    'pq-scan': { needsData: false, run: acceptPqScan },
    readers: { needsData: true, lane: 'metrics', run: acceptReaders },
    seismic: { needsData: false, run: acceptSeismic },
    'seismic-1m': { needsData: false, run: acceptSeismicMillion },
    'store-kills': { needsData: false, lane: 'store', run: acceptStoreKills },
    'store-million': { needsData: false, lane: 'store-million', run: acceptStoreMillion },
    'store-segments': { needsData: true, lane: 'store', run: acceptStoreSegments },
    'store-transfer': { needsData: true, lane: 'store', run: acceptStoreTransfer },
    trec: { needsData: true, lane: 'metrics', run: acceptTrecEval },
  },
}
