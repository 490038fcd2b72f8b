import { PithError, type VerbSpec } from '@pith/core'

/** A `PITH_ARG` about the command line, which ends with exit code 2. */
export function usageError(verb: Pick<VerbSpec, 'name'>, message: string, hint?: string): PithError {
  return new PithError('PITH_ARG', message, { hint: hint ?? `See pith ${verb.name} --help.` })
}
