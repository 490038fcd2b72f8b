import { type ErrorPlace, isPithError, PithError } from '@pith/core'
import { fileError } from '@pith/core/node'

/** Any failure as a PithError: system errors as `PITH_IO`, what should not happen as `PITH_INTERNAL`. */
export function asPithError(error: unknown): PithError {
  if (isPithError(error)) return error
  const path = error instanceof Error && 'path' in error ? String(error.path) : 'the input or output'
  const mapped = fileError(error, path)
  if (isPithError(mapped)) return mapped
  const message = error instanceof Error ? error.message : String(error)
  return new PithError('PITH_INTERNAL', message, {
    cause: error,
    hint: 'This is a fault of pith: please report it with the output of --debug.',
  })
}

/** Where something went wrong, as ` at section "dict" offset 4132`; empty where that is not known. */
export function placeText(at: ErrorPlace | undefined): string {
  const place = [
    at?.entry === undefined ? '' : ` entry ${JSON.stringify(at.entry)}`,
    at?.section === undefined ? '' : ` section ${JSON.stringify(at.section)}`,
    at?.node === undefined ? '' : ` node ${JSON.stringify(at.node)}`,
    at?.offset === undefined ? '' : ` offset ${at.offset}`,
  ].join('')
  return place === '' ? '' : ` at${place}`
}

/** The lines that say what went wrong, where, and what to do next. */
export function errorLines(error: PithError): string {
  const { at, hint } = error
  const head = `pith: error ${error.code}${placeText(at)}: ${visible(error.message)}\n`
  return hint === undefined ? head : `${head}hint: ${visible(hint)}\n`
}

/** The same for programs. */
export function errorObject(error: PithError): object {
  const { code, message, hint, at } = error
  return { code, message, ...(hint === undefined ? {} : { hint }), ...(at === undefined ? {} : { at }) }
}

/** Text of one line, without characters that would steer a terminal. */
export function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
  return text.replace(/[\x00-\x08\x0a-\x1f\x7f-\x9f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
