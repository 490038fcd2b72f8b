/** What is known of operators; each family registers its own in `ops/`. A user's operators come in by the same way. */
import { PithError } from '@pith/core'
import type { Spec, Tensor } from '../tensor.ts'
import type { Attrs, Graph, Node, Subgraph, Value } from './graph.ts'
import { BUILT_IN } from './ops/index.ts'

/** What shape inference sees of a node. Shape-like inputs that are constants have their `data`. */
export interface InferContext {
  readonly op: string
  readonly inputs: readonly (Value | undefined)[]
  readonly attrs: Attrs
  readonly bodies: Readonly<Record<string, Subgraph>>
  /** Number of outputs that were asked for; undefined is all that always are. */
  readonly outputs: number | undefined
}

/** What a gradient rule sees. */
export interface VjpContext {
  readonly graph: Graph
  readonly node: Node
  /** Cotangent of each output; undefined where the loss does not depend on it. */
  readonly cotangents: readonly (Value | undefined)[]
  /** Whether the cotangent of an input is asked for; rules leave the others out. */
  needs(input: number): boolean
}

/** Cotangents of the inputs, in their order; undefined where none is asked for or none exists. */
export type VjpRule = (context: VjpContext) => readonly (Value | undefined)[]

/** What a batch rule sees: inputs with their batch axis in front, or without one. */
export interface BatchContext {
  readonly graph: Graph
  readonly node: Node
  readonly inputs: readonly (Value | undefined)[]
  readonly isBatched: readonly boolean[]
  readonly size: number
}

/** Outputs with the batch axis in front. */
export type BatchRule = (context: BatchContext) => readonly Value[]

/** One operator. */
export interface OpDef {
  readonly name: string
  /** '' (default) is ONNX's own. */
  readonly domain?: string
  /** Types and shapes of all outputs. @throws PithError `PITH_SHAPE`, `PITH_DTYPE` */
  readonly infer: (context: InferContext) => readonly Spec[]
  /** Gradient rule; a text says why there is none. */
  readonly vjp?: VjpRule | string
  readonly batch?: BatchRule
  /** Outputs for constant inputs, in plain JavaScript; undefined for those that it leaves to a run. */
  readonly fold?: (inputs: readonly (Tensor | undefined)[], node: Node) => readonly Tensor[] | undefined
  /** The same by simpler operators, for gradients and for targets that lack the operator. */
  readonly decompose?: (node: Node, graph: Graph) => readonly Value[]
  /** Floating-point operations of one application. */
  readonly flops?: (node: Node) => number
}

const keyOf = ({ name, domain = '' }: OpDef): string => `${domain}:${name}`

const OPS: Map<string, OpDef> = /* @__PURE__ */ new Map(BUILT_IN.map((def) => [keyOf(def), def]))

/** The operator of a name; undefined where it is not known. */
export function opDef(name: string, domain: string = ''): OpDef | undefined {
  return OPS.get(`${domain}:${name}`)
}

/** Make an operator known. @throws PithError `PITH_ARG` it is known already */
export function registerOp(def: OpDef): void {
  const key = keyOf(def)
  if (OPS.has(key)) throw new PithError('PITH_ARG', `the operator ${key} is registered twice`)
  OPS.set(key, def)
}

/** All known operators in the order of their names. */
export function allOps(): OpDef[] {
  return [...OPS.keys()].sort().map((key) => OPS.get(key) as OpDef)
}
