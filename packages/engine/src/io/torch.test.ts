import { f32FromBf16, f32FromF16 } from '@pith/core'
import { unzipSync, zipSync } from 'fflate'
import { expect, test } from 'vitest'
import { codeOf } from '../../test/errors.ts'
import { jsonVector, vector } from '../../test/io/vectors.ts'
import type { Tensor } from '../tensor.ts'
import { PickleTuple, unpickle } from './pickle.ts'
import { openTorch } from './torch.ts'

interface Expected {
  shape: number[]
  dtype: string
  values: number[]
}

const NAMES: Readonly<Record<string, string>> = {
  f32: 'float32',
  f64: 'float64',
  f16: 'float16',
  bf16: 'bfloat16',
  u8: 'uint8',
  i8: 'int8',
  i16: 'int16',
  i32: 'int32',
  i64: 'int64',
  bool: 'bool',
}

function numbersOf({ dtype, data }: Tensor): number[] {
  if (dtype === 'f16') return [...f32FromF16(data as Uint16Array)]
  if (dtype === 'bf16') return [...f32FromBf16(data as Uint16Array)]
  return Array.from(data as Float32Array, Number)
}

test.each(['state', 'views', 'nested'])('the tensors of %s.pt are those that PyTorch saved', async (name) => {
  const file = await openTorch(vector(`${name}.pt`))
  const expected = jsonVector<Record<string, Expected>>(`${name}.pt.json`)
  expect([...file.entries.keys()].sort()).toEqual(Object.keys(expected).sort())
  for (const [key, { shape, dtype, values }] of Object.entries(expected)) {
    const tensor = await file.tensor(key)
    expect([key, `torch.${NAMES[tensor.dtype]}`, tensor.shape, numbersOf(tensor)]).toEqual([key, dtype, shape, values])
  }
})

test('plain data beside tensors is kept', async () => {
  const { value } = await openTorch(vector('nested.pt'))
  expect(value).toEqual({
    epoch: 3,
    rate: 0.25,
    name: 'net',
    done: false,
    none: null,
    big: 2 ** 40,
    huge: 2n ** 70n,
    list: [{ tensor: 'list.0' }, { tensor: 'list.1' }],
    state: { '0': { step: 5, avg: { tensor: 'state.0.avg' } } },
    shape: [2, 3],
    pair: [1, 'x'],
    dtype: 'float16',
  })
})

test('a tensor by itself has a name, views say that they share a storage', async () => {
  expect(((await (await openTorch(vector('alone.pt'))).tensor('tensor')).data as Float32Array)[1]).toBe(2)
  const { entries } = await openTorch(vector('views.pt'))
  expect(entries.get('row')?.storage).toBe(entries.get('base')?.storage)
  expect(entries.get('scalar')?.storage).not.toBe(entries.get('base')?.storage)
})

test.each([
  ['a call of the system', 'evil.pt', /posix\.system/],
  ['a whole module', 'module.pt', /torch\.nn\.modules\.linear\.Linear/],
  ['the form before 1.6', 'legacy.pt', /1\.6/],
])('a file with %s is refused', async (_, name, message) => {
  await expect(openTorch(vector(name))).rejects.toMatchObject({ code: 'PITH_UNSUPPORTED', message })
})

/** An archive with a pickle made of text and numbers of bytes. */
function archiveOf(...parts: (string | number)[]): Uint8Array {
  const pickle = parts.flatMap((part) => (typeof part === 'number' ? [part] : [...new TextEncoder().encode(part)]))
  return zipSync({ 'x/data.pkl': Uint8Array.from(pickle) }, { level: 0 })
}

test.each([
  ['a global that is not named', ['cos\nsystem\n.'], 'PITH_UNSUPPORTED'],
  ['eval', ['c__builtin__\neval\n(X', 1, 0, 0, 0, '1tR.'], 'PITH_UNSUPPORTED'],
  ['getattr', [0x80, 4, 0x8c, 8, 'builtins', 0x8c, 7, 'getattr', 0x93, '.'], 'PITH_UNSUPPORTED'],
  ['a dotted name', ['ctorch\n_utils._rebuild_tensor_v2.__globals__\n.'], 'PITH_UNSUPPORTED'],
  ['a property of all objects', ['ctorch\nconstructor\n.'], 'PITH_UNSUPPORTED'],
  ['an instance', ['(iposix\nsystem\n.'], 'PITH_UNSUPPORTED'],
  ['an object', ['ccollections\nOrderedDict\n)', 0x81, '.'], 'PITH_UNSUPPORTED'],
  ['a number of the registry', [0x82, 1, '.'], 'PITH_UNSUPPORTED'],
  ['a call of a text', ['X', 1, 0, 0, 0, 'a)R.'], 'PITH_UNSUPPORTED'],
  ['a state of a text', ['X', 1, 0, 0, 0, 'a}b.'], 'PITH_UNSUPPORTED'],
  ['a constructor as a value', ['ccollections\nOrderedDict\n.'], 'PITH_UNSUPPORTED'],
  ['a key that is a tuple', ['}(K', 1, 'tNs.'], 'PITH_UNSUPPORTED'],
  ['an empty stack', ['.'], 'PITH_CORRUPT'],
  ['no mark', ['Nt.'], 'PITH_CORRUPT'],
  ['a mark left over', ['(N.'], 'PITH_CORRUPT'],
  ['nothing remembered', ['h', 3, '.'], 'PITH_CORRUPT'],
  ['no end', ['N'], 'PITH_TRUNCATED'],
  ['a text beyond the end', ['X', 255, 255, 255, 127, 'a.'], 'PITH_TRUNCATED'],
  ['a later protocol', [0x80, 6, 'N.'], 'PITH_VERSION'],
  ['a list within itself', [']q', 0, 'h', 0, 'a.'], 'PITH_LIMIT'],
])('a pickle with %s is refused', async (_, parts, code) => {
  expect(await codeOf(openTorch(archiveOf(...parts)))).toBe(code)
})

test('lists that double at each level are refused, not unfolded', async () => {
  const parts: (string | number)[] = [']q', 0, '0']
  for (let level = 1; level < 40; level++) parts.push(']q', level, '(h', level - 1, 'h', level - 1, 'e0')
  expect(await codeOf(openTorch(archiveOf(...parts, 'h', 39, '.')))).toBe('PITH_LIMIT')
})

/** The archive of a vector with some of its files changed. */
function withFiles(name: string, change: (path: string, bytes: Uint8Array) => Uint8Array): Uint8Array {
  const files = Object.entries(unzipSync(vector(name)))
  return zipSync(Object.fromEntries(files.map(([path, bytes]) => [path, change(path, bytes)])), { level: 6 })
}

test('a storage that is shorter than the tensors say is refused; deflated archives are read', async () => {
  const same = await openTorch(withFiles('alone.pt', (_, bytes) => bytes))
  expect((await same.tensor('tensor')).data).toEqual(Float32Array.of(1, 2))
  const short = await openTorch(
    withFiles('alone.pt', (path, bytes) => (/data\/\d/.test(path) ? bytes.subarray(4) : bytes)),
  )
  expect(await codeOf(short.tensor('tensor'))).toBe('PITH_CORRUPT')
})

test('a tensor that reaches beyond its storage is refused', async () => {
  // The second of the two numbers of the shape is the only BININT1 of 2 that a TUPLE1 follows.
  const longer = withFiles('alone.pt', (path, bytes) => {
    if (!path.endsWith('data.pkl')) return bytes
    const at = bytes.findIndex((byte, i) => byte === 0x4b && bytes[i + 1] === 2 && bytes[i + 2] === 0x85)
    expect(at).toBeGreaterThan(0)
    return bytes.with(at + 1, 3)
  })
  expect(await codeOf(openTorch(longer))).toBe('PITH_CORRUPT')
})

test('pickles of protocol 4 are read: short texts, frames, sets, memos', () => {
  // pickle.dumps(({'a': [1, -2, 300, 70000]}, {True}, b'x', 1.5), 4), by hand.
  const bytes = [
    ...[0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0, 0, 0x28, 0x7d, 0x94, 0x8c, 1, 0x61, 0x94, 0x5d, 0x94, 0x28, 0x4b, 1],
    ...[0x4a, 0xfe, 0xff, 0xff, 0xff, 0x4d, 0x2c, 1, 0x4a, 0x70, 0x11, 1, 0, 0x65, 0x73, 0x8f, 0x94, 0x28, 0x88, 0x90],
    ...[0x43, 1, 0x78, 0x94, 0x47, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0x74, 0x94, 0x2e],
  ]
  const value = unpickle(Uint8Array.from(bytes), { global: () => undefined, persistent: () => null })
  const list = [1, -2, 300, 70000]
  expect(value).toEqual(new PickleTuple([new Map([['a', list]]), new Set([true]), Uint8Array.of(0x78), 1.5]))
})
