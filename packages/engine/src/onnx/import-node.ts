/** Nodes of a file as nodes of a graph. */
import { PithError } from '@pith/core'
import { type Attr, type Attrs, type EmitOptions, Graph, type Subgraph, type Value } from '../ir/graph.ts'
import { foldValues } from '../ir/passes/fold.ts'
import { opDef } from '../ir/registry.ts'
import { type Spec, Tensor } from '../tensor.ts'
import { kindOf, readAttrs } from './attributes.ts'
import { castTensor, castType, type Declared, declaredSpec, declaredSpecs } from './import-type.ts'
import { nodeText, orderNodes } from './names.ts'
import type { AttributeProto, FunctionProto, GraphProto, NodeProto } from './proto.ts'
import { toTensor } from './tensor-proto.ts'
import { type Draft, upgradeNode } from './upgrade.ts'

/** Most functions within functions. */
const MAX_CALLS = 64

/** Values by their names in a file, over those around them. */
export class Scope {
  readonly graph: Graph
  readonly #parent: Scope | undefined
  readonly #values: Map<string, Value> = new Map()

  constructor(graph: Graph, parent: Scope | undefined) {
    this.graph = graph
    this.#parent = parent
  }

  set(name: string, value: Value): void {
    if (name !== '') this.#values.set(name, value)
  }

  find(name: string): Value | undefined {
    return this.#values.get(name) ?? this.#parent?.find(name)
  }

  /** @throws PithError `PITH_MODEL` nothing of that name */
  get(name: string): Value {
    const value = this.find(name)
    if (value !== undefined) return value
    throw new PithError('PITH_MODEL', `nothing makes the value ${JSON.stringify(name.slice(0, 80))}`)
  }
}

/** What nodes are read with. */
export interface ReadContext {
  /** Versions by domain. */
  readonly opsets: ReadonlyMap<string, number>
  /** By `domain:name`. */
  readonly functions: ReadonlyMap<string, FunctionProto>
  readonly declared: Declared
  /** Declared types of values, for operators that the registry does not know. */
  readonly specs: { get(name: string): Spec | undefined }
  readonly strict: boolean
}

export class NodeReader {
  /** Operators that the registry does not know. */
  readonly opaque: Set<string> = new Set()
  readonly #context: ReadContext
  #calls: number
  /** Nodes that were read within functions; each call reads its function anew. */
  #called: number

  constructor(context: ReadContext) {
    this.#context = context
    this.#calls = 0
    this.#called = 0
  }

  /** Emit a node into the graph of a scope. @throws PithError that names the node */
  read(proto: NodeProto, scope: Scope, context: ReadContext = this.#context): void {
    try {
      const values = this.#outputs(proto, scope, context)
      for (const [index, name] of (proto.output ?? []).entries()) {
        const value = values[index]
        if (name === '' || value === undefined) continue
        value.name ??= name
        scope.set(name, value)
      }
    } catch (error) {
      throw located(error, proto, context.declared.unbound)
    }
  }

  #outputs(proto: NodeProto, scope: Scope, context: ReadContext): readonly Value[] {
    const op = proto.opType ?? ''
    const domain = proto.domain === 'ai.onnx' ? '' : (proto.domain ?? '')
    const inputs = (proto.input ?? []).map((name) => (name === '' ? undefined : scope.get(name)))
    const own = context.functions.get(`${domain}:${op}`)
    if (own !== undefined) return this.#call(own, proto, inputs, scope, context)
    const attrs = this.#attrs(proto, context)
    if (domain !== '') return this.#emit(op, domain, inputs, attrs, proto, scope, context)
    if (op === 'Constant') return [constantOf(scope.graph, proto, attrs)]
    if (op === 'If' && inputs[0]?.data !== undefined) return this.#branch(inputs[0].data, proto, scope, context)
    const draft: Draft = {
      op,
      inputs,
      attrs: { ...attrs },
      outputs: proto.output?.length ?? 0,
      proto,
      opset: context.opsets.get('') ?? 1,
    }
    const { graph } = scope
    const made = upgradeNode(draft, {
      graph,
      emit: (name, ins, given = {}, options = {}) => foldValues(graph.emit(name, ins, given, options)),
    })
    return made ?? this.#emit(draft.op, '', draft.inputs, draft.attrs, proto, scope, context)
  }

  #attrs(proto: NodeProto, { declared: { f64 } }: ReadContext): Attrs {
    const attrs = readAttrs(proto)
    if (f64 === 'keep') return attrs
    const cast: Record<string, Attr> = {}
    for (const [name, value] of Object.entries(attrs)) {
      cast[name] = value instanceof Tensor ? castTensor(value, f64) : value
      const isType = name === 'to' || name === 'dtype' || name === 'output_dtype'
      if (isType && value === 11 && castType('f64', f64) === 'f32') cast[name] = 1
    }
    return cast
  }

  #emit(
    op: string,
    domain: string,
    inputs: readonly (Value | undefined)[],
    attrs: Attrs,
    proto: NodeProto,
    scope: Scope,
    context: ReadContext,
  ): readonly Value[] {
    const outputs = trimmed(proto.output ?? [], (name) => name === '')
    const given = trimmed(inputs, (input) => input === undefined)
    const bodies = this.#bodies(proto, given, scope, context)
    const options: EmitOptions = { domain, outputs: outputs.length, ...(bodies === undefined ? {} : { bodies }) }
    if (opDef(op, domain) === undefined) {
      const name = domain === '' ? op : `${domain}.${op}`
      const specs = outputs.map((output) => context.specs.get(output))
      if (context.strict || specs.some((own) => own === undefined)) {
        throw new PithError('PITH_MODEL', `the operator ${name} is not known`, {
          hint: 'Register it with registerOp, or declare the types of its outputs in the model.',
        })
      }
      this.opaque.add(name)
      options.specs = specs as Spec[]
    }
    return foldValues(scope.graph.emit(op, given, attrs, options))
  }

  /** The body of a function in place of its call. */
  #call(
    own: FunctionProto,
    proto: NodeProto,
    inputs: readonly (Value | undefined)[],
    scope: Scope,
    context: ReadContext,
  ): readonly Value[] {
    if (++this.#calls > MAX_CALLS) {
      throw new PithError('PITH_LIMIT', `functions call each other more than ${MAX_CALLS} deep`)
    }
    this.#called += own.node?.length ?? 0
    if (this.#called > 1_000_000) throw new PithError('PITH_LIMIT', 'calls of functions make more than 1000000 nodes')
    const inner = new Scope(scope.graph, undefined)
    for (const [index, name] of (own.input ?? []).entries()) {
      const value = inputs[index]
      if (value !== undefined) inner.set(name, value)
    }
    const given = new Map((own.attributeProto ?? []).map((attribute) => [attribute.name ?? '', attribute]))
    for (const attribute of proto.attribute ?? []) given.set(attribute.name ?? '', attribute)
    const opsets = new Map(context.opsets)
    for (const { domain = '', version = 1 } of own.opsetImport ?? []) {
      opsets.set(domain === 'ai.onnx' ? '' : domain, Number(version))
    }
    const within: ReadContext = {
      ...context,
      opsets,
      specs: declaredSpecs({ valueInfo: own.valueInfo ?? [] }, context.declared),
    }
    for (const node of orderNodes(own.node ?? [])) this.read(withArguments(node, given, own), inner, within)
    this.#calls--
    return (own.output ?? []).map((name) => inner.get(name))
  }

  /** The branch that a constant condition takes, in place of the node. */
  #branch(condition: Tensor, proto: NodeProto, scope: Scope, context: ReadContext): readonly Value[] {
    const name = Number((condition.data as Uint8Array)[0]) !== 0 ? 'then_branch' : 'else_branch'
    const body = proto.attribute?.find((attribute) => attribute.name === name)?.g
    if (body === undefined) throw new PithError('PITH_MODEL', `If has no ${name}`)
    const inner = new Scope(scope.graph, scope)
    this.#readBody(body, inner, context)
    return (body.output ?? []).map(({ name: output = '' }) => inner.get(output))
  }

  #bodies(
    proto: NodeProto,
    inputs: readonly (Value | undefined)[],
    scope: Scope,
    context: ReadContext,
  ): Record<string, Subgraph> | undefined {
    const bodies: Record<string, Subgraph> = {}
    for (const attribute of proto.attribute ?? []) {
      if (attribute.g === undefined || kindOf(attribute) !== 'graph') continue
      bodies[attribute.name ?? ''] = this.#body(attribute.g, bodySpecs(proto, inputs), scope, context)
    }
    return Object.keys(bodies).length === 0 ? undefined : bodies
  }

  #body(proto: GraphProto, specs: readonly (Spec | undefined)[], scope: Scope, context: ReadContext): Subgraph {
    const graph = new Graph(scope.graph)
    const inner = new Scope(graph, scope)
    for (const [index, info] of (proto.input ?? []).entries()) {
      const { dtype, shape } = specs[index] ?? declaredSpec(info, context.declared)
      inner.set(info.name ?? '', graph.input(info.name ?? '', dtype, shape))
    }
    this.#readBody(proto, inner, context)
    return { graph, outputs: (proto.output ?? []).map(({ name = '' }) => inner.get(name)) }
  }

  #readBody(proto: GraphProto, scope: Scope, context: ReadContext): void {
    for (const tensor of proto.initializer ?? []) {
      const value = scope.graph.constant(castTensor(toTensor(tensor), context.declared.f64))
      value.name ??= tensor.name
      scope.set(tensor.name ?? '', value)
    }
    const specs = declaredSpecs(proto, context.declared)
    const within: ReadContext = { ...context, specs: { get: (name) => specs.get(name) ?? context.specs.get(name) } }
    for (const node of orderNodes(proto.node ?? [])) this.read(node, scope, within)
  }
}

/** Types of the inputs of a body that follow from those of its node. */
function bodySpecs(proto: NodeProto, inputs: readonly (Value | undefined)[]): (Spec | undefined)[] {
  if (proto.opType === 'Loop') {
    return [{ dtype: 'i64', shape: [] }, { dtype: 'bool', shape: [] }, ...inputs.slice(2)]
  }
  if (proto.opType !== 'Scan') return []
  const attrs = readAttrs({ attribute: (proto.attribute ?? []).filter((attribute) => attribute.g === undefined) })
  const states = inputs.length - Number(attrs['num_scan_inputs'] ?? 0)
  const axes = (attrs['scan_input_axes'] ?? []) as readonly number[]
  return inputs.map((input, index) => {
    if (input === undefined || index < states) return input
    const axis = axes[index - states] ?? 0
    const { dtype, shape } = input
    return { dtype, shape: shape.filter((_, own) => own !== (axis < 0 ? axis + shape.length : axis)) }
  })
}

/** A node of a function with the attributes that it takes from the call. */
function withArguments(node: NodeProto, given: ReadonlyMap<string, AttributeProto>, own: FunctionProto): NodeProto {
  const { attribute = [] } = node
  if (!attribute.some(({ refAttrName, g }) => (refAttrName ?? '') !== '' || g !== undefined)) return node
  const known = new Set(own.attribute ?? [])
  return {
    ...node,
    attribute: attribute.flatMap((attr) => {
      if (attr.g !== undefined) {
        return [
          { ...attr, g: { ...attr.g, node: (attr.g.node ?? []).map((inner) => withArguments(inner, given, own)) } },
        ]
      }
      const reference = attr.refAttrName ?? ''
      if (reference === '') return [attr]
      const value = given.get(reference)
      if (value === undefined && !known.has(reference)) {
        throw new PithError(
          'PITH_MODEL',
          `the function ${own.name} has no attribute ${JSON.stringify(reference.slice(0, 80))}`,
        )
      }
      return value === undefined ? [] : [{ ...value, name: attr.name ?? '' }]
    }),
  }
}

function constantOf(graph: Graph, proto: NodeProto, attrs: Attrs): Value {
  const value = attrs['value']
  if (value instanceof Tensor) return graph.constant(value)
  const float = attrs['value_float'] ?? attrs['value_floats']
  if (float !== undefined)
    return graph.constant(new Tensor(Float32Array.from([float].flat() as number[]), shapeOf(float)))
  const int = proto.attribute?.find(({ name }) => name === 'value_int' || name === 'value_ints')
  if (int !== undefined) {
    const isList = int.name === 'value_ints'
    const data = BigInt64Array.from(isList ? (int.ints ?? []) : [int.i ?? 0], BigInt)
    return graph.constant(new Tensor(data, isList ? [data.length] : []))
  }
  const text = attrs['value_string'] ?? attrs['value_strings']
  if (text !== undefined) return graph.constant(new Tensor([text].flat() as string[], shapeOf(text)))
  throw new PithError('PITH_MODEL', 'Constant has no value of a known kind')
}

function shapeOf(value: Attr): number[] {
  return Array.isArray(value) ? [value.length] : []
}

/** Without the items at the end that say nothing. */
function trimmed<T>(items: readonly T[], isNothing: (item: T) => boolean): readonly T[] {
  let length = items.length
  while (length > 0 && isNothing(items[length - 1] as T)) length--
  return items.slice(0, length)
}

/** An error with its node, and a hint where axes without a length may be the cause. */
function located(error: unknown, proto: NodeProto, unbound: ReadonlySet<string>): unknown {
  if (!(error instanceof PithError) || (error.at?.node !== undefined && error.at.section !== undefined)) return error
  const names = [...unbound].filter((name) => name !== '').slice(0, 4)
  const hint =
    error.hint ??
    (names.length > 0 ? `Give lengths to the axes that the model names: dims { ${names.join(', ')} }.` : undefined)
  const op = `${proto.opType ?? ''}`
  const message = error.message.includes(op) ? error.message : `${op}: ${error.message}`
  return new PithError(error.code, message, {
    at: { ...error.at, section: 'graph', node: nodeText(proto) },
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  })
}
