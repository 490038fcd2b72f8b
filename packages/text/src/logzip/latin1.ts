/** One character a byte, 0..255, for the few strings of a log that are handled as text (templates, not lines). */
export function toLatin1(bytes: Uint8Array, from: number = 0, to: number = bytes.length): string {
  if (to - from >= MIN_DECODED && isAscii(bytes, from, to)) return ascii.decode(bytes.subarray(from, to))
  let text = ''
  // The spread of a large array would overflow the stack.
  for (let at = from; at < to; at += 4096) {
    text += String.fromCharCode.apply(null, bytes.subarray(at, Math.min(to, at + 4096)) as unknown as number[])
  }
  return text
}

/** Fewer bytes are not worth the call of a decoder. */
const MIN_DECODED = 256
const ascii = /* @__PURE__ */ new TextDecoder()

function isAscii(bytes: Uint8Array, from: number, to: number): boolean {
  let all = 0
  for (let i = from; i < to; i++) all |= bytes[i] as number
  return all < 128
}

/** The bytes of a string whose characters are all below 256. */
export function fromLatin1(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

/** What a string of bytes says: UTF-8 where it is, else each byte as its Latin-1 character. */
export function readableText(bytes: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(fromLatin1(bytes))
  } catch {
    return bytes
  }
}
