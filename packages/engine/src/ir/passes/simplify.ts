/** Nodes that do nothing, or that another does as well. Results stay the same up to one rounding and the sign of zeros. */
import { sameShape } from '../../shape.ts'
import { Tensor } from '../../tensor.ts'
import type { Graph, Node, Value } from '../graph.ts'
import { constInts, constNumbers, isKnown } from '../ops/context.ts'
import { cutsOf, padsOf, permOf } from '../ops/movement.ts'
import { foldValues } from './fold.ts'
import { copyNode, type Program, type Rebuilt, rebuild } from './rebuild.ts'

/** What stands for the first output of a node; undefined where nothing simpler does. */
type Rule = (node: Node, graph: Graph) => Value | undefined

const first = (node: Node): Value => node.inputs[0] as Value
const result = (node: Node): Value => node.outputs[0] as Value

/** Whether one value has the type and the known shape of another. */
function isAlike(a: Value, b: Value): boolean {
  return a.dtype === b.dtype && isKnown(a.shape) && sameShape(a.shape, b.shape)
}

function isAll(value: Value | undefined, number: number): boolean {
  const numbers = value !== undefined && value.size <= 4096 && value.dtype !== 'f16' && value.dtype !== 'bf16'
  return numbers && (constNumbers(value)?.every((own) => own === number) ?? false)
}

/** The other input where one is all of a number that changes nothing. */
const neutral =
  (number: number, isSymmetric: boolean): Rule =>
  (node) => {
    const [a, b] = node.inputs as [Value, Value]
    if (isAll(b, number) && isAlike(a, result(node))) return a
    return isSymmetric && isAll(a, number) && isAlike(b, result(node)) ? b : undefined
  }

/** The input of the input where a function is applied twice. */
const twice: Rule = (node) => {
  const inner = first(node).node
  return inner?.op === node.op && inner.domain === '' ? inner.inputs[0] : undefined
}

const sameAsInput: Rule = (node) => (isAlike(first(node), result(node)) ? first(node) : undefined)

const RESHAPES: ReadonlySet<string> = new Set(['Flatten', 'Reshape', 'Squeeze', 'Unsqueeze'])

const reshape: Rule = (node, graph) => {
  if (isAlike(first(node), result(node))) return first(node)
  const inner = first(node).node
  const to = result(node)
  if (inner === undefined || inner.domain !== '' || !RESHAPES.has(inner.op) || !isKnown(to.shape)) return undefined
  // A length of 0 would be taken as "copy".
  if (to.shape.includes(0)) return undefined
  const source = inner.inputs[0] as Value
  if (isAlike(source, to)) return source
  return graph.emit('Reshape', [source, graph.ints(to.shape)])[0]
}

const transpose: Rule = (node, graph) => {
  const perm = permOf(node)
  if (perm.every((axis, i) => axis === i)) return first(node)
  const inner = first(node).node
  if (inner?.op !== 'Transpose' || inner.domain !== '') return undefined
  const before = permOf(inner)
  const both = perm.map((axis) => before[axis] as number)
  const source = inner.inputs[0] as Value
  if (both.every((axis, i) => axis === i)) return source
  return graph.emit('Transpose', [source], { perm: both })[0]
}

/** Leaves out Expand nodes where the result has its shape without them. */
const unexpanded: Rule = (node, graph) => {
  for (const [i, input] of node.inputs.entries()) {
    if (input?.node?.op !== 'Expand' || input.node.domain !== '') continue
    const inputs = node.inputs.with(i, input.node.inputs[0])
    const rank = Math.max(...inputs.map((value) => value?.shape.length ?? 0))
    const isSame = result(node).shape.every((length, axis) =>
      inputs.some((value) => {
        const lead = rank - (value?.shape.length ?? 0)
        return length === 1 || (axis >= lead && value?.shape[axis - lead] === length)
      }),
    )
    if (rank === result(node).shape.length && isKnown(result(node).shape) && isSame) {
      return graph.emit(node.op, inputs, node.attrs)[0]
    }
  }
  return undefined
}

/** A constant of one element in single or double precision. */
function scalarOf(value: Value | undefined): Tensor | undefined {
  const isOne = value?.data !== undefined && value.size === 1 && (value.dtype === 'f32' || value.dtype === 'f64')
  return isOne ? value.data : undefined
}

/** Two factors become one. */
const factors: Rule = (node, graph) => {
  const [own, rest] = partsOf(node)
  const inner = rest?.node
  if (own === undefined || inner?.op !== 'Mul' || inner.domain !== '') return undefined
  const [other, source] = partsOf(inner)
  if (other === undefined || source === undefined) return undefined
  const product = (own.data[0] as number) * (other.data[0] as number)
  const data = own.dtype === 'f32' ? Float32Array.of(product) : Float64Array.of(product)
  const made = graph.emit('Mul', [source, graph.constant(new Tensor(data, [], own.dtype))])[0]
  return made !== undefined && isAlike(made, result(node)) && Number.isFinite(data[0]) && data[0] !== 0
    ? made
    : undefined
}

/** The factor of a product with a constant, and the other input. */
function partsOf(node: Node): [Tensor | undefined, Value | undefined] {
  const [a, b] = node.inputs
  const right = scalarOf(b)
  return right === undefined ? [scalarOf(a), b] : [right, a]
}

const slice: Rule = (node) => {
  const cuts = cutsOf(node)
  const isWhole = cuts?.every(
    (cut, axis) => cut?.step === 1 && cut.start === 0 && cut.length === first(node).shape[axis],
  )
  return isWhole === true ? first(node) : undefined
}

const pad: Rule = (node) => {
  const pads = padsOf(node)
  return pads !== undefined && [...pads.before, ...pads.after].every((n) => n === 0) ? first(node) : undefined
}

const single: Rule = (node) => (node.inputs.length === 1 ? first(node) : undefined)

const dropout: Rule = (node) => {
  const isTraining = node.inputs[2] !== undefined && !isAll(node.inputs[2], 0)
  return isTraining || node.outputs.length > 1 ? undefined : first(node)
}

const either =
  (...rules: readonly Rule[]): Rule =>
  (node, graph) => {
    for (const rule of rules) {
      const value = rule(node, graph)
      if (value !== undefined) return value
    }
    return undefined
  }

const RULES: Readonly<Record<string, Rule>> = {
  Add: either(neutral(0, true), unexpanded),
  And: unexpanded,
  Cast: sameAsInput,
  Concat: single,
  Div: either(neutral(1, false), unexpanded),
  Dropout: dropout,
  Equal: unexpanded,
  Expand: sameAsInput,
  Flatten: reshape,
  Greater: unexpanded,
  GreaterOrEqual: unexpanded,
  Identity: first,
  Less: unexpanded,
  LessOrEqual: unexpanded,
  Max: single,
  Mean: single,
  Min: single,
  Mul: either(neutral(1, true), factors, unexpanded),
  Neg: twice,
  Not: twice,
  Or: unexpanded,
  Pad: pad,
  Reshape: reshape,
  Slice: slice,
  Squeeze: reshape,
  Sub: either(neutral(0, false), unexpanded),
  Sum: single,
  Tile: (node) => (constInts(node.inputs[1] as Value)?.every((n) => n === 1) === true ? first(node) : undefined),
  Transpose: transpose,
  Unsqueeze: reshape,
  Xor: unexpanded,
  Where: unexpanded,
}

/** Fold constants and leave out what does nothing: x + 0, x · 1, doubled Neg, Transpose and Reshape, needless Expand and Cast. */
export function simplify(program: Program): Rebuilt {
  return rebuild(program, {
    node: (node, inputs, graph) => {
      if (node.bodies !== undefined || node.isUnique === true) return undefined
      const made = foldValues(copyNode(node, inputs, graph))
      const copy = made[0]?.node
      const rule = node.domain === '' && Object.hasOwn(RULES, node.op) ? RULES[node.op] : undefined
      const simpler = copy === undefined || rule === undefined ? undefined : rule(copy, graph)
      return simpler === undefined ? made : [simpler]
    },
  })
}
