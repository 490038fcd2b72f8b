import { toHex } from './bytes.ts'

// FIPS 180-4, section 4.2.2.
const K = /* @__PURE__ */ new Int32Array([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
])

/** SHA-256 (FIPS 180-4) of bytes that come in pieces. */
export class Sha256 {
  // FIPS 180-4, section 5.3.3.
  readonly #state: Int32Array = new Int32Array([
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
  ])
  readonly #block: Uint8Array = new Uint8Array(64)
  readonly #words: Int32Array = new Int32Array(64)
  #length = 0

  /** Add bytes; they are not kept. */
  update(bytes: Uint8Array): this {
    let at = 0
    const held = this.#length % 64
    this.#length += bytes.length
    if (held > 0) {
      at = Math.min(64 - held, bytes.length)
      this.#block.set(bytes.subarray(0, at), held)
      if (held + at < 64) return this
      compress(this.#state, this.#words, this.#block, 0)
    }
    for (; at + 64 <= bytes.length; at += 64) compress(this.#state, this.#words, bytes, at)
    this.#block.set(bytes.subarray(at))
    return this
  }

  /** The hash, u8[32], of all bytes added so far; more may be added afterwards. */
  digest(): Uint8Array<ArrayBuffer> {
    const held = this.#length % 64
    const tail = new Uint8Array(held < 56 ? 64 : 128)
    tail.set(this.#block.subarray(0, held))
    tail[held] = 0x80
    const view = new DataView(tail.buffer)
    view.setUint32(tail.length - 8, Math.floor(this.#length / 0x20000000))
    view.setUint32(tail.length - 4, this.#length << 3)
    const state = this.#state.slice()
    for (let at = 0; at < tail.length; at += 64) compress(state, this.#words, tail, at)
    const digest = new Uint8Array(32)
    const out = new DataView(digest.buffer)
    for (let i = 0; i < 8; i++) out.setInt32(4 * i, state[i])
    return digest
  }
}

function compress(state: Int32Array, w: Int32Array, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < 16; i++) {
    const p = at + 4 * i
    w[i] = (bytes[p] << 24) | (bytes[p + 1] << 16) | (bytes[p + 2] << 8) | bytes[p + 3]
  }
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15]
    const y = w[i - 2]
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
    w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0
  }
  let a = state[0]
  let b = state[1]
  let c = state[2]
  let d = state[3]
  let e = state[4]
  let f = state[5]
  let g = state[6]
  let h = state[7]
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  state[0] = (state[0] + a) | 0
  state[1] = (state[1] + b) | 0
  state[2] = (state[2] + c) | 0
  state[3] = (state[3] + d) | 0
  state[4] = (state[4] + e) | 0
  state[5] = (state[5] + f) | 0
  state[6] = (state[6] + g) | 0
  state[7] = (state[7] + h) | 0
}

/** SHA-256 of a byte array, u8[32]. */
export function sha256(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Sha256().update(bytes).digest()
}

/** SHA-256 of a byte array in lower-case hex: the form that names a profile. */
export function fingerprint(bytes: Uint8Array): string {
  return toHex(sha256(bytes))
}
