import { expect, test } from 'vitest'
import { holdSections } from '../../test/held-sections.ts'
import { rowsOf, sparseRow, syntheticSparse } from '../sparse/index.ts'
import { buildSeismic, openSeismic, SEISMIC_SECTIONS, type SeismicIndex, writeSeismic } from './index.ts'

const { documents, queries } = syntheticSparse({ docs: 3000, queries: 30, seed: 3 })
const asked = Array.from({ length: rowsOf(queries) }, (_, row) => sparseRow(queries, row))

function bytesOf(index: SeismicIndex): Record<string, Uint8Array> {
  const { forward, lists, groups, blocks, postings, tablePlaces, tables, graph } = index.parts
  const words = { lists, groups, blocks, postings, tablePlaces, graph }
  const asBytes = Object.entries(words).map(([name, array]) => [name, new Uint8Array(array.slice().buffer)])
  return {
    ...Object.fromEntries(asBytes),
    heads: forward.heads.slice(),
    tails: forward.tails.slice(),
    tables: tables.slice(),
  }
}

test('an index that was written and opened again finds the same', async () => {
  const index = await buildSeismic(documents, { knn: 3 })
  const held = await holdSections((sections) => writeSeismic(index, sections, 'x/'))
  expect(SEISMIC_SECTIONS.every((name) => held.has(`x/${name}`))).toBe(true)
  const opened = await openSeismic(held, 'x/')
  expect(bytesOf(opened)).toEqual(bytesOf(index))
  expect([opened.dim, opened.settings, opened.effort]).toEqual([index.dim, index.settings, index.effort])
  for (const query of asked) expect(opened.search(query, 10, { nKnn: 3 })).toEqual(index.search(query, 10, { nKnn: 3 }))
})

test('WebAssembly and its twin find the same rows', async () => {
  const index = await buildSeismic(documents)
  const twin = await openSeismic(await holdSections((sections) => writeSeismic(index, sections, '')), '', {
    target: 'twin',
  })
  for (const query of asked) expect(twin.search(query, 10)).toEqual(index.search(query, 10))
})

test('any number of threads makes the same index', async () => {
  const alone = await buildSeismic(documents, { seed: 5 })
  expect(bytesOf(await buildSeismic(documents, { seed: 5, threads: 2 }))).toEqual(bytesOf(alone))
})
