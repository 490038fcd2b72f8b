import { readFileSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { CONFIG, smallModel, texts } from '../../test/model.ts'
import {
  checkProfileOf,
  classWeights,
  type EntropyProfile,
  headClasses,
  layerGroups,
  profileEntropy,
  readEntropyProfile,
  truncatedEntropy,
  uncomp,
  uncompAda,
  writeEntropyProfile,
} from './index.ts'

interface Case {
  readonly name: string
  readonly width: number
  readonly rows: number[]
  readonly k: number
  readonly entropy: number
}

const { entropies } = JSON.parse(readFileSync(new URL('../../test/golden/uncomp.json', import.meta.url), 'utf8')) as {
  entropies: Case[]
}
const lm = smallModel(6)
afterAll(() => lm.close())
const [ids = new Int32Array(0), ...others] = texts(5, 140, 8)
const profile = await profileEntropy(lm, others)

/** A profile with ranks as they are given. */
function ranked(headRank: number[][], layerEntropy: number[] = headRank.map(() => 0.5)): EntropyProfile {
  const kvHeads = (headRank[0] as number[]).length
  return { ...profile, layers: headRank.length, kvHeads, headRank, headEntropy: headRank, layerEntropy }
}

test('entropies are those of numpy', async () => {
  for (const { name, width, rows, k, entropy } of entropies) {
    expect(await truncatedEntropy(Float64Array.from(rows), width, { k }), `${name}, ${k}`).toBeCloseTo(entropy, 9)
  }
  expect(entropies.length).toBe(15)
})

test('entropy is 1 for rows in all directions, 0 for one direction, and knows no length', async () => {
  const cross = Float64Array.from({ length: 8 * 4 }, (_, i) =>
    Math.floor(i / 8) === i % 4 ? ((i >> 2) & 1 ? 1 : -1) : 0,
  )
  const rows = Float64Array.from(
    [...Array(4).keys()].flatMap((i) => [1, -1].flatMap((s) => [0, 1, 2, 3].map((j) => (i === j ? s : 0)))),
  )
  expect(await truncatedEntropy(rows, 4, { k: 4 })).toBeCloseTo(1, 12)
  expect(await truncatedEntropy(rows, 4, { k: 2 })).toBeCloseTo(0.5, 12)
  expect(await truncatedEntropy(Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8), 4)).toBeCloseTo(0, 12)
  expect(await truncatedEntropy(cross.fill(2), 4)).toBe(0)
  const scaled = rows.map((x, i) => x * (1 + (i >> 3)))
  expect(await truncatedEntropy(scaled, 4, { k: 4 })).toBeCloseTo(1, 12)
  await expect(truncatedEntropy(rows, 5)).rejects.toMatchObject({ code: 'PITH_ARG' })
  await expect(truncatedEntropy(rows, 4, { k: 5 })).rejects.toMatchObject({ code: 'PITH_ARG' })
})

test('a profile holds ranks of all heads, and comes back from its text', () => {
  const { layers, kvHeads } = CONFIG
  expect(profile.headRank.map((ranks) => ranks.reduce((a, b) => a + b, 0))).toEqual(
    new Array(layers).fill((kvHeads * (kvHeads - 1)) / 2),
  )
  for (const x of [...profile.layerEntropy, ...profile.headEntropy.flat()]) {
    expect(x).toBeGreaterThan(0)
    expect(x).toBeLessThan(1)
  }
  expect([profile.texts, profile.tokens]).toEqual([4, 560])
  const text = writeEntropyProfile(profile)
  expect(readEntropyProfile(text)).toEqual(profile)
  checkProfileOf(profile, lm.fingerprint)
  expect(() => checkProfileOf(profile, { ...lm.fingerprint, weights: '00' })).toThrow(/another model/)
  const changed = (edit: object): string => JSON.stringify({ ...JSON.parse(text), ...edit })
  for (const bad of [
    '',
    '{',
    'null',
    '[]',
    '{}',
    changed({ layers: 4 }),
    changed({ headRank: [[1]] }),
    changed({ arch: 1 }),
  ]) {
    expect(() => readEntropyProfile(bad)).toThrow(expect.objectContaining({ code: 'PITH_CORRUPT' }))
  }
  expect(() => readEntropyProfile(changed({ layers: 1e9 }))).toThrow(expect.objectContaining({ code: 'PITH_LIMIT' }))
  expect(() => readEntropyProfile(changed({ version: 2 }))).toThrow(
    expect.objectContaining({ code: 'PITH_UNSUPPORTED' }),
  )
})

test('classes are equally large, and layers begin a group where entropy falls', () => {
  expect(headClasses(ranked([[0.2, 3, 1, 1.8]]), 2)).toEqual([[0, 1, 0, 1]])
  expect(headClasses(ranked([[1, 1, 1, 1]]), 2)).toEqual([[0, 0, 1, 1]])
  expect(headClasses(ranked([[3, 2, 1, 0]]), 4)).toEqual([[3, 2, 1, 0]])
  expect(headClasses(ranked([[0, 2, 1]]), 2)).toEqual([[0, 1, 0]])
  expect(layerGroups(ranked([[0], [0], [0], [0]], [0.5, 0.52, 0.505, 0.5]))).toEqual([0, 2])
  expect(layerGroups(ranked([[0], [0]], [0.5, 0.4901]))).toEqual([0])
  expect(classWeights(2)).toEqual([2 / 3, 4 / 3])
  expect(classWeights(8).reduce((a, b) => a + b, 0)).toBeCloseTo(8, 12)
  expect([classWeights(4)[0], classWeights(4)[3]]).toEqual([0.125, 1.875])
})

test('heads of high entropy keep more, at the bytes of equal budgets', async () => {
  const bytes = 24 * CONFIG.layers * CONFIG.kvHeads * CONFIG.headDim * 8
  const [low, high] = [16, 32]
  for (const reversed of [false, true]) {
    const session = lm.session({ policy: uncomp(profile, { budget: 24, reversed }) })
    await session.prefill(ids)
    expect(session.heldBytes).toBe(bytes)
    expect(session.bytes).toBe(bytes)
    for (const [layer, classes] of headClasses(profile, 2).entries()) {
      for (const [head, own] of classes.entries()) {
        expect(session.positions(layer, head).length).toBe((own === 1) !== reversed ? high : low)
      }
    }
  }
  for (const tilt of [0, 0.3]) {
    const ada = lm.session({ policy: uncompAda(profile, { budget: 24, tilt }) })
    await ada.prefill(ids)
    expect(ada.heldBytes).toBe(bytes)
    const counts = Array.from({ length: CONFIG.layers }, (_, layer) =>
      [0, 1].reduce((sum, head) => sum + ada.positions(layer, head).length, 0),
    )
    if (tilt === 0) expect(counts).toEqual([48, 48, 48])
    else expect([...counts].sort((a, b) => a - b)).toEqual([34, 48, 62])
  }
})

test('small budgets leave each head its window, and large ones the whole prompt', async () => {
  for (const [budget, held] of [
    [1, 8],
    [9, 9],
    [1000, 140],
  ] as const) {
    const session = lm.session({ policy: uncomp(profile, { budget }) })
    await session.prefill(ids)
    expect(session.heldBytes).toBe(held * CONFIG.layers * CONFIG.kvHeads * CONFIG.headDim * 8)
    expect([...session.positions(1, 0).slice(-8)]).toEqual([132, 133, 134, 135, 136, 137, 138, 139])
  }
})

test('long prompts lose tokens where layers see less', async () => {
  const falling = { ...profile, layerEntropy: [0.6, 0.5, 0.4] }
  const session = lm.session({ policy: uncomp(falling, { budget: 120, staged: true }) })
  const logits = await session.prefill(ids)
  expect(logits.every(Number.isFinite)).toBe(true)
  const held = [0, 1, 2].map((layer) =>
    [0, 1].map((head) => session.positions(layer, head).length).sort((a, b) => a - b),
  )
  // The second of three groups reads 140 * (1 + 3 / 8) / 2 tokens, the last 140 * 3 / 8.
  expect(held).toEqual([
    [100, 140],
    [96, 96],
    [53, 53],
  ])
  const short = lm.session({ policy: uncomp(falling, { budget: 120, staged: true }) })
  await short.prefill(ids.subarray(0, 127))
  expect(short.positions(2, 0).length + short.positions(2, 1).length).toBe(240)
})

test('profiles of other shapes, and classes that cannot be, are refused', async () => {
  expect(() => uncomp(profile, { budget: 0.1, classes: 3 })).toThrow(/2..2 classes/)
  expect(() => uncomp(profile, { budget: 0.1, classes: 1 })).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  const other = lm.session({ policy: uncomp(ranked([[0, 1]]), { budget: 0.1 }) })
  await expect(other.prefill(ids)).rejects.toMatchObject({ code: 'PITH_MODEL' })
  await expect(profileEntropy(lm, [])).rejects.toMatchObject({ code: 'PITH_ARG' })
  await expect(profileEntropy(lm, [ids.subarray(0, 15)])).rejects.toMatchObject({ code: 'PITH_ARG' })
})
