/** The bench of caches of keys and values: `npm run bench -- kv`. Reads PITH_DATA. */
import { benchCodings } from './kv/codings.ts'
import { benchCosts } from './kv/costs.ts'
import { benchResident } from './kv/resident.ts'
import { benchStore } from './kv/store.ts'
import { benchStreaming } from './kv/streaming.ts'
import { benchUncomp } from './kv/uncomp.ts'
import type { Bench, BenchContext } from './measure/case.ts'

const PARTS: Readonly<Record<string, (context: BenchContext) => Promise<void>>> = {
  codings: benchCodings,
  costs: benchCosts,
  resident: benchResident,
  store: benchStore,
  streaming: benchStreaming,
  uncomp: benchUncomp,
}

export const bench: Bench = {
  system: 'kv',
  parts: Object.keys(PARTS),
  async run(context) {
    for (const [name, part] of Object.entries(PARTS)) {
      if (context.only.size > 0 && !context.only.has(name)) continue
      context.say(`## kv: ${name}`)
      await part(context)
    }
  },
}
