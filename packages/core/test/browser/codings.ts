import { encodeRans, encodeRansAdaptive, encodeText } from '@pith/core/entropy'

/** Bytes coded by each of the package's own coders. */
export function codings(bytes: Uint8Array): Uint8Array[] {
  return [
    encodeRans(bytes),
    encodeRansAdaptive(bytes, 0),
    encodeRansAdaptive(bytes, 1),
    encodeText(bytes),
    encodeText(bytes, { target: 'twin' }),
  ]
}
