/** ONNX models as graphs: opset 20, static shapes, shape arithmetic folded, weights as inputs. */
import { PithError } from '@pith/core'
import { isFloat } from '../dtype.ts'
import { Graph, type Value } from '../ir/graph.ts'
import { type Params, type Spec, Tensor } from '../tensor.ts'
import { NodeReader, Scope } from './import-node.ts'
import { castTensor, type Declared, declaredSpec, declaredSpecs } from './import-type.ts'
import { orderNodes } from './names.ts'
import type { GraphProto, ModelProto, OperatorSetIdProto } from './proto.ts'
import { toTensor } from './tensor-proto.ts'

/** How a model becomes a graph. */
export interface ImportOptions {
  /** Lengths of axes that the model names: `{ batch: 8 }`. */
  dims?: Readonly<Record<string, number>>
  /** Types and shapes of inputs instead of those that the model declares. */
  inputs?: Readonly<Record<string, Spec>>
  /** Whether each Identity of a weight becomes a weight of its own. Default: for models of PyTorch, which merges equal ones. */
  untie?: boolean
  /** Whether double precision stays or becomes single, which onnxruntime has more operators for. Default `keep`. */
  f64?: 'keep' | 'cast'
  /** Whether operators that the registry does not know are refused. Default false: they run, without a gradient. */
  strict?: boolean
  /** Which initialisers become inputs of the graph rather than constants. Default: those of floats that no shape depends on. */
  isParam?: (name: string, tensor: Tensor) => boolean
}

/** A model as a graph. */
export interface ImportedModel {
  readonly graph: Graph
  /** What a run is given, by name. */
  readonly inputs: Readonly<Record<string, Value>>
  readonly outputs: Readonly<Record<string, Value>>
  /** The weights, which are inputs of the graph as well, by name. */
  readonly params: Readonly<Record<string, Value>>
  /** Elements of the weights; views of the file where they stand aligned in it. */
  readonly tensors: Params
  /** Operators that the registry does not know: they run, but have no gradient. */
  readonly opaque: readonly string[]
  /** Versions of the domains beside ONNX's own, for writing the model back. */
  readonly domains: Readonly<Record<string, number>>
}

/** Newest version of ONNX's operators whose nodes are read. */
const MAX_OPSET = 25

/** Inputs of operators that shapes or kinds of results depend on, where a float stays a constant. */
const CONSTANT_INPUTS: Readonly<Record<string, readonly number[]>> = {
  Clip: [1, 2],
  DequantizeLinear: [1],
  Dropout: [1],
  OneHot: [2],
  Pad: [2],
  QuantizeLinear: [1],
  Range: [0, 1, 2],
  Resize: [1, 2],
  Upsample: [1],
}

/**
 * Make a graph of a model.
 *
 * @throws PithError `PITH_MODEL` operators, types or attributes that graphs do not have · `PITH_SHAPE`, `PITH_DTYPE` nodes
 * whose inputs do not fit · `PITH_CORRUPT` tensors that are not whole · `PITH_IO` tensors that stand in another file
 */
export function fromModel(model: ModelProto, options: ImportOptions = {}): ImportedModel {
  const proto = model.graph ?? {}
  const { untie = model.producerName === 'pytorch', f64 = 'keep', strict = false } = options
  const graph = new Graph()
  const scope = new Scope(graph, undefined)
  const unbound = new Set<string>()
  const declared: Declared = { dims: options.dims ?? {}, f64, unbound }
  const constants = constantNames(proto)
  const isParam = options.isParam ?? ((name: string, { dtype }: Tensor) => isFloat(dtype) && !constants.has(name))
  const initialisers = readInitialisers(proto, f64)
  const inputs: Record<string, Value> = Object.create(null)
  for (const info of proto.input ?? []) {
    const { name = '' } = info
    if (initialisers.has(name)) continue
    const own = options.inputs?.[name] ?? declaredSpec(info, declared)
    scope.set(name, (inputs[name] = graph.input(name, own.dtype, own.shape)))
  }
  const params: Record<string, Value> = Object.create(null)
  const tensors: Params = Object.create(null)
  const addParam = (name: string, tensor: Tensor): void => {
    tensors[name] = tensor
    scope.set(name, (params[name] = graph.input(name, tensor.dtype, tensor.shape)))
  }
  for (const [name, tensor] of initialisers) {
    if (isParam(name, tensor)) addParam(name, tensor)
    else scope.set(name, namedConstant(graph, name, tensor))
  }
  const reader = new NodeReader({
    opsets: opsetsOf(model.opsetImport),
    functions: new Map((model.functions ?? []).map((own) => [`${own.domain ?? ''}:${own.name ?? ''}`, own])),
    declared,
    specs: declaredSpecs(proto, declared),
    strict,
  })
  for (const node of orderNodes(proto.node ?? [])) {
    const source = untie && node.opType === 'Identity' && (node.domain ?? '') === '' ? node.input?.[0] : undefined
    const tied = source === undefined ? undefined : tensors[source]
    // A copy, as the two are trained apart.
    if (tied !== undefined && params[source as string] !== undefined) addParam(node.output?.[0] ?? '', copyTensor(tied))
    else reader.read(node, scope)
  }
  const outputs: Record<string, Value> = Object.create(null)
  for (const { name = '' } of proto.output ?? []) outputs[name] = scope.get(name)
  return { graph, inputs, outputs, params, tensors, opaque: [...reader.opaque].sort(), domains: otherDomains(model) }
}

/** Versions by domain; ONNX's own is ''. @throws PithError `PITH_MODEL` a version that is not known */
function opsetsOf(imports: readonly OperatorSetIdProto[] = []): ReadonlyMap<string, number> {
  const opsets = new Map(
    imports.map(({ domain = '', version = 1 }) => [domain === 'ai.onnx' ? '' : domain, Number(version)]),
  )
  const own = opsets.get('') ?? 1
  if (own > MAX_OPSET || own < 1) {
    throw new PithError('PITH_MODEL', `the model is of opset ${own}, known are 1 to ${MAX_OPSET}`, {
      hint: 'Export it with opset 20.',
    })
  }
  return opsets
}

function otherDomains(model: ModelProto): Record<string, number> {
  const domains: Record<string, number> = {}
  for (const [domain, version] of opsetsOf(model.opsetImport)) if (domain !== '') domains[domain] = version
  return domains
}

function readInitialisers(graph: GraphProto, f64: 'keep' | 'cast'): Map<string, Tensor> {
  const sparse = graph.sparseInitializer?.[0]
  if (sparse !== undefined) {
    const name = JSON.stringify((sparse.values?.name ?? '').slice(0, 80))
    throw new PithError('PITH_MODEL', `the initialiser ${name} is sparse, which is not supported`, {
      hint: 'Save it as a dense tensor.',
    })
  }
  return new Map((graph.initializer ?? []).map((tensor) => [tensor.name ?? '', castTensor(toTensor(tensor), f64)]))
}

/** Names of initialisers that stay constants, whatever their type. */
function constantNames(graph: GraphProto): Set<string> {
  const names = new Set<string>()
  for (const node of graph.node ?? []) {
    for (const index of CONSTANT_INPUTS[node.opType ?? ''] ?? []) names.add(node.input?.[index] ?? '')
  }
  return names
}

/** A constant that has a name in the file; equal small ones share the first. */
function namedConstant(graph: Graph, name: string, tensor: Tensor): Value {
  const value = graph.constant(tensor)
  value.name ??= name
  return value
}

function copyTensor({ data, shape, dtype }: Tensor): Tensor {
  return new Tensor(data.slice() as Tensor['data'], shape, dtype)
}
