import type { PithCode } from '@pith/core'
import { describe, expect, it } from 'vitest'
import { draw, run } from '../../test/array/programs.ts'
import { failure } from '../../test/errors.ts'
import { checkpoint } from '../autodiff/checkpoint.ts'
import { customVjp, stopGradient, straightThrough } from '../autodiff/custom.ts'
import { grad } from '../autodiff/grad.ts'
import { Graph, type Value } from '../ir/graph.ts'
import { registerOp } from '../ir/registry.ts'
import { Tensor } from '../tensor.ts'
import * as ops from './ops.ts'
import { type VmapOptions, vmap } from './vmap.ts'

function expectClose(got: Tensor, want: Tensor): void {
  expect(got.shape).toEqual(want.shape)
  for (const [i, value] of (want.data as Float32Array).entries()) expect(got.data[i]).toBeCloseTo(value, 4)
}

/** The same by one call for each example. */
function loop(f: (...inputs: Value[]) => Value, axes: readonly (number | null)[], out: number = 0) {
  return (...inputs: Value[]): Value => {
    const size = inputs.flatMap((x, i) => (axes[i] === null ? [] : [x.shape.at(axes[i]) as number]))[0]
    const one = (k: number): Value[] => inputs.map((x, i) => (axes[i] === null ? x : ops.at(x, axes[i], k)))
    return ops.stack(
      Array.from({ length: size }, (_, k) => f(...one(k))),
      out,
    )
  }
}

async function same(
  f: (...inputs: Value[]) => Value,
  axes: readonly (number | null)[],
  out: number,
  ...tensors: Tensor[]
): Promise<void> {
  const { got, want } = await run(
    (...inputs) => ({ got: vmap(f, { in: axes, out })(...inputs), want: loop(f, axes, out)(...inputs) }),
    ...tensors,
  )
  expectClose(got, want)
}

/** Loss of a small network. */
const loss = (w: Value, x: Value, t: Value): Value => {
  const error = ops.sub(ops.matmul(ops.tanh(ops.matmul(x, w)), ops.transpose(w)), t)
  return ops.mean(ops.mul(error, error))
}

describe('vmap', () => {
  it('takes the batch from any axis, or none, and puts it anywhere', async () => {
    const f = (a: Value, b: Value): Value => ops.matmul(ops.softmax(a), b)
    await same(f, [0, 0], 0, draw(3, 2, 4), draw(3, 4, 5))
    await same(f, [1, null], 2, draw(2, 3, 4), draw(4, 5))
    await same(f, [null, -1], -1, draw(2, 4), draw(4, 5, 3))
  })

  it('gives several results, also ones that are the same for all', async () => {
    const { a, b, sum } = await run(
      (x, w) => {
        const [square, shared] = vmap((own) => [ops.mul(own, own), w])(x)
        return { a: square, b: shared, sum: vmap((own) => ops.sum(ops.mul(own, w)))(x) }
      },
      draw(3, 2),
      draw(2),
    )
    expect([a.shape, b.shape, sum.shape]).toEqual([[3, 2], [3, 2], [3]])
    expect(Array.from(b.data as Float32Array).slice(4)).toEqual(Array.from(draw(2).data as Float32Array))
  })

  it('can stand within itself', async () => {
    const outer = (x: Value, y: Value): Value => ops.sum(ops.exp(ops.mul(x, y)))
    const { got, want } = await run(
      (x, y, z) => {
        const pairs = vmap((own) => vmap((other) => ops.add(outer(own, other), ops.sum(z)))(y))(x)
        const one = loop((own) => loop((other) => ops.add(outer(own, other), ops.sum(z)), [0])(y), [0])(x)
        return { got: pairs, want: one }
      },
      draw(3, 2),
      draw(4, 2),
      draw(2),
    )
    expectClose(got, want)
  })

  it('gives the gradients of each example', async () => {
    const { got, want } = await run(
      (w, x, t) => {
        const one = (own: Value, row: Value, target: Value): Value => grad(loss(own, row, target), [own])[0]
        return {
          got: vmap(one, { in: [null, 0, 0] })(w, x, t),
          want: loop(one, [null, 0, 0])(w, x, t),
        }
      },
      draw(4, 3),
      draw(5, 2, 4),
      draw(5, 2, 4),
    )
    expect(got.shape).toEqual([5, 4, 3])
    expectClose(got, want)
  })

  it('gives the gradients of each image for the weights of convolutions', async () => {
    const net = (w: Value, v: Value, x: Value): Value =>
      ops.sum(ops.tanh(ops.conv2d(ops.relu(ops.conv2d(x, w, { strides: 2, pads: 1 })), v, { groups: 2 })))
    const one = (w: Value, v: Value, x: Value): Value => grad(net(w, v, x), [w])[0]
    const axes = [null, null, 0]
    const { got, want } = await run(
      (w, v, x) => ({ got: vmap(one, { in: axes })(w, v, x), want: loop(one, axes)(w, v, x) }),
      draw(4, 3, 3, 3),
      draw(2, 2, 2, 2),
      draw(3, 2, 3, 7, 6),
    )
    expectClose(got, want)
  })

  it('gives the gradients of each sequence for the weights of a recurrent layer', async () => {
    const one = (w: Value, r: Value, x: Value): Value => {
      const [y] = x.graph.emit('LSTM', [x, w, r], { hidden_size: 2 }, { outputs: 1 })
      const [dw, dr] = grad(ops.sum(ops.mul(y as Value, y as Value)), [w, r])
      return ops.concat([ops.reshape(dw as Value, [24]), ops.reshape(dr as Value, [16])], 0)
    }
    await same(one, [null, null, 0], 0, draw(1, 8, 3), draw(1, 8, 2), draw(3, 4, 2, 3))
  })

  it('has gradients', async () => {
    const total = (w: Value, x: Value, t: Value, make: typeof vmap<Value> | typeof loop): Value => {
      const axes = [null, 0, 0]
      const losses = make === loop ? loop(loss, axes) : vmap(loss, { in: axes })
      return ops.sum(ops.mul(losses(w, x, t), losses(w, x, t)))
    }
    const results = await run(
      (w, x, t) => {
        const [gotW, gotX] = grad(total(w, x, t, vmap), [w, x])
        const [wantW, wantX] = grad(total(w, x, t, loop), [w, x])
        return { gotW, gotX, wantW, wantX }
      },
      draw(4, 3),
      draw(5, 2, 4),
      draw(5, 2, 4),
    )
    expectClose(results['gotW'], results['wantW'])
    expectClose(results['gotX'], results['wantX'])
  })

  it('keeps gradients that are given', async () => {
    const clipped = customVjp(
      (x, w) => ({ outputs: [ops.mul(x, w)], residuals: [x, w] }),
      ([x, w], [g]) => [ops.mul(ops.mul(g, w), 3), ops.mul(g, x)],
    )
    const f = (x: Value, w: Value): Value => {
      const [made] = clipped(ops.sin(x), w)
      const hard = straightThrough(ops.round(made), ops.tanh(made))
      return ops.sum(ops.add(ops.mul(hard, made), stopGradient(ops.exp(x))))
    }
    const results = await run(
      (x, w) => {
        const [gotX, gotW] = grad(ops.sum(vmap(f, { in: [0, null] })(x, w)), [x, w])
        const [wantX, wantW] = grad(ops.sum(loop(f, [0, null])(x, w)), [x, w])
        return { gotX, gotW, wantX, wantW }
      },
      draw(3, 2),
      draw(2),
    )
    expectClose(results['gotX'], results['wantX'])
    expectClose(results['gotW'], results['wantW'])
  })

  it('keeps what is computed again', async () => {
    const layer = (x: Value, w: Value): Value =>
      checkpoint((a, c) => [ops.tanh(ops.add(ops.matmul(a, c), ops.fullLike(c, 0.1)))])(x, w)[0]
    const f = (x: Value, w: Value): Value => ops.sum(layer(layer(x, w), w))
    const results = await run(
      (x, w) => {
        const [gotX, gotW] = grad(ops.sum(vmap(f, { in: [0, null] })(x, w)), [x, w])
        const [wantX, wantW] = grad(ops.sum(loop(f, [0, null])(x, w)), [x, w])
        return { gotX, gotW, wantX, wantW }
      },
      draw(4, 2, 2),
      draw(2, 2),
    )
    expectClose(results['gotX'], results['wantX'])
    expectClose(results['gotW'], results['wantW'])
  })

  it('uses the batch rule of a registered operator', async () => {
    registerOp({
      name: 'TwiceForBatches',
      domain: 'pith.test',
      infer: ({ inputs }) => [inputs[0] as Value],
      batch: ({ graph, inputs }) => graph.emit('Add', [inputs[0], inputs[0]]),
    })
    const twice = (x: Value): Value => x.graph.emit('TwiceForBatches', [x], {}, { domain: 'pith.test' })[0]
    const { got } = await run((x) => ({ got: vmap(twice)(x) }), new Tensor(Float32Array.of(1, 2, 3)))
    expect(Array.from(got.data as Float32Array)).toEqual([2, 4, 6])
  })
})

describe('what vmap refuses', () => {
  const graph = new Graph()
  const x = graph.input('x', 'f32', [3, 2])
  const square = graph.input('square', 'f32', [3, 2, 2])
  const emit = (op: string, ...inputs: Value[]): Value => inputs[0].graph.emit(op, inputs)[0]

  it('names the operator that has no batch rule', () => {
    const error = failure(() => vmap((own) => emit('NonZero', own))(square))
    expect(error.code).toBe('PITH_UNSUPPORTED')
    expect(error.message).toContain('NonZero has no batch rule: the length of its result depends on its inputs')
    const opaque = (own: Value): Value => own.graph.emit('Mystery', [own], {}, { domain: 'else', specs: [own] })[0]
    expect(failure(() => vmap(opaque)(x)).message).toContain('else.Mystery has no batch rule')
  })

  it.each<[string, PithCode, VmapOptions]>([
    ['no batch at all', 'PITH_ARG', { in: null }],
    ['axes for other inputs', 'PITH_ARG', { in: [0, 0] }],
    ['an axis that is not there', 'PITH_SHAPE', { in: 2 }],
    ['axes for other results', 'PITH_ARG', { out: [0, 1] }],
  ])('%s', (_, code, options) => {
    expect(failure(() => vmap((own) => ops.exp(own), options)(x)).code).toBe(code)
  })

  it('inputs of different numbers of examples', () => {
    const error = failure(() => vmap((a, b) => ops.mul(a, b))(x, graph.input('other', 'f32', [4, 2])))
    expect(error.code).toBe('PITH_SHAPE')
  })

  it('values of another trace', () => {
    const other = new Graph().input('y', 'f32', [2])
    expect(failure(() => vmap(() => other)(x)).code).toBe('PITH_ARG')
  })
})
