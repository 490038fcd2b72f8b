/** Batches of products. */
import type { Value } from '../ir/graph.ts'
import { floatAttr, intAttr, textAttr } from '../ir/ops/context.ts'
import { each } from './elementwise.ts'
import { first, type Lanes, notBatched, type Rule, type Rules } from './table.ts'

/** Vectors are matrices of one row (left) or column (right). */
function matrix(c: Lanes, place: number, rank: number): Value {
  const { shape } = c.one(place)
  const value = c.inputs[place] as Value
  const own = shape.length > 1 ? shape : place === 0 ? [1, ...shape] : [...shape, 1]
  if (!c.isBatched[place]) return c.b.reshape(value, own)
  return c.b.reshape(value, [c.size, ...Array(rank - own.length).fill(1), ...own])
}

const matmul: Rule = (c) => {
  const rank = Math.max(2, c.one(0).shape.length, c.one(1).shape.length)
  return c.split(c.again([matrix(c, 0, rank), matrix(c, 1, rank), ...c.inputs.slice(2)]))
}

const gemm: Rule = (c) => {
  const { b, node } = c
  const [x, w] = [c.one(0), c.one(1)]
  const bias = node.inputs[2]
  const [ta, tb] = [intAttr(node, 'transA', 0) === 1, intAttr(node, 'transB', 0) === 1]
  const isRow = bias === undefined || bias.shape.length < 2 || bias.shape[0] === 1
  if (!ta && c.only(0) && isRow) return c.split(c.again([c.merged(0), ...c.inputs.slice(1)]))
  const three = (place: number, { shape }: Value): Value =>
    c.isBatched[place] ? c.full(place) : b.reshape(c.inputs[place] as Value, [1, ...shape])
  const product = b.mul(b.matmul(three(0, x), three(1, w), { ta, tb }), floatAttr(node, 'alpha', 1))
  const full = b.expand(product, [c.size, ...node.outputs[0].shape])
  return [bias === undefined ? full : b.add(full, b.mul(c.align(2, 2), floatAttr(node, 'beta', 1)))]
}

const fused: Rule = (c) => {
  const ranks = [c.one(0).shape.length, c.one(1).shape.length]
  const isTurned = intAttr(c.node, 'transBatchA', 0) === 1 || intAttr(c.node, 'transBatchB', 0) === 1
  if (isTurned || Math.min(...ranks) < 2) throw notBatched(c.node, 'vectors, transBatchA and transBatchB are left out')
  const rank = Math.max(...ranks)
  const whole = (place: number): Value => {
    if (c.isBatched[place]) return c.align(place, rank)
    const { shape } = c.one(place)
    return c.b.reshape(c.inputs[place] as Value, [1, ...Array(rank - shape.length).fill(1), ...shape])
  }
  return c.again([whole(0), whole(1)])
}

const LETTERS = 'ZYXWVUTSRQPONMLKJIHGFEDCBAzyxwvutsrqponmlkjihgfedcba'

const einsum: Rule = (c) => {
  const equation = textAttr(c.node, 'equation', '').replaceAll(' ', '')
  const letter = [...LETTERS].find((own) => !equation.includes(own))
  if (letter === undefined) throw notBatched(c.node, 'its equation uses all letters')
  const [left, right = impliedResult(equation)] = equation.split('->')
  const terms = left.split(',').map((term, i) => (c.isBatched[i] ? letter + term : term))
  return c.again(c.inputs, { equation: `${terms.join(',')}->${letter}${right}` })
}

/** Without a result an equation means the letters that stand once, in their order. */
function impliedResult(terms: string): string {
  const letters = [...terms.replaceAll(/[.,]/g, '')]
  const once = letters.filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter))
  return `${terms.includes('...') ? '...' : ''}${once.sort().join('')}`
}

/** The weights are the same for all examples. */
const quantised: Rule = (c) => (c.only(0) ? c.again(c.inputs) : undefined)

export const LINEAR: Rules = Object.fromEntries([
  ...each('MatMul', matmul),
  ...each('Gemm', gemm),
  ...each('FusedMatMul', fused, 'com.microsoft'),
  ...each('Einsum', einsum),
  ...each('MatMulInteger', first(matmul)),
  ...each('MatMulNBits', quantised, 'com.microsoft'),
])
