/** The verbs of `pith lm`. */
import { startVerb, type VerbOptions, type VerbOutcome } from '@pith/core/testing'
import { manifest } from '../src/manifest.ts'

/** Run a verb such as `ppl`. */
export function verb(name: string, options: VerbOptions, stdin = ''): Promise<VerbOutcome> {
  return startVerb(manifest, `lm ${name}`, options, { stdin }).done
}
