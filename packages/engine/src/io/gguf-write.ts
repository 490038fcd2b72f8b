/** GGUF files, version 3, as a stream. */
import { ByteWriter, compareText, concatBytes, PithError } from '@pith/core'
import type { Shape } from '../shape.ts'
import { Tensor } from '../tensor.ts'
import { bytesOfData } from './elements.ts'
import { DEFAULT_ALIGNMENT, dtypeOfGguf, GGUF_MAGIC } from './gguf.ts'
import { type GgufValue, writeText, writeValue } from './gguf-metadata.ts'
import { type QuantizableType, quantize } from './gguf-quantize.ts'
import { type GgufType, ggufBytes, ggufTypeFacts } from './gguf-types.ts'

/** Name, type and shape of a tensor that is going to be written; the last axis is the fastest. */
export interface GgufSpec {
  readonly name: string
  readonly type: GgufType
  readonly shape: Shape
}

/** What goes into a GGUF file beside the elements. */
export interface GgufModel {
  /** Values by key; `general.alignment` sets the alignment (default 32). */
  readonly metadata: ReadonlyMap<string, GgufValue>
  /** Tensors in the order of the file. */
  readonly tensors: readonly GgufSpec[]
}

/**
 * The bytes of a GGUF file one after the other; `load` is called once for each tensor, in order. Keys stand sorted, with
 * `general.architecture` first.
 *
 * @param load  a tensor of the spec's type, f32 for a type of blocks (it is quantised), or the bytes as they are
 * @throws PithError `PITH_ARG` a name or alignment · `PITH_SHAPE` rows that are no blocks, or `load` gave another tensor ·
 * what {@link quantize} gives
 */
export async function* ggufChunks(
  model: GgufModel,
  load: (name: string) => Tensor | Uint8Array | Promise<Tensor | Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const alignment = alignmentToWrite(model.metadata)
  const header = writeHeader(model, alignment)
  yield header
  let padding = header.length
  for (const spec of model.tensors) {
    yield* pad(padding, alignment)
    const bytes = bytesToWrite(spec, await load(spec.name))
    if (bytes.length > 0) yield bytes
    padding = bytes.length
  }
  yield* pad(padding, alignment)
}

/** A GGUF file in memory. @throws PithError what {@link ggufChunks} gives */
export async function writeGguf(
  model: GgufModel,
  load: (name: string) => Tensor | Uint8Array | Promise<Tensor | Uint8Array>,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  for await (const chunk of ggufChunks(model, load)) chunks.push(chunk)
  return concatBytes(chunks)
}

function* pad(length: number, alignment: number): Generator<Uint8Array, void, undefined> {
  const left = Math.ceil(length / alignment) * alignment - length
  if (left > 0) yield new Uint8Array(left)
}

function alignmentToWrite(metadata: ReadonlyMap<string, GgufValue>): number {
  const value = metadata.get('general.alignment')
  if (value === undefined) return DEFAULT_ALIGNMENT
  if (value.type === 'u32' && value.value >= 8 && value.value <= 2 ** 20 && Number.isInteger(Math.log2(value.value))) {
    return value.value
  }
  throw new PithError('PITH_ARG', 'general.alignment must be a power of two in 8..2^20, of type u32')
}

function writeHeader({ metadata, tensors }: GgufModel, alignment: number): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(4096)
  writer.u32(GGUF_MAGIC)
  writer.u32(3)
  writer.u64(tensors.length)
  writer.u64(metadata.size)
  const first = 'general.architecture'
  const rank = (key: string) => (key === first ? 0 : 1)
  for (const key of [...metadata.keys()].sort((a, b) => rank(a) - rank(b) || compareText(a, b))) {
    checkName(key)
    writeText(writer, key)
    writeValue(writer, metadata.get(key) as GgufValue)
  }
  const names = new Set<string>()
  let offset = 0
  for (const { name, type, shape } of tensors) {
    checkName(name)
    if (names.has(name)) throw new PithError('PITH_ARG', `the tensor ${name.slice(0, 80)} stands twice`)
    names.add(name)
    if (shape.length > 4)
      throw new PithError('PITH_SHAPE', `${name.slice(0, 80)} has ${shape.length} axes, at most 4 can be`)
    writeText(writer, name)
    writer.u32(shape.length)
    for (const length of [...shape].reverse()) writer.u64(length)
    writer.u32(ggufTypeFacts(type).number)
    writer.u64(offset)
    offset += Math.ceil(ggufBytes(type, shape) / alignment) * alignment
  }
  return writer.finish()
}

function checkName(name: string): void {
  if (name.length === 0 || name.length > 65535) {
    throw new PithError('PITH_ARG', `a name of 1..65535 characters is needed, got ${name.length}`)
  }
}

function bytesToWrite({ name, type, shape }: GgufSpec, loaded: Tensor | Uint8Array): Uint8Array {
  const wanted = ggufBytes(type, shape)
  const bytes = loaded instanceof Tensor ? bytesOfTensor(type, loaded) : loaded
  if (bytes?.length === wanted) return bytes
  throw new PithError('PITH_SHAPE', `what was loaded for ${name.slice(0, 80)} is not ${type}[${shape.join(', ')}]`, {
    hint: 'Give a tensor of this type, f32 where blocks are made, or the bytes.',
  })
}

function bytesOfTensor(type: GgufType, { dtype, data }: Tensor): Uint8Array | undefined {
  if (dtypeOfGguf(type) === dtype) return bytesOfData(dtype, data)
  if (dtypeOfGguf(type) !== undefined || dtype !== 'f32') return undefined
  return quantize(type as QuantizableType, data as Float32Array)
}
