import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Qrels, Rankings } from '../types.ts'
import { compareRuns } from './compare.ts'
import { evaluate, rankDocuments } from './evaluate.ts'
import { measureOf } from './measures.ts'
import { runLines, trecEvalLines } from './print.ts'
import { readQrels, readRun } from './trec-files.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const maps = (all: Record<string, Record<string, number>>): Rankings & Qrels =>
  new Map(Object.entries(all).map(([query, own]) => [query, new Map(Object.entries(own))]))

const MICRO_QRELS = 'q1 0 a 1\nq1 0 b 2\nq1 0 c 0\nq1 0 d 1\nq2 0 a 1\n'
const MICRO_RUN = `q1 Q0 a 1 1.0000000001 t
q1 Q0 b 2 1.0 t
q1 Q0 c 3 1.0 t
q1 Q0 e 4 0.5 t
q3 Q0 a 1 1 t
`
/** What trec_eval 9.0.8 -q prints for the two. */
const MICRO_GOLDEN: Record<string, string> = {
  map: '0.3889',
  Rprec: '0.6667',
  bpref: '0.0000',
  recip_rank: '0.5000',
  P_5: '0.4000',
  P_10: '0.2000',
  recall_10: '0.6667',
  recall_50: '0.6667',
  ndcg: '0.5627',
  ndcg_cut_5: '0.5627',
  ndcg_cut_10: '0.5627',
  ndcg_cut_20: '0.5627',
  success_1: '0.0000',
  success_10: '1.0000',
}

test('the micro case of float32 ties, unjudged and missing queries is printed as trec_eval prints it', async () => {
  const evaluation = evaluate(await readRun(bytes(MICRO_RUN)), await readQrels(bytes(MICRO_QRELS)), {
    measures: Object.keys(MICRO_GOLDEN),
  })
  const block = (query: string) =>
    Object.entries(MICRO_GOLDEN).map(([name, value]) => `${name.padEnd(22)}\t${query}\t${value}`)
  expect([...trecEvalLines(evaluation, { perQuery: true })]).toEqual([
    ...block('q1'),
    'num_q                 \tall\t1',
    ...block('all'),
  ])
})

test('three Cranfield queries full of ties are printed as trec_eval 9.0.8 prints them', async () => {
  const folder = join(import.meta.dirname, '../../test/trec')
  const golden = readFileSync(join(folder, 'cranfield.txt'), 'utf8').trimEnd().split('\n')
  const evaluation = evaluate(
    await readRun(new Uint8Array(readFileSync(join(folder, 'cranfield.run')))),
    await readQrels(new Uint8Array(readFileSync(join(folder, 'cranfield.qrels')))),
    { measures: [...new Set(golden.map((line) => line.split(' ')[0]?.split('\t')[0] as string))] },
  )
  const lines = [...trecEvalLines(evaluation, { perQuery: true })]
  expect(lines.slice(0, golden.length)).toEqual(golden)
})

test('with complete, judged queries that were not answered count as 0', async () => {
  const evaluation = evaluate(await readRun(bytes(MICRO_RUN)), await readQrels(bytes(MICRO_QRELS)), {
    measures: ['MAP', 'MRR'],
    complete: true,
  })
  expect(evaluation.queries).toEqual(['q1', 'q2'])
  expect([...evaluation.missing]).toEqual(['q2'])
  expect(evaluation.mean['MRR']).toBe(0.25)
  expect([...trecEvalLines(evaluation, { perQuery: true })].filter((line) => line.includes('\tq2\t'))).toEqual([])
})

// Computed with trec_eval 9.0.8: query 23 of Cranfield has a recall of 13/32, which C prints as 0.4062.
test('an exact half is printed as C prints it', () => {
  const print = (relevant: number, found: number) => {
    const ids = Array.from({ length: relevant }, (_, i) => String(i))
    const scores = Object.fromEntries(ids.slice(0, found).map((id) => [id, 1]))
    const judged = maps({ q: Object.fromEntries(ids.map((id) => [id, 1])) })
    return [...trecEvalLines(evaluate(maps({ q: scores }), judged, { measures: ['R@50'] }))][1]?.split('\t')[2]
  }
  expect([print(32, 13), print(32, 1), print(32, 3), print(16, 1), print(32, 32)]).toEqual([
    '0.4062',
    '0.0312',
    '0.0938',
    '0.0625',
    '1.0000',
  ])
})

test('gains 3, 2, 3, 0, 1, 2 have an nDCG@6 of .961', () => {
  const gains = [3, 2, 3, 0, 1, 2]
  const judged = maps({ q: Object.fromEntries(gains.map((gain, i) => [`d${i}`, gain])) })
  const run = maps({ q: Object.fromEntries(gains.map((_, i) => [`d${i}`, -i])) })
  expect(evaluate(run, judged, { measures: ['nDCG@6'] }).mean['nDCG@6']).toBeCloseTo(0.961, 3)
})

test('documents of equal float32 scores are ranked by falling bytes of their ids', () => {
  const scores = { b: 1, a: 1 + 1e-12, '\u{1f600}': 1, '\uffee': 1, best: 2, worst: -Infinity }
  expect(rankDocuments(new Map(Object.entries(scores)))).toEqual(['best', '\u{1f600}', '\uffee', 'b', 'a', 'worst'])
})

test('gains below 0 count as not judged', () => {
  const judged = maps({ q: { a: -1, b: -2, c: 0, d: 2 } })
  const run = maps({ q: { a: 9, b: 8, d: 7, c: 6 } })
  const { mean } = evaluate(run, judged, { measures: ['bpref', 'nDCG@3', 'P@3', 'R@2'] })
  expect(mean).toEqual({ bpref: 1, 'nDCG@3': 0.5, 'P@3': 1 / 3, 'R@2': 0 })
})

test('a query that has nothing relevant counts as 0, and one without results too', () => {
  const measures = ['map', 'ndcg', 'bpref', 'Rprec', 'R@5', 'P@5', 'MRR', 'success@5', 'nDCG@5', 'map_cut_5']
  const judged = maps({ nothing: { a: 0 }, empty: { a: 1 } })
  const run: Rankings = new Map([
    ['nothing', new Map([['a', 1]])],
    ['empty', new Map()],
  ])
  expect(Object.values(evaluate(run, judged, { measures }).mean)).toEqual(measures.map(() => 0))
  expect(evaluate(new Map(), judged, { measures: ['MAP'] }).mean).toEqual({ MAP: 0 })
})

test('a document with the id of its query is dropped where that is asked for', () => {
  const judged = maps({ q: { a: 1 } })
  const run = maps({ q: { q: 3, a: 2 } })
  expect(evaluate(run, judged, { measures: ['MRR'] }).mean['MRR']).toBe(0.5)
  expect(evaluate(run, judged, { measures: ['MRR'], dropSelf: true }).mean['MRR']).toBe(1)
})

test('measures have the names of trec_eval and of papers', () => {
  const names = [
    'nDCG@10',
    'ndcg_cut_10',
    'MAP',
    'MAP@5',
    'MRR',
    'P@5',
    'R@100',
    'recall@7',
    'success_1',
    'Rprec',
    'bpref',
    'nDCG',
  ]
  expect(names.map((name) => measureOf(name).trecName)).toEqual(
    'ndcg_cut_10 ndcg_cut_10 map map_cut_5 recip_rank P_5 recall_100 recall_7 success_1 Rprec bpref ndcg'.split(' '),
  )
  for (const name of ['', 'P', 'P@0', 'map_cut', 'bpref@3', 'MRR@10', 'F1', 'ndcg_cut', '__proto__', 'P@1e3']) {
    expect(() => measureOf(name)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  }
})

test('judgements are read in the forms of trec_eval, BEIR and SMART', async () => {
  const wanted = maps({ q1: { 'd 1': 2 }, q2: { d2: 1 } })
  expect(await readQrels(bytes('query-id\tcorpus-id\tscore\r\nq1\td 1\t2\r\nq2\td2\t1.0'))).toEqual(wanted)
  expect(await readQrels(bytes('q1\td 1\t2\n\nq2\td2\t1\n'))).toEqual(wanted)
  expect(await readQrels(bytes('\n1 0 a -1\n1\t0\tb\t3\n'))).toEqual(maps({ 1: { a: -1, b: 3 } }))
  expect(await readQrels(bytes('1   17   0   0.000000   \n1   46   0   0.000000\n'))).toEqual(
    maps({ 1: { 17: 1, 46: 1 } }),
  )
  expect(await readQrels(bytes(''))).toEqual(new Map())
})

test.each([
  ['judgements', readQrels, 'q 0 a 1\nq 0 a 2\n', 'line 2 of x names document "a" of query "q" again'],
  ['judgements', readQrels, 'q 0 a 1\nq 0 b much\n', 'line 2 of x is "q 0 b much", expected query, iteration'],
  ['judgements', readQrels, 'q 0 a\n', 'line 1 of x'],
  ['judgements', readQrels, 'q\ta\t1\nq\t\t1\n', 'line 2 of x'],
  ['judgements', readQrels, 'q\ta\t0.5\n', 'line 1 of x'],
  ['a run', readRun, 'q Q0 a 1 2 t\n\nq Q0 a 2 1 t\n', 'line 3 of x names document "a" of query "q" again'],
  ['a run', readRun, 'q Q0 a 1 NaN t\n', 'line 1 of x is "q Q0 a 1 NaN t"'],
  ['a run', readRun, 'q Q0 a 1 2\n', 'line 1 of x'],
])('%s with a bad line is refused by its number', async (_, read, text, message) => {
  await expect(read(bytes(text), { name: 'x' })).rejects.toMatchObject({
    code: 'PITH_CORRUPT',
    message: expect.stringContaining(message),
    at: { entry: 'x' },
  })
})

test('a run that is written reads back as it was, whatever the chunks', async () => {
  const id = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 5 })
    .filter((text) => !/\s/.test(text) && text !== '\ufeff')
  const own = fc.array(fc.tuple(id, fc.float({ noNaN: true })), { maxLength: 6, minLength: 1 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(id, own), { maxLength: 4 }),
      fc.integer({ min: 1, max: 9 }),
      async (all, step) => {
        const run = new Map(
          all.map(([query, scores]) => [query, new Map(scores.map(([doc, score]) => [doc, score + 0]))]),
        )
        const text = bytes([...runLines(run, 'tag')].map((line) => `${line}\n`).join(''))
        async function* chunks() {
          for (let at = 0; at < text.length; at += step) yield text.subarray(at, at + step)
        }
        expect(await readRun(chunks())).toEqual(run)
      },
    ),
    { numRuns: 60 },
  )
})

test('two runs are compared over the queries that both answer', () => {
  const ids = Array.from({ length: 40 }, (_, i) => `q${i}`)
  const judged = maps(Object.fromEntries(ids.map((id) => [id, { a: 1 }])))
  const good = maps(Object.fromEntries(ids.map((id, i) => [id, i % 4 === 0 ? { a: 1, b: 2 } : { a: 1 }])))
  const bad = maps(Object.fromEntries(ids.slice(1).map((id) => [id, { b: 2, a: 1 }])))
  const [ours, theirs] = [good, bad].map((run) => evaluate(run, judged, { measures: ['MRR', 'P@1'] }))
  const { MRR, 'P@1': p } = compareRuns(ours as never, theirs as never, { resamples: 500 })
  expect(p).toMatchObject({ ours: 30 / 39, theirs: 0, wins: 30, losses: 0, difference: { n: 39, value: 30 / 39 } })
  expect(MRR?.difference.interval[0]).toBeGreaterThan(0)
  expect(compareRuns(ours as never, ours as never, { resamples: 50 })['MRR']?.difference.interval).toEqual([0, 0])
  const none = evaluate(maps({ other: { a: 1 } }), judged)
  expect(() => compareRuns(none, theirs as never)).toThrow(/no query in common/)
})
