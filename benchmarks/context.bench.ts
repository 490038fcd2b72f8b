/** The bench of prompts: `npm run bench -- context`. Reads PITH_DATA. */
import { benchCodeRanking } from './context/code.ts'
import { benchCpu } from './context/cpu.ts'
import { benchPrompts } from './context/prompts.ts'
import { benchForms, benchQa } from './context/qa.ts'
import { benchTools } from './context/tools.ts'
import { benchText, benchTranscripts } from './context/transcripts.ts'
import type { Bench, BenchContext } from './measure/case.ts'

const PARTS: Readonly<Record<string, (context: BenchContext) => Promise<void>>> = {
  'code-ranking': benchCodeRanking,
  cpu: benchCpu,
  prompts: benchPrompts,
  forms: benchForms,
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
