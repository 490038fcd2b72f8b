/** What the engine promises: `npm run accept -- engine`. */
import { acceptSuite, acceptTorch } from './engine/accept-models.ts'
import { acceptBrowser } from './engine/browser.ts'
import type { Accept } from './measure/accept.ts'

export const accept: Accept = {
  system: 'engine',
  shortfalls: {},
  sections: {
    torch: { needsData: true, run: acceptTorch },
    suite: { needsData: true, run: acceptSuite },
    browser: { needsData: false, run: acceptBrowser },
  },
}
