/** Bytes that several threads read: given to each of them without a copy where the platform allows. */

/** The same bytes where all threads can read them; themselves where memory cannot be shared. */
export function shareBytes(bytes: Uint8Array): Uint8Array {
  if (typeof SharedArrayBuffer === 'undefined') return bytes
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
  shared.set(bytes)
  return shared
}

/** The same for numbers. */
export function shareWords(words: Int32Array): Int32Array {
  if (typeof SharedArrayBuffer === 'undefined') return words
  const shared = new Int32Array(new SharedArrayBuffer(words.byteLength))
  shared.set(words)
  return shared
}

/** Bytes of this thread alone: decoders of text refuse memory that another thread may change. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice()
}
