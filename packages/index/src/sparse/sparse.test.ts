import { isPithError } from '@pith/core'
import { Tensor } from '@pith/engine'
import { writeNpz } from '@pith/engine/io'
import { writeModel } from '@pith/engine/onnx'
import { expect, test } from 'vitest'
import { holdSections } from '../../test/held-sections.ts'
import { bruteForce, randomRows } from '../../test/sparse-rows.ts'
import { colourTokenizer } from '../../test/text-models.ts'
import { buildLexical } from '../lexical/index.ts'
import { filterRows, isKept } from '../row-filter.ts'
import {
  checkSparseMatrix,
  MaxScoreIndex,
  openBm25x,
  openSparse,
  openSplade,
  openVocabulary,
  readSparseJsonl,
  readSparseNpz,
  rowsOf,
  SparseIndex,
  sparseFromNames,
  sparseMatrix,
  sparseRow,
  syntheticSparse,
  trainBm25x,
  writeBm25x,
  writeSparse,
  writeVocabulary,
} from './index.ts'

const codeOf = (code: string) => expect.toSatisfy((error: unknown) => isPithError(error, code as 'PITH_ARG'))

test('exact search finds what looking at each row does, on random sets with ties, empty rows and few or many components', () => {
  for (let seed = 0; seed < 120; seed++) {
    const dim = [1, 7, 300, 70_000, 2 ** 32 - 1][seed % 5] as number
    const rows = randomRows({ rows: seed % 90, dim, most: 1 + (seed % 40), seed, values: seed % 3 === 0 ? 2 : 1000 })
    const queries = randomRows({ rows: 4, dim, most: 30, seed: 1000 + seed, values: seed % 3 === 0 ? 2 : 1000 })
    const target = seed % 2 === 0 ? 'wasm' : 'twin'
    const index = new SparseIndex(rows, { target })
    const daat = dim < 2 ** 20 ? new MaxScoreIndex(rows) : undefined
    for (let row = 0; row < 4; row++) {
      const query = sparseRow(queries, row)
      const expected = bruteForce(rows, query, 1 + (seed % 12))
      expect(index.search(query, 1 + (seed % 12))).toEqual(expected)
      if (daat !== undefined) expect(daat.search(query, 1 + (seed % 12))).toEqual(expected)
    }
  }
})

test('rows beyond a chunk, filters, and components that no row has', () => {
  const rows = randomRows({ rows: 70_000, dim: 40, most: 3, seed: 1 })
  const query = { indices: [3, 9, 39, 500], values: [1, 2, 0.5, 3] }
  const index = new SparseIndex(rows)
  const all = bruteForce(rows, query, 70_000)
  expect(index.search(query, 50)).toEqual(bruteForce(rows, query, 50))
  const filter = filterRows(70_000, (row) => row % 7 === 3)
  const kept = [...all.ids].filter((row) => isKept(filter, row)).slice(0, 20)
  expect([...index.search(query, 20, filter).ids]).toEqual(kept)
  expect(index.search({ indices: [], values: [] }, 3).ids.length).toBe(0)
  expect([...index.search({ indices: [9, 3, 9], values: [1, 1, 1] }, 9).ids]).toEqual([
    ...index.search({ indices: [3, 9], values: [1, 2] }, 9).ids,
  ])
  expect(() =>
    index.search(
      query,
      1,
      filterRows(32, () => true),
    ),
  ).toThrow(codeOf('PITH_SHAPE'))
  expect(() => index.search(query, 0)).toThrow(codeOf('PITH_ARG'))
})

test('what is no sparse matrix is refused, with the row and the component', () => {
  const good = sparseMatrix([{ indices: [1, 3], values: [1, 2] }], 5)
  checkSparseMatrix(good)
  const bad: readonly [code: string, change: Partial<typeof good>][] = [
    ['PITH_SHAPE', { indptr: Uint32Array.of(0, 1) }],
    ['PITH_SHAPE', { indices: Uint16Array.of(3, 1) }],
    ['PITH_SHAPE', { indices: Uint16Array.of(1, 1) }],
    ['PITH_SHAPE', { dim: 3 }],
    ['PITH_ARG', { values: Float32Array.of(1, 0) }],
    ['PITH_ARG', { values: Float32Array.of(1, -1) }],
    ['PITH_NONFINITE', { values: Float32Array.of(1, Number.NaN) }],
    ['PITH_NONFINITE', { values: Float32Array.of(1, Number.POSITIVE_INFINITY) }],
  ]
  for (const [code, change] of bad) expect(() => checkSparseMatrix({ ...good, ...change })).toThrow(codeOf(code))
  expect(() => sparseMatrix([{ indices: [1], values: [Number.NaN] }], 3)).toThrow(/component 1/)
  expect(() => sparseMatrix([{ indices: [3], values: [1] }], 3)).toThrow(codeOf('PITH_SHAPE'))
  expect(() => sparseMatrix([{ indices: [0.5], values: [1] }], 3)).toThrow(codeOf('PITH_SHAPE'))
})

test('rows and names come back from their sections, and damage is told', async () => {
  const { vocabulary, matrix } = sparseFromNames([{ b: 2, a: 1, zero: 0 }, {}, { ä: 0.5, b: 1 }])
  expect(vocabulary.names).toEqual(['a', 'b', 'ä'])
  expect(vocabulary.vectorOf({ a: 3, none: 1 })).toEqual({
    indices: Uint32Array.of(0),
    values: Float32Array.of(3),
    unknown: 1,
  })
  const held = await holdSections(async (sections) => {
    await writeSparse(matrix, sections, 's/')
    await writeVocabulary(vocabulary, sections, 's/')
  })
  expect(await openSparse(held, 's/')).toEqual(matrix)
  expect((await openVocabulary(held, 's/')).names).toEqual(vocabulary.names)
  for (const name of ['lengths', 'indices', 'values', 'names']) {
    const whole = await held.read(`s/${name}`)
    for (let at = 0; at < whole.length; at++) {
      for (const change of [
        (bytes: Uint8Array) => bytes.subarray(0, at),
        (bytes: Uint8Array) => bytes.fill(255, at, at + 1),
      ]) {
        const changed = change(whole.slice())
        const damaged = {
          ...held,
          read: async (own: string) => (own === `s/${name}` ? changed.slice() : held.read(own)),
        }
        const opened = name === 'names' ? openVocabulary(damaged, 's/') : openSparse(damaged, 's/')
        await opened.catch((error: unknown) => expect(isPithError(error)).toBe(true))
      }
    }
  }
})

test('vectors are read from lines of JSON', async () => {
  const named = await readSparseJsonl(['{"id": 1, "vector": {"b": 2, "a": 0.5}}', '', '{"_id": "x", "vector": {}}'])
  expect([named.ids, named.vocabulary?.names, [...named.matrix.values]]).toEqual([
    ['1', 'x'],
    ['a', 'b'],
    [0.5, 2],
  ])
  const numbered = await readSparseJsonl(['{"id": 1, "indices": [7, 2], "values": [1, 2]}'])
  expect([numbered.matrix.dim, [...numbered.matrix.indices], numbered.vocabulary]).toEqual([8, [2, 7], undefined])
  for (const line of [
    '{',
    '[]',
    '{"id": 1}',
    '{"vector": {}}',
    '{"id": 1, "vector": {"a": "b"}}',
    '{"id":1,"indices":[1],"values":["x"]}',
  ]) {
    await expect(readSparseJsonl([line])).rejects.toThrow(/line 1/)
  }
})

test('matrices are read as scipy writes them', async () => {
  const csr = {
    data: new Tensor(Float32Array.of(2, 0, 1), [3], 'f32'),
    indices: new Tensor(Int32Array.of(4, 1, 0), [3], 'i32'),
    indptr: new Tensor(Int32Array.of(0, 2, 2, 3), [4], 'i32'),
    shape: new Tensor(BigInt64Array.of(3n, 5n), [2], 'i64'),
    // NumPy keeps the name of the form as text, of which the bytes are the same.
    format: new Tensor(Uint8Array.from(new TextEncoder().encode('csr')), [3], 'u8'),
  }
  const matrix = await readSparseNpz(writeNpz(csr))
  expect(matrix).toEqual(
    sparseMatrix(
      [
        { indices: [4], values: [2] },
        { indices: [], values: [] },
        { indices: [0], values: [1] },
      ],
      5,
    ),
  )
  const csc = { ...csr, format: new Tensor(Uint8Array.from(new TextEncoder().encode('csc')), [3], 'u8') }
  await expect(readSparseNpz(writeNpz(csc))).rejects.toThrow(codeOf('PITH_UNSUPPORTED'))
  const short = { ...csr, indptr: new Tensor(Int32Array.of(0, 2, 9, 3), [4], 'i32') }
  await expect(readSparseNpz(writeNpz(short))).rejects.toThrow(codeOf('PITH_CORRUPT'))
  const { shape, ...rest } = csr
  await expect(readSparseNpz(writeNpz(rest))).rejects.toThrow(/no shape/)
})

test('BM25 impacts bring in words that go together, and come back from their sections', async () => {
  const texts = [
    'wing lift drag',
    'wing lift flow',
    'wing lift heat',
    'heat flow pipe',
    'stone wall',
    'brick wall',
    'old wall',
  ]
  const documents = Array.from({ length: 5 }, (_, i) =>
    texts.map((text, j) => ({ id: `${i}-${j}`, text: `${text} n${i}x${j}` })),
  )
  const lexical = await buildLexical(documents.flat())
  const encoder = await trainBm25x(lexical)
  const nameOf = (component: number): string => encoder.parts.vocabulary.names[component] as string
  const query = await encoder.encode(['wing'], 'query')
  const weights = new Map(Array.from(query.indices, (component, i) => [nameOf(component), query.values[i] as number]))
  expect(weights.get('lift')).toBeGreaterThan(0)
  expect(weights.get('lift')).toBeLessThan((weights.get('wing') as number) / 2)
  expect(weights.has('wall')).toBe(false)
  const matrix = await encoder.encode(texts, 'document')
  const hits = new SparseIndex(matrix).search(sparseRow(query, 0), 5)
  expect([...hits.ids.slice(0, 3)].sort()).toEqual([0, 1, 2])
  const held = await holdSections((sections) => writeBm25x(encoder, sections, 'b/'))
  const opened = await openBm25x(held, 'b/')
  expect(opened.id).toBe(encoder.id)
  expect(await opened.encode(texts, 'document')).toEqual(matrix)
})

test('synthetic vectors are those of their seed and look like those of a learned model', () => {
  const { documents, queries } = syntheticSparse({ docs: 200, queries: 20, seed: 4 })
  expect(syntheticSparse({ docs: 200, queries: 20, seed: 4 }).documents).toEqual(documents)
  checkSparseMatrix(documents)
  checkSparseMatrix(queries)
  expect(documents.values.length / rowsOf(documents)).toBeGreaterThan(130)
  expect(queries.values.length / rowsOf(queries)).toBeGreaterThan(35)
  const share = Array.from({ length: 20 }, (_, row) => {
    const values = Array.from(sparseRow(queries, row).values).sort((a, b) => b - a)
    return values.slice(0, 10).reduce((a, b) => a + b, 0) / values.reduce((a, b) => a + b, 0)
  })
  expect(share.reduce((a, b) => a + b, 0) / 20).toBeGreaterThan(0.55)
})

/** Three words behind three special tokens, as BERT has them. */
function tokenizerJson(): Uint8Array {
  return colourTokenizer(['[UNK]', '[CLS]', '[SEP]', 'red', 'green', 'blue'])
}

/** A model whose logits of a token are a row of a table. */
function tableModel(rank = 3): Uint8Array {
  const table = Float32Array.from(
    { length: 36 },
    (_, i) => [9, 9, 9, 2, -1, 0.5][(i + Math.floor(i / 6)) % 6] as number,
  )
  const dim = (name: string | number) => (typeof name === 'number' ? { dimValue: name } : { dimParam: name })
  const info = (name: string, elemType: number, ...dims: (string | number)[]) => ({
    name,
    type: { tensorType: { elemType, shape: { dim: dims.map(dim) } } },
  })
  return writeModel({
    irVersion: 9,
    opsetImport: [{ domain: '', version: 20 }],
    graph: {
      name: 'table',
      node: [
        { input: ['table', 'input_ids'], output: ['rows'], opType: 'Gather' },
        ...(rank === 3
          ? [{ input: ['rows'], output: ['logits'], opType: 'Identity' }]
          : [{ input: ['rows'], output: ['logits'], opType: 'Flatten' }]),
      ],
      initializer: [{ dims: [6, 6], dataType: 1, name: 'table', rawData: new Uint8Array(table.buffer) }],
      input: [info('input_ids', 7, 'batch', 'tokens')],
      output: [rank === 3 ? info('logits', 1, 'batch', 'tokens', 6) : info('logits', 1, 'a', 'b')],
    },
  })
}

test('a SPLADE model gives the greatest log(1 + logit) of each word, without special tokens', async () => {
  const encoder = await openSplade({ model: tableModel(), tokenizer: tokenizerJson(), batch: 2, keep: 2 })
  const texts = ['red', 'blue green', '', 'red red blue']
  const { dim, indptr, indices, values } = await encoder.encode(texts, 'document')
  expect(dim).toBe(6)
  // Row r of the table is the list turned left by r, and so is that of a token; those of [CLS] and [SEP] count too.
  const list = [9, 9, 9, 2, -1, 0.5]
  const logit = (token: number, word: number): number => list[(6 * token + word + token) % 6] as number
  for (const [row, ids] of [[3], [5, 4], [], [3, 3, 5]].entries()) {
    const words = [3, 4, 5].map((word) => ({
      word,
      most: Math.max(...[1, ...ids, 2].map((token) => logit(token, word))),
    }))
    const best = words.filter(({ most }) => most > 0).sort((a, b) => b.most - a.most || a.word - b.word)
    const kept = best.slice(0, 2).sort((a, b) => a.word - b.word)
    const [from, to] = [indptr[row] as number, indptr[row + 1] as number]
    expect([...indices.subarray(from, to)]).toEqual(kept.map(({ word }) => word))
    expect([...values.subarray(from, to)]).toEqual(kept.map(({ most }) => Math.fround(Math.log1p(most))))
  }
  await encoder.close()
  await expect(openSplade({ model: tableModel(2), tokenizer: tokenizerJson() })).rejects.toThrow(codeOf('PITH_MODEL'))
  await expect(openSplade({ model: tableModel(), tokenizer: tokenizerJson(), keep: 0 })).rejects.toThrow(/keep/)
})
