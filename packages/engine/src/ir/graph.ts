/**
 * The intermediate representation: a list of nodes in topological order whose operators are those of ONNX (opset 20) and of
 * `com.microsoft`, with static types and shapes. Equal nodes are emitted once, so common subexpressions never arise.
 */
import { PithError } from '@pith/core'
import type { Data, DType } from '../dtype.ts'
import { type Shape, sizeOf } from '../shape.ts'
import { type Spec, specText, Tensor } from '../tensor.ts'
import { type OpDef, opDef } from './registry.ts'

/** What an attribute may hold; which of int and float a number is, the operator's schema says. */
export type Attr = number | string | readonly number[] | readonly string[] | Tensor

/** Attributes of a node by name. */
export type Attrs = Readonly<Record<string, Attr>>

/** Largest constant, in elements, that is interned by its value; larger ones by identity. */
const INTERNED = 64

/** Most axes of a value. */
const MAX_RANK = 64

/** Refuse what no tensor can be. @throws PithError `PITH_SHAPE` a length that is no integer or below -1 · `PITH_LIMIT` */
function checkShape(shape: Shape, what: string): void {
  if (shape.length > MAX_RANK)
    throw new PithError('PITH_LIMIT', `${what} has ${shape.length} axes, more than ${MAX_RANK}`)
  for (const length of shape) {
    if (!Number.isSafeInteger(length) || length < -1)
      throw new PithError('PITH_SHAPE', `${what} has a length of ${length}`)
  }
}

/** One result of a node, an input of the graph, or a constant. */
export class Value implements Spec {
  readonly graph: Graph
  /** Place in the order in which values were made. */
  readonly id: number
  readonly dtype: DType
  readonly shape: Shape
  /** The node that makes it; undefined for inputs and constants. */
  readonly node: Node | undefined
  /** Place among the outputs of its node. */
  readonly index: number
  /** Elements of a constant. */
  readonly data: Tensor | undefined
  /** Name in files and messages; inputs always have one. */
  name: string | undefined

  constructor(
    graph: Graph,
    id: number,
    own: Spec,
    from: { node?: Node; index?: number; data?: Tensor; name?: string },
  ) {
    this.graph = graph
    this.id = id
    this.dtype = own.dtype
    this.shape = own.shape
    this.node = from.node
    this.index = from.index ?? 0
    this.data = from.data
    this.name = from.name
  }

  get size(): number {
    return sizeOf(this.shape)
  }
}

/** One application of an operator. */
export interface Node {
  readonly op: string
  /** '' is ONNX's own. */
  readonly domain: string
  /** Optional inputs that are left out are undefined. */
  readonly inputs: readonly (Value | undefined)[]
  readonly outputs: readonly Value[]
  readonly attrs: Attrs
  /** Graphs of control flow (Scan, Loop, If); their values may refer to those of the graph around them. */
  readonly bodies?: Readonly<Record<string, Subgraph>>
  readonly def: OpDef | undefined
  /** Never the same node as another, also where a pass emits it again. */
  readonly isUnique?: boolean
}

/** The graph within a node. */
export interface Subgraph {
  readonly graph: Graph
  readonly outputs: readonly Value[]
}

/** How a node is emitted beyond its inputs and attributes. */
export interface EmitOptions {
  domain?: string
  /** Number of outputs that are asked for, where the operator has optional ones. Default: those that `infer` gives. */
  outputs?: number
  bodies?: Readonly<Record<string, Subgraph>>
  /** Never the same node as another: for what must be computed again. */
  unique?: boolean
  /** Types and shapes of the outputs, for operators that the registry does not know. */
  specs?: readonly Spec[]
}

/** A program that is being built. */
export class Graph {
  readonly inputs: Value[] = []
  readonly nodes: Node[] = []
  /** The graph whose values this one may use, where it is the body of a node. */
  readonly parent: Graph | undefined
  /** Graphs around this one. */
  readonly depth: number
  #values: number
  readonly #names: Set<string> = new Set()
  readonly #equal: Map<string, readonly Value[]> = new Map()
  readonly #constants: Map<string, Value> = new Map()
  readonly #large: Map<Data, Value> = new Map()

  constructor(parent?: Graph) {
    this.parent = parent
    this.depth = parent === undefined ? 0 : parent.depth + 1
    this.#values = 0
  }

  /** A value that is given when the program runs. @throws PithError `PITH_ARG` the name is taken */
  input(name: string, dtype: DType, shape: Shape): Value {
    // The list is looked through only for names that were there once: models have many inputs.
    if (this.#names.has(name) && this.inputs.some((input) => input.name === name)) {
      throw new PithError('PITH_ARG', `the graph has an input ${JSON.stringify(name)} already`)
    }
    checkShape(shape, `the input ${JSON.stringify(name.slice(0, 80))}`)
    const value = new Value(this, this.#values++, { dtype, shape }, { name })
    this.#names.add(name)
    this.inputs.push(value)
    return value
  }

  /** A value that is part of the program. Small ones that are equal are the same value. */
  constant(data: Tensor): Value {
    checkShape(data.shape, 'a constant')
    const large = this.#large.get(data.data)
    if (large !== undefined && large.dtype === data.dtype && String(large.shape) === String(data.shape)) return large
    if (data.data.length > INTERNED) {
      const value = new Value(this, this.#values++, data, { data })
      this.#large.set(data.data, value)
      return value
    }
    const key = `${specText(data)}${bitsKey(data.data)}`
    let value = this.#constants.get(key)
    if (value === undefined) this.#constants.set(key, (value = new Value(this, this.#values++, data, { data })))
    return value
  }

  /** A constant without axes. */
  scalar(value: number, dtype: 'f32' | 'f64' | 'i32' | 'i64' = 'f32'): Value {
    return this.constant(Tensor.scalar(value, dtype))
  }

  /** A vector of 64-bit integers: axes, sizes, places. */
  ints(values: readonly number[]): Value {
    return this.constant(new Tensor(BigInt64Array.from(values, BigInt), [values.length], 'i64'))
  }

  /**
   * Apply an operator, or find the node that does so already.
   *
   * @returns its outputs
   * @throws PithError `PITH_SHAPE`, `PITH_DTYPE` inputs that the operator does not take · `PITH_MODEL` an operator that is
   * not known, without `specs`
   */
  emit(
    op: string,
    inputs: readonly (Value | undefined)[],
    attrs: Attrs = {},
    options: EmitOptions = {},
  ): readonly Value[] {
    const domain = options.domain ?? ''
    const def = opDef(op, domain)
    const key =
      options.unique === true || options.bodies !== undefined ? undefined : nodeKey(op, domain, inputs, attrs, options)
    const known = key === undefined ? undefined : this.#equal.get(key)
    if (known !== undefined) return known
    const specs =
      options.specs ?? def?.infer({ op, inputs, attrs, bodies: options.bodies ?? {}, outputs: options.outputs })
    if (specs === undefined) {
      throw new PithError('PITH_MODEL', `the operator ${domain === '' ? op : `${domain}.${op}`} is not known`, {
        hint: 'Register it with registerOp, or give the types and shapes of its outputs.',
      })
    }
    const outputs: Value[] = []
    const node: Node = {
      op,
      domain,
      inputs,
      outputs,
      attrs,
      def,
      ...(options.bodies === undefined ? {} : { bodies: options.bodies }),
      ...(options.unique === true ? { isUnique: true } : {}),
    }
    for (const [index, own] of specs.slice(0, options.outputs ?? specs.length).entries()) {
      checkShape(own.shape, `output ${index} of ${op}`)
      outputs.push(new Value(this, this.#values++, own, { node, index }))
    }
    this.nodes.push(node)
    if (key !== undefined) this.#equal.set(key, outputs)
    return outputs
  }

  /**
   * The first `count` outputs of a node, also those that its operator offers and nobody has asked for yet: one node then gives
   * all of them.
   *
   * @throws PithError `PITH_MODEL` the operator has fewer
   */
  widen(node: Node, count: number): readonly Value[] {
    const { op, inputs, attrs, def, bodies = {} } = node
    const outputs = node.outputs as Value[]
    if (outputs.length >= count) return outputs
    const specs = def?.infer({ op, inputs, attrs, bodies, outputs: count }) ?? []
    if (specs.length < count) throw new PithError('PITH_MODEL', `${op} has no output ${specs.length}`)
    for (let index = outputs.length; index < count; index++) {
      outputs.push(new Value(this, this.#values++, specs[index] as Spec, { node, index }))
    }
    return outputs
  }

  /** Nodes that the values need, in topological order. */
  live(outputs: readonly Value[]): Node[] {
    const needed = new Set<Node>()
    const stack = [...outputs]
    const visit = (value: Value): void => {
      if (value.graph === this && value.node !== undefined && !needed.has(value.node)) {
        needed.add(value.node)
        stack.push(...inputsOf(value.node))
      }
    }
    for (let value = stack.pop(); value !== undefined; value = stack.pop()) visit(value)
    return this.nodes.filter((node) => needed.has(node))
  }
}

/** Whether a graph is another one, or lies within it: it may use its values. */
export function isWithin(graph: Graph, around: Graph): boolean {
  let own: Graph | undefined = graph
  while (own !== undefined && own !== around) own = own.parent
  return own !== undefined
}

/** Values that a node reads, those that its bodies capture included. */
export function inputsOf(node: Node): Value[] {
  const values = node.inputs.filter((input) => input !== undefined)
  for (const { graph, outputs } of Object.values(node.bodies ?? {})) {
    const within = [...outputs, ...graph.nodes.flatMap((inner) => inputsOf(inner))]
    for (const value of within) if (value.graph !== graph) values.push(value)
  }
  return values
}

function nodeKey(
  op: string,
  domain: string,
  inputs: readonly (Value | undefined)[],
  attrs: Attrs,
  { outputs, specs }: EmitOptions,
): string | undefined {
  const parts: string[] = []
  for (const name of Object.keys(attrs).sort()) {
    const value = attrs[name] as Attr
    if (value instanceof Tensor) return undefined
    parts.push(`${name}=${JSON.stringify(value)}`)
  }
  const places = inputs.map((input) => (input === undefined ? '-' : `${'^'.repeat(input.graph.depth)}${input.id}`))
  return `${domain}:${op}(${places.join(',')}){${parts.join(';')}}${outputs ?? ''}${specs?.map(specText).join(';') ?? ''}`
}

/** The bits of elements as text: -0 is not 0, and a NaN equals itself. */
function bitsKey(data: Data): string {
  if (!ArrayBuffer.isView(data)) return JSON.stringify(data)
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).join()
}
