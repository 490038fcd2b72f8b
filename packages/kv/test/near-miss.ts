/** Texts that are almost one that is kept, and what may be found of them. */
import { Random } from '@pith/core'
import type { ModelFingerprint } from '@pith/lm'
import { PrefixStore, type StoreTier } from '../src/store/index.ts'
import { cacheOf, modelPrint, randomText, sameCache } from './prefixes.ts'

/** What somebody asks for. */
export interface Ask {
  readonly tokens: Int32Array
  readonly fp: ModelFingerprint
  readonly salt: string
  readonly chunk: number
}

/** Change a little of what is asked for: a token, two that change places, one more or less, the model, the owner, the chunks. */
export function nearMiss(kept: Ask, random: Random): Ask {
  const tokens = [...kept.tokens]
  const at = random.integer(tokens.length)
  switch (random.integer(9)) {
    case 0:
      tokens[at] = ((tokens[at] as number) + 1 + random.integer(500)) % 512
      return { ...kept, tokens: Int32Array.from(tokens) }
    case 1: {
      const other = random.integer(tokens.length)
      ;[tokens[at], tokens[other]] = [tokens[other] as number, tokens[at] as number]
      return { ...kept, tokens: Int32Array.from(tokens) }
    }
    case 2:
      tokens.splice(at, 1)
      return { ...kept, tokens: Int32Array.from(tokens) }
    case 3:
      tokens.splice(at, 0, random.integer(512))
      return { ...kept, tokens: Int32Array.from(tokens) }
    case 4: {
      // Whole chunks that change places.
      const [a, b] = [0, kept.chunk]
      return {
        ...kept,
        tokens: Int32Array.from([...tokens.slice(b, 2 * b), ...tokens.slice(a, b), ...tokens.slice(2 * b)]),
      }
    }
    case 5:
      return { ...kept, fp: modelPrint(2 + random.integer(13)) }
    case 6:
      return {
        ...kept,
        fp: {
          ...kept.fp,
          ...(random.integer(2) === 0 ? { numerics: 'q8-b32-acc4' } : { weights: modelPrint(5).weights }),
        },
      }
    case 7:
      return { ...kept, salt: `${kept.salt}${random.integer(10)}` }
    default:
      return { ...kept, chunk: kept.chunk + (random.integer(2) === 0 ? 1 : -1) }
  }
}

/** Answers to near misses that were wrong, and right ones. */
export interface MissCount {
  wrong: number
  /** Chunks that were rightly found. */
  found: number
}

/** Keep texts in a tier, then ask for what is almost one of them. */
export async function askNearMisses(tier: StoreTier, count: number, seed: number): Promise<MissCount> {
  const random = new Random(seed)
  const stores = new Map<string, PrefixStore>()
  const storeOf = ({ salt, chunk }: Ask): PrefixStore => {
    const key = `${chunk} ${salt}`
    const known = stores.get(key) ?? new PrefixStore({ tiers: [tier], chunk, salt })
    stores.set(key, known)
    return known
  }
  const kept: Ask[] = []
  const shared = randomText(32, seed)
  for (let i = 0; i < 20; i++) {
    const tokens = randomText(80, seed + 1 + i)
    if (i % 2 === 0) tokens.set(shared)
    const ask = { tokens, fp: modelPrint(), salt: `tenant ${i % 3}`, chunk: 16 }
    kept.push(ask)
    storeOf(ask).keep(tokens, cacheOf(tokens, ask.fp))
  }
  for (const store of stores.values()) await store.flush()
  const counts: MissCount = { wrong: 0, found: 0 }
  for (let i = 0; i < count; i++) {
    const ask = nearMiss(kept[random.integer(kept.length)] as Ask, random)
    const right = cacheOf(ask.tokens, ask.fp)
    const known = Math.max(...kept.map((own) => knownChunks(own, ask)))
    let chunks = 0
    for await (const piece of storeOf(ask).find(ask.tokens, ask.fp)) {
      const from = chunks++ * ask.chunk
      if (!sameCache(piece, right.slice(from, from + ask.chunk))) counts.wrong++
    }
    if (chunks !== known) counts.wrong++
    counts.found += chunks
  }
  for (const store of stores.values()) await store.flush()
  return counts
}

/** Chunks of what is asked for that are those of a kept text. */
function knownChunks(kept: Ask, ask: Ask): number {
  const { fp } = kept
  const isOther = fp.arch !== ask.fp.arch || fp.weights !== ask.fp.weights || fp.numerics !== ask.fp.numerics
  if (isOther || kept.salt !== ask.salt || kept.chunk !== ask.chunk) return 0
  const most = Math.floor(Math.min(kept.tokens.length, ask.tokens.length) / ask.chunk)
  const differs = ask.tokens.findIndex((id, i) => id !== kept.tokens[i])
  return differs < 0 ? most : Math.min(most, Math.floor(differs / ask.chunk))
}
