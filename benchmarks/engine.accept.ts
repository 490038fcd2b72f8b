/** What the engine promises: `npm run accept -- engine`. */
import { acceptFinetune } from './engine/accept-finetune.ts'
import { acceptSuite, acceptTorch } from './engine/accept-models.ts'
import { acceptConv, acceptRecurrent } from './engine/accept-networks.ts'
import { acceptCharacters, acceptCodec, acceptLinalg, acceptRecompute, acceptStep } from './engine/accept-training.ts'
import { acceptBrowser } from './engine/browser.ts'
import { acceptDeterminism } from './engine/determinism.ts'
import { acceptGradients } from './engine/gradients.ts'
import { acceptParallel, acceptWorkers } from './engine/parallel.ts'
import type { Accept } from './measure/accept.ts'

export const accept: Accept = {
  system: 'engine',
  shortfalls: {},
  sections: {
    torch: { needsData: true, run: acceptTorch },
    finetune: { needsData: true, run: acceptFinetune },
    suite: { needsData: true, run: acceptSuite },
    gradients: { needsData: false, run: acceptGradients },
    determinism: { needsData: false, run: acceptDeterminism },
    step: { needsData: false, run: acceptStep },
    parallel: { needsData: false, run: acceptParallel },
    workers: { needsData: false, run: acceptWorkers },
    conv: { needsData: false, run: acceptConv },
    recurrent: { needsData: false, run: acceptRecurrent },
    checkpoint: { needsData: false, run: acceptRecompute },
    codec: { needsData: false, run: acceptCodec },
    linalg: { needsData: false, run: acceptLinalg },
    characters: { needsData: true, run: acceptCharacters },
    browser: { needsData: false, run: acceptBrowser },
  },
}
