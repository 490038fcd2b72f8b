/** Gradients of products. Transposition is always a flag of the product, never a node of its own. */
import type { Value } from '../../ir/graph.ts'
import { floatAttr, intAttr, textAttr } from '../../ir/ops/context.ts'
import type { VjpRule } from '../../ir/registry.ts'
import { sizeOf } from '../../shape.ts'
import { noGradient } from '../attrs.ts'
import type { Build } from '../build.ts'
import { type Rules, several, single } from './table.ts'

/** The product of a[..., m, k] and b[..., k, n], either of them held transposed. */
function product(b: Build, [x, w]: readonly Value[], g: Value, ta: boolean, tb: boolean): [() => Value, () => Value] {
  // Many rows with one matrix: two axes suffice, and Gemm sums over the batch by itself.
  if (!ta && x.shape.length > 2 && w.shape.length === 2) {
    const rows = sizeOf(x.shape.slice(0, -1))
    const flat = b.reshape(x, [rows, x.shape[x.shape.length - 1]])
    const own = b.reshape(g, [rows, g.shape[g.shape.length - 1]])
    return [
      () => b.reshape(b.matmul(own, w, { tb: !tb }), x.shape),
      () => (tb ? b.matmul(own, flat, { ta: true }) : b.matmul(flat, own, { ta: true })),
    ]
  }
  return [
    () => b.unbroadcast(ta ? b.matmul(w, g, { ta: tb, tb: true }) : b.matmul(g, w, { tb: !tb }), x.shape),
    () => b.unbroadcast(tb ? b.matmul(g, x, { ta: true, tb: ta }) : b.matmul(x, g, { ta: !ta }), w.shape),
  ]
}

/** Vectors are matrices of one row (left) or column (right). */
const matmul: VjpRule = several(({ b, inputs: [x, w], g }) => {
  const isRow = x.shape.length === 1
  const isColumn = w.shape.length === 1
  const left = isRow ? b.reshape(x, [1, x.size]) : x
  const right = isColumn ? b.reshape(w, [w.size, 1]) : w
  let shape = [...g.shape]
  if (isColumn) shape = [...shape, 1]
  if (isRow) shape = shape.toSpliced(shape.length - 1, 0, 1)
  const [dx, dw] = product(b, [left, right], b.reshape(g, shape), false, false)
  return { 0: () => b.reshape(dx(), x.shape), 1: () => b.reshape(dw(), w.shape) }
})

const fused: VjpRule = several(({ b, node, inputs, g }) => {
  if (intAttr(node, 'transBatchA', 0) === 1 || intAttr(node, 'transBatchB', 0) === 1) {
    throw noGradient(node, 'transBatchA and transBatchB are not differentiated')
  }
  const scaled = b.mul(g, floatAttr(node, 'alpha', 1))
  const [dx, dw] = product(b, inputs, scaled, intAttr(node, 'transA', 0) === 1, intAttr(node, 'transB', 0) === 1)
  return { 0: dx, 1: dw }
})

const gemm: VjpRule = several(({ b, node, inputs, g }) => {
  const scaled = b.mul(g, floatAttr(node, 'alpha', 1))
  const [dx, dw] = product(b, inputs, scaled, intAttr(node, 'transA', 0) === 1, intAttr(node, 'transB', 0) === 1)
  const bias = (): Value => b.unbroadcast(b.mul(g, floatAttr(node, 'beta', 1)), inputs[2].shape)
  return { 0: dx, 1: dw, 2: bias }
})

/** The cotangent of one operand is the product of the others and g, summed to its letters. */
const einsum: VjpRule = several(({ b, node, inputs, g }) => {
  const equation = textAttr(node, 'equation', '').replaceAll(' ', '')
  const [left, right] = equation.split('->')
  const terms = left.split(',')
  const isPlain = terms.every((term) => new Set(term).size === term.length)
  if (right === undefined || equation.includes('.') || !isPlain) {
    throw noGradient(node, `the equation ${equation} has an ellipsis, no result or a letter twice in one operand`)
  }
  return Object.fromEntries(
    inputs.map((x, i) => [
      i,
      () => {
        const others = terms.filter((_, j) => j !== i)
        const known = [...terms[i]].filter((letter) => right.includes(letter) || others.join('').includes(letter))
        const rule = `${[right, ...others].join(',')}->${known.join('')}`
        const part = b.op('Einsum', [g, ...inputs.filter((_, j) => j !== i)], { equation: rule })
        const shape = [...terms[i]].map((letter, axis) => (known.includes(letter) ? x.shape[axis] : 1))
        return b.expand(b.reshape(part, shape), x.shape)
      },
    ]),
  )
})

/** Largest matrix whose minors are written out. */
const MAX_DET = 16

/** Its derivative by an element is the determinant without the row and column of it, with alternating signs. */
const det: VjpRule = single(({ b, node, x, g }) => {
  const lead = x.shape.slice(0, -2)
  const n = x.shape[lead.length]
  if (n > MAX_DET) throw noGradient(node, `matrices of ${n} rows, more than ${MAX_DET}`)
  const spread = b.reshape(g, [...lead, 1, 1])
  if (n === 1) return b.expand(spread, x.shape)
  const all = [...Array(n).keys()]
  const minors = all.flatMap((row) =>
    all.flatMap((column) => all.flatMap((i) => all.flatMap((j) => (i === row || j === column ? [] : [i * n + j])))),
  )
  const flat = b.reshape(x, [...lead, n * n])
  const places = b.indices(minors, [n * n, n - 1, n - 1])
  const dets = b.op('Det', [b.op('Gather', [flat, places], { axis: lead.length })])
  const signs = Float64Array.from({ length: n * n }, (_, i) => ((Math.floor(i / n) + (i % n)) % 2 === 0 ? 1 : -1))
  return b.mul(b.mul(b.reshape(dets, x.shape), b.floats(signs, [n, n], x.dtype)), spread)
})

export const LINEAR: Rules = {
  ':MatMul': matmul,
  ':Gemm': gemm,
  'com.microsoft:FusedMatMul': fused,
  ':Einsum': einsum,
  ':Det': det,
  ':ConvInteger': 'its inputs and results are whole numbers',
  ':MatMulInteger': 'its inputs and results are whole numbers',
}
