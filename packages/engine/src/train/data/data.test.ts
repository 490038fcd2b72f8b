import { PithError } from '@pith/core'
import { describe, expect, test } from 'vitest'
import { failure } from '../../../test/errors.ts'
import { Graph } from '../../ir/graph.ts'
import { compile } from '../../runtime/compile.ts'
import { f32, i64, type Spec, Tensor } from '../../tensor.ts'
import type { Batch } from '../step.ts'
import { JsonRows } from './json-rows.ts'
import { asTargets, holdsIgnored, type LossName, targetLoss } from './losses.ts'
import { bindInputs, checkRow, inputText, inType, modelInputs } from './model-inputs.ts'
import { batchesFrom, splitBatches, tensorRows } from './rows.ts'

const column = (count: number): Batch => ({
  v: new Tensor(
    Float32Array.from({ length: count }, (_, i) => i),
    [count],
  ),
})

async function valuesOf(batches: AsyncIterable<Batch> | Iterable<Batch>, most: number): Promise<number[][]> {
  const found: number[][] = []
  for await (const { v } of batches) {
    found.push(Array.from(v?.data as Float32Array))
    if (found.length === most) break
  }
  return found
}

describe('rows', () => {
  test('batches come in an order that a seed fixes, from any place on', async () => {
    const source = batchesFrom(tensorRows(column(7)), { size: 2, seed: 3 })
    const all = await valuesOf(source(0), 6)
    expect(all.slice(0, 3).flat().sort()).not.toEqual(all.slice(0, 3).flat())
    expect(new Set(all.slice(0, 3).flat()).size).toBe(6)
    expect(await valuesOf(source(2), 4)).toEqual(all.slice(2))
    const twice = source(1)
    expect(await valuesOf(twice, 3)).toEqual(await valuesOf(twice, 3))
    const once = batchesFrom(tensorRows(column(5)), { size: 2, isShuffled: false, epochs: 1 })
    expect(await valuesOf(once(0), 9)).toEqual([
      [0, 1],
      [2, 3],
    ])
  })

  test('a validation has whole batches, and no row of the training', async () => {
    const { train, validation } = splitBatches(tensorRows(column(50)), { share: 0.1, size: 4, seed: 1 })
    expect([train.count, validation.count]).toEqual([46, 4])
    const own = await valuesOf(batchesFrom(validation, { size: 4, epochs: 1 })(0), 9)
    const others = await valuesOf(batchesFrom(train, { size: 1, epochs: 1 })(0), 99)
    expect([...own.flat(), ...others.flat()].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(failure(() => splitBatches(tensorRows(column(6)), { share: 0.5, size: 4 })).code).toBe('PITH_ARG')
    expect(failure(() => splitBatches(tensorRows(column(6)), { share: 1, size: 1 })).code).toBe('PITH_ARG')
  })

  test('arrays of other lengths are no rows of each other', () => {
    expect(failure(() => tensorRows({ ...column(3), w: Tensor.zeros([2, 2]) })).message).toBe('v has 3 rows, w 2')
    expect(failure(() => tensorRows({ ...column(3), w: Tensor.scalar(1) })).message).toBe('v has 3 rows, w none')
  })
})

describe('losses of targets', () => {
  const logits = [1, 2, 0, -1, 0.5, 0, 3, -2]

  async function lossOf(shape: number[], target: Tensor, name?: LossName): Promise<number> {
    const own = targetLoss(f32(...shape), target, name, { ignores: holdsIgnored(target) })
    const graph = new Graph()
    const t = asTargets(target, own, 't')
    const loss = own.loss(graph.input('y', 'f32', shape), graph.input('t', t.dtype, t.shape))
    const session = await compile({ loss })
    const size = shape.reduce((a, b) => a * b, 1)
    const found = await session.run({ y: new Tensor(Float32Array.from(logits.slice(0, size)), shape), t })
    await session.dispose()
    return found['loss']?.data[0] as number
  }
  /** -log of the share of the first of two. */
  const cost = (own: number, other: number): number => Math.log(1 + Math.exp(other - own))

  test('classes stand along the last axis, or the second as PyTorch has them', async () => {
    const rows = new Tensor(Int32Array.of(0, 1), [2])
    expect(await lossOf([2, 2], rows)).toBeCloseTo((cost(1, 2) + cost(-1, 0)) / 2, 6)
    const pixels = new Tensor(BigInt64Array.of(0n, 1n, 0n, 1n), [1, 1, 4])
    const wanted = (cost(1, 0.5) + cost(0, 2) + cost(0, 3) + cost(-2, -1)) / 4
    expect(await lossOf([1, 2, 1, 4], pixels)).toBeCloseTo(wanted, 6)
  })

  test('classes of -100 do not count, as in PyTorch', async () => {
    const rows = new Tensor(Int32Array.of(0, -100, 1), [3])
    expect(await lossOf([3, 2], rows)).toBeCloseTo((cost(1, 2) + cost(0, 0.5)) / 2, 6)
  })

  test('floats are compared one by one, columns of one are none', async () => {
    const target = new Tensor(Float64Array.of(0, 2), [2])
    expect(await lossOf([2, 1], target)).toBeCloseTo(0.5, 6)
    expect(await lossOf([2, 1], target, 'mae')).toBeCloseTo(0.5, 6)
    expect(await lossOf([2, 1], target, 'huber')).toBeCloseTo(0.25, 6)
    const yes = new Tensor(new Uint8Array([1, 0]), [2], 'bool')
    expect(await lossOf([2], yes, 'bce')).toBeCloseTo((Math.log(1 + Math.exp(-1)) + Math.log(1 + Math.exp(2))) / 2, 6)
  })

  test.each([
    [f32(4, 3), f32(4, 2), undefined, 'the targets are f32[4, 2], the output is f32[4, 3]'],
    [f32(4, 3), i64(5), undefined, 'the targets are i64[5], the output is f32[4, 3]'],
    [f32(4, 3), f32(4), 'cross-entropy', 'cross-entropy needs a class for each row of the output'],
    [f32(4, 3), i64(4, 3), 'cross-entropy', 'cross-entropy needs a class for each row of the output'],
  ] as [Spec, Spec, LossName | undefined, string][])('%j and %j do not fit', (output, target, name, message) => {
    expect(failure(() => targetLoss(output, target, name))).toMatchObject({ code: 'PITH_SHAPE', message })
  })

  test('a class below 0 or beyond the last is refused', () => {
    const own = targetLoss(f32(2, 3), i64(2))
    for (const classes of [
      [0, 3],
      [-1, 0],
    ]) {
      const target = new Tensor(BigInt64Array.from(classes, BigInt))
      expect(failure(() => asTargets(target, own, 't')).message).toMatch(/^t holds the class (3|-1), the model has 3/)
    }
  })
})

describe('inputs of a model', () => {
  const info = (name: string, elemType: number, ...dims: (number | string)[]) => ({
    name,
    type: {
      tensorType: {
        elemType,
        shape: { dim: dims.map((own) => (typeof own === 'string' ? { dimParam: own } : { dimValue: own })) },
      },
    },
  })
  const inputs = modelInputs({
    graph: {
      input: [info('ids', 7, 'batch', 'time'), info('mask', 1, 'batch', 4), info('w', 1, 4)],
      initializer: [{ name: 'w' }],
    },
  })

  test('weights are none of them, and axes keep their names', () => {
    expect(inputs.map(inputText)).toEqual(['i64[batch, time]', 'f32[batch, 4]'])
    expect(failure(() => modelInputs({ graph: { input: [info('odd', 99, 1)] } })).code).toBe('PITH_DTYPE')
  })

  test('arrays are found by name, or by place', () => {
    expect(bindInputs(inputs, ['mask', 'ids', 't'], 'f')).toEqual({ ids: 'ids', mask: 'mask' })
    expect(bindInputs(inputs, ['x0', 'x_1'], 'f')).toEqual({ ids: 'x0', mask: 'x_1' })
    expect(bindInputs(inputs.slice(0, 1), ['x'], 'f')).toEqual({ ids: 'x' })
    expect(failure(() => bindInputs(inputs, ['x'], 'f')).message).toBe(
      'f has nothing for the input "ids" i64[batch, time]',
    )
  })

  test('rows have its axes but for the first', () => {
    const [ids, mask] = inputs as [(typeof inputs)[0], (typeof inputs)[0]]
    checkRow(ids, i64(9))
    checkRow(mask, f32(4))
    for (const row of [f32(3), f32(), f32(4, 1)]) expect(failure(() => checkRow(mask, row)).code).toBe('PITH_SHAPE')
  })

  test('numbers are converted within their kind only', () => {
    expect(inType(new Tensor(Float64Array.of(0.5)), 'f32', 'x').data).toEqual(Float32Array.of(0.5))
    expect(inType(new Tensor(Uint16Array.of(0x3c00), [1], 'f16'), 'f32', 'x').data).toEqual(Float32Array.of(1))
    expect(inType(new Tensor(Uint16Array.of(0x3f80), [1], 'bf16'), 'f32', 'x').data).toEqual(Float32Array.of(1))
    expect(inType(new Tensor(Uint8Array.of(7)), 'i64', 'x').data).toEqual(BigInt64Array.of(7n))
    expect(inType(new Tensor(BigInt64Array.of(7n)), 'i32', 'x').data).toEqual(Int32Array.of(7))
    expect(failure(() => inType(new Tensor(BigInt64Array.of(2n ** 40n)), 'i32', 'x')).code).toBe('PITH_ARG')
    expect(failure(() => inType(new Tensor(Float32Array.of(1)), 'i64', 'x')).code).toBe('PITH_DTYPE')
    expect(failure(() => inType(new Tensor(Uint8Array.of(1)), 'f32', 'x')).code).toBe('PITH_DTYPE')
    expect(failure(() => inType(new Tensor(['a']), 'f32', 'x')).code).toBe('PITH_DTYPE')
  })
})

describe('lines of JSON', () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

  test('whole numbers are such, where nothing else is wanted', () => {
    const rows = new JsonRows((keys) => keys)
    // Some editors put a mark before the first line.
    rows.add(bytes('\ufeff{"a": [[1, 2], [3, 4]], "b": 1.5, "c": true}'), 1)
    rows.add(bytes('  '), 2)
    rows.add(bytes('{"c": false, "a": [[5, 6], [7, 8]], "b": -2, "d": "more"}'), 3)
    const { a, b, c } = rows.tensors({ a: 'f32' })
    expect(a).toEqual(new Tensor(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), [2, 2, 2]))
    expect(b).toEqual(new Tensor(Float32Array.of(1.5, -2), [2]))
    expect(c).toEqual(new Tensor(BigInt64Array.of(1n, 0n), [2]))
    expect(failure(() => rows.tensors({ b: 'i64' })).message).toBe('b holds 1.5, which is no i64')
    expect(failure(() => rows.tensors({ a: 'f16' })).code).toBe('PITH_DTYPE')
  })

  test('400 mutated lines give a row or a typed error', () => {
    const seed = '{"x": [[0.5, -1e3], [2, 3]], "target": 7}'
    let errors = 0
    for (let i = 0; i < 400; i++) {
      const line = bytes(seed)
      line[(i * 7) % line.length] = (i * 89) % 256
      try {
        const rows = new JsonRows(() => ['x', 'target'])
        rows.add(line.subarray(0, i % 5 === 0 ? i % line.length : undefined), 1)
        rows.tensors({ x: 'f32' })
      } catch (error) {
        expect(error).toBeInstanceOf(PithError)
        errors++
      }
    }
    expect(errors).toBeGreaterThan(100)
    expect(errors).toBeLessThan(400)
  })
})
