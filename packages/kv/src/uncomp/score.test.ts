import { afterAll, expect, test } from 'vitest'
import { smallModel, texts } from '../../test/model.ts'
import { evictionPolicy, needsEntropy, POLICIES, profileEntropy, scoreEvictions } from './index.ts'
import { snapKv } from './policies/index.ts'

const lm = smallModel(6)
afterAll(() => lm.close())
const windows = texts(3, 80, 9)
const profile = await profileEntropy(lm, texts(2, 60, 10))

test('what is kept of a cache is scored against the whole', async () => {
  const all = await scoreEvictions(lm, windows, [
    snapKv({ budget: 40 }),
    ...POLICIES.map((name) => evictionPolicy(name, { budget: 0.3 }, profile)),
  ])
  expect([all.windows, all.tokens, all.bytes]).toEqual([3, 117, 8 * 40 * 3 * 2 * 8])
  const [whole, ...parts] = all.scores
  expect(whole).toMatchObject({
    share: 1,
    top1: 1,
    bytes: all.bytes,
    kept: [
      [40, 40],
      [40, 40],
      [40, 40],
    ],
  })
  expect(Math.abs(whole?.dNLL as number)).toBeLessThan(1e-5)
  expect(parts.map(({ name }) => name)).toEqual(POLICIES)
  for (const { share, top1, interval, dNLL } of parts) {
    expect(share).toBeCloseTo(0.3, 10)
    expect(top1).toBeLessThan(1)
    expect(interval[0]).toBeLessThanOrEqual(dNLL)
    expect(interval[1]).toBeGreaterThanOrEqual(dNLL)
  }
  // The mean of the log-probabilities, as the model gives them.
  let nll = 0
  for (const ids of windows) nll -= (await lm.logprobs(ids)).subarray(40).reduce((sum, x) => sum + x, 0)
  expect(all.nll).toBeCloseTo(nll / 117, 4)
})

test('policies have names', () => {
  expect(evictionPolicy('auto', { budget: 0.1 }, profile).name).toBe('uncomp+ada')
  expect(POLICIES.filter(needsEntropy)).toEqual(['uncomp', 'uncomp+ada'])
  expect(() => evictionPolicy('auto', { budget: 0.1 })).toThrow(/needs the entropies/)
  expect(() => evictionPolicy('best' as never, { budget: 0.1 })).toThrow(/no policy best/)
})

test('nothing to read is refused', async () => {
  await expect(scoreEvictions(lm, [], [])).rejects.toMatchObject({ code: 'PITH_ARG' })
  await expect(scoreEvictions(lm, texts(1, 31, 1), [])).rejects.toMatchObject({ code: 'PITH_ARG' })
})
