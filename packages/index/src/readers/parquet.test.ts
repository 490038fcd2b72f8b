import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isPithError } from '@pith/core'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import {
  bool,
  footerFile,
  type HostileFile,
  i32,
  pageHeader,
  parquetFile,
  struct,
  varint,
} from '../../test/parquet/writer.ts'
import type { IndexDocument } from '../types.ts'
import { NODE_CODECS } from './node/codecs.ts'
import { type ParquetOptions, readParquet } from './parquet.ts'
import { BadParquet, checkThrift } from './parquet-thrift.ts'

const sample = (name: string) =>
  new Uint8Array(readFileSync(join(import.meta.dirname, `../../test/parquet/${name}.parquet`)))

async function all(data: Uint8Array, options: ParquetOptions = {}): Promise<IndexDocument[]> {
  const found: IndexDocument[] = []
  for await (const document of readParquet(data, { name: 'f', codecs: NODE_CODECS, ...options })) found.push(document)
  return found
}

const WANTED = Array.from({ length: 12 }, (_, i) => ({
  id: `d${i}`,
  ...(i % 5 === 4 ? {} : { title: `title ${i % 3}` }),
  text: `text number ${i} with ünïcode`,
  fields: {
    year: 2000 + i,
    ...(i === 7 ? {} : { score: i / 4 }),
    open: i % 2 === 0,
    ...(i % 3 === 0 ? {} : { tags: Array.from({ length: i % 3 }, (_, j) => `t${j}`) }),
    'place.country': i % 2 === 1 ? 'de' : 'fr',
    day: `2020-01-${String(i + 1).padStart(2, '0')}T00:00:00.000Z`,
  },
  vector: Float32Array.of(i, i / 2, 0 - i),
}))

test.each(['snappy', 'zstd-v2', 'gzip-plain', 'brotli-v2', 'none-delta'])('%s: rows become documents', async (name) => {
  expect(await all(sample(name))).toEqual(WANTED)
})

test('a codec that is not there is named', async () => {
  await expect(all(sample('lz4'))).rejects.toMatchObject({
    code: 'PITH_UNSUPPORTED',
    message: expect.stringContaining('LZ4'),
  })
  await expect(all(sample('zstd-v2'), { codecs: {} })).rejects.toMatchObject({ code: 'PITH_UNSUPPORTED' })
})

test('a group of rows above the limit is refused', async () => {
  await expect(all(sample('snappy'), { limits: { memoryBytes: 700 } })).rejects.toMatchObject({ code: 'PITH_CORRUPT' })
})

test('what is cut or something else is refused', async () => {
  const data = sample('snappy')
  for (const part of [
    data.subarray(0, 0),
    data.subarray(0, 7),
    data.subarray(0, -1),
    data.subarray(4),
    data.subarray(-900),
  ]) {
    await expect(all(part)).rejects.toMatchObject({ code: 'PITH_CORRUPT' })
  }
})

test.each(['snappy', 'zstd-v2', 'none-delta'])('%s: damage gives rows or an error of ours', async (name) => {
  const data = sample(name)
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(data.length - 9), fc.oneof(fc.constantFrom(0, 127, 255), fc.nat(255))), {
        minLength: 1,
        maxLength: 4,
      }),
      async (damage) => {
        const own = data.slice()
        for (const [at, byte] of damage) own[at] = byte
        await all(own).catch((error: unknown) => expect(isPithError(error)).toBe(true))
      },
    ),
    { numRuns: 80 },
  )
})

test('lists of a header hold no more than its bytes can', () => {
  expect(checkThrift(Uint8Array.of(0x15, 2, 0x19, 0x25, 2, 4, 0, 99))).toBe(7)
  const wrong = [
    // A list of 2^28 structures; lists in a list that are longer than what is left; a text beyond the end.
    [0x19, 0xfc, 0xff, 0xff, 0xff, 0x7f, 0],
    [0x19, 0x29, 0x29, 0x13, 1, 0],
    [0x18, 9, 1, 0],
    [0x1c],
    Array.from({ length: 99 }, () => 0x1c),
    [0x15, ...Array.from({ length: 20 }, () => 0xff)],
    [0x1b, 0],
  ]
  for (const own of wrong) expect(() => checkThrift(Uint8Array.from(own))).toThrow(BadParquet)
})

const HUGE = 2 ** 30
const PLAIN = 0
const RLE_DICTIONARY = 8
const DELTA_BYTE_ARRAY = 7

/** A page of one value that is optional, with these bytes for its levels. */
function optional(levels: readonly number[]): HostileFile {
  const page = Uint8Array.from([levels.length, 0, 0, 0, ...levels, 1, 0, 0, 0, 120])
  return { header: pageHeader(1, PLAIN, page.length, page.length), page, rows: 1, repetition: 1 }
}

function plain(values: number, encoding: number, bytes: readonly number[], rows = values): HostileFile {
  const page = Uint8Array.from(bytes)
  return { header: pageHeader(values, encoding, page.length, page.length), page, rows }
}

function second(
  values: number,
  nulls: number,
  encoding: number,
  bytes: readonly number[],
  levels: number,
): HostileFile {
  const page = Uint8Array.from(bytes)
  const own = {
    1: i32(values),
    2: i32(nulls),
    3: i32(values),
    4: i32(encoding),
    5: i32(levels),
    6: i32(0),
    7: bool(false),
  }
  return {
    header: { 1: i32(3), 2: i32(page.length), 3: i32(page.length), 8: struct(own) },
    page,
    rows: values,
    repetition: 1,
  }
}

/** Numbers in the delta encoding: one block of equal steps. */
const equalSteps = (count: number, first: number, step: number) => [
  ...[...varint(128), ...varint(4), ...varint(count)],
  ...[...varint(2 * first), ...varint(2 * step), 0, 0, 0, 0],
]

test('a small file that a test writes is read', async () => {
  expect(await all(parquetFile(optional([2, 1])))).toEqual([{ id: '0', text: 'x' }])
  const two = { ...plain(1, PLAIN, [1, 0, 0, 0, 120]), groups: 2 }
  expect((await all(parquetFile(two))).map(({ id }) => id)).toEqual(['0', '1'])
})

test.each<[string, HostileFile]>([
  ['a run of levels for 2^30 values', optional([...varint(2 * HUGE), 1])],
  ['packed levels for 2^30 values', optional([...varint(2 * (HUGE / 8) + 1), 255])],
  ['levels that end too early', optional([])],
  ['a run of references for 2^30 values', plain(1, RLE_DICTIONARY, [1, ...varint(2 * HUGE), 0])],
  ['packed references of no width', second(8, 0, RLE_DICTIONARY, [0, ...varint(2 ** 31 + 1), 0], 0)],
  ['2^30 plain values in five bytes', plain(HUGE, PLAIN, [1, 0, 0, 0, 120])],
  ['fewer values than rows', plain(1, PLAIN, [1, 0, 0, 0, 120], 1000)],
  ['rows beyond all memory', plain(1, PLAIN, [1, 0, 0, 0, 120], 2 ** 52)],
  ['more values than rows', plain(2, PLAIN, [1, 0, 0, 0, 120, 1, 0, 0, 0, 121], 1)],
  ['fewer than no values', plain(-5, PLAIN, [1, 0, 0, 0, 120], 1)],
  ['more nulls than values', second(1, 2, PLAIN, [1, 0, 0, 0, 120], 0)],
  ['fewer than no nulls', second(1, -HUGE, PLAIN, [1, 0, 0, 0, 120], 0)],
  ['levels longer than their page', second(1, 0, PLAIN, [1, 0, 0, 0, 120], 99)],
  [
    'values that repeat far more than there is',
    plain(100_000, DELTA_BYTE_ARRAY, [...equalSteps(100_000, 0, 1000), ...equalSteps(100_000, 0, 0)]),
  ],
  [
    'Snappy that says it becomes 2^30 bytes',
    { ...plain(1, PLAIN, varint(HUGE)), header: pageHeader(1, PLAIN, HUGE, 5), codec: 1 },
  ],
  ['a page of no known kind', { ...plain(1, PLAIN, [0]), header: { 1: i32(9), 2: i32(1), 3: i32(1) } }],
  ['a page longer than its column', { ...plain(1, PLAIN, [0]), header: pageHeader(1, PLAIN, 999, 999) }],
])('%s: refused at once', async (_, file) => {
  await expect(all(parquetFile(file), { limits: { memoryBytes: 2 ** 26 } })).rejects.toMatchObject({
    code: 'PITH_CORRUPT',
  })
})

test('footers of nonsense are refused', async () => {
  const footers = [[], [0], [0x19, 0xfc, 0xff, 0xff, 0xff, 0x7f], [0x15, 2, 0x19, 0x0c, 0x16, 0, 0x19, 0x0c, 0]]
  for (const footer of footers) {
    await expect(all(footerFile(Uint8Array.from(footer)))).rejects.toMatchObject({ code: 'PITH_CORRUPT' })
  }
})

test('without hyparquet the error says what to install', async () => {
  vi.doMock('hyparquet', () => {
    throw new Error('Cannot find package')
  })
  try {
    await expect(all(sample('snappy'))).rejects.toMatchObject({
      code: 'PITH_CAPABILITY',
      hint: 'Run: npm install hyparquet',
    })
  } finally {
    vi.doUnmock('hyparquet')
  }
})
