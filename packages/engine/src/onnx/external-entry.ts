/** Where the elements of a tensor stand that are in another file (`data_location` 1). */
import { PithError } from '@pith/core'
import type { StringStringEntryProto, TensorProto } from './proto.ts'

export interface ExternalEntry {
  /** Path relative to the folder of the model, `/` between its parts. */
  location: string
  /** In bytes. */
  offset: number
  /** In bytes; absent is up to the end of the file. */
  length: number | undefined
}

/**
 * The entry of a tensor.
 *
 * @throws PithError `PITH_CORRUPT` no location, or an offset or length that is no count of bytes · `PITH_MODEL` a location that
 * leaves the folder
 */
export function readExternal(tensor: TensorProto): ExternalEntry {
  const entries = new Map((tensor.externalData ?? []).map(({ key = '', value = '' }) => [key, value]))
  const location = entries.get('location')
  const name = JSON.stringify((tensor.name ?? '').slice(0, 80))
  if (location === undefined) throw new PithError('PITH_CORRUPT', `the tensor ${name} names no file for its elements`)
  checkLocation(location)
  return {
    location,
    offset: count(entries.get('offset') ?? '0'),
    length: entries.has('length') ? count(entries.get('length') ?? '') : undefined,
  }
}

/** The fields of a tensor whose elements stand in another file. */
export function externalFields(entry: Required<ExternalEntry>): StringStringEntryProto[] {
  return [
    { key: 'location', value: entry.location },
    { key: 'offset', value: String(entry.offset) },
    { key: 'length', value: String(entry.length) },
  ]
}

function count(text: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(value)) return value
  throw new PithError('PITH_CORRUPT', `${JSON.stringify(text.slice(0, 80))} is no count of bytes`)
}

/** Refuse what does not stay within the folder of the model, on any system. @throws PithError `PITH_MODEL` */
export function checkLocation(location: string): void {
  const parts = location.split('/')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  const isPlain = location !== '' && !/[\\:\u0000-\u001f]/.test(location)
  if (isPlain && parts.every((part) => part !== '' && part !== '..')) return
  throw new PithError(
    'PITH_MODEL',
    `the file ${JSON.stringify(location.slice(0, 80))} is not within the model's folder`,
    {
      hint: 'Move the file beside the model and name it without a folder.',
    },
  )
}
