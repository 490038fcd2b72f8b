import { bytesAccess, concatBytes, countAccess, equalBytes } from '@pith/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { codeOf } from '../../test/errors.ts'
import { type DType, makeData } from '../dtype.ts'
import { Tensor } from '../tensor.ts'
import { openSafetensors, safetensorsChunks, safetensorsSpecs, writeSafetensors } from './safetensors.ts'
import { openShardedSafetensors, parseShardIndex, planShards } from './safetensors-shards.ts'
import { readParams } from './tensor-file.ts'

const encode = (text: string) => new TextEncoder().encode(text)

/** A file of a header as text and data of a length. */
function fileOf(header: string, dataBytes: number): Uint8Array {
  const json = encode(header)
  const length = new Uint8Array(8)
  new DataView(length.buffer).setUint32(0, json.length, true)
  return concatBytes([length, json, new Uint8Array(dataBytes)])
}

const DTYPES: readonly DType[] = [
  'f32',
  'f64',
  'f16',
  'bf16',
  'i8',
  'u8',
  'i16',
  'u16',
  'i32',
  'u32',
  'i64',
  'u64',
  'bool',
]

test('tensors of any names, types and shapes come back with the same bytes', async () => {
  const tensor = fc
    .tuple(fc.constantFrom(...DTYPES), fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }), fc.nat())
    .map(([dtype, shape, seed]) => {
      const data = makeData(
        dtype,
        shape.reduce((a, b) => a * b, 1),
      ) as Uint8Array
      new Uint8Array(data.buffer).forEach((_, i, all) => {
        all[i] = (seed + i) * 37
      })
      return new Tensor(data, shape, dtype)
    })
  const names = fc
    .string({ unit: 'binary', maxLength: 8 })
    .filter((name) => name.isWellFormed() && name !== '__metadata__')
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(names, tensor), { maxLength: 6 }), async (pairs) => {
      const params = Object.fromEntries(pairs)
      const file = writeSafetensors(params)
      const read = await readParams(await openSafetensors(file))
      expect(Object.keys(read).sort()).toEqual(Object.keys(params).sort())
      for (const [name, { dtype, shape, data }] of Object.entries(read)) {
        const other = params[name] as Tensor
        expect([dtype, shape]).toEqual([other.dtype, other.shape])
        const bytes = (x: Tensor['data']) => new Uint8Array((x as Uint8Array).buffer)
        expect(equalBytes(bytes(data), bytes(other.data))).toBe(true)
      }
      const turned = Object.fromEntries(Object.entries(params).reverse())
      expect(equalBytes(writeSafetensors(turned), file)).toBe(true)
    }),
    { numRuns: 40 },
  )
})

test('the bytes are those of the reference writer: widest types first, then names, the header padded to 8', () => {
  const file = writeSafetensors(
    {
      b: new Tensor(new Float32Array([1]), [1]),
      a: new Tensor(new Float32Array([2]), []),
      c: new Tensor(new BigInt64Array(1)),
    },
    { metadata: { z: '1', format: 'pt' } },
  )
  const header =
    '{"__metadata__":{"format":"pt","z":"1"},"c":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},' +
    '"a":{"dtype":"F32","shape":[],"data_offsets":[8,12]},"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}'
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8)
  const expected = fileOf(padded, 16)
  new DataView(expected.buffer).setFloat32(8 + padded.length + 8, 2, true)
  new DataView(expected.buffer).setFloat32(8 + padded.length + 12, 1, true)
  expect(equalBytes(file, expected)).toBe(true)
})

test('names are ordered by code point, not by UTF-16 unit', () => {
  const one = () => new Tensor(new Uint8Array(1))
  const text = new TextDecoder().decode(writeSafetensors({ '\u{10000}': one(), '\uffee': one() }).subarray(8))
  expect(text.indexOf('\uffee')).toBeLessThan(text.indexOf('\u{10000}'))
})

const TENSOR = '"dtype":"F32","shape":[2]'
test.each([
  ['a hole', `{"a":{${TENSOR},"data_offsets":[4,12]}}`, 12, 'PITH_CORRUPT'],
  ['an overlap', `{"a":{${TENSOR},"data_offsets":[0,8]},"b":{${TENSOR},"data_offsets":[4,12]}}`, 12, 'PITH_CORRUPT'],
  ['bytes that belong to nothing', `{"a":{${TENSOR},"data_offsets":[0,8]}}`, 9, 'PITH_CORRUPT'],
  ['a file that is cut', `{"a":{${TENSOR},"data_offsets":[0,8]}}`, 7, 'PITH_TRUNCATED'],
  ['a name twice', `{"a":{${TENSOR},"data_offsets":[0,8]},"a":{${TENSOR},"data_offsets":[8,16]}}`, 16, 'PITH_CORRUPT'],
  [
    'a name twice, once escaped',
    `{"a":{${TENSOR},"data_offsets":[0,8]},"\\u0061":{${TENSOR},"data_offsets":[8,16]}}`,
    16,
    'PITH_CORRUPT',
  ],
  ['a key twice', `{"a":{"dtype":"F32",${TENSOR},"data_offsets":[0,8]}}`, 8, 'PITH_CORRUPT'],
  ['another key', `{"a":{${TENSOR},"data_offsets":[0,8],"x":1}}`, 8, 'PITH_CORRUPT'],
  ['a negative length', '{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}', 8, 'PITH_CORRUPT'],
  ['a broken length', '{"a":{"dtype":"F32","shape":[0.5,4],"data_offsets":[0,8]}}', 8, 'PITH_CORRUPT'],
  [
    'more elements than can be',
    '{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}',
    0,
    'PITH_CORRUPT',
  ],
  [
    'a zero that hides them',
    '{"a":{"dtype":"U8","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}}',
    0,
    'PITH_CORRUPT',
  ],
  ['offsets of another length', `{"a":{${TENSOR},"data_offsets":[0,4]}}`, 4, 'PITH_CORRUPT'],
  ['offsets turned around', `{"a":{${TENSOR},"data_offsets":[8,0]}}`, 8, 'PITH_CORRUPT'],
  ['an unknown type', '{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}', 8, 'PITH_UNSUPPORTED'],
  ['metadata that is no text', '{"__metadata__":{"a":1}}', 0, 'PITH_CORRUPT'],
  ['a list', '[1, 2]', 0, 'PITH_CORRUPT'],
  ['no JSON', '{"a":}', 0, 'PITH_CORRUPT'],
  ['a deep header', `{"a":${'['.repeat(10_000)}`, 0, 'PITH_CORRUPT'],
])('a header with %s is refused', async (_, header, dataBytes, code) => {
  expect(await codeOf(openSafetensors(fileOf(header, dataBytes)))).toBe(code)
})

test('a header that says more than the file or the format has is refused before it is read', async () => {
  const file = new Uint8Array(32)
  new DataView(file.buffer).setBigUint64(0, 90_000_000n, true)
  expect(await codeOf(openSafetensors(file))).toBe('PITH_TRUNCATED')
  new DataView(file.buffer).setBigUint64(0, 2n ** 63n, true)
  expect(await codeOf(openSafetensors(file))).toBe('PITH_CORRUPT')
  expect(await codeOf(openSafetensors(new Uint8Array(9)))).toBe('PITH_TRUNCATED')
})

test('only the header and what is asked for is read', async () => {
  const file = writeSafetensors({ large: Tensor.zeros([500_000]), small: new Tensor(new Float32Array([3, 4])) })
  const access = countAccess(bytesAccess(file))
  const opened = await openSafetensors(access)
  expect(access.bytes).toBeLessThanOrEqual(65_536)
  const before = access.bytes
  expect((await opened.tensor('small')).data).toEqual(new Float32Array([3, 4]))
  expect(await opened.bytes('large', { start: 16, end: 20 })).toEqual(new Uint8Array(4))
  expect(access.bytes - before).toBe(12)
  expect(await codeOf(opened.tensor('none'))).toBe('PITH_ARG')
  expect(await codeOf(opened.bytes('small', { start: 4, end: 9 }))).toBe('PITH_ARG')
})

test('a header above the first read is read in two', async () => {
  const params = Object.fromEntries(
    Array.from({ length: 3000 }, (_, i) => [`blocks.${i}.w`, new Tensor(new Uint8Array([i]))]),
  )
  const opened = await openSafetensors(writeSafetensors(params))
  expect(opened.entries.size).toBe(3000)
  expect((await opened.tensor('blocks.2999.w')).data).toEqual(new Uint8Array([2999 & 255]))
})

test('eight-bit floats are read as f32', async () => {
  const e4m3 = '{"a":{"dtype":"F8_E4M3","shape":[5],"data_offsets":[0,5]}}'
  const file = fileOf(e4m3, 5)
  file.set([0x38, 0xc0, 0x7e, 0x01, 0x7f], file.length - 5)
  const { dtype, data } = await (await openSafetensors(file)).tensor('a')
  expect([dtype, ...(data as Float32Array)]).toEqual(['f32', 1, -2, 448, 2 ** -9, Number.NaN])
  const other = fileOf(e4m3.replace('F8_E4M3', 'F8_E5M2'), 5)
  other.set([0x3c, 0xc0, 0x7b, 0x01, 0x7c], other.length - 5)
  const values = (await (await openSafetensors(other)).tensor('a')).data as Float32Array
  expect([...values]).toEqual([1, -2, 57344, 2 ** -16, Number.POSITIVE_INFINITY])
})

test('a stream of chunks gives the same bytes and asks for each tensor once', async () => {
  const params = {
    b: new Tensor(new Float32Array([1, 2]), [2, 1]),
    a: new Tensor(new Int32Array([7])),
    c: Tensor.zeros([0]),
  }
  const asked: string[] = []
  const chunks: Uint8Array[] = []
  const load = (name: string) => {
    asked.push(name)
    return params[name as 'a']
  }
  for await (const chunk of safetensorsChunks(safetensorsSpecs(params), load)) chunks.push(chunk.slice())
  expect(asked).toEqual(['b', 'c', 'a'])
  expect(equalBytes(concatBytes(chunks), writeSafetensors(params))).toBe(true)
  const wrong = async () => {
    for await (const _ of safetensorsChunks(safetensorsSpecs(params), () => new Uint8Array(3)));
  }
  expect(await codeOf(wrong())).toBe('PITH_SHAPE')
})

test('types that the format has not are refused on writing', () => {
  expect(() => writeSafetensors({ a: new Tensor(new Uint8Array(1), [2], 'i4') })).toThrow(/i4/)
})

test('a model in several files is planned, written and opened as one', async () => {
  const params = Object.fromEntries(
    ['a', 'b', 'c', 'd'].map((name, i) => [name, new Tensor(new Float32Array(10).fill(i))]),
  )
  const { shards, index } = planShards(safetensorsSpecs(params), 90)
  expect(shards.map(({ file }) => file)).toEqual([
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
  ])
  const files = new Map(
    shards.map(({ file, specs }) => [
      file,
      writeSafetensors(Object.fromEntries(specs.map(({ name }) => [name, params[name] as Tensor]))),
    ]),
  )
  expect(parseShardIndex(encode(index)).totalBytes).toBe(160)
  const open = async (file: string) => files.get(file) as Uint8Array
  const model = await openShardedSafetensors(encode(index), open)
  expect(await readParams(model)).toEqual(params)
  const without = index.replace(/^ {4}"b".*\n/m, '')
  expect(await codeOf(openShardedSafetensors(encode(without), open))).toBe('PITH_CORRUPT')
  const more = index.replace('    "a"', '    "aa": "model-00001-of-00002.safetensors",\n    "a"')
  expect(await codeOf(openShardedSafetensors(encode(more), open))).toBe('PITH_CORRUPT')
})

test.each(['../a.safetensors', '/etc/passwd', 'a/b', '..', '', '.hidden', 'a\\b', 5])(
  'an index that names the file %j is refused',
  (file) => {
    expect(() => parseShardIndex(encode(JSON.stringify({ weight_map: { a: file } })))).toThrow(/names the file/)
  },
)

test('one file needs no numbers', () => {
  expect(planShards([{ name: 'a', type: 'F32', shape: [4] }], 100).shards[0]?.file).toBe('model.safetensors')
  expect(() => planShards([], 0)).toThrow(/shardBytes/)
})
