/** What tables of batch rules hold, and what rules say of their inputs. */
import { PithError } from '@pith/core'
import { Build } from '../autodiff/build.ts'
import type { Attrs, Graph, Node, Subgraph, Value } from '../ir/graph.ts'
import type { BatchContext } from '../ir/registry.ts'

/** A rule whose result is undefined leaves a node in this form to the simpler operators that it stands for. */
export type Rule = (context: Lanes) => readonly Value[] | undefined

/** By `domain:name`; a text says why there is none. */
export type Rules = Readonly<Record<string, Rule | string>>

/** A value of a function within the batch: one for each example, stacked along the first axis, or one for all. */
export interface Lane {
  readonly value: Value
  readonly isBatched: boolean
}

/** Values of a body, from those of its inputs. */
export type WalkBody = (body: Subgraph, into: Graph, inputs: readonly Lane[]) => Lane[]

/** A rule for a node with bodies. */
export type NestedRule = (context: Lanes, walk: WalkBody, captured: readonly Lane[]) => readonly Lane[]

/** Inputs of one node, and how they are brought into the shape that a rule needs. */
export class Lanes implements BatchContext {
  readonly graph: Graph
  readonly b: Build
  /** The node of one example. */
  readonly node: Node
  readonly inputs: readonly (Value | undefined)[]
  readonly isBatched: readonly boolean[]
  readonly size: number

  constructor(graph: Graph, node: Node, lanes: readonly (Lane | undefined)[], size: number) {
    this.graph = graph
    this.b = new Build(graph)
    this.node = node
    this.inputs = lanes.map((lane) => lane?.value)
    this.isBatched = lanes.map((lane) => lane?.isBatched === true)
    this.size = size
  }

  /** Whether none but some inputs have a batch axis. */
  only(...places: readonly number[]): boolean {
    return this.isBatched.every((isBatched, i) => !isBatched || places.includes(i))
  }

  /** An input of one example. */
  one(place: number): Value {
    return this.node.inputs[place] as Value
  }

  /** An input with the batch axis in front, repeated along it where it has none. */
  full(place: number): Value {
    const value = this.inputs[place] as Value
    return this.isBatched[place] ? value : repeat(this.b, value, this.size)
  }

  /** An input that broadcasts with those of `rank` axes for each example. */
  align(place: number, rank: number): Value {
    const value = this.inputs[place] as Value
    if (!this.isBatched[place]) return value
    const { shape } = this.one(place)
    return this.b.reshape(value, [this.size, ...Array(Math.max(0, rank - shape.length)).fill(1), ...shape])
  }

  /** An input with the batch axis joined with its own first one. */
  merged(place: number): Value {
    const [first, ...rest] = this.one(place).shape
    return this.b.reshape(this.full(place), [this.size * first, ...rest])
  }

  /** The node itself on other inputs. */
  again(inputs: readonly (Value | undefined)[], attrs: Attrs = this.node.attrs): readonly Value[] {
    const { op, domain, outputs } = this.node
    return this.graph.emit(op, inputs, attrs, { domain, outputs: outputs.length })
  }

  /** Results of joined batches in the shapes of the outputs. */
  split(results: readonly Value[]): Value[] {
    return results.map((result, i) => this.b.reshape(result, [this.size, ...this.node.outputs[i].shape]))
  }

  /** The numbers 0, 1 ... of the examples, which broadcast to `rank` axes after the batch. */
  places(rank: number, factor: number = 1): Value {
    return this.b.indices(
      Array.from({ length: this.size }, (_, i) => i * factor),
      [this.size, ...Array(rank).fill(1)],
    )
  }
}

/** A value that is the same for all examples, with a batch axis in front. */
export function repeat(b: Build, value: Value, size: number): Value {
  return b.expand(b.reshape(value, [1, ...value.shape]), [size, ...value.shape])
}

/** An axis of one example as that of the batch. */
export function shifted(axis: number): number {
  return axis < 0 ? axis : axis + 1
}

/** Exchange the order of axes so that one stands elsewhere. */
export function moveAxis(b: Build, x: Value, from: number, to: number): Value {
  const perm = [...x.shape.keys()].filter((axis) => axis !== from)
  perm.splice(to, 0, from)
  return b.transpose(x, perm)
}

/** A node that a batch can not be made of in the form that it has here. */
export function notBatched({ op, domain, outputs }: Node, why: string): PithError {
  const name = outputs[0]?.name
  return new PithError(
    'PITH_UNSUPPORTED',
    `vmap: ${domain === '' ? '' : `${domain}.`}${op} has no batch rule: ${why}`,
    {
      hint: 'Call the function once for each example, or register a rule with registerOp.',
      at: { node: name ?? op },
    },
  )
}

/** A rule for the first input alone, the others being the same for all examples. */
export function first(rule: Rule): Rule {
  return (c) => {
    if (c.only(0)) return rule(c)
    throw notBatched(c.node, 'inputs beside the first differ between the examples')
  }
}
