import { isPithError } from '@pith/core'
import { describe, expect, it } from 'vitest'
import { vmap } from '../../src/array/vmap.ts'
import type { GradientCase } from '../../src/autodiff/check.ts'
import { makeData } from '../../src/dtype.ts'
import { Graph, type Value } from '../../src/ir/graph.ts'
import { compile } from '../../src/runtime/compile.ts'
import { Tensor } from '../../src/tensor.ts'
import { BATCHED } from './batch-cases.ts'

const EXAMPLES = 3

/** The tensor of each example: floats a little smaller each time, others in another order. */
function exampleOf({ dtype, shape, data }: Tensor, example: number): Tensor {
  const own = makeData(dtype, data.length) as Float32Array
  const from = data as Float32Array
  for (let i = 0; i < own.length; i++) {
    own[i] = dtype === 'f32' ? from[i] * (1 - 0.06 * example) : from[(i + example) % own.length]
  }
  if (dtype === 'bool' && own.length === 1) own[0] = (from[0] + example) % 2
  return new Tensor(own, shape, dtype)
}

function stacked(tensors: readonly Tensor[]): Tensor {
  const [{ dtype, shape, data }] = tensors
  const all = makeData(dtype, data.length * tensors.length) as Float32Array
  for (const [i, tensor] of tensors.entries()) all.set(tensor.data as Float32Array, i * data.length)
  return new Tensor(all, [tensors.length, ...shape], dtype)
}

/** Which inputs have a batch: each alone, and all. */
function patternsOf({ inputs }: GradientCase): boolean[][] {
  const alone = inputs.map((_, i) => inputs.map((_, j) => i === j))
  return inputs.length === 1 ? alone : [...alone, inputs.map(() => true)]
}

interface Pair {
  readonly whole: string
  readonly parts: readonly string[]
}

/** One program that has each case as a batch and as a loop of single calls. */
class Comparison {
  readonly graph: Graph = new Graph()
  readonly feeds: Record<string, Tensor> = {}
  readonly outputs: Record<string, Value> = {}
  readonly pairs: Pair[] = []

  input(tensor: Tensor): Value {
    const name = `x${Object.keys(this.feeds).length}`
    this.feeds[name] = tensor
    return this.graph.input(name, tensor.dtype, tensor.shape)
  }

  /** @returns whether there is a batch of it */
  add({ f, inputs }: GradientCase, pattern: readonly boolean[]): boolean {
    const list = (...values: Value[]): readonly Value[] => {
      const result = f(...values)
      return Array.isArray(result) ? result : [result as Value]
    }
    const examples = inputs.map((tensor, i) =>
      Array.from({ length: EXAMPLES }, (_, k) => (pattern[i] ? exampleOf(tensor, k) : tensor)),
    )
    let whole: readonly Value[]
    try {
      const axes = pattern.map((isBatched) => (isBatched ? 0 : null))
      const given = examples.map((own, i) => this.input(pattern[i] ? stacked(own) : own[0]))
      whole = vmap(list, { in: axes })(...given)
    } catch (error) {
      if (!isPithError(error, 'PITH_UNSUPPORTED')) throw error
      return false
    }
    const parts = Array.from({ length: EXAMPLES }, (_, k) => list(...examples.map((own) => this.input(own[k]))))
    for (const [o, value] of whole.entries()) {
      const name = `y${this.pairs.length}`
      this.outputs[name] = value
      const names = parts.map((outputs, k) => {
        this.outputs[`${name} ${k}`] = outputs[o]
        return `${name} ${k}`
      })
      this.pairs.push({ whole: name, parts: names })
    }
    return true
  }

  /** The largest difference between a batch and the loop. */
  async worst(): Promise<number> {
    // Constants are no outputs of a session: they go through a node of it.
    const outputs = Object.fromEntries(
      Object.entries(this.outputs).map(([name, value]) => [
        name,
        this.graph.emit('Identity', [value], {}, { unique: true })[0],
      ]),
    )
    const session = await compile(outputs)
    const results = await session.run(this.feeds)
    await session.dispose()
    let worst = 0
    for (const { whole, parts } of this.pairs) {
      const wanted = stacked(parts.map((name) => results[name]))
      expect(results[whole].shape).toEqual(wanted.shape)
      for (const [i, value] of (wanted.data as Float32Array).entries()) {
        const got = (results[whole].data as Float32Array)[i]
        if (!Object.is(Number(got), Number(value))) worst = Math.max(worst, Math.abs(Number(got) - Number(value)))
      }
    }
    return worst
  }
}

describe('a batch is a loop of single calls', () => {
  for (const [name, cases] of Object.entries(BATCHED)) {
    it(`of ${name}`, async () => {
      const comparison = new Comparison()
      const refused = cases.filter(
        (own) =>
          !patternsOf(own)
            .map((pattern) => comparison.add(own, pattern))
            .includes(true),
      )
      expect(refused.map((own) => own.name)).toEqual([])
      expect(await comparison.worst()).toBeLessThan(2e-5)
    })
  }
})
