import fc from 'fast-check'
import { Random } from '../random.ts'

/** Inputs on whose edges codecs fail, by name. */
export const EDGE_BYTES: Readonly<Record<string, Uint8Array>> = /* @__PURE__ */ Object.freeze({
  nothing: new Uint8Array(0),
  'one byte': Uint8Array.of(65),
  'a newline': Uint8Array.of(10),
  'a NUL': Uint8Array.of(0),
  'a lone carriage return': Uint8Array.of(13),
  'every byte': Uint8Array.from({ length: 256 }, (_, i) => i),
  zeros: new Uint8Array(10_000),
  'high bytes': new Uint8Array(5000).fill(255),
  'half a character': Uint8Array.of(0xe2, 0x82),
  'a lone surrogate': Uint8Array.of(0x61, 0xed, 0xa0, 0x80, 0x62, 0x0a),
})

/** `length` bytes that nothing compresses; the same for the same seed. */
export function noiseBytes(length: number, seed: number = 1): Uint8Array<ArrayBuffer> {
  const random = new Random(seed)
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = random.u32()
  return bytes
}

/** Bytes of any kind, up to `maxLength`: random ones, few different ones, repeats. */
export function anyBytes(maxLength: number): fc.Arbitrary<Uint8Array> {
  const few = fc.array(fc.constantFrom(0, 10, 13, 32, 34, 48, 57, 65, 97, 123, 125, 128, 255), { maxLength })
  const repeat = fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 60 }), fc.nat(Math.max(1, Math.floor(maxLength / 60))))
    .map(([part, times]) => {
      const whole = new Uint8Array(part.length * times)
      for (let i = 0; i < times; i++) whole.set(part, i * part.length)
      return whole
    })
  return fc.oneof(
    fc.uint8Array({ maxLength }),
    few.map((list) => Uint8Array.from(list)),
    repeat,
  )
}

/** The same bytes in pieces whose lengths go round the list; empty pieces are among them. */
export async function* cutInto(bytes: Uint8Array, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    // A round of empty pieces alone would never end.
    const length = i % lengths.length === 0 ? Math.max(1, lengths[0] ?? 1) : (lengths[i % lengths.length] ?? 1)
    yield bytes.subarray(at, at + length)
    at += length
  }
}
