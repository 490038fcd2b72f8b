/** What fails, and how. */
import { isPithError, type PithError } from '@pith/core'

/** The error of a call. @throws Error it did not fail, or with another kind of error */
export function failure(run: () => unknown): PithError {
  try {
    run()
  } catch (error) {
    if (isPithError(error)) return error
    throw error
  }
  throw new Error('it did not fail')
}

/** Code of the error that a promise is rejected with, `none` where it is not. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'none'
  } catch (error) {
    return isPithError(error) ? error.code : String(error)
  }
}
