import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isPithError } from '@pith/core'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
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

describe('what a library would trust', () => {
  test('lists of a header hold no more than its bytes can', () => {
    expect(checkThrift(Uint8Array.of(0x15, 2, 0x19, 0x25, 2, 4, 0, 99))).toBe(7)
    // Field 1: a list of 2^28 structures; a list in a list in a list; a text beyond the end.
    const wrong = [
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
