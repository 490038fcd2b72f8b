/** The bench of the engine: `npm run bench -- engine`. The part `characters` takes minutes and runs only by its name. */
import { bench as linalg } from '../packages/engine/src/linalg/linalg.bench.ts'
import { benchCharacters } from './engine/characters.ts'
import { benchCodec } from './engine/codec.ts'
import { benchConv } from './engine/conv.ts'
import { benchParallel } from './engine/parallel.ts'
import { benchRecompute } from './engine/recompute.ts'
import { benchRecurrent } from './engine/recurrent.ts'
import { benchStep } from './engine/train-step.ts'
import type { Bench, BenchContext } from './measure/case.ts'

const PARTS: Readonly<Record<string, (context: BenchContext) => Promise<void>>> = {
  step: benchStep,
  parallel: benchParallel,
  conv: benchConv,
  recurrent: benchRecurrent,
  checkpoint: benchRecompute,
  codec: benchCodec,
  linalg: (context) =>
    linalg.run({
      ...context,
      only: new Set(),
      add: (result) =>
        context.add({ ...result, system: 'engine', kind: 'linalg', params: { ...result.params, part: result.kind } }),
    }),
  characters: benchCharacters,
}

/** Parts that take minutes, and run only by their names. */
const LONG: ReadonlySet<string> = new Set(['characters'])

export const bench: Bench = {
  system: 'engine',
  parts: Object.keys(PARTS),
  async run(context) {
    for (const [name, part] of Object.entries(PARTS)) {
      if (context.only.size > 0 ? !context.only.has(name) : LONG.has(name)) continue
      context.say(`## engine: ${name}`)
      await part(context)
    }
  },
}
