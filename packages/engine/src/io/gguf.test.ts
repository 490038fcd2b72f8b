import { bytesAccess, countAccess, equalBytes } from '@pith/core'
import { expect, test } from 'vitest'
import { codeOf } from '../../test/errors.ts'
import { floatVector, vector } from '../../test/io/vectors.ts'
import { Tensor } from '../tensor.ts'
import { openGguf } from './gguf.ts'
import { dequantize } from './gguf-dequantize.ts'
import type { GgufArray, GgufValue } from './gguf-metadata.ts'
import { type QuantizableType, quantize } from './gguf-quantize.ts'
import type { GgufBlockType, GgufType } from './gguf-types.ts'
import { writeGguf } from './gguf-write.ts'

const BLOCKS: readonly GgufBlockType[] = [
  'Q4_0',
  'Q4_1',
  'Q5_0',
  'Q5_1',
  'Q8_0',
  'Q2_K',
  'Q3_K',
  'Q4_K',
  'Q5_K',
  'Q6_K',
]
const MADE: readonly QuantizableType[] = ['Q4_0', 'Q4_1', 'Q8_0', 'Q4_K', 'Q6_K']

test.each(BLOCKS)('blocks of %s are turned into the numbers of the published layout, to the bit', (type) => {
  const values = dequantize(type, vector(`blocks.${type}`))
  expect(equalBytes(new Uint8Array(values.buffer), vector(`blocks.${type}.f32`))).toBe(true)
})

test.each(MADE)('blocks of %s are made in the bytes of the reference algorithm', (type) => {
  expect(equalBytes(quantize(type, floatVector('values.f32')), vector(`made.${type}`))).toBe(true)
})

test.each([
  ['Q8_0', 0.01],
  ['Q6_K', 0.03],
  ['Q4_K', 0.12],
  ['Q4_1', 0.12],
  ['Q4_0', 0.15],
] as const)('%s loses at most %d of a normal sample (root mean square)', (type, most) => {
  const values = floatVector('values.f32').subarray(0, 256)
  const back = dequantize(type, quantize(type, values))
  const squares = (x: ArrayLike<number>) => Array.from(x).reduce((sum, value) => sum + value * value, 0)
  expect(Math.sqrt(squares(values.map((value, i) => value - (back[i] as number))) / squares(values))).toBeLessThan(most)
})

test('values that blocks cannot hold are refused', () => {
  const values = new Float32Array(256)
  values[3] = Number.NaN
  expect(() => quantize('Q4_K', values)).toThrow(/value at 3/)
  expect(() => quantize('Q8_0', new Float32Array(32).fill(1e9))).toThrow(/half precision/)
  expect(() => quantize('Q4_K', new Float32Array(32))).toThrow(/256/)
  expect(() => quantize('Q5_0' as QuantizableType, values)).toThrow(/cannot be made/)
  expect(() => dequantize('Q4_0', new Uint8Array(19))).toThrow(/18 bytes/)
})

test('a file of version 2 is read: each kind of value, alignment 64, tensors of blocks and of numbers', async () => {
  const file = await openGguf(vector('tiny.gguf'))
  expect([file.version, file.alignment]).toEqual([2, 64])
  const value = (key: string) => (file.metadata.get(key) as Exclude<GgufValue, GgufArray>).value
  const kinds = ['u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'f32', 'bool', 'u64', 'i64', 'f64']
  expect(kinds.map((kind) => value(`a.${kind}`))).toEqual([
    ...[200, -100, 60000, -30000, 4000000000, -2000000000, 0.5, true],
    ...[2n ** 63n + 1n, -(2n ** 62n), 0.1],
  ])
  expect(file.metadata.get('a.texts')).toEqual({ type: 'array', of: 'string', value: ['one', 'zwölf'] })
  expect(file.metadata.get('a.numbers')).toEqual({ type: 'array', of: 'i32', value: Int32Array.of(1, -2, 3) })
  expect(file.metadata.get('a.nested')).toEqual({
    type: 'array',
    of: 'array',
    value: [
      { type: 'array', of: 'u8', value: Uint8Array.of(7, 8) },
      { type: 'array', of: 'u8', value: Uint8Array.of(9) },
    ],
  })
  expect(await file.tensor('plain')).toEqual(new Tensor(Float32Array.of(0, 1, 2, 3, 4, 5), [2, 3]))
  const blocks = await file.tensor('blocks')
  expect(blocks.shape).toEqual([2, 64])
  expect(blocks.data).toEqual(dequantize('Q8_0', vector('made.Q8_0').subarray(0, 136)))
})

test('a file is written in the bytes of its fields, keys sorted', async () => {
  const { metadata, entries, bytes } = await openGguf(vector('tiny.gguf'))
  expect(await writeGguf({ metadata, tensors: [...entries.values()] }, bytes)).toEqual(vector('sorted.gguf'))
})

test('a file that is written is read again, values and tensors of every type', async () => {
  const values = floatVector('values.f32').subarray(0, 512)
  const shape = [2, 256]
  const source = await openGguf(vector('tiny.gguf'))
  const types: readonly GgufType[] = [...MADE, 'F32', 'F16', 'BF16', 'F64', 'I8', 'I16', 'I32', 'I64', 'MXFP4']
  const tensors = types.map((type) => ({ name: `t.${type}`, type, shape: type === 'MXFP4' ? [32] : shape }))
  const plain: Readonly<Record<string, Tensor>> = {
    F16: new Tensor(new Uint16Array(512).fill(0x3c00), shape, 'f16'),
    BF16: new Tensor(new Uint16Array(512).fill(0x3f80), shape, 'bf16'),
    F64: new Tensor(new Float64Array(512).fill(0.1), shape),
    I8: new Tensor(new Int8Array(512).fill(-1), shape),
    I16: new Tensor(new Int16Array(512).fill(-2), shape),
    I32: new Tensor(new Int32Array(512).fill(-3), shape),
    I64: new Tensor(new BigInt64Array(512).fill(-4n), shape),
  }
  const load = (name: string) =>
    name === 't.MXFP4' ? new Uint8Array(17) : (plain[name.slice(2)] ?? new Tensor(values, shape))
  const file = await writeGguf({ metadata: source.metadata, tensors }, load)
  const read = await openGguf(file)
  expect([read.version, read.alignment]).toEqual([3, 64])
  expect([...read.metadata.keys()]).toEqual([
    'general.architecture',
    ...[...source.metadata.keys()].filter((key) => key !== 'general.architecture').sort(),
  ])
  for (const [key, value] of source.metadata) expect(read.metadata.get(key)).toEqual(value)
  for (const type of MADE) {
    expect((await read.tensor(`t.${type}`)).data).toEqual(dequantize(type, quantize(type, values)))
  }
  for (const [type, tensor] of Object.entries(plain)) expect(await read.tensor(`t.${type}`)).toEqual(tensor)
  expect(await codeOf(read.tensor('t.MXFP4'))).toBe('PITH_UNSUPPORTED')
  expect(await read.bytes('t.MXFP4')).toEqual(new Uint8Array(17))
  for (const { offset } of read.entries.values()) expect(offset % 64).toBe(0)
})

test('what does not fit the spec of a tensor is refused on writing', async () => {
  const spec = (type: GgufType, shape: number[]) => ({ metadata: new Map(), tensors: [{ name: 'a', type, shape }] })
  expect(await codeOf(writeGguf(spec('Q4_K', [32]), () => Tensor.zeros([32])))).toBe('PITH_SHAPE')
  expect(await codeOf(writeGguf(spec('F32', [3]), () => Tensor.zeros([4])))).toBe('PITH_SHAPE')
  expect(await codeOf(writeGguf(spec('F16', [3]), () => Tensor.zeros([3])))).toBe('PITH_SHAPE')
  expect(await codeOf(writeGguf(spec('F32', [1, 1, 1, 1, 1]), () => Tensor.zeros([1])))).toBe('PITH_SHAPE')
  const twice = { metadata: new Map(), tensors: [...spec('F32', [1]).tensors, ...spec('F32', [1]).tensors] }
  expect(await codeOf(writeGguf(twice, () => Tensor.zeros([1])))).toBe('PITH_ARG')
  const alignment = new Map<string, GgufValue>([['general.alignment', { type: 'u32', value: 48 }]])
  expect(await codeOf(writeGguf({ metadata: alignment, tensors: [] }, () => Tensor.zeros([1])))).toBe('PITH_ARG')
})

/** The small file with a 32-bit word changed at `at`. */
function changed(at: number, word: number): Uint8Array {
  const file = vector('tiny.gguf')
  new DataView(file.buffer).setUint32(at, word, true)
  return file
}

/** Where a text starts in the small file. */
function placeOf(text: string): number {
  return new TextDecoder('latin1').decode(vector('tiny.gguf')).indexOf(text)
}

test.each([
  ['other first bytes', changed(0, 1), 'PITH_CORRUPT'],
  ['version 1', changed(4, 1), 'PITH_VERSION'],
  ['big-endian words', changed(4, 0x03000000), 'PITH_UNSUPPORTED'],
  ['more tensors than bytes', changed(8, 0xffffffff), 'PITH_TRUNCATED'],
  ['more values than bytes', changed(16, 0xffffffff), 'PITH_TRUNCATED'],
  ['an unknown type of value', changed(placeOf('a.u8') + 4, 13), 'PITH_CORRUPT'],
  ['an array longer than the file', changed(placeOf('a.numbers') + 9 + 8, 0x7fffffff), 'PITH_TRUNCATED'],
  ['a truth value of 7', vector('tiny.gguf').with(placeOf('a.bool') + 6 + 4, 7), 'PITH_CORRUPT'],
  ['an alignment of 48', changed(placeOf('general.alignment') + 17 + 4, 48), 'PITH_CORRUPT'],
  ['five axes', changed(placeOf('plain') + 5, 5), 'PITH_CORRUPT'],
  ['an unknown type', changed(placeOf('plain') + 5 + 20, 99), 'PITH_UNSUPPORTED'],
  ['rows that are no blocks', changed(placeOf('plain') + 5 + 20, 8), 'PITH_CORRUPT'],
  ['a place that is not aligned', changed(placeOf('plain') + 5 + 24, 8), 'PITH_CORRUPT'],
  ['tensors that overlap', changed(placeOf('plain') + 5 + 24, 64), 'PITH_CORRUPT'],
  ['a tensor beyond the file', changed(placeOf('plain') + 5 + 24, 6400), 'PITH_TRUNCATED'],
  ['a key twice', vector('tiny.gguf').with(placeOf('a.i16') + 2, 0x75), 'PITH_CORRUPT'],
  ['a cut header', vector('tiny.gguf').subarray(0, 100), 'PITH_TRUNCATED'],
])('a file with %s is refused', async (_, file, code) => {
  expect(await codeOf(openGguf(file))).toBe(code)
})

test('a header above the first read is read in steps, and no tensor before it is asked for', async () => {
  const words = Array.from({ length: 60_000 }, (_, i) => `token${i}`)
  const metadata = new Map<string, GgufValue>([['tokens', { type: 'array', of: 'string', value: words }]])
  const tensors = [{ name: 'w', type: 'F32' as const, shape: [2_000_000] }]
  const access = countAccess(bytesAccess(await writeGguf({ metadata, tensors }, () => Tensor.zeros([2_000_000]))))
  const file = await openGguf(access)
  expect(file.metadata.get('tokens')).toEqual({ type: 'array', of: 'string', value: words })
  expect(access.bytes).toBeLessThan(5_000_000)
  expect(access.requests).toBeLessThanOrEqual(5)
})
