/** Less memory for more time: what a function computes within is computed again on the way back. */
import { PithError } from '@pith/core'
import { type Graph, inputsOf, type Node, type Value } from '../ir/graph.ts'
import { Build, isDifferentiable } from './build.ts'
import { graphOf } from './custom.ts'
import { markRegion, type Region, type RegionContext, regionOf } from './region.ts'
import { vjpOf } from './vjp.ts'

/**
 * The same function, whose inner values are not kept for the gradient but computed again from its inputs.
 * Worth it around the layers of deep networks: about a third more time for half of the memory.
 *
 * @example
 * for (const block of blocks) [x] = checkpoint((h) => [apply(block, h)])(x)
 */
export function checkpoint(f: (...inputs: Value[]) => readonly Value[]): (...inputs: Value[]) => Value[] {
  return (...inputs) => {
    const graph = graphOf(inputs)
    const first = graph.nodes.length
    const results = f(...inputs)
    const inner = new Set(graph.nodes.slice(first))
    const nodes = graph.live(results).filter((node) => inner.has(node))
    const own = [...new Set(inputs)]
    const captured = capturesOf(nodes, results).filter((value) => !own.includes(value))
    return markRegion(graph, results, {
      inputs: [...own, ...captured],
      residuals: [],
      gradient: (context) => pullBack(context, { nodes, results, captured, inputs: own }),
    })
  }
}

interface Recipe {
  readonly nodes: readonly Node[]
  readonly results: readonly Value[]
  readonly inputs: readonly Value[]
  readonly captured: readonly Value[]
}

/** Values of the outside that the nodes read. */
function capturesOf(nodes: readonly Node[], results: readonly Value[]): Value[] {
  const own = new Set(nodes.flatMap(({ outputs }) => outputs))
  const read = nodes.flatMap((node) => [...inputsOf(node), ...(regionOf(node)?.inputs ?? [])])
  return [...new Set([...read, ...results])].filter((value) => !own.has(value) && value.data === undefined)
}

/**
 * Two tricks order the work, since the runtime merges equal nodes and would otherwise leave the products for parameters to
 * the end, with all that they need alive. The recomputation starts from x + z, where z is zero times an element of the
 * cotangent and of each parameter's gradient since the last segment: so it is not equal, and comes after these.
 */
function pullBack(context: RegionContext, recipe: Recipe): readonly (Value | undefined)[] {
  const { graph, region, cotangents, needs, takeFresh } = context
  const build = new Build(graph)
  const given = cotangents.filter((cotangent) => cotangent !== undefined)
  const late = [given[0], ...takeFresh()]
  const barrier = new Map<string, Value>()
  const current = new Map<Value, Value>()
  const count = recipe.inputs.length
  for (const [i, original] of [...recipe.inputs, ...recipe.captured].entries()) {
    const value = region.inputs[i]
    if (i >= count || !isDifferentiable(value)) {
      current.set(original, value)
      continue
    }
    let zero = barrier.get(value.dtype)
    if (zero === undefined) barrier.set(value.dtype, (zero = zeroOf(build, late, value)))
    current.set(original, build.reshape(build.add(value, zero), value.shape))
  }
  const starts = [...recipe.inputs, ...recipe.captured].map((original) => current.get(original) as Value)
  recompute(graph, recipe.nodes, current)
  const pairs = recipe.results.flatMap((result, i) => {
    const cotangent = cotangents[i]
    return cotangent === undefined ? [] : [{ output: current.get(result) ?? result, cotangent }]
  })
  const wanted = [...starts.keys()].filter(needs)
  const gradients = vjpOf(
    pairs.map(({ output }) => output),
    pairs.map(({ cotangent }) => cotangent),
    wanted.map((i) => starts[i]),
  )
  const all: (Value | undefined)[] = starts.map(() => undefined)
  for (const [k, i] of wanted.entries()) all[i] = gradients[k]
  return all
}

/** [1] zero, which can't be known before the values are. */
function zeroOf(build: Build, values: readonly Value[], like: Value): Value {
  const elements = values.map((value) =>
    build.cast(build.slice(build.reshape(value, [value.size]), [0], [1]), like.dtype),
  )
  return build.mul(build.sum(build.concat(elements, 0), [0]), 0)
}

/** Emit nodes again from other values; `current` takes what each value has become. */
function recompute(graph: Graph, nodes: readonly Node[], current: Map<Value, Value>): void {
  const now = (value: Value): Value => current.get(value) ?? value
  for (const node of nodes) {
    if (inputsOf(node).every((input) => now(input) === input) && regionOf(node) === undefined) continue
    if (node.bodies !== undefined && captures(node).some((value) => now(value) !== value)) {
      throw new PithError('PITH_GRADIENT', `checkpoint: ${node.op} within it reads values from around its body`)
    }
    const region = regionOf(node)
    if (region !== undefined) {
      if (!current.has(node.outputs[0])) repeatRegion(graph, region, current)
      continue
    }
    const { domain, bodies, outputs } = node
    const again = graph.emit(
      node.op,
      node.inputs.map((input) => (input === undefined ? undefined : now(input))),
      node.attrs,
      {
        domain,
        outputs: outputs.length,
        ...(bodies === undefined ? {} : { bodies }),
        ...(node.def === undefined ? { specs: outputs } : {}),
      },
    )
    for (const [i, output] of outputs.entries()) current.set(output, again[i])
  }
}

function captures(node: Node): Value[] {
  return inputsOf(node).slice(node.inputs.filter((input) => input !== undefined).length)
}

function repeatRegion(graph: Graph, region: Region, current: Map<Value, Value>): void {
  const now = (value: Value): Value => current.get(value) ?? value
  const results = region.outputs.map((output) => now(output.node?.inputs[0] as Value))
  const outputs = markRegion(graph, results, {
    inputs: region.inputs.map(now),
    residuals: region.residuals.map(now),
    gradient: region.gradient,
  })
  for (const [i, output] of region.outputs.entries()) current.set(output, outputs[i])
}
