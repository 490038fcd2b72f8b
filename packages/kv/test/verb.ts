/** The verbs of `pith kv`. */
import { type RunningVerb, startVerb as start, type VerbOptions, type VerbOutcome } from '@pith/core/testing'
import { manifest } from '../src/manifest.ts'

/** Run a verb such as `encode`. */
export function verb(name: string, options: VerbOptions, operands: readonly string[] = []): Promise<VerbOutcome> {
  return startVerb(name, options, operands).done
}

/** Start a verb such as `serve`. */
export function startVerb(name: string, options: VerbOptions, operands: readonly string[] = []): RunningVerb {
  return start(manifest, `kv ${name}`, options, { operands })
}
