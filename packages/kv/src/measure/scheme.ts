/** Ways to make a cache smaller, as a measurement sees them: a cache in, the cache that comes back out, and its bits. */
import { KvCache } from '@pith/lm'
import { encodeKv, KvFile, type KvProfile } from '../cachegen/index.ts'
import { type BlockOptions, roundWithGear } from '../gear/index.ts'

/** A cache as it comes back, and what it takes. */
export interface Changed {
  readonly kv: KvCache
  /** All that is stored for it, but not what is learned once for a model. */
  readonly bits: number
}

/** One way at one setting. */
export interface Scheme {
  /** The way, such as `pca`. */
  readonly name: string
  /** Its setting, such as `3`. */
  readonly setting: string
  /** Bytes that are learned once for a model, where there are some. */
  readonly profileBytes?: number
  change(kv: KvCache): Promise<Changed>
  /** The two ways of `change` apart, where there is a file between them. */
  readonly file?: {
    encode(kv: KvCache): Promise<Uint8Array>
    decode(bytes: Uint8Array, kv: KvCache): Promise<KvCache>
  }
}

/** Numbers of the keys and values of a cache. */
export function countNumbers(kv: KvCache): number {
  return 2 * kv.length * kv.layers * kv.width
}

/** A cache with other rows. */
export function withRows(kv: KvCache, keys: readonly Float32Array[], values: readonly Float32Array[]): KvCache {
  const { fp, layers, kvHeads, headDim, ropeTheta, tokens, positions } = kv
  return new KvCache({ fp, layers, kvHeads, headDim, ropeTheta, tokens, positions, keys, values })
}

/** A profile at a level, through the bytes of a file and back; ids of tokens, index and checksums are counted. */
export function profileScheme(profile: KvProfile, level: number, profileBytes: number): Scheme {
  const encode = (kv: KvCache): Promise<Uint8Array> => {
    const chunk = Math.min(65536, Math.max(8, kv.length))
    return encodeKv(kv, { profile, levels: [level], chunk, sinks: Math.min(4, chunk), embed: false })
  }
  const decode = async (bytes: Uint8Array, { fp }: KvCache): Promise<KvCache> => {
    const file = await KvFile.open(bytes, { profile })
    try {
      return await file.cache(fp)
    } finally {
      await file.close()
    }
  }
  return {
    name: profile.preset,
    setting: String(level),
    profileBytes,
    file: { encode, decode },
    async change(kv) {
      const bytes = await encode(kv)
      return { kv: await decode(bytes, kv), bits: 8 * bytes.length }
    },
  }
}

/** Blocks of few bits that a model attends over. */
export function gearScheme(setting: string, options: BlockOptions): Scheme {
  return {
    name: options.method ?? 'had-kivi',
    setting,
    async change(kv) {
      const { kv: back, bytes } = roundWithGear(kv, options)
      return { kv: back, bits: 8 * bytes }
    },
  }
}
