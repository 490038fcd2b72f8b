/** Graphs as ONNX models. */
import { PithError } from '@pith/core'
import type { DType } from '../dtype.ts'
import { onnxType } from '../dtype.ts'
import { type Graph, inputsOf, type Node, type Subgraph, type Value } from '../ir/graph.ts'
import type { Params, Tensor } from '../tensor.ts'
import { writeAttrs } from './attributes.ts'
import { ATTRIBUTE_TYPE, type GraphProto, type ModelProto, type NodeProto, type ValueInfoProto } from './proto.ts'
import { fromTensor } from './tensor-proto.ts'

/** How a model is written. */
export interface ExportOptions {
  /** Version of ONNX's operators, 20 or more. Default 20, or that of the newest operator in the graph. */
  opset?: number
  /** `ort` (default) may use the operators of onnxruntime; `portable` refuses them. */
  target?: 'ort' | 'portable'
  /** Threads within one operator of the session that will run it. Default 1. */
  threads?: number
  /** Inputs of the graph that become initialisers, by name: the weights. */
  initialisers?: Params
  /** Versions of other domains. Default 1 each. */
  domains?: Readonly<Record<string, number>>
  /** Name of the graph. Default `pith`. */
  name?: string
}

/** Operators that are younger than opset 20. */
const YOUNG: Readonly<Record<string, number>> = {
  Attention: 23,
  RMSNormalization: 23,
  RotaryEmbedding: 23,
  Swish: 24,
  TensorScatter: 24,
}

/** First opset whose files need an IR version. */
const IR_VERSIONS: readonly (readonly [opset: number, ir: number])[] = [
  [24, 12],
  [23, 11],
  [21, 10],
  [0, 9],
]

/**
 * A model of the values of a graph; nodes that they do not need are left out.
 *
 * @param outputs values by the names that they get
 * @throws PithError `PITH_ARG` values of another graph, an initialiser that is no input or of another shape ·
 * `PITH_UNSUPPORTED` operators that the target or the number of threads does not allow
 */
export function toModel(
  graph: Graph,
  outputs: Readonly<Record<string, Value>>,
  options: ExportOptions = {},
): ModelProto {
  const { initialisers = {}, target = 'ort', threads = 1, name = 'pith' } = options
  const { opset: wanted = 20 } = options
  if (!(Number.isInteger(wanted) && wanted >= 20))
    throw new PithError('PITH_ARG', `opset must be 20 or more, got ${wanted}`)
  const names = new Naming(graph, outputs)
  const writer = new GraphWriter(names, initialisers)
  const proto = writer.program({ graph, outputs: Object.values(outputs) }, Object.keys(outputs), name)
  for (const node of writer.written) checkNode(node, target, threads)
  const opset = Math.max(wanted, writer.opset)
  if (opset > 20 && writer.written.some(({ op, domain }) => op === 'GroupNormalization' && domain === '')) {
    throw new PithError('PITH_UNSUPPORTED', `GroupNormalization of opset 20 cannot stand in a model of opset ${opset}`)
  }
  const domains = [...new Set(writer.written.map((node) => node.domain))].filter((domain) => domain !== '').sort()
  return {
    irVersion: IR_VERSIONS.find(([from]) => opset >= from)?.[1] ?? 9,
    producerName: 'pith',
    graph: proto,
    opsetImport: [
      { domain: '', version: opset },
      ...domains.map((domain) => ({ domain, version: options.domains?.[domain] ?? 1 })),
    ],
  }
}

function checkNode(node: Node, target: 'ort' | 'portable', threads: number): void {
  const at = { node: node.outputs[0]?.name ?? node.op }
  if (target === 'portable' && node.domain === 'com.microsoft') {
    throw new PithError('PITH_UNSUPPORTED', `${node.op} is an operator of onnxruntime`, {
      at,
      hint: 'Decompose it, or export for the target ort.',
    })
  }
  if (node.op !== 'ScatterND' || threads <= 1 || (node.attrs['reduction'] ?? 'none') === 'none') return
  if (hasUniqueRows(node.inputs[1]?.data)) return
  // onnxruntime's threads add to one place without a lock; sums are silently wrong.
  throw new PithError('PITH_UNSUPPORTED', 'ScatterND with a reduction is not safe on more than one thread', {
    at,
    hint: 'Run it with one thread, or scatter with ScatterElements.',
  })
}

function hasUniqueRows(indices: Tensor | undefined): boolean {
  const width = indices?.shape.at(-1)
  if (indices === undefined || width === undefined) return false
  const data = Array.from(indices.data as ArrayLike<bigint>)
  if (data.some((index) => index < 0n)) return false
  const rows = new Set<string>()
  for (let at = 0; at < data.length; at += width) rows.add(data.slice(at, at + width).join())
  return width > 0 && rows.size === data.length / width
}

/** Names of values; each is used once in a whole model. */
class Naming {
  readonly #names: Map<Value, string> = new Map()
  readonly #used: Set<string> = new Set()

  constructor(graph: Graph, outputs: Readonly<Record<string, Value>>) {
    for (const input of graph.inputs) this.#take(input, input.name ?? '')
    for (const [name, value] of Object.entries(outputs)) {
      if (value.graph !== graph) throw new PithError('PITH_ARG', `the output ${name} is a value of another graph`)
      if (this.#used.has(name) && this.#names.get(value) !== name) {
        throw new PithError('PITH_ARG', `the output ${name} has the name of an input`)
      }
      // An output that is an input, a constant or another output as well gets a node of its own for its name.
      if (value.node !== undefined && !this.#names.has(value)) this.#take(value, name)
      else this.#used.add(name)
    }
  }

  #take(value: Value, name: string): void {
    this.#names.set(value, name)
    this.#used.add(name)
  }

  of(value: Value): string {
    const known = this.#names.get(value)
    if (known !== undefined) return known
    const name = this.free(value.name ?? `v${value.id}`)
    this.#names.set(value, name)
    return name
  }

  /** A name like one that is not used, which it is then. */
  free(like: string): string {
    let name = like
    for (let i = 1; name === '' || this.#used.has(name); i++) name = `${like}_${i}`
    this.#used.add(name)
    return name
  }
}

class GraphWriter {
  /** Nodes that were written, those of inner graphs included. */
  readonly written: Node[] = []
  /** Version of ONNX's operators that they need. */
  opset: number
  readonly #names: Naming
  readonly #initialisers: Params

  constructor(names: Naming, initialisers: Params) {
    this.#names = names
    this.#initialisers = initialisers
    this.opset = 20
  }

  program({ graph, outputs }: Subgraph, outputNames: readonly (string | undefined)[], name: string): GraphProto {
    const nodes = graph.live(outputs)
    const proto: GraphProto = { node: [], name, initializer: [], input: [], output: [] }
    const isMain = graph.parent === undefined
    const given = isMain ? new Map(Object.entries(this.#initialisers)) : new Map<string, Tensor>()
    for (const input of graph.inputs) {
      const own = this.#names.of(input)
      const tensor = given.get(input.name ?? '')
      given.delete(input.name ?? '')
      if (tensor === undefined) {
        proto.input?.push(this.#info(input, own))
      } else {
        checkInitialiser(input, tensor)
        proto.initializer?.push(fromTensor(tensor, own))
      }
    }
    for (const extra of given.keys()) throw new PithError('PITH_ARG', `the graph has no input ${JSON.stringify(extra)}`)
    for (const constant of constantsOf(graph, nodes, outputs)) {
      this.#need(constant.dtype)
      proto.initializer?.push(fromTensor(constant.data as Tensor, this.#names.of(constant)))
    }
    for (const node of nodes) proto.node?.push(this.#node(node))
    const seen = new Set<string>()
    for (const [i, value] of outputs.entries()) {
      const own = this.#names.of(value)
      const wanted = outputNames[i] ?? own
      const isOwn = value.graph === graph && value.node !== undefined && own === wanted && !seen.has(own)
      const output = isOwn ? own : (outputNames[i] ?? this.#names.free(own))
      if (!isOwn) proto.node?.push({ input: [own], output: [output], name: output, opType: 'Identity' })
      seen.add(output)
      proto.output?.push(this.#info(value, output))
    }
    return proto
  }

  #node(node: Node): NodeProto {
    this.written.push(node)
    if (node.domain === '') this.opset = Math.max(this.opset, YOUNG[node.op] ?? 0)
    for (const output of node.outputs) this.#need(output.dtype)
    const attribute = writeAttrs(node.attrs)
    for (const name of Object.keys(node.bodies ?? {}).sort()) {
      const body = node.bodies?.[name] as Subgraph
      attribute.push({
        name,
        g: this.program(
          body,
          body.outputs.map(() => undefined),
          name,
        ),
        type: ATTRIBUTE_TYPE.graph,
      })
    }
    const output = node.outputs.map((value) => this.#names.of(value))
    return {
      input: node.inputs.map((value) => (value === undefined ? '' : this.#names.of(value))),
      output,
      name: output[0] ?? '',
      opType: node.op,
      attribute,
      ...(node.domain === '' ? {} : { domain: node.domain }),
    }
  }

  #need(dtype: DType): void {
    if (dtype === 'i4' || dtype === 'u4') this.opset = Math.max(this.opset, 21)
  }

  #info(value: Value, name: string): ValueInfoProto {
    this.#need(value.dtype)
    const dim = value.shape.map((length) => (length < 0 ? {} : { dimValue: length }))
    return { name, type: { tensorType: { elemType: onnxType(value.dtype), shape: { dim } } } }
  }
}

function checkInitialiser(input: Value, { dtype, shape }: Tensor): void {
  const suits =
    dtype === input.dtype &&
    shape.length === input.shape.length &&
    input.shape.every((length, axis) => length < 0 || length === shape[axis])
  if (!suits) {
    throw new PithError(
      'PITH_ARG',
      `the initialiser ${input.name} is ${dtype}[${shape}], its input ${input.dtype}[${input.shape}]`,
    )
  }
}

/** Constants of a graph that its nodes, inner graphs or outputs read, in the order in which they were made. */
function constantsOf(graph: Graph, nodes: readonly Node[], outputs: readonly Value[]): Value[] {
  const found = new Set<Value>()
  const add = (value: Value): void => {
    if (value.graph === graph && value.data !== undefined) found.add(value)
  }
  for (const node of nodes) for (const value of inputsOf(node)) add(value)
  for (const value of outputs) add(value)
  return [...found].sort((a, b) => a.id - b.id)
}
