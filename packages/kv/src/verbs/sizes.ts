/** Figures of a file of a cache, as verbs print them. */
import type { KvFile, KvInfo, KvSizes } from '../cachegen/index.ts'
import { q8Bits } from '../measure/q8.ts'

/** What a file holds, and what each level takes. */
export interface FileFigures extends Omit<KvInfo, 'levels'>, Omit<KvSizes, 'levels' | 'tokens' | 'sinks'> {
  readonly levels: readonly LevelFigures[]
}

/** One level: its bytes with those of ids and first tokens, and what the profile lost on its own texts. */
export interface LevelFigures {
  readonly level: number
  readonly bytes: number
  readonly bitsPerElem: number
  readonly vs8bit: number
  readonly damage: number
}

export async function figuresOf(file: KvFile): Promise<FileFigures> {
  const { info, profile } = file
  const { bytes, profile: profileBytes, tokens, sinks, levels } = await file.sizes()
  const width = info.kvHeads * info.headDim
  const numbers = Math.max(1, 2 * info.tokens * info.layers * width)
  return {
    ...info,
    bytes,
    profile: profileBytes,
    levels: info.levels.map((level) => {
      const own = (levels[level] as number) + tokens + sinks
      const bitsPerElem = (8 * own) / numbers
      return {
        level,
        bytes: own,
        bitsPerElem,
        vs8bit: q8Bits({ width }) / bitsPerElem,
        damage: profile.damage[level - 1] as number,
      }
    }),
  }
}
