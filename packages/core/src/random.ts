import { PithError } from './errors.ts'

const scratch = /* @__PURE__ */ new Uint32Array(2)

/**
 * One block of threefry-2x32 with 20 rounds: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 *
 * @param out  u32[2], receives the block
 */
export function threefry2x32(key0: number, key1: number, counter0: number, counter1: number, out: Uint32Array): void {
  const key2 = 0x1bd11bda ^ key0 ^ key1
  let x = (counter0 + key0) | 0
  let y = (counter1 + key1) | 0
  let a = key1
  let b = key2
  let c = key0
  for (let group = 1; group <= 5; group++) {
    if ((group & 1) === 1) {
      x = (x + y) | 0
      y = ((y << 13) | (y >>> 19)) ^ x
      x = (x + y) | 0
      y = ((y << 15) | (y >>> 17)) ^ x
      x = (x + y) | 0
      y = ((y << 26) | (y >>> 6)) ^ x
      x = (x + y) | 0
      y = ((y << 6) | (y >>> 26)) ^ x
    } else {
      x = (x + y) | 0
      y = ((y << 17) | (y >>> 15)) ^ x
      x = (x + y) | 0
      y = ((y << 29) | (y >>> 3)) ^ x
      x = (x + y) | 0
      y = ((y << 16) | (y >>> 16)) ^ x
      x = (x + y) | 0
      y = ((y << 24) | (y >>> 8)) ^ x
    }
    x = (x + a) | 0
    y = (y + b + group) | 0
    const first = a
    a = b
    b = c
    c = first
  }
  out[0] = x
  out[1] = y
}

/**
 * Seeded random numbers from a counter: the same on every platform, as only integers and `+ - * / sqrt` are used. A generator
 * yields up to 2^63 blocks; `split` gives independent generators, for workers or for parts whose draws must not shift each other.
 */
export class Random {
  readonly #key0: number
  readonly #key1: number
  #low = 0
  #high = 0
  #spare = 0
  #hasSpare = false
  #normal = 0
  #hasNormal = false

  /** @param seed  integer in 0..2^53 - 1, or the two words of a key */
  constructor(seed: number | readonly [number, number] = 0) {
    if (typeof seed !== 'number') {
      this.#key0 = seed[0] | 0
      this.#key1 = seed[1] | 0
      return
    }
    if (!(Number.isSafeInteger(seed) && seed >= 0)) {
      throw new PithError('PITH_ARG', `seed must be an integer in 0..2^53-1, got ${seed}`)
    }
    this.#key0 = (seed % 0x100000000) | 0
    this.#key1 = Math.floor(seed / 0x100000000)
  }

  /** An integer in 0..2^32 - 1. */
  u32(): number {
    if (this.#hasSpare) {
      this.#hasSpare = false
      return this.#spare
    }
    threefry2x32(this.#key0, this.#key1, this.#low, this.#high, scratch)
    this.#low = (this.#low + 1) >>> 0
    if (this.#low === 0) this.#high++
    this.#spare = scratch[1]
    this.#hasSpare = true
    return scratch[0]
  }

  /** A number in [0, 1), one of 2^53. */
  uniform(): number {
    const high = this.u32() >>> 5
    const low = this.u32() >>> 6
    return (high * 67108864 + low) / 9007199254740992
  }

  /** An integer in 0..`bound` - 1 without bias; `bound` in 1..2^53 - 1. */
  integer(bound: number): number {
    if (!(Number.isSafeInteger(bound) && bound >= 1)) {
      throw new PithError('PITH_ARG', `bound must be an integer in 1..2^53-1, got ${bound}`)
    }
    if (bound <= 0x100000000) {
      const limit = 0x100000000 - (0x100000000 % bound)
      for (;;) {
        const draw = this.u32()
        if (draw < limit) return draw % bound
      }
    }
    const limit = 9007199254740992 - (9007199254740992 % bound)
    for (;;) {
      const draw = (this.u32() >>> 11) * 0x100000000 + this.u32()
      if (draw < limit) return draw % bound
    }
  }

  /** A draw from the standard normal distribution (Marsaglia's polar method, with a logarithm of our own). */
  normal(): number {
    if (this.#hasNormal) {
      this.#hasNormal = false
      return this.#normal
    }
    for (;;) {
      const u = 2 * this.uniform() - 1
      const v = 2 * this.uniform() - 1
      const s = u * u + v * v
      if (s >= 1 || s === 0) continue
      const scale = Math.sqrt((-2 * portableLog(s)) / s)
      this.#normal = v * scale
      this.#hasNormal = true
      return u * scale
    }
  }

  /** Shuffle in place (Fisher-Yates) and return the same list. */
  shuffle<T extends unknown[] | Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array>(list: T): T {
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.integer(i + 1)
      const held = list[i]
      list[i] = list[j]
      list[j] = held
    }
    return list
  }

  /** The generator number `index` (0..2^32 - 1) below this one; it does not depend on what was drawn before. */
  split(index: number): Random {
    if (!(Number.isInteger(index) && index >= 0 && index <= 0xffffffff)) {
      throw new PithError('PITH_ARG', `index must be an integer in 0..2^32-1, got ${index}`)
    }
    // Draws count up from 0 in the high word, so its top bit belongs to splits.
    threefry2x32(this.#key0, this.#key1, index, 0x80000000, scratch)
    return new Random([scratch[0], scratch[1]])
  }
}

/**
 * Natural logarithm of a finite positive normal number with the same bits on every engine, which `Math.log` does not promise;
 * within about one unit in the last place.
 */
export function portableLog(value: number): number {
  let exponent = 0
  let mantissa = value
  // Powers of two are exact, so the mantissa loses nothing on its way into [sqrt(1/2), sqrt(2)).
  while (mantissa < Math.SQRT1_2) {
    mantissa *= 2
    exponent--
  }
  while (mantissa >= Math.SQRT2) {
    mantissa /= 2
    exponent++
  }
  const t = (mantissa - 1) / (mantissa + 1)
  const square = t * t
  let sum = 0
  for (let k = 23; k >= 1; k -= 2) sum = sum * square + 1 / k
  return exponent * Math.LN2 + 2 * t * sum
}
