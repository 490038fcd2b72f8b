/** Tensors whose elements stand in other files: brought in from files that the caller opens, and moved out. */
import { PithError, type RandomAccess } from '@pith/core'
import { badTensor, countElements } from './check.ts'
import { externalFields, readExternal } from './external-entry.ts'
import type { AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto } from './proto.ts'

/** Opens a file by its path relative to the model's folder; paths that leave the folder never come here. */
export type OpenExternal = (location: string) => Promise<RandomAccess | Uint8Array>

/** The same model with each of its tensors replaced; what has none is shared. */
function mapTensors(model: ModelProto, map: (tensor: TensorProto) => TensorProto): ModelProto {
  const mapped: ModelProto = { ...model }
  if (model.graph !== undefined) mapped.graph = mapGraph(model.graph, map)
  if (model.functions !== undefined) {
    mapped.functions = model.functions.map((own) => ({
      ...own,
      node: (own.node ?? []).map((node) => mapNode(node, map)),
    }))
  }
  return mapped
}

function mapGraph(graph: GraphProto, map: (tensor: TensorProto) => TensorProto): GraphProto {
  const mapped: GraphProto = { ...graph }
  if (graph.initializer !== undefined) mapped.initializer = graph.initializer.map(map)
  if (graph.node !== undefined) mapped.node = graph.node.map((node) => mapNode(node, map))
  return mapped
}

function mapNode(node: NodeProto, map: (tensor: TensorProto) => TensorProto): NodeProto {
  if (node.attribute?.every(({ t, tensors, g, graphs }) => !t && !tensors && !g && !graphs) ?? true) return node
  return { ...node, attribute: (node.attribute ?? []).map((attribute) => mapAttribute(attribute, map)) }
}

function mapAttribute(attribute: AttributeProto, map: (tensor: TensorProto) => TensorProto): AttributeProto {
  const { t, tensors, g, graphs } = attribute
  return {
    ...attribute,
    ...(t === undefined ? {} : { t: map(t) }),
    ...(tensors === undefined ? {} : { tensors: tensors.map(map) }),
    ...(g === undefined ? {} : { g: mapGraph(g, map) }),
    ...(graphs === undefined ? {} : { graphs: graphs.map((graph) => mapGraph(graph, map)) }),
  }
}

/** All tensors of a model, those within nodes included. */
function tensorsOf(model: ModelProto): TensorProto[] {
  const tensors: TensorProto[] = []
  mapTensors(model, (tensor) => {
    tensors.push(tensor)
    return tensor
  })
  return tensors
}

/**
 * The same model with the elements of all its tensors at hand.
 *
 * @param open gives each file once; it is closed afterwards where it can be
 * @throws PithError `PITH_MODEL` a location that leaves the folder · `PITH_TRUNCATED` elements beyond the end of a file ·
 * `PITH_CORRUPT` an entry that makes no sense · what `open` throws
 */
export async function resolveExternal(model: ModelProto, open: OpenExternal): Promise<ModelProto> {
  const outside = tensorsOf(model).filter((tensor) => tensor.dataLocation === 1)
  if (outside.length === 0) return model
  const files = new Map<string, RandomAccess | Uint8Array>()
  const found = new Map<TensorProto, TensorProto>()
  try {
    for (const tensor of outside) {
      const { location } = readExternal(tensor)
      let file = files.get(location)
      if (file === undefined) files.set(location, (file = await open(location)))
      found.set(tensor, await readTensor(tensor, file))
    }
  } finally {
    for (const file of files.values()) if (!(file instanceof Uint8Array)) await file.close?.()
  }
  return mapTensors(model, (tensor) => found.get(tensor) ?? tensor)
}

async function readTensor(tensor: TensorProto, file: RandomAccess | Uint8Array): Promise<TensorProto> {
  const size = file instanceof Uint8Array ? file.length : file.size
  const { location, offset, length = Math.max(0, size - offset) } = readExternal(tensor)
  if (offset + length > size) {
    throw new PithError('PITH_TRUNCATED', `${location} ends before a tensor does`, {
      at: { entry: location, offset },
      hint: 'Fetch the whole file.',
    })
  }
  if (length > 16 * countElements(tensor)) throw badTensor(tensor, `needs less than the ${length} bytes of its entry`)
  const rawData = file instanceof Uint8Array ? file.subarray(offset, offset + length) : await file.read(offset, length)
  if (rawData.length !== length) {
    throw new PithError('PITH_TRUNCATED', `${location} ends before a tensor does`, { at: { entry: location, offset } })
  }
  const { externalData: _entry, dataLocation: _location, ...rest } = tensor
  return { ...rest, rawData }
}

/** A tensor's place in one of the files beside a model. */
export interface Moved {
  /** Bytes to write, at offsets that are multiples of the alignment, in this order. */
  readonly parts: readonly { offset: number; bytes: Uint8Array }[]
  readonly bytes: number
}

/** Which tensors are moved to which file. */
export interface MoveOptions {
  /** Path of a file by its number, relative to the model's folder. */
  name: (shard: number) => string
  /** Bytes from which a tensor is moved. Default 1024. */
  minBytes?: number
  /** Offsets are multiples of it. Default 4096. */
  alignment?: number
  /** A file that is at least this long gets no further tensor. Default: no bound. */
  shardBytes?: number
}

/** The same model with its large tensors in other files, and what these files hold. */
export function moveExternal(
  model: ModelProto,
  options: MoveOptions,
): { model: ModelProto; files: Map<string, Moved> } {
  const { name, minBytes = 1024, alignment = 4096, shardBytes = Number.POSITIVE_INFINITY } = options
  if (!(Number.isInteger(alignment) && alignment >= 1)) {
    throw new PithError('PITH_ARG', `alignment must be an integer >= 1, got ${alignment}`)
  }
  const files = new Map<string, { parts: { offset: number; bytes: Uint8Array }[]; bytes: number }>()
  let shard = 0
  const graph = model.graph ?? {}
  const initializer = (graph.initializer ?? []).map((tensor): TensorProto => {
    const bytes = tensor.rawData
    if (bytes === undefined || bytes.length < minBytes) return tensor
    if ((files.get(name(shard))?.bytes ?? 0) >= shardBytes) shard++
    const location = name(shard)
    let file = files.get(location)
    if (file === undefined) files.set(location, (file = { parts: [], bytes: 0 }))
    const offset = Math.ceil(file.bytes / alignment) * alignment
    file.parts.push({ offset, bytes })
    file.bytes = offset + bytes.length
    const { rawData: _bytes, ...rest } = tensor
    return { ...rest, externalData: externalFields({ location, offset, length: bytes.length }), dataLocation: 1 }
  })
  return { model: { ...model, graph: { ...graph, initializer } }, files }
}
