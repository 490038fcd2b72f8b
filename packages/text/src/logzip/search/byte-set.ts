/** A set of byte values: bit `b & 31` of word `b >> 5` says whether byte `b` belongs to it. `u32[8]`. */
export type ByteSet = Uint32Array

export function emptySet(): ByteSet {
  return new Uint32Array(8)
}

export function fullSet(): ByteSet {
  return new Uint32Array(8).fill(0xffffffff)
}

/** The set of the listed byte values. */
export function setOf(...bytes: number[]): ByteSet {
  const set = emptySet()
  for (const byte of bytes) addByte(set, byte)
  return set
}

/** The set of the bytes in the listed inclusive ranges, as in `rangeSet(0x30, 0x39)`. */
export function rangeSet(...bounds: number[]): ByteSet {
  const set = emptySet()
  for (let i = 0; i + 1 < bounds.length; i += 2) addRange(set, bounds[i] as number, bounds[i + 1] as number)
  return set
}

export function hasByte(set: ByteSet, byte: number): boolean {
  return (((set[byte >>> 5] as number) >>> (byte & 31)) & 1) === 1
}

export function addByte(set: ByteSet, byte: number): void {
  set[byte >>> 5] = ((set[byte >>> 5] as number) | (1 << (byte & 31))) >>> 0
}

export function removeByte(set: ByteSet, byte: number): void {
  set[byte >>> 5] = ((set[byte >>> 5] as number) & ~(1 << (byte & 31))) >>> 0
}

/** Add the bytes `low..high`, both included; nothing if the range is empty. */
export function addRange(set: ByteSet, low: number, high: number): void {
  for (let byte = low; byte <= high; byte++) addByte(set, byte)
}

export function addSet(set: ByteSet, other: ByteSet): void {
  for (let i = 0; i < 8; i++) set[i] = (set[i] as number) | (other[i] as number)
}

export function invertSet(set: ByteSet): void {
  for (let i = 0; i < 8; i++) set[i] = ~(set[i] as number)
}

export function sameSet(a: ByteSet, b: ByteSet): boolean {
  for (let i = 0; i < 8; i++) if (a[i] !== b[i]) return false
  return true
}

/** The members in ascending order. */
export function membersOf(set: ByteSet): number[] {
  const members: number[] = []
  for (let byte = 0; byte < 256; byte++) if (hasByte(set, byte)) members.push(byte)
  return members
}

/** Lower-case form of an ASCII letter; any other byte as it is. */
export function lowerByte(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte
}

/** Upper-case form of an ASCII letter; any other byte as it is. */
export function upperByte(byte: number): number {
  return byte >= 0x61 && byte <= 0x7a ? byte - 32 : byte
}

/** Word constituents of grep in the C locale: `[0-9A-Za-z_]`. */
export const WORD_BYTES: ByteSet = /* @__PURE__ */ rangeSet(0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a)

/** What `isspace` of the C locale accepts: tab, line feed, vertical tab, form feed, carriage return, space. */
export const SPACE_BYTES: ByteSet = /* @__PURE__ */ rangeSet(0x09, 0x0d, 0x20, 0x20)

export function isWordByte(byte: number): boolean {
  return hasByte(WORD_BYTES, byte)
}

/** The bytes of a POSIX character class in the C locale; undefined for an unknown name. */
export function namedClass(name: string): ByteSet | undefined {
  switch (name) {
    case 'alpha':
      return rangeSet(0x41, 0x5a, 0x61, 0x7a)
    case 'digit':
      return rangeSet(0x30, 0x39)
    case 'alnum':
      return rangeSet(0x30, 0x39, 0x41, 0x5a, 0x61, 0x7a)
    case 'upper':
      return rangeSet(0x41, 0x5a)
    case 'lower':
      return rangeSet(0x61, 0x7a)
    case 'space':
      return SPACE_BYTES.slice()
    case 'blank':
      return setOf(0x09, 0x20)
    case 'punct':
      return rangeSet(0x21, 0x2f, 0x3a, 0x40, 0x5b, 0x60, 0x7b, 0x7e)
    case 'print':
      return rangeSet(0x20, 0x7e)
    case 'graph':
      return rangeSet(0x21, 0x7e)
    case 'cntrl':
      return rangeSet(0x00, 0x1f, 0x7f, 0x7f)
    case 'xdigit':
      return rangeSet(0x30, 0x39, 0x41, 0x46, 0x61, 0x66)
    default:
      return undefined
  }
}
