/** Fine-tuned parameters back in the file that they came from. */
import { PithError } from '@pith/core'
import { bytesOfData } from '../io/elements.ts'
import { castTensor } from '../onnx/import-type.ts'
import { orderNodes } from '../onnx/names.ts'
import type { GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto } from '../onnx/proto.ts'
import { fromTensor, toTensor } from '../onnx/tensor-proto.ts'
import { torchNames } from '../onnx/torch-names.ts'
import { type Params, specText, Tensor } from '../tensor.ts'

/** From this version of the format on, initialisers need not be inputs as well. */
const FREE_INITIALISERS = 4

/**
 * A model with some of its weights replaced; all else of the file stays as it is: nodes, axes of any length, frozen weights to
 * the byte. Weights that PyTorch's exporter had renamed stand under their own names and in their own layout again, with a
 * Transpose that onnxruntime folds; those that it had merged with equal ones stand by themselves.
 *
 * @param file   what `fromModel` was given
 * @param params  weights by the names of `ImportedModel.params`, as a training step has them; those that are equal stay
 * @param untie  as for `fromModel`, with the same default
 * @throws PithError `PITH_ARG` a weight that the file has not, or has in another shape
 */
export function tunedModel(
  file: ModelProto,
  params: Readonly<Params>,
  untie: boolean = file.producerName === 'pytorch',
): ModelProto {
  const graph = file.graph ?? {}
  const { initializer = [], node: nodes = [], input = [], valueInfo } = graph
  const held = new Map(initializer.map((tensor) => [tensor.name ?? '', tensor]))
  const copies = untie ? copiesOf(nodes, held) : new Map<string, never>()
  const names = torchNames(file)
  const trained = changedOf(params, (name) => held.get(copies.get(name)?.from ?? name))
  const weights = new Map(held)
  const gone = new Set<NodeProto>()
  const transposes: NodeProto[] = []
  const added: TensorProto[] = []
  const renamed = new Map<string, TensorProto>()
  const changed = new Set(Object.keys(trained).map((name) => copies.get(name)?.from ?? name))
  const stored = (name: string, own: Tensor, old: TensorProto): TensorProto => {
    const tensor = asType(own, toTensor(old), name)
    const torch = names[name]
    if (torch?.isTransposed !== true) return fromTensor(tensor, name)
    transposes.push(transposeNode(torch.name, name))
    return fromTensor(transposed(tensor), torch.name)
  }
  for (const [name, tensor] of Object.entries(trained)) {
    if (copies.has(name)) continue
    const proto = stored(name, tensor, held.get(name) as TensorProto)
    weights.set(name, proto)
    if (proto.name !== name) renamed.set(name, proto)
  }
  // All that were merged part where one of them changed: what stays can be no copy of what does not.
  for (const [name, { node, from }] of copies) {
    if (!changed.has(from)) continue
    const old = held.get(from) as TensorProto
    const own = Object.hasOwn(trained, name) ? trained[name] : undefined
    gone.add(node)
    added.push(own === undefined ? { ...old, name } : stored(name, own, old))
  }
  const isListed = Number(file.irVersion ?? 0) < FREE_INITIALISERS
  const made: GraphProto = {
    ...graph,
    node: [...transposes, ...nodes.filter((node) => !gone.has(node))],
    initializer: [...weights.values(), ...added],
    input: [
      ...input.map((info) => (renamed.has(info.name ?? '') ? infoOf(renamed.get(info.name ?? '')) : info)),
      ...(isListed ? added.map(infoOf) : []),
    ],
  }
  const own = new Set(added.map(({ name = '' }) => name))
  if (valueInfo !== undefined) made.valueInfo = valueInfo.filter(({ name = '' }) => !own.has(name))
  return { ...file, graph: made }
}

/** Weights that are not those of the file. @throws PithError `PITH_ARG` there is none of that name */
function changedOf(params: Readonly<Params>, find: (name: string) => TensorProto | undefined): Params {
  return Object.fromEntries(
    Object.entries(params).filter(([name, tensor]) => {
      const old = find(name)
      if (old === undefined) throw new PithError('PITH_ARG', `the model has no weight ${JSON.stringify(name)}`)
      return !isSame(tensor, castTensor(toTensor(old), tensor.dtype === 'f64' ? 'keep' : 'cast'))
    }),
  )
}

function isSame(a: Tensor, b: Tensor): boolean {
  if (specText(a) !== specText(b)) return false
  const own = bytesOfData(a.dtype, a.data)
  const other = bytesOfData(b.dtype, b.data)
  // Weights that were not trained are most often views of the file.
  if (own.buffer === other.buffer && own.byteOffset === other.byteOffset) return own.length === other.length
  for (let i = 0; i < own.length; i++) if (own[i] !== other[i]) return false
  return own.length === other.length
}

/** Nodes that pass a weight on, with its name, by the names under which they do. */
function copiesOf(
  nodes: readonly NodeProto[],
  held: ReadonlyMap<string, TensorProto>,
): Map<string, { node: NodeProto; from: string }> {
  const copies = new Map<string, { node: NodeProto; from: string }>()
  for (const node of orderNodes(nodes)) {
    const source = node.input?.[0] ?? ''
    const from = held.has(source) ? source : copies.get(source)?.from
    if (node.opType !== 'Identity' || (node.domain ?? '') !== '' || from === undefined) continue
    copies.set(node.output?.[0] ?? '', { node, from })
  }
  return copies
}

/** A weight in the type that the file has it in. */
function asType({ data, shape, dtype }: Tensor, old: Tensor, name: string): Tensor {
  const isWidened = old.dtype === 'f64' && dtype === 'f32'
  if (String(shape) !== String(old.shape) || !(isWidened || dtype === old.dtype)) {
    throw new PithError('PITH_ARG', `the weight ${name} is ${specText(old)}, not ${dtype}[${shape.join(', ')}]`)
  }
  return isWidened ? new Tensor(Float64Array.from(data as Float32Array), shape) : new Tensor(data, shape, dtype)
}

function transposed({ data, shape, dtype }: Tensor): Tensor {
  const [rows = 0, columns = 0] = shape
  const out = (data as Float32Array).slice()
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      out[column * rows + row] = data[row * columns + column] as number
    }
  }
  return new Tensor(out, [columns, rows], dtype)
}

function transposeNode(from: string, to: string): NodeProto {
  return {
    input: [from],
    output: [to],
    name: `${from}.T`,
    opType: 'Transpose',
    attribute: [{ name: 'perm', ints: [1, 0], type: 7 }],
  }
}

function infoOf(tensor: TensorProto | undefined): ValueInfoProto {
  const { name = '', dataType = 0, dims = [] } = tensor ?? {}
  const dim = dims.map((length) => ({ dimValue: length }))
  return { name, type: { tensorType: { elemType: dataType, shape: { dim } } } }
}
