/** What caches of keys and values promise: `npm run accept -- kv`. */
import { acceptCodings, acceptGear } from './kv/codings.ts'
import { acceptCosts, acceptPart } from './kv/costs.ts'
import { acceptResident } from './kv/resident.ts'
import { acceptStore } from './kv/store.ts'
import { acceptStreaming } from './kv/streaming.ts'
import { acceptRealStreams } from './kv/streaming-real.ts'
import { acceptUncomp } from './kv/uncomp.ts'
import type { Accept } from './measure/accept.ts'

export const accept: Accept = {
  system: 'kv',
  shortfalls: {
    'loss of gear over that of kivi, 2 bits':
      'a quotient of two small losses: .48 over 192 windows of stories, .36 to .67 over 16 to 96 of them',
  },
  sections: {
    cachegen: { needsData: true, lane: 'codings', run: acceptCodings },
    gear: { needsData: true, lane: 'codings', run: acceptGear },
    streaming: { needsData: true, lane: 'streaming', run: acceptStreaming },
    realtime: { needsData: true, run: acceptRealStreams },
    costs: { needsData: true, run: acceptCosts },
    part: { needsData: true, run: acceptPart },
    resident: { needsData: false, run: acceptResident },
    uncomp: { needsData: true, lane: 'uncomp', run: acceptUncomp },
    store: { needsData: false, run: acceptStore },
  },
}
