import { PithError } from '../errors.ts'

/** Write fields of up to 24 bits, the lowest bit first. */
export class BitWriter {
  #bytes: number[] = []
  #held: number = 0
  #count: number = 0

  /** Append the low `bits` bits of `value`, 0..24. */
  put(value: number, bits: number): void {
    this.#held |= (value & ((1 << bits) - 1)) << this.#count
    this.#count += bits
    while (this.#count >= 8) {
      this.#bytes.push(this.#held & 255)
      this.#held >>>= 8
      this.#count -= 8
    }
  }

  /** Append `value` in 0..`limit` - 1 in as few whole bits as a code without remainder allows (truncated binary). */
  putBelow(value: number, limit: number): void {
    const bits = 31 - Math.clz32(limit)
    const short = (2 << bits) - limit
    if (value < short) this.put(value, bits)
    else {
      // The prefix first, so that the reader knows from it whether one more bit follows.
      const code = value + short
      this.put(code >> 1, bits)
      this.put(code & 1, 1)
    }
  }

  /** Append a value of at least 1 and below 2^20 in Elias gamma: zeros for the bits behind its first, a one, those bits. */
  putGamma(value: number): void {
    const bits = 31 - Math.clz32(value)
    this.put(1 << bits, bits + 1)
    this.put(value, bits)
  }

  /** The bytes, the last one filled up with zeros. */
  finish(): Uint8Array<ArrayBuffer> {
    if (this.#count > 0) this.#bytes.push(this.#held & 255)
    this.#held = 0
    this.#count = 0
    return Uint8Array.from(this.#bytes)
  }
}

/**
 * Read what {@link BitWriter} wrote.
 *
 * @throws PithError `PITH_TRUNCATED` reading past the end
 */
export class BitReader {
  readonly #bytes: Uint8Array
  readonly #end: number
  #at: number
  #held: number = 0
  #count: number = 0

  constructor(bytes: Uint8Array, at: number = 0, end: number = bytes.length) {
    this.#bytes = bytes
    this.#at = at
    this.#end = end
  }

  /** The next `bits` bits, 0..24. */
  get(bits: number): number {
    while (this.#count < bits) {
      if (this.#at >= this.#end) {
        throw new PithError('PITH_TRUNCATED', `bits are needed at ${this.#at}, where the bytes end`, {
          at: { offset: this.#at },
        })
      }
      this.#held |= this.#bytes[this.#at++] << this.#count
      this.#count += 8
    }
    const value = this.#held & ((1 << bits) - 1)
    this.#held >>>= bits
    this.#count -= bits
    return value
  }

  /** A value in 0..`limit` - 1, as {@link BitWriter.putBelow} wrote it. */
  getBelow(limit: number): number {
    const bits = 31 - Math.clz32(limit)
    const short = (2 << bits) - limit
    const value = this.get(bits)
    return value < short ? value : ((value << 1) | this.get(1)) - short
  }

  /** A value as {@link BitWriter.putGamma} wrote it, below 2^20. @throws PithError `PITH_CORRUPT` a larger one */
  getGamma(): number {
    let bits = 0
    while (this.get(1) === 0) {
      if (++bits > 19) throw new PithError('PITH_CORRUPT', `the number before byte ${this.#at} is too large`)
    }
    return (1 << bits) | this.get(bits)
  }

  /** Step to the next whole byte and return its offset. */
  align(): number {
    if ((this.#held & ((1 << this.#count) - 1)) !== 0) {
      throw new PithError('PITH_CORRUPT', `the bits before byte ${this.#at} should be zero`, {
        at: { offset: this.#at - 1 },
      })
    }
    this.#held = 0
    this.#count = 0
    return this.#at
  }
}
