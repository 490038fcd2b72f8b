/**
 * Write `examples/sample/net.onnx` and `net.npz`: a small classifier as PyTorch exports one, and what PyTorch would give for
 * it, which is computed here in double precision by the formulas of its layers.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Tensor } from '@pith/engine'
import { writeNpz } from '@pith/engine/io'
import { fromTensor, type ModelProto, writeModel } from '@pith/engine/onnx'

const ROWS = 4
const INPUTS = 3
const HIDDEN = 5
const CLASSES = 2

/** Values between -1 and 1 that look random, exact in single precision. */
function values(count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, i) => (((i * 37 + seed * 101 + i * i * 11) % 129) - 64) / 64)
}

const x = values(ROWS * INPUTS, 1)
const w1 = values(HIDDEN * INPUTS, 2)
const b1 = values(HIDDEN, 3)
const w2 = values(CLASSES * HIDDEN, 4)
const b2 = values(CLASSES, 5)
const targets = [0, 1, 1, 0]

/** `a` of `rows` by `inner` times the transpose of `b`, which has `inner` columns. */
function product(a: readonly number[], b: readonly number[], inner: number): number[] {
  const columns = b.length / inner
  return Array.from({ length: (a.length / inner) * columns }, (_, at) => {
    const row = Math.floor(at / columns)
    let sum = 0
    for (let k = 0; k < inner; k++) sum += a[row * inner + k]! * b[(at % columns) * inner + k]!
    return sum
  })
}

function transposed(a: readonly number[], columns: number): number[] {
  const rows = a.length / columns
  return Array.from({ length: a.length }, (_, at) => a[(at % rows) * columns + Math.floor(at / rows)]!)
}

function columnSums(a: readonly number[], columns: number): number[] {
  return Array.from({ length: columns }, (_, column) =>
    a.filter((_, at) => at % columns === column).reduce((s, v) => s + v, 0),
  )
}

const before = product(x, w1, INPUTS).map((v, at) => v + b1[at % HIDDEN]!)
const hidden = before.map((v) => Math.max(v, 0))
const y = product(hidden, w2, HIDDEN).map((v, at) => v + b2[at % CLASSES]!)
const shares = y.map((v, at) => {
  const row = y.slice(at - (at % CLASSES), at - (at % CLASSES) + CLASSES)
  return Math.exp(v) / row.reduce((sum, other) => sum + Math.exp(other), 0)
})
const loss = targets.reduce((sum, target, row) => sum - Math.log(shares[row * CLASSES + target]!) / ROWS, 0)
const gradY = shares.map((share, at) => (share - (targets[Math.floor(at / CLASSES)] === at % CLASSES ? 1 : 0)) / ROWS)
const gradW2 = product(transposed(gradY, CLASSES), transposed(hidden, HIDDEN), ROWS)
const gradHidden = product(gradY, transposed(w2, HIDDEN), CLASSES).map((v, at) => (before[at]! > 0 ? v : 0))
const gradW1 = product(transposed(gradHidden, HIDDEN), transposed(x, INPUTS), ROWS)

const f32 = (data: readonly number[], ...shape: number[]): Tensor => new Tensor(Float32Array.from(data), shape)

const floats = (name: string, ...shape: (number | string)[]) => ({
  name,
  type: {
    tensorType: {
      elemType: 1,
      shape: { dim: shape.map((own) => (typeof own === 'string' ? { dimParam: own } : { dimValue: own })) },
    },
  },
})

const model: ModelProto = {
  irVersion: 8,
  producerName: 'pytorch',
  opsetImport: [{ domain: '', version: 17 }],
  graph: {
    name: 'net',
    input: [floats('x', 'batch', INPUTS)],
    output: [floats('y', 'batch', CLASSES)],
    // The exporter stores the weight of a linear layer transposed, under a name of its own.
    initializer: [
      fromTensor(f32(b1, HIDDEN), 'first.bias'),
      fromTensor(f32(w2, CLASSES, HIDDEN), 'second.weight'),
      fromTensor(f32(b2, CLASSES), 'second.bias'),
      fromTensor(f32(transposed(w1, INPUTS), INPUTS, HIDDEN), 'onnx::MatMul_9'),
    ],
    node: [
      { opType: 'MatMul', name: '/first/MatMul', input: ['x', 'onnx::MatMul_9'], output: ['a'] },
      { opType: 'Add', name: '/first/Add', input: ['first.bias', 'a'], output: ['b'] },
      { opType: 'Relu', name: '/relu/Relu', input: ['b'], output: ['c'] },
      {
        opType: 'Gemm',
        name: '/second/Gemm',
        input: ['c', 'second.weight', 'second.bias'],
        output: ['y'],
        attribute: [{ name: 'transB', type: 2, i: 1 }],
      },
    ],
  },
}

const folder = join(import.meta.dirname, '../examples/sample')
writeFileSync(join(folder, 'net.onnx'), writeModel(model))
writeFileSync(
  join(folder, 'net.npz'),
  writeNpz({
    x: f32(x, ROWS, INPUTS),
    y: f32(y, ROWS, CLASSES),
    t: new Tensor(BigInt64Array.from(targets, BigInt), [ROWS]),
    loss: f32([loss]),
    'grad.first.weight': f32(gradW1, HIDDEN, INPUTS),
    'grad.first.bias': f32(columnSums(gradHidden, HIDDEN), HIDDEN),
    'grad.second.weight': f32(gradW2, CLASSES, HIDDEN),
    'grad.second.bias': f32(columnSums(gradY, CLASSES), CLASSES),
  }),
)
