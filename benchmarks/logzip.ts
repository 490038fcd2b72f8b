/** The bench of logzip: `npm run bench -- logzip`. */
import { benchMemory } from './logzip/memory.ts'
import { benchSizes } from './logzip/sizes.ts'
import { benchSpeed, benchThreads } from './logzip/speed.ts'
import type { Bench, BenchContext } from './measure/case.ts'

const PARTS: Readonly<Record<string, (context: BenchContext) => Promise<void>>> = {
  sizes: benchSizes,
  speed: benchSpeed,
  threads: benchThreads,
  memory: benchMemory,
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
