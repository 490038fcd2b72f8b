/** Parameters of a network by their dotted names: the same function makes them and uses them. */
import { PithError, Random } from '@pith/core'
import { Graph, type Value } from '../ir/graph.ts'
import { type Shape, sameShape, shapeText } from '../shape.ts'
import { type Params, type Spec, specText, Tensor } from '../tensor.ts'
import { foldName, type Initializer } from './init.ts'

const PART = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/

/** Finds or makes a parameter by its whole name. */
type Lookup = (name: string, shape: Shape, init: Initializer) => Value

/** A place in the tree of names. Layers take one, and the names of their parameters begin with it. */
export class Scope {
  /** Dotted name, '' at the root. */
  readonly path: string
  readonly #lookup: Lookup

  constructor(lookup: Lookup, path: string = '') {
    this.#lookup = lookup
    this.path = path
  }

  /** The place below this one; dots within `name` go down further. @throws PithError `PITH_ARG` not a name */
  at(name: string | number): Scope {
    return new Scope(this.#lookup, this.#join(String(name)))
  }

  /** The parameter of a name. @throws PithError `PITH_ARG`, `PITH_SHAPE` it is missing, made twice, or has another shape */
  param(name: string, shape: Shape, init: Initializer): Value {
    return this.#lookup(this.#join(name), shape, init)
  }

  #join(name: string): string {
    if (!PART.test(name)) throw new PithError('PITH_ARG', `${JSON.stringify(name)} is not a name of a parameter`)
    return this.path === '' ? name : `${this.path}.${name}`
  }
}

/** What goes into a network: values by position. */
export type Inputs = readonly Value[]

/** A network: how its parameters begin, and what it computes. */
export interface Module<I extends Inputs, R> {
  /**
   * Make the parameters.
   *
   * @param seed    of all draws; each parameter has a stream of its own
   * @param inputs  types and shapes of what will go in
   */
  init(seed: number | Random, ...inputs: { readonly [K in keyof I]: Spec }): Params
  /**
   * Use them in a graph.
   *
   * @throws PithError `PITH_ARG` a parameter is missing · `PITH_SHAPE` one has another shape
   */
  apply(params: Readonly<Record<string, Value>>, ...inputs: I): R
}

/** A network from a function that asks a scope for its parameters. */
export function module<I extends Inputs, R>(build: (scope: Scope, ...inputs: I) => R): Module<I, R> {
  return {
    init(seed, ...inputs) {
      const random = typeof seed === 'number' ? new Random(seed) : seed
      const params: Params = {}
      const graph = new Graph()
      const scope = new Scope((name, shape, init) => {
        // A name that is asked for again is a shared parameter.
        const known = graph.inputs.find((input) => input.name === name)
        if (known !== undefined) return sharing(known, name, shape)
        params[name] = new Tensor(init(foldName(random, name), shape), shape, 'f32')
        return graph.input(name, 'f32', shape)
      })
      const specs = inputs as readonly Spec[]
      // No name of a parameter has a space, so these never clash.
      const values = specs.map((own, i) => graph.input(`input ${i}`, own.dtype, own.shape))
      build(scope, ...(values as unknown as I))
      return params
    },
    apply(params, ...inputs) {
      const scope = new Scope((name, shape) => {
        const value = params[name]
        if (value !== undefined) return sharing(value, name, shape)
        throw new PithError('PITH_ARG', `there is no parameter ${name}`, {
          hint: 'Make the parameters with init of the same network.',
        })
      })
      return build(scope, ...inputs)
    },
  }
}

function sharing(value: Value, name: string, shape: Shape): Value {
  if (sameShape(value.shape, shape)) return value
  throw new PithError('PITH_SHAPE', `parameter ${name} is ${specText(value)}, f32${shapeText(shape)} is needed`)
}
