import { join } from 'node:path'
import type { KvCache, Lm } from '@pith/lm'
import { loadLm } from '@pith/lm/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { smallModel, texts } from '../../test/model.ts'
import { fitProfile, writeProfile } from '../cachegen/index.ts'
import { roundWithGear } from '../gear/index.ts'
import { codeLengths, countCode, entropyBits, makeHistogram } from './histogram.ts'
import {
  BENCH_PRESETS,
  benchKv,
  bitsAtLoss,
  countNumbers,
  fitAnchor,
  fitReleased,
  gearScheme,
  plotRates,
  profileScheme,
  q8Bits,
  q8Scheme,
  type RecallQuestions,
  recallQuestions,
  releasedScheme,
  type Scheme,
  scoreRecall,
  scoreSchemes,
  splitText,
  withRows,
} from './index.ts'
import { measureSpeeds } from './speed.ts'

let lm: Lm
let kv: KvCache
let caches: KvCache[]

async function cacheOf(ids: Int32Array): Promise<KvCache> {
  const session = lm.session()
  await session.prefill(ids)
  return session.kv()
}

beforeAll(async () => {
  lm = smallModel()
  kv = await cacheOf(texts(1, 150, 77)[0] as Int32Array)
  caches = await Promise.all(texts(6, 150, 5).map(cacheOf))
})
afterAll(() => lm.close())

function errorOf(own: KvCache): number {
  let error = 0
  let size = 0
  for (const [layer, rows] of kv.keys.entries()) {
    for (const [i, value] of rows.entries()) {
      error += (value - (own.keys[layer]?.[i] as number)) ** 2
      size += value ** 2
    }
  }
  return Math.sqrt(error / size)
}

/** Bits a number and error of keys. */
async function figures(scheme: Scheme): Promise<{ bits: number; error: number }> {
  const { kv: back, bits } = await scheme.change(kv)
  expect(back.tokens).toEqual(kv.tokens)
  return { bits: bits / countNumbers(kv), error: errorOf(back) }
}

test('8 bits are within half a step of each row', async () => {
  const { kv: back, bits } = await q8Scheme.change(kv)
  expect(bits / countNumbers(kv)).toBe(8 + 16 / kv.width)
  expect(q8Bits(kv)).toBe(9)
  for (const [layer, rows] of kv.keys.entries()) {
    for (let at = 0; at < rows.length; at += kv.width) {
      const row = rows.subarray(at, at + kv.width)
      const most = Math.max(...row.map(Math.abs))
      for (const [i, value] of row.entries()) {
        expect(Math.abs(value - (back.keys[layer]?.[at + i] as number))).toBeLessThanOrEqual(most * (0.5 / 127 + 1e-3))
      }
    }
  }
})

test('finer settings of the peers take more bits and are nearer', async () => {
  const anchors = await Promise.all([0.3, 0.6, 1].map((factor) => figures(fitAnchor(caches, factor))))
  const fixed = await Promise.all(['3', '2', '1', '12-10', '10-8'].map((own) => figures(fitReleased(caches, own))))
  const shipped = await Promise.all(['3', '2', '1', '12-10', '10-8'].map((own) => figures(releasedScheme(own))))
  for (const own of [anchors, fixed, shipped]) {
    expect(own.map(({ bits }) => bits)).toEqual(own.map(({ bits }) => bits).sort((a, b) => b - a))
    expect(own.map(({ error }) => error)).toEqual(own.map(({ error }) => error).sort((a, b) => a - b))
  }
  // The two differ by the tables that one of them ships; its counts are those of the chunk itself.
  for (const [i, own] of shipped.entries()) {
    expect(own.error).toBe(fixed[i]?.error)
    expect(own.bits - 33 / 16).toBeLessThan(fixed[i]?.bits as number)
  }
  expect(anchors[0]?.error).toBeLessThan(0.2)
})

test('code lengths are those of the counts, and none is endless', () => {
  const own = makeHistogram(3)
  expect(entropyBits(own)).toBe(0)
  for (const code of [0, 0, 0, 0, 1, 1, -1, 9]) countCode(own, code)
  expect(entropyBits(own)).toBeCloseTo(4 + 2 * 2 + 2 * 3)
  const lengths = codeLengths(own, 1)
  expect(lengths.reduce((sum, bits) => sum + 2 ** -bits, 0)).toBeCloseTo(1, 4)
  expect(lengths.every(Number.isFinite)).toBe(true)
})

test('scores are of the second halves, and an exact cache costs nothing', async () => {
  const windows = texts(5, 64, 9)
  const exact: Scheme = {
    name: 'exact',
    setting: '',
    change: async (own) => ({ kv: own, bits: 32 * countNumbers(own) }),
  }
  const nothing: Scheme = {
    name: 'nothing',
    setting: '',
    change: async (own) => ({
      kv: (await gearScheme('1', { method: 'kivi', bits: 1, group: 8 }).change(own)).kv,
      bits: 1,
    }),
  }
  const { nll, tokens, scores } = await scoreSchemes(lm, windows, [exact, nothing])
  expect(tokens).toBe(5 * 31)
  let sum = 0
  for (const ids of windows) sum -= (await lm.logprobs(ids)).subarray(32).reduce((total, own) => total + own, 0)
  expect(nll).toBeCloseTo(sum / tokens, 4)
  expect(scores[0]?.dNLL).toBeCloseTo(0, 5)
  expect(scores[0]).toMatchObject({ bitsPerElem: 32, vs8bit: 9 / 32, top1: 1 })
  expect(scores[1]?.kl).toBeGreaterThan(0.01)
  expect(scores[1]?.top1).toBeLessThan(1)
  const { interval, dNLL } = scores[1] as (typeof scores)[number]
  expect(interval[0]).toBeLessThanOrEqual(dNLL)
  expect(interval[1]).toBeGreaterThanOrEqual(dNLL)
  await expect(scoreSchemes(lm, [], [exact])).rejects.toMatchObject({ code: 'PITH_ARG' })
})

test('own codings are counted as files and blocks', async () => {
  const profile = await fitProfile(lm, texts(3, 100, 5), { preset: 'cachegen' })
  const { length } = writeProfile(profile)
  const scheme = profileScheme(profile, 3, length)
  expect(scheme).toMatchObject({ name: 'cachegen', setting: '3', profileBytes: length })
  const { bits } = await figures(scheme)
  expect(bits).toBeGreaterThan(0.2)
  const blocks = await figures(gearScheme('2', { method: 'kivi', bits: 2, group: 8 }))
  expect(blocks.bits).toBe((8 * roundWithGear(kv, { method: 'kivi', bits: 2, group: 8 }).bytes) / countNumbers(kv))
})

test('a text is split into windows to learn from and windows to measure, which never meet', () => {
  const ids = Int32Array.from({ length: 64 * 10 + 5 }, (_, i) => i)
  const { window, fit, score } = splitText(lm, ids, { window: 64, fitWindows: 9, windows: 4 })
  expect(window).toBe(64)
  expect(fit.map((own) => own[0])).toEqual([0, 64, 128])
  expect(score.map((own) => own[0])).toEqual([192, 256, 384, 512])
  expect(() => splitText(lm, ids.subarray(0, 300), { window: 64 })).toThrow(/384 are needed/)
  expect(() => splitText(lm, ids, { window: 9999 })).toThrow(/32\.\.160/)
})

test('bits at a loss lie between settings', () => {
  const points = [
    { bitsPerElem: 4, dNLL: 0 },
    { bitsPerElem: 1, dNLL: 0.09 },
    { bitsPerElem: 2, dNLL: 0.03 },
  ]
  expect(bitsAtLoss(points, 0.015)).toBeCloseTo(3)
  expect(bitsAtLoss(points, 0.03)).toBeCloseTo(2)
  expect(bitsAtLoss(points, 0.1)).toBeUndefined()
  expect(bitsAtLoss(points, -0.1)).toBeUndefined()
})

test('a model that recalls is asked, and a cache that lost its context is told from one that did not', async () => {
  const recall = await loadLm(join(import.meta.dirname, '../../../../models/pith-recall'))
  const story = recall.tokenizer.encode('the cat sat on a mat. it was an old cat. '.repeat(40))
  const questions = (await recallQuestions(recall, story, 2)) as RecallQuestions
  expect(Object.keys(questions.exact)).toEqual(['lookup', 'needle', 'copy'])
  for (const own of Object.values(questions.exact)) expect(own.accuracy).toBeGreaterThan(0.5)
  const gone = (own: KvCache): KvCache =>
    withRows(
      own,
      own.keys,
      own.values.map((rows) => rows.map(() => 0)),
    )
  const schemes: Scheme[] = [
    { name: 'exact', setting: '', change: async (own) => ({ kv: own, bits: 1 }) },
    { name: 'gone', setting: '', change: async (own) => ({ kv: gone(own), bits: 1 }) },
  ]
  const [exact, lost] = await scoreRecall(recall, questions, schemes)
  expect(exact).toEqual(questions.exact)
  expect(lost?.copy?.accuracy).toBeLessThan(0.2)
  await recall.close()
  expect(await recallQuestions(lm, story, 2)).toBeUndefined()
})

test('schemes that make files are timed', async () => {
  const profile = await fitProfile(lm, texts(3, 100, 5), { preset: 'cachegen' })
  const ids = texts(1, 100, 8)[0] as Int32Array
  const [own, none] = await measureSpeeds(lm, ids, [profileScheme(profile, 3, 0), q8Scheme])
  expect(own?.encodeMBps).toBeGreaterThan(0)
  expect(own?.decodeMBps).toBeGreaterThan(0)
  expect(none).toEqual({})
})

describe('a bench', () => {
  test('names each preset with its bits, its loss and a verdict', async () => {
    const ids = texts(1, 700, 3)[0] as Int32Array
    const result = await benchKv(lm, ids, { window: 64, windows: 4, fitWindows: 3, limit: 0.5 })
    const rows = Object.entries(result.presets)
    expect(BENCH_PRESETS.every((name) => name in result.presets)).toBe(true)
    for (const [, { interval, dNLL, bitsPerElem, vs8bit, verdict }] of rows) {
      expect(interval[0] <= dNLL && dNLL <= interval[1]).toBe(true)
      expect(vs8bit).toBeCloseTo(9 / bitsPerElem)
      expect(verdict).toBe(interval[1] <= 0.5 ? 'safe' : interval[0] > 0.5 ? 'unsafe' : 'unclear')
    }
    const safe = rows.filter(([, own]) => own.verdict === 'safe').sort(([, a], [, b]) => a.bitsPerElem - b.bitsPerElem)
    expect(result.verdict).toMatch(new RegExp(`^${safe[0]?.[0]} is safe here: `))
    expect(result).toMatchObject({ window: 64, windows: 4, fitWindows: 3, limit: 0.5, tokens: 4 * 31 })
    const svg = plotRates(Object.values(result.presets), 0.5, 'a < b')
    expect(svg).toContain('<title>a &#60; b</title>')
    expect(svg.match(/<title>/g)).toHaveLength(1 + rows.length)
    expect(svg).not.toMatch(/NaN|undefined/)
  })

  test('only what is asked for, and none of it safe', async () => {
    const ids = texts(1, 700, 3)[0] as Int32Array
    const result = await benchKv(lm, ids, { window: 64, windows: 2, presets: ['kivi'], limit: -1 })
    expect(Object.keys(result.presets)).toEqual(['kivi', 'kivi@3', 'kivi@4'])
    expect(result.verdict).toMatch(/^Nothing that was measured is safe here/)
  })
})
