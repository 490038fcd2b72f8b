/** The bench of prompts: `npm run bench -- context`. Reads PITH_DATA. */
import { benchPrompts } from './context/prompts.ts'
import { benchQa } from './context/qa.ts'
import { benchTools } from './context/tools.ts'
import { benchText, benchTranscripts } from './context/transcripts.ts'
import type { Bench, BenchContext } from './measure/case.ts'

const PARTS: Readonly<Record<string, (context: BenchContext) => Promise<void>>> = {
  prompts: benchPrompts,
  qa: benchQa,
  text: benchText,
  tools: benchTools,
  transcripts: benchTranscripts,
}

export const bench: Bench = {
  system: 'context',
  parts: Object.keys(PARTS),
  async run(context) {
    for (const [name, part] of Object.entries(PARTS)) {
      if (context.only.size > 0 && !context.only.has(name)) continue
      context.say(`## context: ${name}`)
      await part(context)
    }
  },
}
