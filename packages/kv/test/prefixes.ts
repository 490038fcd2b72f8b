/** Caches whose numbers tell of which tokens they are. */
import { Random } from '@pith/core'
import { KvCache, type ModelFingerprint } from '@pith/lm'

const SHAPE = { layers: 2, kvHeads: 1, headDim: 4 }

/** A model by its number. */
export function modelPrint(model = 1, numerics = 'f32'): ModelFingerprint {
  const digit = model.toString(16)
  return { arch: digit.repeat(64), weights: digit.repeat(64), numerics }
}

/** The cache of a text: each number hangs on all tokens up to its own, and on the model. */
export function cacheOf(tokens: Int32Array, fp: ModelFingerprint = modelPrint()): KvCache {
  let state = fp.arch.charCodeAt(0) | 1
  const rows = new Float32Array(tokens.length * 4)
  for (const [t, id] of tokens.entries()) {
    state = (Math.imul(state ^ (id + 0x9e3779b9), 0x85ebca6b) ^ (state >>> 13)) >>> 0
    for (let i = 0; i < 4; i++) rows[4 * t + i] = Math.fround(((state >>> i) & 0xffff) / 65536 - 0.5)
  }
  const layer = (scale: number): Float32Array => rows.map((value) => value * scale)
  return new KvCache({
    ...SHAPE,
    fp,
    ropeTheta: 10000,
    tokens,
    positions: Int32Array.from(tokens, (_, i) => i),
    keys: [layer(1), layer(2)],
    values: [layer(0.5), layer(4)],
  })
}

/** A text of random tokens. */
export function randomText(length: number, seed: number, vocab = 512): Int32Array {
  const random = new Random(seed)
  return Int32Array.from({ length }, () => random.integer(vocab))
}

/** Whether two caches are the same, numbers and all. */
export function sameCache(a: KvCache, b: KvCache): boolean {
  const same = (x: ArrayLike<number>, y: ArrayLike<number>): boolean =>
    x.length === y.length && Array.prototype.every.call(x, (value: number, i: number) => value === y[i])
  return (
    same(a.tokens, b.tokens) &&
    same(a.positions, b.positions) &&
    a.keys.every((rows, i) => same(rows, b.keys[i] as Float32Array)) &&
    a.values.every((rows, i) => same(rows, b.values[i] as Float32Array))
  )
}
