/** A small model with grouped heads whose caches have something to learn, and texts for it. */
import { Random } from '@pith/core'
import { Lm, type LmConfig } from '@pith/lm'
import { randomParams } from '@pith/lm/testing'

export const CONFIG: LmConfig = {
  layers: 3,
  heads: 4,
  kvHeads: 2,
  headDim: 8,
  hidden: 32,
  ffn: 40,
  vocab: 60,
  ctx: 160,
  ropeTheta: 10000,
  normEps: 1e-5,
  tied: true,
  qkvBias: false,
}

/** Models with the same seed are equal. */
export function smallModel(seed = 1): Lm {
  return new Lm({ config: CONFIG, params: randomParams(CONFIG, seed) })
}

/** Texts in which the next token hangs on the last one. */
export function texts(count: number, length: number, seed: number): Int32Array[] {
  const random = new Random(seed)
  return Array.from({ length: count }, () => {
    const ids = new Int32Array(length)
    for (let i = 1; i < length; i++) {
      ids[i] = random.uniform() < 0.7 ? ((ids[i - 1] as number) * 7 + 3) % CONFIG.vocab : random.integer(CONFIG.vocab)
    }
    return ids
  })
}
