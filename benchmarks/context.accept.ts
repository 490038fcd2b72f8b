/** What compressed prompts promise: `npm run accept -- context`. */
import { acceptCodeIdentifiers, acceptCodeRanking, acceptCodeSound, acceptCodeSpeed } from './context/code.ts'
import { MissingSources } from './context/code-packages.ts'
import { acceptCpu } from './context/cpu.ts'
import { acceptHostile } from './context/hostile.ts'
import { acceptKeep, acceptLlmlingua2 } from './context/llmlingua2.ts'
import { acceptGsm8k, acceptKv75 } from './context/prompts.ts'
import { acceptProxy } from './context/proxy.ts'
import { acceptForms, acceptQa } from './context/qa.ts'
import { acceptTools } from './context/tools.ts'
import { acceptText, acceptTranscripts } from './context/transcripts.ts'
import type { Accept, AcceptContext } from './measure/accept.ts'

export const accept: Accept = {
  system: 'context',
  shortfalls: {
    'code: identifiers of the answer at 1000 tokens, not below whole functions':
      'whole functions without the heads of their classes hold more names; what we keep parses and shows where it belongs',
    'code: identifiers of the answer at 3000 tokens, not below whole functions':
      'whole functions without the heads of their classes hold more names; what we keep parses and shows where it belongs',
  },
  sections: {
    'code-identifiers': { needsData: false, lane: 'code', run: withSources(acceptCodeIdentifiers) },
    'code-ranking': { needsData: false, lane: 'code', run: withSources(acceptCodeRanking) },
    'code-sound': { needsData: false, lane: 'code', run: withSources(acceptCodeSound) },
    'code-speed': { needsData: false, run: withSources(acceptCodeSpeed) },
    cpu: { needsData: true, run: acceptCpu },
    forms: { needsData: true, lane: 'forms', run: acceptForms },
    gsm8k: { needsData: true, lane: 'transcripts', run: acceptGsm8k },
    hostile: { needsData: false, lane: 'hostile', run: acceptHostile },
    keep: { needsData: true, lane: 'transcripts', run: acceptKeep },
    kv75: { needsData: true, lane: 'transcripts', run: acceptKv75 },
    llmlingua2: { needsData: true, run: acceptLlmlingua2 },
    proxy: { needsData: false, run: acceptProxy },
    qa: { needsData: true, lane: 'qa', run: acceptQa },
    text: { needsData: true, lane: 'transcripts', run: acceptText },
    tools: { needsData: false, lane: 'tools', run: acceptTools },
    transcripts: { needsData: true, lane: 'transcripts', run: acceptTranscripts },
  },
}

/** A trial goes on without packages that cannot be fetched, and says so; what counts needs them. */
function withSources(run: (context: AcceptContext) => Promise<void>): (context: AcceptContext) => Promise<void> {
  return async (context) => {
    try {
      await run(context)
    } catch (error) {
      if (!(error instanceof MissingSources) || context.scale === 1) throw error
      context.say(`not measured: ${error.message}`)
    }
  }
}
