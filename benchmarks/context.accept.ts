/** What compressed prompts promise: `npm run accept -- context`. */
import { acceptQa } from './context/qa.ts'
import { acceptText, acceptTranscripts } from './context/transcripts.ts'
import type { Accept } from './measure/accept.ts'

export const accept: Accept = {
  system: 'context',
  shortfalls: {},
  sections: {
    qa: { needsData: true, lane: 'qa', run: acceptQa },
    text: { needsData: true, lane: 'transcripts', run: acceptText },
    transcripts: { needsData: true, lane: 'transcripts', run: acceptTranscripts },
  },
}
