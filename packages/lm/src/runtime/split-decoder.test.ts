import { afterAll, expect, test } from 'vitest'
import { SMALL } from '../../test/models.ts'
import type { LmConfig } from '../config.ts'
import { Lm } from '../lm.ts'
import { randomParams } from '../testing/index.ts'
import type { Attend } from './split-decoder.ts'

const CONFIGS: Record<string, LmConfig> = {
  'grouped heads': { ...SMALL, kvHeads: SMALL.heads / 2 },
  'a head each, additions, a head of its own for scores': {
    ...SMALL,
    kvHeads: SMALL.heads,
    qkvBias: true,
    tied: false,
  },
}

/** Attention in plain numbers over all tokens so far. */
function plainAttention({ layers, heads, kvHeads, headDim }: LmConfig): Attend {
  const [keys, values] = [0, 1].map(() => Array.from({ length: layers }, (): number[] => [])) as [
    number[][],
    number[][],
  ]
  return ({ layer, count, turned, values: fresh }) => {
    const [wide, width] = [(heads + kvHeads) * headDim, kvHeads * headDim]
    const [k, v] = [keys[layer] as number[], values[layer] as number[]]
    const before = k.length / width
    for (let i = 0; i < count; i++) k.push(...turned.subarray(i * wide + heads * headDim, (i + 1) * wide))
    v.push(...fresh)
    const out = new Float32Array(count * heads * headDim)
    for (let i = 0; i < count; i++) {
      for (let head = 0; head < heads; head++) {
        const own = Math.floor((head * kvHeads) / heads) * headDim
        const q = turned.subarray(i * wide + head * headDim, i * wide + (head + 1) * headDim)
        const scores = Array.from({ length: before + i + 1 }, (_, t) =>
          Math.exp(q.reduce((sum, x, c) => sum + x * (k[t * width + own + c] as number), 0) / Math.sqrt(headDim)),
        )
        const total = scores.reduce((a, b) => a + b)
        for (const [t, p] of scores.entries()) {
          for (let c = 0; c < headDim; c++) {
            const at = (i * heads + head) * headDim + c
            out[at] = (out[at] as number) + (p / total) * (v[t * width + own + c] as number)
          }
        }
      }
    }
    return out
  }
}

for (const [name, config] of Object.entries(CONFIGS)) {
  const lm = new Lm({ config, params: randomParams(config, 5) })
  afterAll(() => lm.close())

  test(`a network cut at attention gives the logits of the whole: ${name}`, async () => {
    const ids = Int32Array.from({ length: 20 }, (_, i) => (i * 7 + 3) % config.vocab)
    const wanted = await lm.session().prefill(ids, { logits: 'all' })
    const attend = plainAttention(config)
    const split = lm.split()
    const first = await split.run(
      ids.subarray(0, 12),
      Int32Array.from({ length: 12 }, (_, i) => i),
      [0, 11],
      attend,
    )
    const rest = await split.run(
      ids.subarray(12),
      Int32Array.from({ length: 8 }, (_, i) => 12 + i),
      [7],
      attend,
    )
    const rows = [0, 11, 19].flatMap((row) => [...wanted.subarray(row * config.vocab, (row + 1) * config.vocab)])
    for (const [i, got] of [...first, ...rest].entries()) expect(got).toBeCloseTo(rows[i] as number, 4)
    expect(
      (
        await split.run(
          ids,
          ids.map((_, i) => i),
          [],
          plainAttention(config),
        )
      ).length,
    ).toBe(0)
  })

  test(`tokens and positions that are not there are refused: ${name}`, async () => {
    const run = (id: number, position: number): Promise<Float32Array> =>
      lm.split().run(Int32Array.of(id), Int32Array.of(position), [0], plainAttention(config))
    await expect(run(config.vocab, 0)).rejects.toMatchObject({ code: 'PITH_ARG' })
    await expect(run(0, config.ctx)).rejects.toMatchObject({ code: 'PITH_LIMIT' })
  })
}

test('a model that is closed is not run', async () => {
  const lm = new Lm({ config: SMALL, params: randomParams(SMALL, 5) })
  const split = lm.split()
  await lm.close()
  await expect(split.run(Int32Array.of(1), Int32Array.of(0), [0], plainAttention(SMALL))).rejects.toThrow(/closed/)
})
