import { isPithError } from '@pith/core'
import { zipSync } from 'fflate'
import { expect, test } from 'vitest'
import { jsonVector, vector } from '../../test/io/vectors.ts'
import { Tensor } from '../tensor.ts'
import { parseNpy, readNpy, writeNpy } from './npy.ts'
import { openNpz, readNpz, writeNpz } from './npz.ts'

interface Expected {
  shape: number[]
  dtype: string
  values: string[]
}

function codeOf(run: () => unknown): string {
  try {
    run()
    return 'none'
  } catch (error) {
    return isPithError(error) ? error.code : String(error)
  }
}

/** A .npy file of version 1 with a header and so many bytes of data. */
function npyOf(header: string, dataBytes: number): Uint8Array {
  const text = new TextEncoder().encode(header)
  const file = new Uint8Array(10 + text.length + dataBytes)
  file.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length & 255, text.length >> 8])
  file.set(text, 10)
  return file
}

const HALF: Readonly<Record<number, string>> = {
  50432: '-5.0',
  50176: '-4.0',
  49664: '-3.0',
  49152: '-2.0',
  48128: '-1.0',
  0: '0.0',
}

function shown(tensor: Tensor): string[] {
  const values = [...(tensor.data as Float32Array)] as (number | bigint)[]
  if (tensor.dtype === 'f16') return values.map((bits) => HALF[Number(bits)] as string)
  if (tensor.dtype === 'bool') return values.map((value) => (value === 1 ? 'True' : 'False'))
  const isFloat = tensor.dtype === 'f32' || tensor.dtype === 'f64'
  return values.map((value) => (isFloat && Number.isInteger(value) ? `${value}.0` : String(value)))
}

test.each(['stored.npz', 'packed.npz'])(
  '%s of NumPy holds its arrays: any type, byte order and order of axes',
  async (file) => {
    const arrays = await readNpz(vector(file))
    const expected = jsonVector<Record<string, Expected>>('npz.json')
    expect(Object.keys(arrays)).toEqual(Object.keys(expected))
    for (const [name, { shape, values }] of Object.entries(expected)) {
      expect([name, arrays[name]?.shape, shown(arrays[name] as Tensor)]).toEqual([name, shape, values])
    }
  },
)

test('arrays are written in the bytes of NumPy and read again', async () => {
  const file = vector('version-1.npy')
  expect(writeNpy(parseNpy(file))).toEqual(file)
  const arrays = await readNpz(vector('stored.npz'))
  expect(await readNpz(writeNpz(arrays))).toEqual(arrays)
  expect(writeNpz(arrays)).toEqual(writeNpz(Object.fromEntries(Object.entries(arrays).reverse())))
})

test('versions 2 and 3 are read', async () => {
  const first = await readNpy(vector('version-1.npy'))
  for (const version of [2, 3]) expect(await readNpy(vector(`version-${version}.npy`))).toEqual(first)
})

test.each([
  ['objects', vector('objects.npy'), 'PITH_UNSUPPORTED'],
  ['complex numbers', vector('complex.npy'), 'PITH_UNSUPPORTED'],
  ['records', vector('records.npy'), 'PITH_UNSUPPORTED'],
  ['a cut', vector('version-1.npy').subarray(0, -1), 'PITH_TRUNCATED'],
  ['a cut header', vector('version-1.npy').subarray(0, 60), 'PITH_TRUNCATED'],
  ['bytes behind', new Uint8Array([...vector('version-1.npy'), 0]), 'PITH_CORRUPT'],
  ['other first bytes', new Uint8Array(128), 'PITH_CORRUPT'],
  ['version 4', vector('version-1.npy').with(6, 4), 'PITH_VERSION'],
  ['a missing key', npyOf("{'descr': '<f4', 'fortran_order': False}", 4), 'PITH_CORRUPT'],
  ['a key twice', npyOf("{'shape': (), 'descr': '<f4', 'fortran_order': False, 'shape': ()}", 4), 'PITH_CORRUPT'],
  ['another key', npyOf("{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}", 4), 'PITH_CORRUPT'],
  ['a call', npyOf("{'descr': '<f4', 'fortran_order': f(), 'shape': ()}", 4), 'PITH_CORRUPT'],
  [
    'a huge shape',
    npyOf("{'descr': '|u1', 'fortran_order': False, 'shape': (9007199254740991, 2)}", 4),
    'PITH_CORRUPT',
  ],
  [
    'a long shape',
    npyOf("{'descr': '|u1', 'fortran_order': False, 'shape': (9007199254740991,)}", 4),
    'PITH_TRUNCATED',
  ],
])('a .npy file with %s is refused', (_, file, code) => {
  expect(codeOf(() => parseNpy(file))).toBe(code)
})

test('types that NumPy has not are refused on writing', () => {
  expect(codeOf(() => writeNpy(new Tensor(new Uint16Array(1), [1], 'bf16')))).toBe('PITH_DTYPE')
})

async function codeOfFile(file: Uint8Array): Promise<string> {
  try {
    await readNpz(file)
    return 'none'
  } catch (error) {
    return isPithError(error) ? error.code : String(error)
  }
}

test('only the headers of a stored archive are read when it is opened', async () => {
  const file = await openNpz(writeNpz({ a: Tensor.zeros([1000]), b: new Tensor(new Int8Array([1, 2])) }))
  expect(file.entries.get('a')).toMatchObject({ type: '<f4', shape: [1000] })
  expect((await file.tensor('b')).data).toEqual(new Int8Array([1, 2]))
})

test('damage of an archive is found', async () => {
  const stored = writeNpz({ a: Tensor.zeros([4]) })
  expect(await codeOfFile(stored.with(30 + 'a.npy'.length + 130, 1))).toBe('PITH_CHECKSUM')
  expect(await codeOfFile(stored.subarray(0, -1))).toBe('PITH_TRUNCATED')
  expect(await codeOfFile(zipSync({ 'a.txt': new Uint8Array(3) }))).toBe('PITH_UNSUPPORTED')
})

test('an archive cannot say that an entry is larger than deflate can make it', async () => {
  const file = zipSync({ 'a.npy': npyOf("{'descr': '|u1', 'fortran_order': False, 'shape': (9,)}", 9) })
  const central = file.length - 22 - 46 - 'a.npy'.length
  new DataView(file.buffer).setUint32(central + 24, 0x7fffffff, true)
  expect(await codeOfFile(file)).toBe('PITH_CORRUPT')
})

test('entries that share bytes are refused', async () => {
  const file = zipSync({ 'a.npy': vector('version-1.npy'), 'b.npy': vector('version-1.npy') }, { level: 0 })
  const second = file.length - 22 - 46 - 5
  new DataView(file.buffer).setUint32(second + 42, 0, true)
  expect(await codeOfFile(file)).toBe('PITH_CORRUPT')
})

test('a deflated archive is opened by the start of each array, and what it unpacks to is limited', async () => {
  const file = zipSync({ 'a.npy': writeNpy(Tensor.zeros([1_000_000])) })
  const opened = await openNpz(file)
  expect(opened.entries.get('a')?.shape).toEqual([1_000_000])
  await expect(opened.tensor('a', { maxBytes: 1_000_000 })).rejects.toMatchObject({ code: 'PITH_LIMIT' })
  expect((await opened.tensor('a')).data.length).toBe(1_000_000)
})
