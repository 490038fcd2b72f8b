import { ByteReader, ByteWriter, compareText, isPithError, MemorySink, Random } from '@pith/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { keptRows } from '../row-filter.ts'
import type { FieldValue, IndexDocument } from '../types.ts'
import { checkDocument, readDocument, writeDocument } from './document.ts'
import { openSegment, type Segment, writeSegmentFile } from './segment.ts'
import { evaluate, parseWhere, type Where } from './where.ts'

const someText = fc.string({ unit: 'binary', maxLength: 40 })
const someValue: fc.Arbitrary<FieldValue> = fc.oneof(
  fc.string({ maxLength: 3 }),
  fc.integer({ min: -3, max: 3 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 3 }),
)
const someName = fc.constantFrom('lang', 'year', 'tags', '__proto__', 'ü')
const someDocument: fc.Arbitrary<IndexDocument> = fc.record(
  {
    id: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
    text: someText,
    title: someText,
    fields: fc.dictionary(someName, someValue, { maxKeys: 4 }),
  },
  { requiredKeys: ['id', 'text'] },
)
const someDocuments = fc
  .uniqueArray(someDocument, { selector: ({ id }) => id, maxLength: 60 })
  .map((documents) => documents.sort((a, b) => compareText(a.id, b.id)))

async function bytesOf(documents: readonly IndexDocument[]): Promise<Uint8Array<ArrayBuffer>> {
  const sink = new MemorySink()
  await writeSegmentFile(
    sink,
    documents.map((document) => ({ document })),
    { settings: {}, parts: {} },
  )
  return sink.bytes()
}

async function segmentOf(documents: readonly IndexDocument[]): Promise<Segment> {
  return openSegment(await bytesOf(documents))
}

test('a document comes back as it was', () => {
  fc.assert(
    fc.property(
      someDocument,
      fc.option(fc.float32Array({ noNaN: true, noDefaultInfinity: true, maxLength: 9 }), { nil: undefined }),
      fc.option(
        fc.dictionary(someName, fc.float({ min: 1 / 1024, noNaN: true, noDefaultInfinity: true }), { minKeys: 1 }),
        {
          nil: undefined,
        },
      ),
      (plain, vector, sparse) => {
        const document = { ...plain, ...(vector && { vector }), ...(sparse && { sparse }) }
        checkDocument(document)
        const out = new ByteWriter()
        writeDocument(out, document)
        const input = new ByteReader(out.finish())
        expect(readDocument(input, document.id)).toEqual(document)
        input.finish()
      },
    ),
  )
})

test('documents, ids and rows agree', async () => {
  await fc.assert(
    fc.asyncProperty(someDocuments, async (documents) => {
      const segment = await segmentOf(documents)
      const ids = documents.map(({ id }) => id)
      const rows = ids.map((_, row) => row).reverse()
      expect(segment.rows).toBe(documents.length)
      expect(await segment.ids.all()).toEqual(ids)
      expect(await segment.ids.at(rows)).toEqual([...ids].reverse())
      for (const [row, id] of ids.entries()) expect(await segment.ids.find(id)).toBe(row)
      expect(await segment.ids.find('no such id at all')).toBe(-1)
      expect(await segment.documents.at(rows, [...ids].reverse())).toEqual([...documents].reverse())
      const scanned: IndexDocument[] = []
      for await (const document of segment.documents.scan(ids)) scanned.push(document)
      expect(scanned).toEqual(documents)
    }),
    { numRuns: 40 },
  )
})

test('many ids are found, alone and together', async () => {
  const random = new Random(5)
  const all = Array.from({ length: 4000 }, (_, i) => `doc/${(i * 7919) % 100_003}`).sort(compareText)
  const segment = await segmentOf(all.map((id) => ({ id, text: 'x'.repeat(random.integer(40)) })))
  for (const share of [2, 40, 900]) {
    const wanted = all.filter(() => random.integer(share) === 0)
    const strangers = wanted.map((id) => `${id}!`)
    const asked = [...wanted, ...strangers, '', 'zzz'].sort(compareText)
    expect(await segment.ids.findAll(asked)).toEqual(wanted.map((id) => all.indexOf(id)))
  }
})

/** What a condition means, document by document. */
function holds(where: Where, { fields = {} }: IndexDocument): boolean {
  return Object.entries(where).every(([name, test]) => {
    if (name === 'and') return (test as Where[]).every((part) => holds(part, { id: '', text: '', fields }))
    if (name === 'or') return (test as Where[]).some((part) => holds(part, { id: '', text: '', fields }))
    if (name === 'not') return !holds(test as Where, { id: '', text: '', fields })
    const own = Object.hasOwn(fields, name) ? fields[name] : []
    const values: readonly (string | number | boolean)[] = typeof own === 'object' ? own : [own]
    const conditions = typeof test === 'object' ? Object.entries(test) : [['eq', test]]
    return conditions.every(([kind, operand]) => {
      if (kind === 'eq') return values.some((value) => value === operand)
      if (kind === 'ne') return !values.some((value) => value === operand)
      if (kind === 'in') return values.some((value) => (operand as unknown[]).includes(value))
      return values.length > 0 === operand
    })
  })
}

test('conditions keep the documents that fulfil them', async () => {
  const operand = fc.oneof(fc.constantFrom('a', 'b', '', 'de'), fc.integer({ min: -3, max: 3 }), fc.boolean())
  const { tree } = fc.letrec<{ tree: Where }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3 },
      fc.dictionary(
        fc.constantFrom('lang', 'year', 'tags'),
        fc.oneof(
          operand,
          fc.record({ ne: operand }),
          fc.record({ in: fc.array(operand, { maxLength: 3 }) }),
          fc.record({ exists: fc.boolean() }),
        ),
      ) as fc.Arbitrary<Where>,
      fc.record({ and: fc.array(tie('tree'), { maxLength: 3 }) }),
      fc.record({ or: fc.array(tie('tree'), { maxLength: 3 }) }),
      fc.record({ not: tie('tree') }),
    ),
  }))
  await fc.assert(
    fc.asyncProperty(someDocuments, tree, async (documents, where) => {
      const segment = await segmentOf(documents)
      const kept = await evaluate(parseWhere(where), segment.columns, segment.rows)
      expect([...keptRows(kept)]).toEqual(documents.flatMap((document, row) => (holds(where, document) ? [row] : [])))
    }),
    { numRuns: 100 },
  )
})

test('bounds hold for numbers and for texts', async () => {
  const days = ['2026-01-31', '2026-02-01', '2025-12-24', 'x']
  const documents = days.map((day, i) => ({ id: `${i}`, text: '', fields: { day, n: i - 1.5, both: i % 2 ? i : day } }))
  const segment = await segmentOf(documents)
  const rows = async (where: Where): Promise<number[]> => [
    ...keptRows(await evaluate(parseWhere(where), segment.columns, segment.rows)),
  ]
  expect(await rows({ day: { gte: '2026-01-31', lt: '2026-12' } })).toEqual([0, 1])
  expect(await rows({ day: { gt: '2026-01-31', lte: 'x' } })).toEqual([1, 3])
  expect(await rows({ n: { gt: -1.5, lte: 0.5 } })).toEqual([1, 2])
  expect(await rows({ n: { gte: -0.5 }, day: { lt: 'x' } })).toEqual([1, 2])
  expect(await rows({ n: { gte: 'a' } })).toEqual([])
  expect(await rows({ n: { gt: 2, lt: 1 } })).toEqual([])
  expect(await rows({ both: { gte: 1 } })).toEqual([1, 3])
  expect(await rows({ field: ['day', 'x'] })).toEqual([3])
  expect(await rows({})).toEqual([0, 1, 2, 3])
})

test('what is no condition is told with its place', () => {
  const refused: [unknown, RegExp][] = [
    [null, /where must be/],
    [[], /where must be/],
    [{ year: { above: 3 } }, /year\.above/],
    [{ year: {} }, /year must be/],
    [{ year: null }, /year must be/],
    [{ year: { in: 3 } }, /year\.in/],
    [{ year: { gte: true } }, /year\.gte/],
    [{ year: { eq: Number.NaN } }, /year\.eq/],
    [{ and: {} }, /and must be/],
    [{ field: ['a'] }, /field must be/],
  ]
  for (const [where, message] of refused) expect(() => parseWhere(where)).toThrow(message)
  let deep: Where = {}
  for (let i = 0; i < 50; i++) deep = { not: deep }
  expect(() => parseWhere(deep)).toThrow(/levels/)
})

test('documents that cannot be kept are refused', () => {
  const refused: [object, string][] = [
    [{ id: '', text: '' }, 'PITH_ARG'],
    [{ id: 'x'.repeat(600), text: '' }, 'PITH_ARG'],
    [{ id: '\ud800', text: '' }, 'PITH_ARG'],
    [{ id: 'a' }, 'PITH_ARG'],
    [{ id: 'a', text: '', title: 3 }, 'PITH_ARG'],
    [{ id: 'a', text: '', fields: { n: Number.NaN } }, 'PITH_NONFINITE'],
    [{ id: 'a', text: '', fields: { n: null } }, 'PITH_ARG'],
    [{ id: 'a', text: '', fields: { '': 1 } }, 'PITH_ARG'],
    [{ id: 'a', text: '', vector: [1] }, 'PITH_ARG'],
    [{ id: 'a', text: '', vector: Float32Array.of(Number.NaN) }, 'PITH_NONFINITE'],
    [{ id: 'a', text: '', sparse: { x: -1 } }, 'PITH_ARG'],
    [{ id: 'a', text: '', sparse: { x: 1e-60 } }, 'PITH_ARG'],
  ]
  for (const [document, code] of refused) {
    expect(() => checkDocument(document as IndexDocument)).toThrow(expect.objectContaining({ code }))
  }
})

test('the same documents give the same bytes; a changed byte gives what is right or a typed error', async () => {
  const documents = Array.from({ length: 300 }, (_, i) => ({
    id: `d${String(i).padStart(4, '0')}`,
    text: `the text of document ${i} with ${i % 7} words`,
    fields: { year: 1990 + (i % 30), lang: i % 3 ? 'de' : 'en', tags: ['a', `t${i % 11}`] },
  }))
  const bytes = await bytesOf(documents)
  expect(await bytesOf(documents)).toEqual(bytes)
  for (let at = 0; at < bytes.length; at += 61) {
    const changed = bytes.slice()
    changed[at] ^= 1 << (at % 8)
    try {
      const segment = await openSegment(changed)
      const ids = await segment.ids.all()
      expect(await segment.documents.at([299, 3], [ids[299], ids[3]])).toEqual([documents[299], documents[3]])
      const kept = await evaluate(parseWhere({ lang: 'en', year: { lt: 1995 } }), segment.columns, segment.rows)
      expect(kept.count).toBe(20)
    } catch (error) {
      expect(isPithError(error), String(error)).toBe(true)
    }
  }
})
