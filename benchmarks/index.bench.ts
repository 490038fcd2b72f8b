/** The bench of search indexes: `npm run bench -- index`. Reads PITH_DATA. */
import { benchAdapt } from './index/adapt.ts'
import { benchLexicalLarge, benchLexicalQuality, benchLexicalSpeed, benchLexicalTransfer } from './index/lexical.ts'
import { benchPqRecall, benchPqScan } from './index/pq.ts'
import { benchSeismic } from './index/seismic.ts'
import { benchStoreMillion, benchStoreTransfer } from './index/store.ts'
import type { Bench, BenchContext } from './measure/case.ts'

const PARTS: Readonly<Record<string, (context: BenchContext) => Promise<void>>> = {
  bm25: benchLexicalQuality,
  'bm25-speed': benchLexicalSpeed,
  'bm25-transfer': benchLexicalTransfer,
  'bm25-large': benchLexicalLarge,
  'pq-scan': benchPqScan,
  'pq-recall': benchPqRecall,
  adapt: benchAdapt,
  seismic: benchSeismic,
  'store-transfer': benchStoreTransfer,
  'store-million': benchStoreMillion,
}

export const bench: Bench = {
  system: 'index',
  parts: Object.keys(PARTS),
  async run(context) {
    for (const [name, part] of Object.entries(PARTS)) {
      if (context.only.size > 0 && !context.only.has(name)) continue
      context.say(`## index: ${name}`)
      await part(context)
    }
  },
}
