/** Chunks of a prefix store that are compressed by what was learned about their model. */
import type { KvCache } from '@pith/lm'
import { DEFAULT_LEVEL, encodeKv, KvFile, type KvProfile, profileId } from './cachegen/index.ts'
import type { ChunkCoder } from './store/index.ts'

/**
 * Keep chunks as small files of CacheGen. The profile is not in them: whoever reads them has it.
 *
 * @param level quality 1 (small) .. 4 (near to exact). Default 3.
 * @example
 * const store = await openPrefixStore(folder, { coder: profileCoder(profile) })
 */
export function profileCoder(profile: KvProfile, { level = DEFAULT_LEVEL }: { level?: number } = {}): ChunkCoder {
  const name = `${profile.preset}-${level}-${profileId(profile).slice(0, 16)}`
  return {
    name,
    encode: (kv) =>
      encodeKv(kv, {
        profile,
        levels: [level],
        chunk: Math.max(8, kv.length),
        sinks: Math.min(4, kv.length),
        embed: false,
      }),
    async decode(bytes, frame): Promise<KvCache> {
      const file = await KvFile.open(bytes, { profile })
      try {
        return await file.cache(frame.fp)
      } finally {
        await file.close()
      }
    },
  }
}
