/** PyTorch's .pt and .bin files (zip archives of version 1.6 and later): tensors without running any of their code. */
import { type ByteSource, PithError, toRandomAccess } from '@pith/core'
import { bitsOf, type DType } from '../dtype.ts'
import { type Shape, sizeOf, stridesOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { checkedShape, tensorOfBytes } from './elements.ts'
import { PickleObject, PickleTuple, type PickleValue, unpickle, unsafe } from './pickle.ts'
import { entryOf, type ReadOptions, type TensorEntry, type TensorFile } from './tensor-file.ts'
import { openZip, type Zip, type ZipEntry } from './zip.ts'

/** Longest pickle that is read, in bytes. */
const MAX_PICKLE_BYTES = 256 * 2 ** 20
/** Values that are visited in search of tensors: shared containers could make them endless. */
const MAX_VISITS = 2 ** 18
const MAX_DEPTH = 64
/** Elements that an expanded tensor may have beyond those of its storage. */
const MAX_EXPANDED = 2 ** 20

const STORAGES: Readonly<Record<string, DType>> = {
  FloatStorage: 'f32',
  DoubleStorage: 'f64',
  HalfStorage: 'f16',
  BFloat16Storage: 'bf16',
  ByteStorage: 'u8',
  CharStorage: 'i8',
  ShortStorage: 'i16',
  IntStorage: 'i32',
  LongStorage: 'i64',
  BoolStorage: 'bool',
}

/** Types that a pickle may name as plain values. */
const TYPE_NAMES: ReadonlySet<string> = /* @__PURE__ */ new Set([
  ...['float32', 'float64', 'float16', 'bfloat16', 'uint8', 'int8', 'int16', 'int32', 'int64', 'bool'],
  ...['strided', 'contiguous_format', 'per_tensor_affine'],
])

/** Elements in the archive. */
interface Storage {
  readonly type: string
  readonly dtype: DType
  readonly key: string
  readonly length: number
}

/** A tensor as the pickle describes it. */
interface TorchTensor {
  readonly storage: Storage
  /** First element. */
  readonly start: number
  readonly shape: Shape
  /** Distance in elements between neighbours along each axis. */
  readonly strides: readonly number[]
}

class StorageType extends PickleObject<string> {}
class StorageObject extends PickleObject<Storage> {}
class TensorObject extends PickleObject<TorchTensor> {}

/** A tensor of a .pt file. */
export interface TorchEntry extends TensorEntry {
  /** Key of the storage; tied tensors have the same. */
  readonly storage: string
}

/** What a .pt file may hold beside tensors: containers as plain objects and arrays, keys as text. */
export type TorchValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | TorchTensorName
  | TorchValue[]
  | { [key: string]: TorchValue }

/** Where a tensor stands in the value. */
export interface TorchTensorName {
  /** Its name in `entries`. */
  readonly tensor: string
}

/** An open .pt file. */
export interface TorchFile extends TensorFile<TorchEntry> {
  /** The object that was saved, with tensors by name. */
  readonly value: TorchValue
}

/**
 * Open a .pt or .bin file; its pickle is read by a machine that knows tensors, containers, texts and numbers and refuses
 * everything else, so that no file can run code. Names of nested dictionaries are joined by dots; a tensor that was saved
 * by itself has the name `tensor`.
 *
 * @throws PithError `PITH_UNSUPPORTED` anything that is not plain data and tensors, a file of an older form, big-endian ·
 * `PITH_CORRUPT`, `PITH_TRUNCATED`, `PITH_CHECKSUM` damage · `PITH_LIMIT` containers that hold each other too often
 */
export async function openTorch(source: ByteSource, options: ReadOptions = {}): Promise<TorchFile> {
  const zip = await openTorchZip(source, options)
  const pickle = [...zip.entries.keys()].find((name) => /^[^/]*\/data\.pkl$/.test(name))
  if (pickle === undefined) {
    throw new PithError('PITH_UNSUPPORTED', 'the archive has no data.pkl: it was not written by torch.save')
  }
  const root = pickle.slice(0, -'data.pkl'.length)
  await checkByteOrder(zip, root, options)
  const bytes = await zip.read(entryOf(zip.entries, pickle), { ...options, maxBytes: MAX_PICKLE_BYTES })
  const found = new Map<string, TorchTensor>()
  const value = flatten(unpickle(bytes, { global: globalOf, persistent: storageOf }), found)
  const entries = new Map<string, TorchEntry>()
  for (const [name, { storage, shape }] of found) {
    const size = (sizeOf(shape) * bitsOf(storage.dtype)) / 8
    entries.set(name, { name, type: storage.type, shape, bytes: size, storage: storage.key })
  }
  return {
    entries,
    value,
    tensor: async (name, read = {}): Promise<Tensor> => await readTensor(zip, root, entryOf(found, name), read),
    close: () => zip.close(),
  }
}

async function openTorchZip(source: ByteSource, options: ReadOptions): Promise<Zip> {
  const access = toRandomAccess(source)
  const [first, second] = await access.read(0, Math.min(2, access.size), options)
  if (first === 0x50 && second === 0x4b) return await openZip(access, options)
  throw new PithError('PITH_UNSUPPORTED', 'this is no .pt file of PyTorch 1.6 or later, which are zip archives', {
    hint: 'Load and save it once with a newer PyTorch.',
  })
}

async function checkByteOrder(zip: Zip, root: string, options: ReadOptions): Promise<void> {
  const entry = zip.entries.get(`${root}byteorder`)
  if (entry === undefined) return
  const order = new TextDecoder().decode(await zip.read(entry, { ...options, maxBytes: 64 }))
  if (order !== 'little') throw new PithError('PITH_UNSUPPORTED', `the elements are ${JSON.stringify(order)}-endian`)
}

/** The only names that a pickle may use. */
function globalOf(name: string): PickleValue | undefined {
  switch (name) {
    case 'collections.OrderedDict':
      return orderedDict
    case 'torch._utils._rebuild_tensor_v2':
    case 'torch._utils._rebuild_tensor':
      return rebuildTensor
    case 'torch._utils._rebuild_parameter':
      return rebuildParameter
    case 'torch.Size':
      return sizeTuple
  }
  const [, own = ''] = /^torch\.(\w+)$/.exec(name) ?? []
  if (Object.hasOwn(STORAGES, own)) return new StorageType(own)
  return TYPE_NAMES.has(own) ? own : undefined
}

function orderedDict(args: readonly PickleValue[]): PickleValue {
  const [pairs] = args
  const map = new Map<string, PickleValue>()
  if (pairs === undefined) return map
  if (!Array.isArray(pairs)) throw bad('an OrderedDict')
  for (const pair of pairs) {
    const items = pair instanceof PickleTuple ? pair.items : pair
    if (!Array.isArray(items) || items.length !== 2 || typeof items[0] !== 'string') throw bad('an OrderedDict')
    map.set(items[0], items[1] as PickleValue)
  }
  return map
}

function sizeTuple([items]: readonly PickleValue[]): PickleValue {
  if (items instanceof PickleTuple) return items
  throw bad('a torch.Size')
}

function rebuildParameter([tensor]: readonly PickleValue[]): PickleValue {
  if (tensor instanceof TensorObject) return tensor
  throw bad('a parameter')
}

function rebuildTensor([storage, start, shape, strides]: readonly PickleValue[]): PickleValue {
  if (!(storage instanceof StorageObject && shape instanceof PickleTuple && strides instanceof PickleTuple)) {
    throw bad('a tensor')
  }
  const lengths = checkedShape(shape.items, 'a tensor')
  const steps = strides.items
  const isNumber = (value: PickleValue | undefined) => Number.isSafeInteger(value) && (value as number) >= 0
  if (steps.length !== lengths.length || !steps.every(isNumber) || !isNumber(start)) throw bad('a tensor')
  let end = start as number
  for (const [axis, length] of lengths.entries()) end += (length - 1) * (steps[axis] as number)
  const size = sizeOf(lengths)
  if (size > 0 && end >= storage.value.length) throw bad('a tensor that is longer than its storage')
  if (size > storage.value.length + MAX_EXPANDED) {
    throw new PithError('PITH_LIMIT', `an expanded tensor has ${size} elements, its storage ${storage.value.length}`)
  }
  return new TensorObject({
    storage: storage.value,
    start: start as number,
    shape: lengths,
    strides: steps as readonly number[],
  })
}

/** `('storage', type, key, device, elements)`. */
function storageOf(id: PickleValue): PickleValue {
  const [kind, type, key, , length] = id instanceof PickleTuple ? id.items : []
  if (kind !== 'storage' || typeof key !== 'string' || !/^[\w.-]{1,64}$/.test(key)) throw bad('a persistent id')
  if (!(type instanceof StorageType)) throw unsafe('a storage of another type')
  if (!(Number.isSafeInteger(length) && (length as number) >= 0)) throw bad('a storage')
  const dtype = STORAGES[type.value] as DType
  return new StorageObject({ type: type.value, dtype, key, length: length as number })
}

function bad(what: string): PithError {
  return new PithError('PITH_CORRUPT', `the pickle describes ${what} that cannot be`)
}

/** The saved object as plain data; tensors go to `found`. */
function flatten(root: PickleValue, found: Map<string, TorchTensor>): TorchValue {
  let visits = 0
  const visit = (value: PickleValue, path: string, depth: number): TorchValue => {
    if (++visits > MAX_VISITS || depth > MAX_DEPTH) {
      throw new PithError('PITH_LIMIT', `the pickle has more than ${MAX_VISITS} values or ${MAX_DEPTH} levels`)
    }
    const inner = (key: string) => (path === '' ? key : `${path}.${key}`)
    if (value instanceof TensorObject) {
      const name = path === '' ? 'tensor' : path
      if (found.has(name)) throw new PithError('PITH_UNSUPPORTED', `two tensors have the name ${name.slice(0, 80)}`)
      found.set(name, value.value)
      return { tensor: name }
    }
    if (value instanceof PickleObject) return String(value.value)
    if (value instanceof PickleTuple) return value.items.map((item, i) => visit(item, inner(String(i)), depth + 1))
    if (value instanceof Set) return [...value]
    if (Array.isArray(value)) return value.map((item, i) => visit(item, inner(String(i)), depth + 1))
    if (value instanceof Map) {
      const pairs = [...value].map(([key, item]) => [String(key), visit(item, inner(String(key)), depth + 1)] as const)
      return Object.fromEntries(pairs)
    }
    if (typeof value === 'function') throw unsafe('a constructor as a value')
    return value
  }
  return visit(root, '', 0)
}

async function readTensor(zip: Zip, root: string, tensor: TorchTensor, read: ReadOptions): Promise<Tensor> {
  const { storage, start, shape, strides } = tensor
  const width = bitsOf(storage.dtype) / 8
  const size = sizeOf(shape)
  const entry = zip.entries.get(`${root}data/${storage.key}`)
  if (entry === undefined) throw new PithError('PITH_CORRUPT', `the archive has no storage ${storage.key}`)
  if (entry.bytes !== storage.length * width) {
    throw new PithError(
      'PITH_CORRUPT',
      `the storage ${storage.key} has ${entry.bytes} bytes, expected ${storage.length * width}`,
    )
  }
  const isPlain = stridesOf(shape).every((stride, axis) => shape[axis] === 1 || stride === strides[axis])
  if (size === 0 || isPlain) {
    const bytes = await readPart(zip, entry, start * width, size * width, read)
    return tensorOfBytes(storage.dtype, shape, bytes)
  }
  return tensorOfBytes(storage.dtype, shape, gather(await zip.read(entry, read), tensor, width))
}

/** A part of a storage; whole ones are checked against their CRC. */
async function readPart(
  zip: Zip,
  entry: ZipEntry,
  start: number,
  length: number,
  read: ReadOptions,
): Promise<Uint8Array> {
  if (length === 0) return new Uint8Array(0)
  if (entry.method === 0 && length < entry.bytes) return await zip.readRange(entry, start, start + length, read)
  return (await zip.read(entry, read)).subarray(start, start + length)
}

function gather(from: Uint8Array, { start, shape, strides }: TorchTensor, width: number): Uint8Array {
  const size = sizeOf(shape)
  const out = new Uint8Array(size * width)
  const index = new Array<number>(shape.length).fill(0)
  let at = start
  for (let i = 0; i < size; i++) {
    for (let byte = 0; byte < width; byte++) out[i * width + byte] = from[at * width + byte] as number
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis] as number
      if (++(index[axis] as number) < (shape[axis] as number)) break
      at -= (strides[axis] as number) * (shape[axis] as number)
      index[axis] = 0
    }
  }
  return out
}
