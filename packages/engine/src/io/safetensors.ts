/** safetensors: read lazily by ranges, written as a stream in the bytes of the reference writer. */
import { type ByteSource, concatBytes, PithError, toRandomAccess } from '@pith/core'
import { type Params, Tensor } from '../tensor.ts'
import { bytesOfData, tensorOfBytes } from './elements.ts'
import { f32FromFloat8 } from './float8.ts'
import {
  dtypeOfSafetensors,
  layOutSafetensors,
  MAX_HEADER_BYTES,
  parseSafetensorsHeader,
  type SafetensorsEntry,
  type SafetensorsSpec,
  safetensorsBytes,
  safetensorsType,
} from './safetensors-header.ts'
import { entryOf, type ReadOptions, readExactly, type TensorFile } from './tensor-file.ts'

/** Bytes that the first read asks for: most headers fit. */
const FIRST_READ = 64 * 1024

/** An open safetensors file. */
export interface Safetensors extends TensorFile<SafetensorsEntry> {
  /** Texts that the writer put beside the tensors. */
  readonly metadata: ReadonlyMap<string, string>
  /** The bytes of a tensor, or of a range within it; they may share memory with the source. */
  bytes(name: string, range?: { start: number; end: number }, options?: ReadOptions): Promise<Uint8Array>
}

/**
 * Open a safetensors file; only its header is read.
 *
 * @throws PithError `PITH_TRUNCATED` · `PITH_CORRUPT` the header contradicts itself or the size · `PITH_UNSUPPORTED` an
 * unknown type, or a stream
 */
export async function openSafetensors(source: ByteSource, options: ReadOptions = {}): Promise<Safetensors> {
  const access = toRandomAccess(source)
  if (access.size < 10)
    throw new PithError('PITH_TRUNCATED', `a safetensors file has 10 bytes or more, got ${access.size}`)
  const first = await readExactly(access, 0, Math.min(access.size, FIRST_READ), options)
  const view = new DataView(first.buffer, first.byteOffset, first.byteLength)
  const length = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true)
  if (length > MAX_HEADER_BYTES || length < 2) {
    throw new PithError('PITH_CORRUPT', `a header of 2..${MAX_HEADER_BYTES} bytes is expected, got ${length}`, {
      hint: 'Check that this is a safetensors file.',
      at: { offset: 0 },
    })
  }
  const end = 8 + length
  const json =
    end <= first.length
      ? first.subarray(8, end)
      : concatBytes([first.subarray(8), await readExactly(access, first.length, end - first.length, options)])
  const { entries, metadata } = parseSafetensorsHeader(json, access.size)
  return {
    entries,
    metadata,
    async bytes(name, range, read = {}) {
      const entry = entryOf(entries, name)
      const { start, end } = range ?? { start: 0, end: entry.bytes }
      if (!(Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= entry.bytes)) {
        throw new PithError('PITH_ARG', `a range within 0..${entry.bytes} is needed, got ${start}..${end}`)
      }
      return await readExactly(access, entry.offset + start, end - start, read)
    },
    async tensor(name, read = {}) {
      const { type, shape, offset, bytes } = entryOf(entries, name)
      const data = await readExactly(access, offset, bytes, read)
      if (type === 'F8_E4M3' || type === 'F8_E5M2') {
        return new Tensor(f32FromFloat8(data, type === 'F8_E4M3' ? 'E4M3' : 'E5M2'), shape)
      }
      return tensorOfBytes(dtypeOfSafetensors(type), shape, data)
    },
    close: async () => access.close?.(),
  }
}

/** Texts that go beside the tensors. */
export interface SafetensorsOptions {
  metadata?: Readonly<Record<string, string>>
}

/**
 * The bytes of a safetensors file one after the other; `load` is called once for each tensor, in the order of the file,
 * so that no more than one has to be in memory.
 *
 * @param load  a tensor of the type and shape that its spec says, or its bytes
 * @throws PithError `PITH_ARG` a name stands twice · `PITH_SHAPE` `load` gave another tensor · `PITH_LIMIT` the header
 */
export async function* safetensorsChunks(
  specs: readonly SafetensorsSpec[],
  load: (name: string) => Tensor | Uint8Array | Promise<Tensor | Uint8Array>,
  options: SafetensorsOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { header, order } = layOutSafetensors(specs, options.metadata)
  yield header
  for (const spec of order) {
    const bytes = bytesToWrite(spec, await load(spec.name))
    if (bytes.length > 0) yield bytes
  }
}

function bytesToWrite(spec: SafetensorsSpec, loaded: Tensor | Uint8Array): Uint8Array {
  const bytes = loaded instanceof Tensor ? bytesOfData(loaded.dtype, loaded.data) : loaded
  const isType = !(loaded instanceof Tensor) || safetensorsType(loaded.dtype) === spec.type
  if (isType && bytes.length === safetensorsBytes(spec)) return bytes
  throw new PithError('PITH_SHAPE', `what was loaded for ${spec.name.slice(0, 80)} is not ${spec.type}[${spec.shape}]`)
}

/** Names, types and shapes of tensors in memory. @throws PithError `PITH_DTYPE` a type that the format has not */
export function safetensorsSpecs(params: Params): SafetensorsSpec[] {
  return Object.entries(params).map(([name, { dtype, shape }]) => ({ name, type: safetensorsType(dtype), shape }))
}

/**
 * A safetensors file of tensors in memory; the same tensors give the same bytes in any order of names.
 *
 * @throws PithError `PITH_DTYPE` strings and four-bit integers · `PITH_LIMIT` a header above 100 MB
 */
export function writeSafetensors(params: Params, options: SafetensorsOptions = {}): Uint8Array<ArrayBuffer> {
  const { header, order } = layOutSafetensors(safetensorsSpecs(params), options.metadata)
  return concatBytes([header, ...order.map((spec) => bytesToWrite(spec, params[spec.name] as Tensor))])
}
