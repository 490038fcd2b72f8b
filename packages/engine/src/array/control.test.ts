import { describe, expect, it } from 'vitest'
import { draw, run } from '../../test/array/programs.ts'
import { failure } from '../../test/errors.ts'
import { grad } from '../autodiff/grad.ts'
import { Graph, type Value } from '../ir/graph.ts'
import { Tensor } from '../tensor.ts'
import * as ops from './ops.ts'
import { vmap } from './vmap.ts'

function expectClose(got: Tensor | undefined, want: Tensor | undefined): void {
  expect(got?.shape).toEqual(want?.shape)
  const wanted = want as Tensor
  for (const [i, value] of (wanted.data as Float32Array).entries()) expect(got?.data[i]).toBeCloseTo(value, 5)
}

const cell = (h: Value, x: Value, w: Value): Value => ops.tanh(ops.add(ops.matmul(h, w), x))

/** The same, written out. */
function unrolled(h: Value, xs: Value, w: Value): { last: Value; all: Value } {
  const all: Value[] = []
  let state = h
  for (let t = 0; t < (xs.shape[0] as number); t++) all.push((state = cell(state, ops.at(xs, 0, t), w)))
  return { last: state, all: ops.stack(all) }
}

describe('scan', () => {
  const tensors = [draw(2, 3), draw(4, 2, 3), draw(3, 3)]

  it('is a loop over the steps, with its gradients', async () => {
    const results = await run(
      (h, xs, w) => {
        const { states, outputs } = ops.scan(
          ([state], [x]) => {
            const next = cell(state as Value, x as Value, w)
            return { states: [next], outputs: [next] }
          },
          [h],
          [xs],
        )
        const want = unrolled(h, xs, w)
        const loss = (last: Value, all: Value): Value => ops.add(ops.sum(ops.mul(last, last)), ops.sum(ops.exp(all)))
        const [last, all] = [states[0] as Value, outputs[0] as Value]
        const own = grad(loss(last, all), [h, xs, w])
        const other = grad(loss(want.last, want.all), [h, xs, w])
        return {
          last,
          all,
          wantLast: want.last,
          wantAll: want.all,
          ...Object.fromEntries(own.map((value, i) => [`g${i}`, value])),
          ...Object.fromEntries(other.map((value, i) => [`w${i}`, value])),
        }
      },
      ...tensors,
    )
    expectClose(results['last'], results['wantLast'])
    expectClose(results['all'], results['wantAll'])
    for (const i of [0, 1, 2]) expectClose(results[`g${i}`], results[`w${i}`])
  })

  it('goes back, gives counts alone, and stands in vmap', async () => {
    const sums = (xs: Value): Value =>
      ops.scan(
        ([sum], [x]) => ({ states: [ops.add(sum as Value, x as Value)], outputs: [sum as Value] }),
        [ops.fullLike(ops.at(xs, 0, 0), 0)],
        [xs],
        { reverse: true },
      ).outputs[0] as Value
    const { got, want, batch } = await run(
      (xs) => ({
        got: sums(xs),
        want: ops.cumsum(xs, 0, { exclusive: true, reverse: true }),
        batch: vmap(sums, { in: 1, out: 1 })(xs),
      }),
      draw(5, 2),
    )
    expectClose(got, want)
    expectClose(batch, want)
  })

  it('refuses what is no step', () => {
    const graph = new Graph()
    const [h, xs, short] = [
      graph.input('h', 'f32', [2]),
      graph.input('xs', 'f32', [3, 2]),
      graph.input('s', 'f32', [2]),
    ]
    const same = ([state]: Value[]): { states: Value[] } => ({ states: [state as Value] })
    expect(failure(() => ops.scan(same, [h], [])).code).toBe('PITH_ARG')
    expect(failure(() => ops.scan(same, [h], [xs, short])).code).toBe('PITH_ARG')
    expect(failure(() => ops.scan(() => ({ states: [] }), [h], [xs])).code).toBe('PITH_ARG')
    expect(failure(() => ops.scan(([state]) => ({ states: [ops.sum(state as Value)] }), [h], [xs])).code).toBe(
      'PITH_SHAPE',
    )
    const other = new Graph().input('y', 'f32', [2])
    expect(failure(() => ops.scan(() => ({ states: [other] }), [h], [xs])).code).toBe('PITH_ARG')
  })
})

describe('cond', () => {
  it('takes one branch, and its gradient', async () => {
    for (const isPositive of [true, false]) {
      const x = new Tensor(Float32Array.of(isPositive ? 1 : -1, 0.5))
      const { y, dx } = await run((value) => {
        const test = ops.greater(ops.at(value, 0, 0), 0)
        const [y] = ops.cond(
          test,
          [value],
          (own) => [ops.mul(own, own)],
          (own) => [ops.mul(own, 3)],
        ) as [Value]
        return { y, dx: grad(ops.sum(y), [value])[0] as Value }
      }, x)
      expect(Array.from(y?.data as Float32Array)).toEqual(isPositive ? [1, 0.25] : [-3, 1.5])
      expect(Array.from(dx?.data as Float32Array)).toEqual(isPositive ? [2, 1] : [3, 3])
    }
  })

  it('refuses branches that differ', () => {
    const graph = new Graph()
    const [test, x] = [graph.input('test', 'bool', []), graph.input('x', 'f32', [2])]
    const one = (own: Value): Value[] => [own]
    expect(failure(() => ops.cond(test, [x], one, (own) => [own, own])).code).toBe('PITH_MODEL')
    expect(failure(() => ops.cond(test, [x], one, (own) => [ops.cast(own, 'i64')])).code).toBe('PITH_SHAPE')
  })
})
