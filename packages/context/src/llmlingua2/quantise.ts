import { Tensor } from '@pith/engine'
import {
  fromTensor,
  type GraphProto,
  type NodeProto,
  readModel,
  type TensorProto,
  toTensor,
  writeModel,
} from '@pith/engine/onnx'

/**
 * Largest integer that stands for a weight. Not 127: where a processor adds products of bytes in pairs, 255 x 64 twice is the most that
 * 16 bits hold.
 */
const LARGEST = 64

/** Smaller matrices, such as those that give the classes, stay as they are. */
const SMALLEST = 32

/**
 * An ONNX model with its products by constant matrices in integer arithmetic: a matrix as integers of -64..64 with a scale for each column,
 * what it is multiplied with as bytes whose range is taken at each run. All else, and a model without such products, stays as it is.
 *
 * @throws PithError `PITH_CORRUPT` no ONNX model
 */
export function quantiseModel(file: Uint8Array): Uint8Array {
  const model = readModel(file)
  const graph = model.graph
  const matrices = new Map((graph?.initializer ?? []).map((tensor) => [tensor.name ?? '', tensor]))
  for (const { name = '' } of graph?.input ?? []) matrices.delete(name)
  const known = new Map<string, readonly TensorProto[]>()
  let isChanged = false
  const node = (graph?.node ?? []).map((own): NodeProto => {
    const isTurned = own.opType === 'Gemm' && attribute(own, 'transB', 0) === 1
    const matrix = isProduct(own) ? matrices.get(own.input?.[1] ?? '') : undefined
    if (matrix?.dataType !== FLOAT || matrix.dims?.length !== 2 || matrix.dataLocation === EXTERNAL) return own
    if (matrix.dims.some((size) => Number(size) < SMALLEST)) return own
    const name = `${matrix.name}${isTurned ? '.turned' : ''}`
    const parts = known.get(name) ?? quantise(toTensor(matrix), isTurned, name)
    known.set(name, parts)
    isChanged = true
    const [x = '', , bias] = own.input ?? []
    const input = [x, ...parts.map((part) => part.name as string), ...(bias === undefined ? [] : ['', bias])]
    const { name: label, output = [] } = own
    return {
      ...(label === undefined ? {} : { name: label }),
      output,
      input,
      opType: 'DynamicQuantizeMatMul',
      domain: DOMAIN,
    }
  })
  if (graph === undefined || !isChanged) return file
  graph.node = node
  const read = namesRead(graph)
  graph.initializer = [
    ...(graph.initializer ?? []).filter(({ name = '' }) => read.has(name)),
    ...[...known.values()].flat(),
  ]
  const imports = model.opsetImport ?? []
  if (!imports.some(({ domain }) => domain === DOMAIN))
    model.opsetImport = [...imports, { domain: DOMAIN, version: 1n }]
  return writeModel(model)
}

/** Names that a graph reads or gives, those within its nodes too. */
function namesRead(graph: GraphProto): Set<string> {
  const names = new Set((graph.output ?? []).map(({ name = '' }) => name))
  for (const { input = [], attribute = [] } of graph.node ?? []) {
    for (const name of input) names.add(name)
    for (const { g, graphs = [] } of attribute)
      for (const inner of g === undefined ? graphs : [g, ...graphs])
        for (const name of namesRead(inner)) names.add(name)
  }
  return names
}

const FLOAT = 1
const EXTERNAL = 1
const DOMAIN = 'com.microsoft'

/** A product that reads its first input as it stands, and adds no more than a bias. */
function isProduct(node: NodeProto): boolean {
  if ((node.domain ?? '') !== '') return false
  if (node.opType === 'MatMul') return true
  return (
    node.opType === 'Gemm' &&
    attribute(node, 'transA', 0) === 0 &&
    attribute(node, 'alpha', 1) === 1 &&
    (attribute(node, 'beta', 1) === 1 || node.input?.[2] === undefined)
  )
}

function attribute({ attribute = [] }: NodeProto, name: string, otherwise: number): number {
  const own = attribute.find((one) => one.name === name)
  return own === undefined ? otherwise : Number(own.i ?? own.f ?? 0)
}

/** i8[inputs, outputs] and f32[outputs]. */
function quantise({ data, shape }: Tensor, isTurned: boolean, name: string): readonly TensorProto[] {
  const values = data as Float32Array
  const [inputs, outputs] = (isTurned ? [shape[1], shape[0]] : shape) as [number, number]
  const [down, right] = isTurned ? [1, inputs] : [outputs, 1]
  const scales = new Float32Array(outputs)
  const codes = new Int8Array(inputs * outputs)
  for (let i = 0; i < outputs; i++) {
    let most = 0
    for (let k = 0; k < inputs; k++) most = Math.max(most, Math.abs(values[k * down + i * right] as number))
    const scale = most / LARGEST
    scales[i] = scale
    if (scale === 0) continue
    for (let k = 0; k < inputs; k++)
      codes[k * outputs + i] = Math.round((values[k * down + i * right] as number) / scale)
  }
  return [
    fromTensor(new Tensor(codes, [inputs, outputs]), `${name}.codes`),
    fromTensor(new Tensor(scales, [outputs]), `${name}.scales`),
  ]
}
