/** What must hold of a model beyond its wire format: sizes of tensors, names, an order of nodes, declared domains. */
import { PithError } from '@pith/core'
import { bitsOf, dtypeOfOnnx } from '../dtype.ts'
import { readExternal } from './external-entry.ts'
import type { ReadLimits } from './limits.ts'
import { bodiesOf, givenNames, nodeText, orderNodes, twice } from './names.ts'
import type { GraphProto, ModelProto, NodeProto, TensorProto } from './proto.ts'

/** Bits of the element types that models may hold and the engine does not compute with. */
const OTHER_BITS: ReadonlyMap<number, number> = /* @__PURE__ */ new Map([
  [14, 64],
  [15, 128],
  [17, 8],
  [18, 8],
  [19, 8],
  [20, 8],
  [23, 4],
  [24, 8],
  [25, 2],
  [26, 2],
])

/** Names that can be read around a graph. */
interface Scope {
  readonly names: ReadonlySet<string>
  readonly parent: Scope | undefined
}

/**
 * Check a model that was read.
 *
 * @throws PithError `PITH_CORRUPT` a tensor whose bytes do not fill its shape · `PITH_MODEL` names that are defined twice or
 * nowhere, nodes in a circle, operators of a domain that is not declared
 */
export function checkModel(model: ModelProto, limits: ReadLimits): void {
  const domains = new Set(['', 'ai.onnx'])
  for (const { domain = '' } of model.opsetImport ?? []) domains.add(domain)
  for (const { domain = '' } of model.functions ?? []) domains.add(domain)
  checkGraph(model.graph ?? {}, domains, undefined, limits.graphDepth)
  for (const own of model.functions ?? []) {
    const given = new Set(own.input ?? [])
    checkNodes(own.node ?? [], given, own.output ?? [], domains, undefined, limits.graphDepth)
  }
}

function checkGraph(graph: GraphProto, domains: ReadonlySet<string>, parent: Scope | undefined, depth: number): void {
  if (depth < 0) throw new PithError('PITH_LIMIT', 'graphs within nodes are nested deeper than the limit graphDepth')
  const inputs = new Set<string>()
  for (const { name = '' } of graph.input ?? []) {
    if (inputs.has(name))
      throw new PithError('PITH_MODEL', `the input ${JSON.stringify(name.slice(0, 80))} is there twice`)
    inputs.add(name)
  }
  const initialisers = new Set<string>()
  for (const tensor of graph.initializer ?? []) {
    const name = tensor.name ?? ''
    if (initialisers.has(name)) {
      throw new PithError('PITH_MODEL', `the initialiser ${JSON.stringify(name.slice(0, 80))} is there twice`)
    }
    initialisers.add(name)
    checkTensor(tensor)
  }
  const outputs = (graph.output ?? []).map(({ name = '' }) => name)
  checkNodes(graph.node ?? [], new Set(givenNames(graph)), outputs, domains, parent, depth)
}

function checkNodes(
  nodes: readonly NodeProto[],
  names: Set<string>,
  outputs: readonly string[],
  domains: ReadonlySet<string>,
  parent: Scope | undefined,
  depth: number,
): void {
  orderNodes(nodes)
  for (const node of nodes) {
    for (const name of node.output ?? []) {
      if (name === '') continue
      if (names.has(name)) throw twice(name, node)
      names.add(name)
    }
  }
  const scope: Scope = { names, parent }
  for (const node of nodes) {
    if (!domains.has(node.domain ?? '')) {
      const domain = JSON.stringify((node.domain ?? '').slice(0, 80))
      throw new PithError('PITH_MODEL', `the domain ${domain} has no version in the model`, {
        at: { node: nodeText(node) },
      })
    }
    for (const name of node.input ?? []) if (name !== '' && !isVisible(name, scope)) throw missing(name, node)
    for (const { t, tensors } of node.attribute ?? []) {
      if (t !== undefined) checkTensor(t)
      for (const tensor of tensors ?? []) checkTensor(tensor)
    }
    for (const body of bodiesOf(node)) checkGraph(body, domains, scope, depth - 1)
  }
  for (const name of outputs) if (name !== '' && !isVisible(name, scope)) throw missing(name, undefined)
}

function isVisible(name: string, scope: Scope | undefined): boolean {
  for (let at = scope; at !== undefined; at = at.parent) if (at.names.has(name)) return true
  return false
}

function missing(name: string, node: NodeProto | undefined): PithError {
  const what = `nothing makes the value ${JSON.stringify(name.slice(0, 80))}`
  return new PithError('PITH_MODEL', what, node === undefined ? {} : { at: { node: nodeText(node) } })
}

/** Elements of a shape. @throws PithError `PITH_CORRUPT` a negative length or more elements than an integer can count */
export function countElements(tensor: TensorProto): number {
  let count = 1n
  for (const dim of tensor.dims ?? []) {
    if (dim < 0 || dim > Number.MAX_SAFE_INTEGER) throw badTensor(tensor, `has an axis of length ${dim}`)
    count *= BigInt(dim)
    // Further axes could be a factor of 0, but each of the lengths before has to be real.
    if (count > 2n ** 60n) throw badTensor(tensor, 'has more elements than can be counted')
  }
  if (count > BigInt(Number.MAX_SAFE_INTEGER)) throw badTensor(tensor, 'has more elements than can be counted')
  return Number(count)
}

/** @throws PithError `PITH_CORRUPT` the payload is not as long as the shape says */
export function checkTensor(tensor: TensorProto): void {
  const count = countElements(tensor)
  const type = tensor.dataType ?? 0
  const dtype = dtypeOfOnnx(type)
  const bits = dtype === undefined ? OTHER_BITS.get(type) : bitsOf(dtype)
  if (bits === undefined) throw badTensor(tensor, `has the element type ${type}, which is not known`)
  const bytes = Math.ceil((bits * count) / 8)
  if (tensor.dataLocation === 1) {
    const { length } = readExternal(tensor)
    if (length !== undefined && length !== bytes) {
      throw badTensor(tensor, `needs ${bytes} bytes, its entry names ${length} of another file`)
    }
    return
  }
  if (dtype === 'string') {
    expectCount(tensor, tensor.stringData?.length ?? 0, count)
  } else if (tensor.rawData !== undefined) {
    if (tensor.rawData.length !== bytes) {
      throw badTensor(tensor, `holds ${tensor.rawData.length} bytes where its shape needs ${bytes}`)
    }
  } else {
    const own = typedData(tensor)
    // Four-bit and two-bit elements are packed within each integer's lowest byte.
    expectCount(tensor, own.length, bits < 8 ? bytes : type === 14 || type === 15 ? 2 * count : count)
  }
}

/** The typed field that holds the elements of a tensor without `rawData`. */
export function typedData(tensor: TensorProto): ArrayLike<number | bigint> {
  switch (tensor.dataType) {
    case 1:
    case 14:
      return tensor.floatData ?? []
    case 11:
    case 15:
      return tensor.doubleData ?? []
    case 7:
      return tensor.int64Data ?? []
    case 12:
    case 13:
      return tensor.uint64Data ?? []
    default:
      return tensor.int32Data ?? []
  }
}

function expectCount(tensor: TensorProto, held: number, wanted: number): void {
  if (held !== wanted) throw badTensor(tensor, `holds ${held} elements where its shape needs ${wanted}`)
}

/** The error of a tensor that is not what it says. */
export function badTensor(tensor: TensorProto, what: string): PithError {
  return new PithError('PITH_CORRUPT', `the tensor ${JSON.stringify((tensor.name ?? '').slice(0, 80))} ${what}`)
}
