/** The bench of logzip: `npm run bench -- logzip`. */
import { benchMemory } from './logzip/memory.ts'
import { benchSearch } from './logzip/search.ts'
import { benchSizes } from './logzip/sizes.ts'
import { benchSpeed, benchThreads } from './logzip/speed.ts'
import { benchWarm } from './logzip/warm.ts'
import type { Bench, BenchContext } from './measure/case.ts'

const PARTS: Readonly<Record<string, (context: BenchContext) => Promise<void>>> = {
  sizes: benchSizes,
  speed: benchSpeed,
  warm: benchWarm,
  threads: benchThreads,
  memory: benchMemory,
  grep: benchSearch,
}

export const bench: Bench = {
  system: 'logzip',
  parts: Object.keys(PARTS),
  async run(context) {
    for (const [name, part] of Object.entries(PARTS)) {
      if (context.only.size > 0 && !context.only.has(name)) continue
      context.say(`## logzip: ${name}`)
      await part(context)
    }
  },
}
