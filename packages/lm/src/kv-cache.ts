/** Keys and values of tokens, as other rooms compress, store and send them. */
import { PithError } from '@pith/core'
import type { LmConfig } from './config.ts'

/** What a cache belongs to: it is never attached to anything else. */
export interface ModelFingerprint {
  /** SHA-256, in hex, of the sizes and the tokenizer. */
  readonly arch: string
  /** SHA-256, in hex, of the parameters. */
  readonly weights: string
  /** How the arithmetic was done, such as `q4-b32-acc4`. */
  readonly numerics: string
}

/** The shape of a cache. */
export type KvShape = Pick<LmConfig, 'layers' | 'kvHeads' | 'headDim'>

/** Rows of tokens, each of `kvHeads * headDim` numbers, for each layer; keys are turned to their positions. */
export interface KvCacheParts extends KvShape {
  readonly fp: ModelFingerprint
  readonly ropeTheta: number
  readonly tokens: Int32Array
  readonly positions: Int32Array
  /** f32[tokens, kvHeads * headDim] of each layer. */
  readonly keys: readonly Float32Array[]
  readonly values: readonly Float32Array[]
}

/** Tokens that one head keeps. */
export interface HeadKv {
  /** Ascending. */
  readonly positions: Int32Array
  /** f32[tokens, headDim], keys turned to their positions. */
  readonly keys: Float32Array
  readonly values: Float32Array
}

/** A cache of which each head keeps tokens of its own. */
export interface RaggedKv extends KvShape {
  readonly fp: ModelFingerprint
  readonly ropeTheta: number
  /** All that were read, also those that no head keeps. */
  readonly tokens: Int32Array
  /** By layer and head. */
  readonly heads: readonly (readonly HeadKv[])[]
}

/** Keys and values of a run of tokens. Parts are views where they can be; nothing is changed in place. */
export class KvCache implements KvCacheParts {
  readonly fp: ModelFingerprint
  readonly layers: number
  readonly kvHeads: number
  readonly headDim: number
  readonly ropeTheta: number
  readonly tokens: Int32Array
  readonly positions: Int32Array
  readonly keys: readonly Float32Array[]
  readonly values: readonly Float32Array[]

  /** @throws PithError `PITH_SHAPE` parts that do not fit each other */
  constructor(parts: KvCacheParts) {
    const { layers, kvHeads, headDim, tokens, positions, keys, values } = parts
    const size = tokens.length * kvHeads * headDim
    const isWhole = (own: readonly Float32Array[]): boolean =>
      own.length === layers && own.every((rows) => rows.length === size)
    if (positions.length !== tokens.length || !isWhole(keys) || !isWhole(values)) {
      throw new PithError('PITH_SHAPE', `a cache of ${tokens.length} tokens has parts of other lengths`)
    }
    this.fp = parts.fp
    this.layers = layers
    this.kvHeads = kvHeads
    this.headDim = headDim
    this.ropeTheta = parts.ropeTheta
    this.tokens = tokens
    this.positions = positions
    this.keys = keys
    this.values = values
  }

  /** Tokens. */
  get length(): number {
    return this.tokens.length
  }

  /** Numbers in the keys (or values) of one token and layer. */
  get width(): number {
    return this.kvHeads * this.headDim
  }

  /** Tokens `from` .. `to` - 1. @throws PithError `PITH_ARG` a range outside of it */
  slice(from: number, to: number): KvCache {
    if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to <= this.length)) {
      throw new PithError('PITH_ARG', `there are ${this.length} tokens, not ${from} to ${to}`)
    }
    const rows = (own: Float32Array): Float32Array => own.subarray(from * this.width, to * this.width)
    return new KvCache({
      ...this.#own(),
      tokens: this.tokens.subarray(from, to),
      positions: this.positions.subarray(from, to),
      keys: this.keys.map(rows),
      values: this.values.map(rows),
    })
  }

  /** This one and then another of the same model. @throws PithError `PITH_MODEL` of another one */
  concat(other: KvCache): KvCache {
    checkSameModel(this.fp, other.fp)
    const join = <T extends Int32Array | Float32Array>(a: T, b: T): T => {
      const out = new (a.constructor as new (length: number) => T)(a.length + b.length)
      out.set(a)
      out.set(b, a.length)
      return out
    }
    const joinAll = (a: readonly Float32Array[], b: readonly Float32Array[]): Float32Array[] =>
      a.map((rows, layer) => join(rows, b[layer] as Float32Array))
    return new KvCache({
      ...this.#own(),
      tokens: join(this.tokens, other.tokens),
      positions: join(this.positions, other.positions),
      keys: joinAll(this.keys, other.keys),
      values: joinAll(this.values, other.values),
    })
  }

  #own(): Pick<KvCacheParts, 'fp' | 'layers' | 'kvHeads' | 'headDim' | 'ropeTheta'> {
    const { fp, layers, kvHeads, headDim, ropeTheta } = this
    return { fp, layers, kvHeads, headDim, ropeTheta }
  }
}

/**
 * Refuse what another model, tokenizer or arithmetic made.
 *
 * @param allowNumerics take what the same weights gave in other arithmetic. Default false.
 * @throws PithError `PITH_MODEL`
 */
export function checkSameModel(
  own: ModelFingerprint,
  other: ModelFingerprint,
  { allowNumerics = false }: { allowNumerics?: boolean } = {},
): void {
  if (own.arch !== other.arch || own.weights !== other.weights) {
    throw new PithError('PITH_MODEL', 'the cache belongs to another model or tokenizer', {
      hint: 'Make it anew with this model: keys and values of one model mean nothing to another.',
    })
  }
  if (own.numerics !== other.numerics && !allowNumerics) {
    throw new PithError('PITH_MODEL', `the cache was made in ${other.numerics}, the model runs in ${own.numerics}`, {
      hint: 'Load the model in the same precision, or allow other numerics.',
    })
  }
}
