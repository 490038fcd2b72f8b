import { Random } from '@pith/core'
import { expect, test } from 'vitest'
import * as ops from '../array/ops.ts'
import { Graph, type Value } from '../ir/graph.ts'
import { compile } from '../runtime/compile.ts'
import { Tensor } from '../tensor.ts'
import { grad } from './grad.ts'

const SHAPE = [3, 4, 6]
const SIZE = 72

function draw(seed: number, size: number = SIZE): Float32Array {
  const random = new Random(seed)
  return Float32Array.from({ length: size }, () => 2 * random.uniform() - 1)
}

/** A constant vector beside x, so that functions of several operands are seen as well. */
function beside(x: Value, seed: number, shape: readonly number[] = [6]): Value {
  const size = shape.reduce((product, length) => product * length, 1)
  return x.graph.constant(new Tensor(draw(seed, size), shape))
}

const FUNCTIONS: Record<string, (x: Value) => Value> = {
  'layer norm': (x) => ops.layerNorm(x, beside(x, 1), beside(x, 2)),
  'layer norm over two axes': (x) => ops.layerNorm(x, beside(x, 1, [4, 6]), undefined, { axis: 1 }),
  'layer norm of its own scale': (x) => ops.layerNorm(x, ops.mean(x, [0, 1])),
  'RMS norm': (x) => ops.rmsNorm(x, beside(x, 3)),
  softmax: (x) => ops.softmax(x),
  'log softmax': (x) => ops.logSoftmax(x),
  gelu: (x) => ops.gelu(x),
  'gelu by tanh': (x) => ops.gelu(x, 'tanh'),
  'attention to itself': (x) => ops.attention(x, x, ops.tanh(x), { causal: true }),
  'a product with a matrix': (x) => ops.matmul(ops.tanh(x), beside(x, 4, [6, 5]), { bias: beside(x, 5, [5]) }),
  'a product with itself': (x) => ops.matmul(x, x, { transB: true }),
  'rows taken': (x) => ops.gatherRows(ops.tanh(x), x.graph.constant(new Tensor(BigInt64Array.of(2n, 0n, 2n, 2n)))),
}

test.each(Object.entries(FUNCTIONS))(
  'the Hessian of %s times a vector is its difference quotient',
  async (_name, f) => {
    const graph = new Graph()
    const x = graph.input('x', 'f32', SHAPE)
    const v = graph.input('v', 'f32', SHAPE)
    const y = f(x)
    const [gradient] = grad(ops.sum(ops.mul(ops.square(y), ops.tanh(y))), [x]) as [Value]
    const [product] = grad(ops.sum(ops.mul(gradient, v)), [x]) as [Value]
    const session = await compile({ gradient, product })
    const direction = new Tensor(draw(7), SHAPE)
    const at = async (offset: number): Promise<Record<string, Float32Array>> => {
      const place = draw(6).map((value, i) => value + offset * (direction.data[i] as number))
      const outputs = await session.run({ x: new Tensor(place, SHAPE), v: direction })
      return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array]))
    }
    const step = 4e-3
    const [far, near, back, farBack] = await Promise.all([2 * step, step, -step, -2 * step].map(at))
    const { product: got } = await at(0)
    await session.dispose()
    const of = (run: Record<string, Float32Array> | undefined, i: number): number => run?.['gradient']?.[i] as number
    const wanted = Float64Array.from({ length: SIZE }, (_, i) => {
      return (8 * (of(near, i) - of(back, i)) - (of(far, i) - of(farBack, i))) / (12 * step)
    })
    const largest = Math.max(...wanted.map(Math.abs))
    const worst = Math.max(...wanted.map((value, i) => Math.abs(value - (got?.[i] as number))))
    expect(largest).toBeGreaterThan(1e-3)
    expect(worst / largest).toBeLessThan(2e-3)
  },
)
